package fleet

import (
	"cmp"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// Delta is what a new database changes.
type Delta struct {
	// First says that there was no database before, so that nothing is news.
	First bool
	// ReadKeys counts the keys whose bytes differ; the others were not read.
	ReadKeys int
	// ChangedKeys counts the keys under which a subject is judged differently.
	ChangedKeys int
	// ChangedSubjects counts the subjects that are judged differently.
	ChangedSubjects int
	// Images whose findings or problems changed, worst first. After the first
	// database these are all images, because their findings were unknown.
	Images []Change
}

// Change is what a new database changes for one image. Its counts are of
// findings: a match of a subject that stands for two packages counts twice.
// Where two subjects yield one finding, as for twins of different origin, it
// counts for each of them.
type Change struct {
	ID       image.Digest
	Added    int
	Resolved int
	// Changed counts findings that remain but that the report describes
	// differently, as by severity, status or fixed version.
	Changed int
	// Worst is the highest severity of a finding that was added or became more
	// severe; SeverityUnknown where there is none.
	Worst match.Severity
}

// delta needs the index as it was before the results are installed.
func (f *Fleet) delta(results []rejudged) Delta {
	d := Delta{First: f.db == nil, ReadKeys: len(results)}
	changed := newDifferences(len(f.index.subjects.all))
	var affected []*roaring.Bitmap
	for _, r := range results {
		if len(r.news) == 0 {
			continue
		}
		d.ChangedKeys++
		d.ChangedSubjects += len(r.news)
		affected = append(affected, f.index.keys.at(r.key).images)
		for _, n := range r.news {
			changed.add(n.subject, n.difference)
		}
	}
	if d.First {
		affected = []*roaring.Bitmap{f.index.everyImage()}
	}
	for number := range roaring.Values(roaring.FastOr(affected...)) {
		c, news := f.index.images.at(number).change(changed)
		if news || d.First {
			d.Images = append(d.Images, c)
		}
	}
	slices.SortFunc(d.Images, worstFirst)
	return d
}

func (x *index) everyImage() *roaring.Bitmap {
	all := roaring.New()
	for _, number := range x.images.ids {
		all.Add(number)
	}
	return all
}

// differences of subjects. Few have one and millions of instances are looked
// up, so that one bit says first whether there is any.
type differences struct {
	known []uint64
	by    map[uint32]difference
}

func newDifferences(subjects int) differences {
	return differences{known: make([]uint64, subjects/64+1), by: map[uint32]difference{}}
}

func (d differences) add(subject uint32, difference difference) {
	d.known[subject/64] |= 1 << (subject % 64)
	d.by[subject] = difference
}

func (d differences) of(subject uint32) (difference, bool) {
	if d.known[subject/64]&(1<<(subject%64)) == 0 {
		return difference{}, false
	}
	return d.by[subject], true
}

// change adds up the differences of the image's subjects. It returns false
// where there is none.
func (row *imageRow) change(by differences) (Change, bool) {
	c, changed := Change{ID: row.id}, false
	for _, in := range row.instances {
		d, ok := by.of(in.subject)
		if !ok {
			continue
		}
		c.Added += d.added
		c.Resolved += d.resolved
		c.Changed += d.changed
		c.Worst = max(c.Worst, d.worst)
		changed = true
	}
	return c, changed
}

func worstFirst(a, b Change) int {
	return cmp.Or(
		cmp.Compare(b.Worst, a.Worst),
		cmp.Compare(b.Added, a.Added),
		cmp.Compare(b.Changed, a.Changed),
		cmp.Compare(b.Resolved, a.Resolved),
		cmp.Compare(a.ID, b.ID),
	)
}

// difference between two judgements of a subject, by meaning.
type difference struct {
	added, resolved, changed int
	worst                    match.Severity
	problems                 bool
}

func (d difference) any() bool {
	return d.added+d.resolved+d.changed > 0 || d.problems
}

// compare takes both lists in the order of their ids.
func compare(before, after []match.Match) difference {
	var d difference
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].ID < after[0].ID:
			d.resolved++
			before = before[1:]
		case len(before) == 0 || after[0].ID < before[0].ID:
			d.added++
			d.worst = max(d.worst, after[0].Severity)
			after = after[1:]
		default:
			d.compareOne(before[0], after[0])
			before, after = before[1:], after[1:]
		}
	}
	return d
}

func (d *difference) compareOne(before, after match.Match) {
	if sameMeaning(before, after) {
		return
	}
	d.changed++
	if after.Severity > before.Severity {
		d.worst = max(d.worst, after.Severity)
	}
}

// sameMeaning says whether a report that tells of b may keep telling of a. Two
// builds of trivy-db from the same input list versions and vendors' ids in
// different orders, so these compare as sets. A fixed version that is replaced
// by another, as happens between such builds where the source names two, is a
// difference: the report tells it, and must agree with the database it names.
func sameMeaning(a, b match.Match) bool {
	return identical(canonical(a), canonical(b))
}

// canonical orders what has no order. It leaves m's own slices alone.
func canonical(m match.Match) match.Match {
	m.VendorIDs = slices.Sorted(slices.Values(m.VendorIDs))
	if strings.Contains(m.FixedVersion, listSeparator) {
		versions := strings.Split(m.FixedVersion, listSeparator)
		slices.Sort(versions)
		m.FixedVersion = strings.Join(versions, listSeparator)
	}
	return m
}

// listSeparator joins the fixed versions of a language package.
const listSeparator = ", "

func identical(a, b match.Match) bool {
	if !slices.Equal(a.VendorIDs, b.VendorIDs) || !a.Published.Equal(b.Published) {
		return false
	}
	return a.ID == b.ID && a.FixedVersion == b.FixedVersion && a.Status == b.Status &&
		a.Severity == b.Severity && a.SeveritySource == b.SeveritySource && a.Source == b.Source
}
