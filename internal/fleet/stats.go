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
	s := Stats{Images: len(x.images.ids), Subjects: len(x.subjects.ids), Keys: len(x.keys.ids)}
	for i := range x.images.rows {
		s.Instances += len(x.images.rows[i].instances)
	}
	for i := range x.keys.rows {
		row := &x.keys.rows[i]
		s.Matches += len(row.pool)
		s.Bytes += 4*cap(row.subjects) + len(row.key.Bucket) + len(row.key.Name)
		if row.images != nil {
			s.Bytes += int(row.images.GetSizeInBytes()) + bitmapOverhead
		}
	}
	for i := range x.subjects.rows {
		s.Bytes += 4 * cap(x.subjects.rows[i].matches)
	}
	s.Bytes += s.Instances*sizeOf[instance]() + s.Matches*(sizeOf[match.Match]()+stringsOfMatch) +
		s.Keys*(sizeOf[keyRow]()+sizeOf[match.Key]()+mapOverhead) +
		s.Subjects*(sizeOf[subjectRow]()+sizeOf[subject]()+mapOverhead) +
		s.Images*(sizeOf[imageRow]()+stringOfDigest+mapOverhead)
	return s
}

func sizeOf[T any]() int {
	var value T
	return int(unsafe.Sizeof(value))
}
