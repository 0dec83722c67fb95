package vulndb

import (
	"bytes"
	"strings"

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

// Records returns the records under the key, in bucket order, each with at
// least one advisory or CPE index. Where a stored value cannot be decoded, the error names it.
func (d *DB) Records(key match.Key) ([]match.Record, error) {
	return d.records(key, func([]byte) bool { return true })
}

// RecordsOf returns what Records does, with no advisories but those of the
// given ids; a record may be left with none.
func (d *DB) RecordsOf(key match.Key, ids map[string]bool) ([]match.Record, error) {
	return d.records(key, func(id []byte) bool { return ids[string(id)] })
}

func (d *DB) records(key match.Key, wanted func(id []byte) bool) ([]match.Record, error) {
	var raw []rawRecord
	err := d.visit(key, visitor{
		bucket: func(name, source []byte) {
			raw = append(raw, rawRecord{bucket: string(name), source: bytes.Clone(source)})
		},
		advisory: func(id, advisory, detail []byte) {
			last := &raw[len(raw)-1]
			last.any = true
			if wanted(id) {
				last.advisories = append(last.advisories, rawAdvisory{
					id: string(id), advisory: bytes.Clone(advisory), detail: bytes.Clone(detail),
				})
			}
		},
		named: func(id string, detail []byte) {
			if advisories := raw[len(raw)-1].advisories; len(advisories) > 0 {
				advisories[len(advisories)-1].name(id, detail)
			}
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
		if r.any || len(record.CPEs) > 0 {
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
				for member := range d.tops.of(bucket) {
					v.visitPackage(member, d.tops.details, []byte(name))
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

func (v visitor) visitPackage(from top, details *bbolt.Bucket, name []byte) {
	if len(name) == 0 {
		return
	}
	advisories := from.bucket.Bucket(name)
	if advisories == nil {
		return
	}
	v.bucket(from.name, from.source)
	cursor := advisories.Cursor()
	for id, advisory := cursor.First(); id != nil; id, advisory = cursor.Next() {
		// A bucket has no value, and Trivy passes over empty ones.
		if len(advisory) == 0 {
			continue
		}
		v.advisory(id, advisory, get(details, id))
		if string(from.name) == redHatBucket {
			for _, cve := range namedIn(advisory) {
				v.named(cve, get(details, []byte(cve)))
			}
		}
	}
}

func get(bucket *bbolt.Bucket, key []byte) []byte {
	if bucket == nil {
		return nil
	}
	return bucket.Get(key)
}
