package fleet

import (
	"cmp"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// index joins keys, subjects and images by id. A subject lives while an image
// has it, a key and a variant while a subject has them. There is most of
// subjects and of instances: a million subjects take no pointer and no map.
//
// The bitmaps are the keys' and not the subjects': an image that has a key in
// another version than the one that changed is told apart by its instances, and
// most packages come in many versions of which each is in few images.
type index struct {
	keys     table[match.Key, keyRow]
	variants table[match.Subject, variantRow]
	subjects rows[subjectRow]
	images   table[image.Digest, imageRow]
	// order of the keys by name; nil once a key has come or gone. Swap alone
	// reads it.
	order []uint32
}

type keyRow struct {
	key match.Key
	// fingerprint of the records that the subjects were judged by.
	fingerprint uint64
	memo        memo
	// members are the key's subjects, in the order of their variants.
	members []member
	images  *roaring.Bitmap
}

type member struct{ variant, subject uint32 }

// variantRow is a subject without its key: keys have most of them in common.
type variantRow struct {
	subject  match.Subject
	subjects uint32
}

type subjectRow struct {
	key, variant uint32
	// verdict is a place in the key's memo.
	verdict uint32
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
		variants: newTable[match.Subject, variantRow](),
		images:   newTable[image.Digest, imageRow](),
	}
}

// find returns the id of s, if an image has it.
func (x *index) find(s match.Subject) (uint32, bool) {
	key, ok := x.keys.ids[s.Key]
	if !ok {
		return 0, false
	}
	variant, ok := x.variants.ids[withoutKey(s)]
	if !ok {
		return 0, false
	}
	members := x.keys.at(key).members
	at, ok := slices.BinarySearchFunc(members, variant, byVariant)
	if !ok {
		return 0, false
	}
	return members[at].subject, true
}

func (x *index) has(s match.Subject) bool {
	_, ok := x.find(s)
	return ok
}

func withoutKey(s match.Subject) match.Subject {
	s.Key = match.Key{}
	return s
}

func byVariant(m member, variant uint32) int { return cmp.Compare(m.variant, variant) }

// intern returns the id of s, which may be new.
func (x *index) intern(s match.Subject) uint32 {
	key, variant := x.internKey(s.Key), x.internVariant(s)
	row := x.keys.at(key)
	at, ok := slices.BinarySearchFunc(row.members, variant, byVariant)
	if ok {
		return row.members[at].subject
	}
	x.variants.at(variant).subjects++
	id := x.subjects.add(subjectRow{key: key, variant: variant})
	row.members = slices.Insert(row.members, at, member{variant, id})
	return id
}

// internKey clones what it keeps, because a short string may pin the whole file
// that it was cut from; so does internVariant.
func (x *index) internKey(key match.Key) uint32 {
	if id, ok := x.keys.ids[key]; ok {
		return id
	}
	x.order = nil
	owned := match.Key{Bucket: strings.Clone(key.Bucket), Name: strings.Clone(key.Name)}
	return x.keys.add(owned, keyRow{key: owned, images: roaring.New()})
}

func (x *index) internVariant(s match.Subject) uint32 {
	s = withoutKey(s)
	if id, ok := x.variants.ids[s]; ok {
		return id
	}
	owned := match.Subject{Family: strings.Clone(s.Family), Version: strings.Clone(s.Version), Arch: strings.Clone(s.Arch)}
	return x.variants.add(owned, variantRow{subject: owned})
}

// full returns the subject of a member of the key.
func (x *index) full(row *keyRow, m member) match.Subject {
	s := x.variants.at(m.variant).subject
	s.Key = row.key
	return s
}

// add enters an image that the index does not have.
func (x *index) add(id image.Digest, s Summary) {
	number := x.images.add(id, imageRow{})
	global := make([]uint32, len(s.subjects))
	for i, subject := range s.subjects {
		global[i] = x.intern(subject)
	}
	instances := slices.Clone(s.instances)
	for i := range instances {
		instances[i].subject = global[instances[i].subject]
	}
	*x.images.at(number) = imageRow{id: id, instances: instances}
	for _, s := range x.subjectsOf(number) {
		row := x.subjects.at(s)
		row.images++
		x.keys.at(row.key).images.Add(number)
	}
}

// uniteTwins sorts the instances and puts the first package in the place of
// those of the same identity, such as a Debian package for another architecture.
func uniteTwins(instances []instance, packages []sbom.Package) []instance {
	slices.SortFunc(instances, byPackage)
	first := make(map[match.Identity]uint32, len(instances))
	for i, in := range instances {
		id := match.IdentityOf(packages[in.pkg])
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
		row := x.subjects.at(s)
		x.keys.at(row.key).images.Remove(number)
		row.images--
		if row.images == 0 {
			x.drop(s)
		}
	}
	x.images.remove(id)
}

// subjectsOf returns the distinct subjects of an image.
func (x *index) subjectsOf(number uint32) []uint32 {
	instances := x.images.at(number).instances
	ids := make([]uint32, len(instances))
	for i, in := range instances {
		ids[i] = in.subject
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (x *index) drop(id uint32) {
	row := *x.subjects.at(id)
	x.subjects.remove(id)
	key := x.keys.at(row.key)
	at, _ := slices.BinarySearchFunc(key.members, row.variant, byVariant)
	key.members = slices.Delete(key.members, at, at+1)
	if len(key.members) == 0 {
		x.order = nil
		x.keys.remove(key.key)
	} else if key.memo.outgrown(len(key.members)) {
		x.tidy(key)
	}
	variant := x.variants.at(row.variant)
	if variant.subjects--; variant.subjects == 0 {
		x.variants.remove(variant.subject)
	}
}

// tidy leaves of a key's memo what is said of subjects that it still has.
func (x *index) tidy(key *keyRow) {
	var kept memo
	w := kept.writer()
	for _, m := range key.members {
		row := x.subjects.at(m.subject)
		row.verdict = w.add(key.memo.matches(row.verdict), key.memo.problems(row.verdict))
	}
	key.memo, key.members = kept.clipped(), slices.Clip(key.members)
}
