package vulndb

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/cespare/xxhash/v2"
	"go.etcd.io/bbolt"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

var (
	sourceBucket = []byte("data-source")
	detailBucket = []byte("vulnerability")
	cpeBucket    = []byte(match.RedHatCPE)
)

// redHatBucket is the one whose advisories' details are those of other ids.
const redHatBucket = "Red Hat"

// visitor is given what is stored under a key, in the order of the database.
// The bytes are valid during the call alone.
type visitor struct {
	// bucket gives the name of a bucket that has the key, and its data source.
	bucket func(name, source []byte)
	// advisory gives an advisory of the last bucket, and the vulnerability's detail.
	advisory func(id, advisory, detail []byte)
	// named gives the detail of a vulnerability that the last advisory names.
	named func(id string, detail []byte)
	// cpes gives an entry of one of Red Hat's tables.
	cpes func(name string, indices []byte)
}

// Fingerprint returns a hash of all that Records returns for the key, taken
// over the stored bytes; 0 where there are none. It is the same in all processes.
func (d *DB) Fingerprint(key match.Key) (uint64, error) {
	var hash xxhash.Digest
	hash.Reset()
	found := false
	add := func(fields ...[]byte) {
		for _, field := range fields {
			var size [8]byte
			binary.LittleEndian.PutUint64(size[:], uint64(len(field)))
			_, _ = hash.Write(size[:]) // Never fails.
			_, _ = hash.Write(field)
		}
	}
	err := d.visit(key, visitor{
		bucket: func(name, source []byte) { add(name, source) },
		advisory: func(id, advisory, detail []byte) {
			found = true
			add(id, advisory, detail)
		},
		named: func(id string, detail []byte) { add([]byte(id), detail) },
		cpes: func(name string, indices []byte) {
			found = true
			add([]byte(name), indices)
		},
	})
	if err != nil || !found {
		return 0, err
	}
	return hash.Sum64(), nil
}

// Records returns the records under the key, in bucket order, each with at
// least one advisory or CPE index. Where a stored value cannot be decoded, the error names it.
func (d *DB) Records(key match.Key) ([]match.Record, error) {
	var raw []rawRecord
	err := d.visit(key, visitor{
		bucket: func(name, source []byte) {
			raw = append(raw, rawRecord{bucket: string(name), source: bytes.Clone(source)})
		},
		advisory: func(id, advisory, detail []byte) {
			last := &raw[len(raw)-1]
			last.advisories = append(last.advisories, rawAdvisory{
				id: string(id), advisory: bytes.Clone(advisory), detail: bytes.Clone(detail), named: map[string][]byte{},
			})
		},
		named: func(id string, detail []byte) {
			advisories := raw[len(raw)-1].advisories
			advisories[len(advisories)-1].named[id] = bytes.Clone(detail)
		},
		cpes: func(name string, indices []byte) {
			raw = append(raw, rawRecord{bucket: name, cpes: bytes.Clone(indices)})
		},
	})
	if err != nil {
		return nil, err
	}
	var records []match.Record
	for _, r := range raw {
		record, err := r.decode()
		if err != nil {
			return nil, invalidf("decode %s of %s: %w", key.Name, r.bucket, err)
		}
		if len(record.Advisories) > 0 || len(record.CPEs) > 0 {
			records = append(records, record)
		}
	}
	return records, nil
}

func (d *DB) visit(key match.Key, v visitor) error {
	return d.view(func(tx *bbolt.Tx) error {
		for bucket := range key.Buckets() {
			if table, ok := strings.CutPrefix(bucket, match.RedHatCPE+"/"); ok {
				v.visitTable(tx, bucket, table)
			}
		}
		for name := range key.Names() {
			for bucket := range key.Buckets() {
				for _, member := range bucketsOf(tx, bucket) {
					v.visitPackage(tx, member, []byte(name))
				}
			}
		}
		return nil
	})
}

// visitTable visits an entry of a table, named table/entry. An empty list of
// indices is none.
func (v visitor) visitTable(tx *bbolt.Tx, bucket, entry string) {
	tables := tx.Bucket(cpeBucket)
	if tables == nil {
		return
	}
	table, name, _ := strings.Cut(entry, "/")
	indices := get(tables.Bucket([]byte(table)), []byte(name))
	if len(indices) > 0 && !bytes.Equal(indices, []byte("[]")) && !bytes.Equal(indices, []byte("null")) {
		v.cpes(bucket, indices)
	}
}

func (v visitor) visitPackage(tx *bbolt.Tx, bucket, name []byte) {
	top := tx.Bucket(bucket)
	if top == nil || len(name) == 0 {
		return
	}
	advisories := top.Bucket(name)
	if advisories == nil {
		return
	}
	details := tx.Bucket(detailBucket)
	v.bucket(bucket, get(tx.Bucket(sourceBucket), bucket))
	cursor := advisories.Cursor()
	for id, advisory := cursor.First(); id != nil; id, advisory = cursor.Next() {
		// A bucket has no value, and Trivy passes over empty ones.
		if len(advisory) == 0 {
			continue
		}
		v.advisory(id, advisory, get(details, id))
		if string(bucket) == redHatBucket {
			for _, cve := range namedIn(advisory) {
				v.named(cve, get(details, []byte(cve)))
			}
		}
	}
}

// bucketsOf returns the bucket or, for an ecosystem, all buckets with its prefix.
func bucketsOf(tx *bbolt.Tx, bucket string) [][]byte {
	prefix := []byte(bucket)
	if !strings.HasSuffix(bucket, "::") {
		return [][]byte{prefix}
	}
	var names [][]byte
	cursor := tx.Cursor()
	for name, _ := cursor.Seek(prefix); bytes.HasPrefix(name, prefix); name, _ = cursor.Next() {
		names = append(names, name)
	}
	return names
}

func get(bucket *bbolt.Bucket, key []byte) []byte {
	if bucket == nil {
		return nil
	}
	return bucket.Get(key)
}
