package vulndb

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// Fingerprint returns a hash of all that Records returns for the key, taken
// over the stored bytes; 0 where there are none. It is the same in all processes.
func (d *DB) Fingerprint(key match.Key) (uint64, error) {
	h := newHash(0)
	found := false
	err := d.visit(key, visitor{
		bucket: func(name, source []byte) { h.add(name, source) },
		advisory: func(id, advisory, detail []byte) {
			found = true
			h.add(id, advisory, detail)
		},
		named: func(id string, detail []byte) { h.add([]byte(id), detail) },
		cpes: func(name string, indices []byte) {
			found = true
			h.add([]byte(name), indices)
		},
	})
	if err != nil || !found {
		return 0, err
	}
	return h.Sum64(), nil
}

// Parts returns a hash for each id under the key of all that Records returns
// of it, and one of the buckets that have any with their data sources. It
// returns no parts for Red Hat's keys: there one advisory tells of several
// vulnerabilities.
func (d *DB) Parts(key match.Key) (frame uint64, parts map[string]uint64, err error) {
	whole := newHash(0)
	parts = map[string]uint64{}
	number, counted := uint64(0), true
	var name, source []byte
	err = d.visit(key, visitor{
		bucket: func(n, s []byte) { name, source, counted = n, s, false },
		advisory: func(id, advisory, detail []byte) {
			if !counted {
				// A bucket counts from its first advisory on, as for Records.
				whole.add(name, source)
				number++
				counted = true
			}
			part := newHash(parts[string(id)])
			part.addNumber(number)
			part.add(advisory, detail)
			parts[string(id)] = part.Sum64()
		},
		named: func(string, []byte) {},
		cpes:  func(string, []byte) {},
	})
	if err != nil || key.System() == redHatBucket {
		return 0, nil, err
	}
	return whole.Sum64(), parts, nil
}

// hash of fields, which it tells apart by their sizes.
type hash struct{ xxhash.Digest }

func newHash(seed uint64) *hash {
	var h hash
	h.ResetWithSeed(seed)
	return &h
}

func (h *hash) add(fields ...[]byte) {
	for _, field := range fields {
		h.addNumber(uint64(len(field)))
		_, _ = h.Write(field) // Never fails.
	}
}

func (h *hash) addNumber(n uint64) {
	var bytes [8]byte
	binary.LittleEndian.PutUint64(bytes[:], n)
	_, _ = h.Write(bytes[:])
}
