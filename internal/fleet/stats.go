package fleet

import (
	"unsafe"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// Stats tells how large the fleet is.
type Stats struct {
	Images   int
	Subjects int
	Keys     int
	// Instances are the packages of all images that are judged.
	Instances int
	// Matches are the distinct ones that the findings of all images come down to.
	Matches int
	// Bytes is an estimate of the memory that all of this takes.
	Bytes int
}

// Estimates, in bytes: what a map's entry takes beside key and value, the
// strings of a match that no other match shares, and so on.
const (
	mapOverhead    = 16
	stringsOfMatch = 64
	stringOfDigest = 71
	bitmapOverhead = 128
)

// Stats walks the fleet; it takes milliseconds where there are millions of instances.
func (f *Fleet) Stats() Stats {
	f.reading.RLock()
	defer f.reading.RUnlock()
	x := &f.index
	s := Stats{Images: len(x.images.ids), Subjects: x.subjects.len(), Keys: len(x.keys.ids)}
	for i := range x.images.all {
		s.Instances += len(x.images.all[i].instances)
	}
	for i := range x.keys.all {
		row := &x.keys.all[i]
		s.Matches += len(row.memo.pool)
		s.Bytes += sizeOf[member]()*cap(row.members) + row.memo.bytes() + len(row.key.Bucket) + len(row.key.Name)
		if row.images != nil {
			s.Bytes += int(row.images.GetSizeInBytes()) + bitmapOverhead
		}
	}
	s.Bytes += s.Instances*sizeOf[instance]() + s.Subjects*sizeOf[subjectRow]() +
		s.Keys*(sizeOf[keyRow]()+sizeOf[match.Key]()+mapOverhead) +
		x.variants.len()*(sizeOf[variantRow]()+sizeOf[match.Subject]()+mapOverhead) +
		s.Images*(sizeOf[imageRow]()+stringOfDigest+mapOverhead)
	return s
}

func (m *memo) bytes() int {
	size := len(m.pool)*(sizeOf[match.Match]()+stringsOfMatch) + len(m.verdicts)*sizeOf[verdict]()
	for _, v := range m.verdicts {
		size += sizeOf[uint32]() * len(v.places)
	}
	return size
}

func sizeOf[T any]() int {
	var value T
	return int(unsafe.Sizeof(value))
}
