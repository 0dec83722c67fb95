package fleet

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Fleet holds the images that run and their judgements by one database. It is
// safe for concurrent use.
type Fleet struct {
	judge Judge

	// writing is held by Add, Remove and Swap from their first look at the
	// state to their last change of it, reads of the database included.
	writing sync.Mutex
	// reading guards the fields below, and is held only while memory is read
	// or changed. Who holds writing may read them without it.
	reading  sync.RWMutex
	index    index
	db       Database
	revision string
}

// Judgement of an image by one database.
type Judgement struct {
	// Findings in the order of the image's packages and then of their ids.
	Findings []match.Finding
	// Problems are what kept packages from being judged completely, sorted.
	Problems []string
	// Revision is the name of the database, as Swap was given it.
	Revision string
}

// New returns a fleet without images and without a database.
func New(judge Judge) *Fleet {
	return &Fleet{judge: judge, index: newIndex()}
}

// Add holds an image. Of its subjects only those that no image had before are
// judged, and only if there is a database. An image is immutable by its digest,
// so adding it again does nothing. An error, which is the database's, leaves
// the fleet without the image. components are those of packages.
func (f *Fleet) Add(id image.Digest, packages []sbom.Package, components []match.Component) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	if _, ok := f.index.images.ids[id]; ok {
		return nil
	}
	additions, err := f.judgeUnknown(components, f.index.has)
	if err != nil {
		return err
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	f.index.enter(id, packages, components, additions)
	return nil
}

// Replace is Add for an image of which something is known by now that was not
// when it was added: it puts these packages in the place of those. Nobody sees
// the image unjudged meanwhile. An error leaves it as it was.
func (f *Fleet) Replace(id image.Digest, packages []sbom.Package, components []match.Component) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	// Subjects that only this image has are gone before they are entered again.
	additions, err := f.judgeUnknown(components, func(match.Subject) bool { return false })
	if err != nil {
		return err
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	f.index.remove(id)
	f.index.enter(id, packages, components, additions)
	return nil
}

// addition is the judgement of subjects that are new under a key.
type addition struct {
	fingerprint uint64
	subjects    []match.Subject
	judged      []judgement
}

func (f *Fleet) judgeUnknown(components []match.Component, known func(match.Subject) bool) (map[match.Key]*addition, error) {
	if f.db == nil {
		return nil, nil
	}
	additions := map[match.Key]*addition{}
	for _, c := range components {
		if known(c.Subject) || len(c.Packages) == 0 {
			continue
		}
		a := additions[c.Subject.Key]
		if a == nil {
			a = &addition{}
			additions[c.Subject.Key] = a
		}
		a.subjects = append(a.subjects, c.Subject)
	}
	for key, a := range additions {
		var err error
		if a.fingerprint, err = fingerprint(f.db, key); err != nil {
			return nil, err
		}
		if a.judged, err = judgeKey(f.judge, f.db, key, a.fingerprint, a.subjects); err != nil {
			return nil, err
		}
	}
	return additions, nil
}

// enter adds an image together with the judgements of its subjects.
func (x *index) enter(id image.Digest, packages []sbom.Package, components []match.Component, additions map[match.Key]*addition) {
	x.add(id, packages, components)
	for key, a := range additions {
		x.memoise(key, a)
	}
}

// memoise keeps the judgements of subjects that the index already has.
func (x *index) memoise(key match.Key, a *addition) {
	row := &x.keys.rows[x.keys.ids[key]]
	pool := newPool(row.pool)
	for i, s := range a.subjects {
		id, _ := x.find(s)
		x.keep(id, pool.add(a.judged[i].matches), a.judged[i].problems)
	}
	row.fingerprint, row.pool = a.fingerprint, slices.Clip(pool.matches)
}

// Remove forgets an image, and all that only it needed. An unknown image is not an error.
func (f *Fleet) Remove(id image.Digest) {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.reading.Lock()
	defer f.reading.Unlock()
	f.index.remove(id)
}

// Len returns the number of images.
func (f *Fleet) Len() int {
	f.reading.RLock()
	defer f.reading.RUnlock()
	return len(f.index.images.ids)
}

// Judgement returns what the current database says of an image; false where
// that is unknown, because there is no database yet or no such image.
func (f *Fleet) Judgement(id image.Digest) (Judgement, bool) {
	f.reading.RLock()
	defer f.reading.RUnlock()
	number, ok := f.index.images.ids[id]
	if !ok || f.db == nil {
		return Judgement{}, false
	}
	findings, problems := f.index.expand(number)
	return Judgement{Findings: findings, Problems: problems, Revision: f.revision}, true
}

func (x *index) expand(number uint32) ([]match.Finding, []string) {
	instances := x.images.rows[number].instances
	size := 0
	for _, in := range instances {
		size += len(x.subjects.rows[in.subject].matches)
	}
	findings := make([]match.Finding, 0, size)
	var problems []string
	from := 0
	for i, in := range instances {
		row := &x.subjects.rows[in.subject]
		matches := x.keys.rows[row.subject.key].pool
		for _, place := range row.matches {
			findings = append(findings, match.Finding{Match: matches[place], Package: int(in.pkg)})
		}
		problems = append(problems, x.problems[in.subject]...)
		if i > 0 && instances[i-1].pkg == in.pkg {
			findings = append(findings[:from], unite(findings[from:])...)
			continue
		}
		from = len(findings) - len(row.matches)
	}
	slices.Sort(problems)
	return findings, slices.Compact(problems)
}

// unite merges the findings of one package, keeping of those with the same id
// the one whose fixed version is the greater string, as Trivy does.
func unite(findings []match.Finding) []match.Finding {
	slices.SortStableFunc(findings, func(a, b match.Finding) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(b.FixedVersion, a.FixedVersion))
	})
	return slices.CompactFunc(findings, func(a, b match.Finding) bool { return a.ID == b.ID })
}

func compareKeys(a, b match.Key) int {
	return cmp.Or(strings.Compare(a.Bucket, b.Bucket), strings.Compare(a.Name, b.Name))
}
