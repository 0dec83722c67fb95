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
//
// The bitmaps are the keys' and not the subjects': an image that has a key in
// another version than the one that changed is told apart by its instances, and
// most packages come in many versions of which each is in few images.
type index struct {
	keys     table[match.Key, keyRow]
	subjects table[subject, subjectRow]
	images   table[image.Digest, imageRow]
	// problems of subjects; few have any.
	problems map[uint32][]string
}

// subject is a match.Subject in a tenth of its size: there are few
// combinations of all that is not the key.
type subject struct {
	key uint32
	// rest is the subject without its key.
	rest unique.Handle[match.Subject]
}

type keyRow struct {
	key match.Key
	// fingerprint of the records that the subjects were judged by.
	fingerprint uint64
	// pool holds the distinct matches of all subjects; most are shared by
	// many versions of a package.
	pool     []match.Match
	subjects []uint32
	images   *roaring.Bitmap
}

type subjectRow struct {
	subject subject
	// matches are places in the key's pool, in the order of the matches' ids.
	matches []uint32
	// images counts those that have the subject.
	images uint32
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
		problems: map[uint32][]string{},
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

func (x *index) has(s match.Subject) bool {
	_, ok := x.find(s)
	return ok
}

// intern returns the id of s, which may be new.
func (x *index) intern(s match.Subject) uint32 {
	key, ok := x.keys.ids[s.Key]
	if !ok {
		// Cloned, because a short string may pin the whole file it was cut from.
		owned := match.Key{Bucket: strings.Clone(s.Key.Bucket), Name: strings.Clone(s.Key.Name)}
		key = x.keys.add(owned, keyRow{key: owned, images: roaring.New()})
	}
	small := compact(key, s)
	if id, ok := x.subjects.ids[small]; ok {
		return id
	}
	id := x.subjects.add(small, subjectRow{subject: small})
	x.keys.rows[key].subjects = append(x.keys.rows[key].subjects, id)
	return id
}

func compact(key uint32, s match.Subject) subject {
	s.Key = match.Key{}
	return subject{key: key, rest: unique.Make(s)}
}

// full is the inverse of compact.
func (x *index) full(id uint32) match.Subject {
	small := x.subjects.rows[id].subject
	s := small.rest.Value()
	s.Key = x.keys.rows[small.key].key
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
		for _, pkg := range c.Packages {
			instances = append(instances, instance{pkg: uint32(pkg), subject: s})
		}
	}
	x.images.rows[number] = imageRow{id: id, instances: uniteTwins(instances, packages)}
	for _, s := range x.subjectsOf(number) {
		row := &x.subjects.rows[s]
		row.images++
		x.keys.rows[row.subject.key].images.Add(number)
	}
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
		x.keys.rows[row.subject.key].images.Remove(number)
		row.images--
		if row.images == 0 {
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
	delete(x.problems, id)
	key.subjects = slices.DeleteFunc(key.subjects, func(other uint32) bool { return other == id })
	if len(key.subjects) == 0 {
		x.keys.remove(key.key)
	}
}

// keep makes the judgement the subject's memo; matches are its places in the key's pool.
func (x *index) keep(id uint32, matches []uint32, problems []string) {
	x.subjects.rows[id].matches = matches
	if len(problems) > 0 {
		x.problems[id] = problems
	} else {
		delete(x.problems, id)
	}
}

// matches returns a subject's matches in the order of their ids.
func (x *index) matches(id uint32) []match.Match {
	row := &x.subjects.rows[id]
	pool := x.keys.rows[row.subject.key].pool
	matches := make([]match.Match, len(row.matches))
	for i, place := range row.matches {
		matches[i] = pool[place]
	}
	return matches
}
