package vulndb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const (
	dbFile       = "trivy.db"
	metadataFile = "metadata.json"

	// schemaVersion is trivy-db's SchemaVersion. The package that has it would
	// link a mocking library into the operator.
	schemaVersion = 2

	maxMetadataBytes = 1 << 20
	// lockTimeout bounds the wait for a process that writes the file.
	lockTimeout = time.Second
)

// Metadata of a database.
type Metadata struct {
	// Built is when the publisher built the database.
	Built time.Time
	// NextUpdate is when the publisher means to build the next one. Often zero.
	NextUpdate time.Time
}

// storedMetadata is metadata.json.
type storedMetadata struct {
	Version    int
	UpdatedAt  time.Time
	NextUpdate time.Time
}

// DB is an open database. Its methods may be called from several goroutines.
type DB struct {
	metadata Metadata
	bolt     *bbolt.DB
	// closing excludes reads from Close.
	closing sync.RWMutex
	// tx is one transaction for all reads; nil once closed. A read-only
	// transaction holds no state that a read changes. To begin one for each read
	// would not do: on a damaged file bbolt may panic while it begins, and then
	// keeps its locks for ever.
	tx   *bbolt.Tx
	tops tops
}

// Open opens the database in dir, which holds trivy.db and metadata.json,
// after it has checked every page of it. Errors are of type *Error with reason
// InvalidArtifact or UnsupportedSchema. The files must not change afterwards:
// a read of a file that was damaged since returns an error.
func Open(dir string) (*DB, error) {
	m, err := readMetadata(filepath.Join(dir, metadataFile))
	if err != nil {
		return nil, err
	}
	d := &DB{metadata: Metadata{Built: m.UpdatedAt, NextUpdate: m.NextUpdate}}
	path := filepath.Join(dir, dbFile)
	if err := guard(func() error { return d.open(path) }); err != nil {
		return nil, err
	}
	if err := d.verify(path); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.view(func(tx *bbolt.Tx) error { d.tops = findTops(tx); return nil }); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func readMetadata(path string) (storedMetadata, error) {
	var m storedMetadata
	info, err := os.Stat(path)
	if err != nil {
		return m, invalidf("read database metadata: %w", err)
	}
	if info.Size() > maxMetadataBytes {
		return m, invalidf("read database metadata %s: more than %d bytes", path, maxMetadataBytes)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return m, invalidf("read database metadata: %w", err)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, invalidf("parse database metadata %s: %w", path, err)
	}
	if m.Version != schemaVersion {
		return m, failf(v1alpha1.ReasonUnsupportedSchema, "database has schema version %d, want %d", m.Version, schemaVersion)
	}
	if m.UpdatedAt.IsZero() {
		return m, invalidf("database metadata %s has no UpdatedAt", path)
	}
	return m, nil
}

func (d *DB) open(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return invalidf("open database: %w", err)
	}
	if !info.Mode().IsRegular() {
		return invalidf("open database %s: not a regular file", path)
	}
	d.bolt, err = bbolt.Open(path, fs.FileMode(0o400), &bbolt.Options{ReadOnly: true, Timeout: lockTimeout})
	if err != nil {
		return invalidf("open database %s: %w", path, err)
	}
	if d.tx, err = d.bolt.Begin(false); err != nil {
		return invalidf("open database %s: %w", path, err)
	}
	return nil
}

// Close ends the use of the database. It waits for reads that are under way;
// later ones return an error.
func (d *DB) Close() error {
	d.closing.Lock()
	defer d.closing.Unlock()
	if d.tx == nil {
		return nil
	}
	err := errors.Join(d.tx.Rollback(), d.bolt.Close())
	d.tx = nil
	if err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// Metadata returns what the publisher says of the database.
func (d *DB) Metadata() Metadata { return d.metadata }

// HasBucket says whether the database has a bucket of that name at its top: for
// one named after a release, whether it knows that release at all.
func (d *DB) HasBucket(name string) (has bool, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		has = tx.Bucket([]byte(name)) != nil
		return nil
	})
	return has, err
}

func (d *DB) view(read func(*bbolt.Tx) error) error {
	d.closing.RLock()
	defer d.closing.RUnlock()
	if d.tx == nil {
		return errors.New("read database: it is closed")
	}
	return guard(func() error { return read(d.tx) })
}

// guard returns an error where a read of the mapped file faults, as it does
// behind the end of a file that has been truncated, or where bbolt panics over
// a page that makes no sense.
func guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = invalidf("read database: damaged: %v", cause)
		}
	}()
	return read()
}
