package vulndb

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// tops are the buckets at the database's top, found once: there are a few
// hundred, and to find one costs as much as to find a package in it. A bucket
// of a read-only transaction may be read by several goroutines.
type tops struct {
	// sorted by name.
	sorted  []top
	details *bbolt.Bucket
}

type top struct {
	name   []byte
	bucket *bbolt.Bucket
	// source of the bucket's data; nil where none is known.
	source []byte
}

func findTops(tx *bbolt.Tx) (t tops) {
	sources := tx.Bucket(sourceBucket)
	cursor := tx.Cursor()
	for name, value := cursor.First(); name != nil; name, value = cursor.Next() {
		if value != nil {
			continue
		}
		if bucket := tx.Bucket(name); bucket != nil {
			t.sorted = append(t.sorted, top{name: name, bucket: bucket, source: get(sources, name)})
		}
	}
	t.details = tx.Bucket(detailBucket)
	return t
}

// of yields the bucket or, for an ecosystem, all buckets with its prefix.
func (t tops) of(name string) iter.Seq[top] {
	return func(yield func(top) bool) {
		at, _ := slices.BinarySearchFunc(t.sorted, []byte(name), func(b top, name []byte) int { return bytes.Compare(b.name, name) })
		for _, b := range t.sorted[at:] {
			fits := string(b.name) == name || strings.HasSuffix(name, "::") && strings.HasPrefix(string(b.name), name)
			if !fits || !yield(b) {
				return
			}
		}
	}
}
