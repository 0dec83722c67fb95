package javadb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

const (
	dbFile       = "trivy-java.db"
	metadataFile = "metadata.json"

	schemaVersion    = 1
	maxMetadataBytes = 1 << 20
	// maxValue is the size of a row or a value, in bytes.
	maxValue = 64 << 10
)

// DB is an open database. Its methods may be called from several goroutines.
type DB struct {
	pool *sql.DB
	// conn is one connection for all, with limits of its own.
	conn  *sql.Conn
	built time.Time
}

// Open opens the database in dir, which holds trivy-java.db and metadata.json.
// Errors are of type *vulndb.Error with reason InvalidArtifact or
// UnsupportedSchema. The files must not change afterwards.
func Open(dir string) (*DB, error) {
	built, err := readMetadata(filepath.Join(dir, metadataFile))
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, dbFile)
	if _, err := os.Stat(file); err != nil {
		return nil, invalid(err)
	}
	// Immutable: no lock, and no journal or log beside the file is read.
	options := url.Values{"mode": {"ro"}, "immutable": {"1"}, "_pragma": {"query_only(1)", "trusted_schema(0)", "cell_size_check(1)", "mmap_size(0)"}}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: file, RawQuery: options.Encode()}).String())
	if err != nil {
		return nil, invalid(err)
	}
	d := &DB{pool: pool, built: built}
	if err := d.connect(context.Background()); err != nil {
		return nil, invalid(errors.Join(err, pool.Close()))
	}
	return d, nil
}

func (d *DB) connect(ctx context.Context) error {
	conn, err := d.pool.Conn(ctx)
	if err != nil {
		return err
	}
	d.conn = conn
	if _, err := sqlite.Limit(conn, lib.SQLITE_LIMIT_LENGTH, maxValue); err != nil {
		return err
	}
	return d.verify(ctx)
}

// columns that are read, by table.
var columns = map[string][]string{
	"artifacts": {"id", "group_id", "artifact_id"},
	"indices":   {"artifact_id", "version", "sha1", "archive_type"},
}

// verify demands that what is read are plain tables: a view or a column that is
// computed would run what the file's maker wrote. It asks by statements, for the
// functions of the same names could be shadowed by tables.
func (d *DB) verify(ctx context.Context) error {
	tables, err := d.list(ctx, `PRAGMA main.table_list`, 1, 2)
	if err != nil {
		return err
	}
	for table, names := range columns {
		if tables[table] != "table" {
			return fmt.Errorf("it has no table %s", table)
		}
		hidden, err := d.list(ctx, `PRAGMA main.table_xinfo(`+table+`)`, 1, 6)
		if err != nil {
			return err
		}
		for _, name := range names {
			if hidden[name] != "0" {
				return fmt.Errorf("it has no plain column %s.%s", table, name)
			}
		}
	}
	return nil
}

// list returns two columns of a statement's answer, one by the other.
func (d *DB) list(ctx context.Context, statement string, key, value int) (map[string]string, error) {
	rows, err := d.conn.QueryContext(ctx, statement)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	cells, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	found := map[string]string{}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
		found[cells[key].String] = cells[value].String
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return found, nil
}

// Built is when the publisher built the database.
func (d *DB) Built() time.Time { return d.built }

// Close closes the database. Nothing must read it then.
func (d *DB) Close() error {
	if err := errors.Join(d.conn.Close(), d.pool.Close()); err != nil {
		return fmt.Errorf("close Java database: %w", err)
	}
	return nil
}

func readMetadata(name string) (time.Time, error) {
	file, err := os.Open(name)
	if err != nil {
		return time.Time{}, invalid(err)
	}
	defer file.Close()
	var metadata struct {
		Version   int
		UpdatedAt time.Time
	}
	if err := json.NewDecoder(io.LimitReader(file, maxMetadataBytes)).Decode(&metadata); err != nil {
		return time.Time{}, invalid(fmt.Errorf("parse %s: %w", metadataFile, err))
	}
	if metadata.Version != schemaVersion {
		return time.Time{}, &vulndb.Error{Reason: v1alpha1.ReasonUnsupportedSchema, Err: fmt.Errorf(
			"open Java database: it has schema version %d, want %d", metadata.Version, schemaVersion)}
	}
	return metadata.UpdatedAt, nil
}

func invalid(err error) error {
	return &vulndb.Error{Reason: v1alpha1.ReasonInvalidArtifact, Err: fmt.Errorf("open Java database: %w", err)}
}

// legible refuses what no Maven coordinate has, so that it does not get into reports.
func legible(values ...string) bool {
	for _, v := range values {
		if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == ':' || r > '~' }) {
			return false
		}
	}
	return true
}
