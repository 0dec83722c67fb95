package fleet

import (
	"cmp"
	"slices"
	"strings"
	"unique"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// index joins keys, subjects and images by id. A subject lives while an image
// has it, a key while a subject has it.
type index struct {
	keys     table[match.Key, keyRow]
	subjects table[subject, subjectRow]
	images   table[image.Digest, imageRow]
}

// subject is a match.Subject in a quarter of its size: millions of packages
// come down to few keys and fewer combinations of everything else.
type subject struct {
	key     uint32
	version string
	// rest is the subject without key and version.
	rest unique.Handle[match.Subject]
}

type keyRow struct {
	key match.Key
	// fingerprint of the records that the memos were judged by.
	fingerprint uint64
	// pool holds the distinct matches of all subjects; most are shared by
	// many versions of a package.
	pool     []match.Match
	subjects []uint32
}

type subjectRow struct {
	subject subject
	memo    memo
	images  *roaring.Bitmap
}

// memo is a subject's judgement.
type memo struct {
	// matches are places in the key's pool, in the order of the matches' ids.
	matches  []uint32
	problems []string
}

type imageRow struct {
	id image.Digest
	// instances in the order of their packages.
	instances []instance
}

// instance says that a package of an image, the first of its twins, is judged
// as a subject.
type instance struct {
	pkg     uint32
	subject uint32
}

func newIndex() index {
	return index{
		keys:     newTable[match.Key, keyRow](),
		subjects: newTable[subject, subjectRow](),
		images:   newTable[image.Digest, imageRow](),
	}
}

// find returns the id of s, if an image has it.
func (x *index) find(s match.Subject) (uint32, bool) {
	key, ok := x.keys.ids[s.Key]
	if !ok {
		return 0, false
	}
	id, ok := x.subjects.ids[compact(key, s)]
	return id, ok
}

// intern returns the id of s, which may be new.
func (x *index) intern(s match.Subject) uint32 {
	key, ok := x.keys.ids[s.Key]
	if !ok {
		// Cloned, because a short string may pin the whole file it was cut from.
		owned := match.Key{Bucket: strings.Clone(s.Key.Bucket), Name: strings.Clone(s.Key.Name)}
		key = x.keys.add(owned, keyRow{key: owned})
	}
	small := compact(key, s)
	if id, ok := x.subjects.ids[small]; ok {
		return id
	}
	small.version = strings.Clone(small.version)
	id := x.subjects.add(small, subjectRow{subject: small, images: roaring.New()})
	x.keys.rows[key].subjects = append(x.keys.rows[key].subjects, id)
	return id
}

func compact(key uint32, s match.Subject) subject {
	small := subject{key: key, version: s.Version}
	s.Key, s.Version = match.Key{}, ""
	small.rest = unique.Make(s)
	return small
}

// full is the inverse of compact.
func (x *index) full(id uint32) match.Subject {
	small := x.subjects.rows[id].subject
	s := small.rest.Value()
	s.Key, s.Version = x.keys.rows[small.key].key, small.version
	return s
}

// add enters an image that the index does not have.
func (x *index) add(id image.Digest, packages []sbom.Package, components []match.Component) {
	number := x.images.add(id, imageRow{})
	instances := make([]instance, 0, len(packages))
	for _, c := range components {
		// A subject that no package stands for could never be reported.
		if len(c.Packages) == 0 {
			continue
		}
		s := x.intern(c.Subject)
		x.subjects.rows[s].images.Add(number)
		for _, pkg := range c.Packages {
			instances = append(instances, instance{pkg: uint32(pkg), subject: s})
		}
	}
	x.images.rows[number] = imageRow{id: id, instances: uniteTwins(instances, packages)}
}

// uniteTwins sorts the instances and puts the first package in the place of
// those that a report cannot tell from it because name, version and path are
// the same, such as one for another architecture.
func uniteTwins(instances []instance, packages []sbom.Package) []instance {
	type identity struct{ name, version, path string }
	slices.SortFunc(instances, byPackage)
	first := make(map[identity]uint32, len(instances))
	for i, in := range instances {
		p := &packages[in.pkg]
		id := identity{p.Name, p.Version, p.Path}
		if pkg, ok := first[id]; ok {
			instances[i].pkg = pkg
		} else {
			first[id] = in.pkg
		}
	}
	slices.SortFunc(instances, byPackage)
	return slices.Clone(slices.Compact(instances))
}

func byPackage(a, b instance) int {
	return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.subject, b.subject))
}

// remove forgets an image, and the subjects and keys that no other image has.
func (x *index) remove(id image.Digest) {
	number, ok := x.images.ids[id]
	if !ok {
		return
	}
	for _, s := range x.subjectsOf(number) {
		row := &x.subjects.rows[s]
		row.images.Remove(number)
		if row.images.IsEmpty() {
			x.drop(s)
		}
	}
	x.images.remove(id)
}

// subjectsOf returns the distinct subjects of an image.
func (x *index) subjectsOf(number uint32) []uint32 {
	instances := x.images.rows[number].instances
	ids := make([]uint32, len(instances))
	for i, in := range instances {
		ids[i] = in.subject
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (x *index) drop(id uint32) {
	small := x.subjects.rows[id].subject
	key := &x.keys.rows[small.key]
	x.subjects.remove(small)
	key.subjects = slices.DeleteFunc(key.subjects, func(other uint32) bool { return other == id })
	if len(key.subjects) == 0 {
		x.keys.remove(key.key)
	}
}

// matches returns a subject's matches in the order of their ids.
func (x *index) matches(id uint32) []match.Match {
	row := &x.subjects.rows[id]
	pool := x.keys.rows[row.subject.key].pool
	matches := make([]match.Match, len(row.memo.matches))
	for i, place := range row.memo.matches {
		matches[i] = pool[place]
	}
	return matches
}
