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
	return f.AddSummary(id, Summarise(packages, components))
}

// AddSummary is Add of an image of which only the summary was read.
func (f *Fleet) AddSummary(id image.Digest, s Summary) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	if _, ok := f.index.images.ids[id]; ok {
		return nil
	}
	additions, err := f.judgeUnknown(s.subjects, f.index.has)
	if err != nil {
		return err
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	f.index.enter(id, s, additions)
	return nil
}

// Replace is Add for an image of which something is known by now that was not
// when it was added: it puts these packages in the place of those. Nobody sees
// the image unjudged meanwhile. An error leaves it as it was.
func (f *Fleet) Replace(id image.Digest, packages []sbom.Package, components []match.Component) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	s := Summarise(packages, components)
	// Subjects that only this image has are gone before they are entered again.
	additions, err := f.judgeUnknown(s.subjects, func(match.Subject) bool { return false })
	if err != nil {
		return err
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	f.index.remove(id)
	f.index.enter(id, s, additions)
	return nil
}

// addition is the judgement of subjects that are new under a key.
type addition struct {
	fingerprint uint64
	subjects    []match.Subject
	matches     [][]match.Match
	problems    [][]string
}

func (f *Fleet) judgeUnknown(subjects []match.Subject, known func(match.Subject) bool) (map[match.Key]*addition, error) {
	if f.db == nil {
		return nil, nil
	}
	additions := map[match.Key]*addition{}
	for _, s := range subjects {
		if known(s) {
			continue
		}
		a := additions[s.Key]
		if a == nil {
			a = &addition{}
			additions[s.Key] = a
		}
		a.subjects = append(a.subjects, s)
	}
	for key, a := range additions {
		if err := f.judgeAddition(key, a); err != nil {
			return nil, err
		}
	}
	return additions, nil
}

// enter adds an image together with the judgements of its subjects.
func (x *index) enter(id image.Digest, s Summary, additions map[match.Key]*addition) {
	x.add(id, s)
	for key, a := range additions {
		x.memoise(key, a)
	}
}

func (f *Fleet) judgeAddition(key match.Key, a *addition) (err error) {
	if id, known := f.index.keys.ids[key]; known {
		a.fingerprint = f.index.keys.at(id).fingerprint
	} else if a.fingerprint, err = fingerprint(f.db, key); err != nil {
		return err
	}
	found, err := records(f.db, key, a.fingerprint)
	if err != nil {
		return err
	}
	for _, s := range a.subjects {
		matches, problems := f.judge.run(s, found)
		a.matches, a.problems = append(a.matches, matches), append(a.problems, problems)
	}
	return nil
}

// memoise keeps the judgements of subjects that the index already has.
func (x *index) memoise(key match.Key, a *addition) {
	row := x.keys.at(x.keys.ids[key])
	row.fingerprint = a.fingerprint
	w := row.memo.writer()
	for i, s := range a.subjects {
		id, _ := x.find(s)
		x.subjects.at(id).verdict = w.add(a.matches[i], a.problems[i])
	}
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
	instances := x.images.at(number).instances
	var (
		findings []match.Finding
		problems []string
	)
	from := 0
	for i, in := range instances {
		row := x.subjects.at(in.subject)
		memo := &x.keys.at(row.key).memo
		said := memo.at(row.verdict)
		if i == 0 || instances[i-1].pkg != in.pkg {
			from = len(findings)
		}
		for _, place := range said.places {
			findings = append(findings, match.Finding{Match: memo.pool[place], Package: int(in.pkg)})
		}
		problems = append(problems, said.problems...)
		if i > 0 && instances[i-1].pkg == in.pkg {
			findings = append(findings[:from], unite(findings[from:])...)
		}
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
