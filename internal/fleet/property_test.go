package fleet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// model does what Fleet does without an index or a memo: it judges each image
// anew when it is asked.
type model struct {
	images  map[image.Digest]contents
	records map[match.Key][]match.Record
}

func (m *model) findings(c contents) []match.Finding {
	return match.Findings(c.packages, c.components, func(s match.Subject) []match.Match {
		matches, _ := match.Judge(s, m.records[s.Key])
		return matches
	})
}

// problems counts those of each component.
func (m *model) problems(c contents) []int {
	counts := make([]int, len(c.components))
	for i, component := range c.components {
		_, problems := match.Judge(component.Subject, m.records[component.Subject.Key])
		counts[i] = len(problems)
	}
	return counts
}

// delta compares all images' findings before with those after.
func (m *model) delta(records map[match.Key][]match.Record, first bool) []Change {
	next := &model{records: records}
	var changes []Change
	for id, c := range m.images {
		before := map[string]match.Finding{}
		if !first {
			before = byMeaning(m.findings(c))
		}
		change := Change{ID: id}
		after := byMeaning(next.findings(c))
		for key, f := range after {
			old, ok := before[key]
			switch {
			case !ok:
				change.Added++
				change.Worst = max(change.Worst, f.Severity)
			case !cmp.Equal(old, f, cmpopts.EquateEmpty()):
				change.Changed++
				if f.Severity > old.Severity {
					change.Worst = max(change.Worst, f.Severity)
				}
			}
			delete(before, key)
		}
		change.Resolved = len(before)
		if first || change != (Change{ID: id}) || !slices.Equal(m.problems(c), next.problems(c)) {
			changes = append(changes, change)
		}
	}
	return changes
}

// byMeaning sorts what has no order, and lists the findings by package and id.
func byMeaning(findings []match.Finding) map[string]match.Finding {
	listed := map[string]match.Finding{}
	for _, f := range findings {
		f.VendorIDs = slices.Sorted(slices.Values(f.VendorIDs))
		fixes := strings.Split(f.FixedVersion, ", ")
		slices.Sort(fixes)
		f.FixedVersion = strings.Join(fixes, ", ")
		listed[fmt.Sprint(f.Package, f.ID)] = f
	}
	return listed
}

// However images come and go and databases change, the fleet says what a cold
// judgement says, and reports as changed the images of which that is different.
func TestFleetAgreesWithColdJudgement(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := random{rand.New(rand.NewPCG(seed, 1))}
			f := New(match.Judge)
			m := &model{images: map[image.Digest]contents{}}
			flaps := 0
			for step := range 30 {
				switch r.IntN(8) {
				case 0, 1:
					addRandom(t, r, f, m)
				case 2:
					id := digest(r.IntN(12))
					f.Remove(id)
					delete(m.images, id)
				case 3:
					swap(t, f, m, r.database(), fmt.Sprint(step))
				case 4:
					swap(t, f, m, r.change(m.records), fmt.Sprint(step))
				case 5:
					// Without a judgement that could tell of a change on its way.
					records := r.change(m.records)
					swap(t, f, m, r.flap(records), fmt.Sprint(step))
				case 6:
					replaceRandom(t, r, f, m)
				case 7:
					if m.records == nil {
						continue
					}
					delta := swap(t, f, m, r.flap(m.records), fmt.Sprint(step))
					flaps += delta.ReadKeys
					if delta.ChangedKeys != 0 || len(delta.Images) != 0 {
						t.Fatalf("another order of the same records is reported as a change: %+v", delta)
					}
				}
				requireAgreement(t, f, m)
			}
			if flaps == 0 && seed == 0 {
				t.Fatal("no swap changed an order; the test tests nothing")
			}
		})
	}
}

func addRandom(t *testing.T, r random, f *Fleet, m *model) {
	t.Helper()
	id := digest(r.IntN(12))
	c, ok := m.images[id]
	if !ok {
		c = r.image()
	}
	if err := f.Add(id, c.packages, c.components); err != nil {
		t.Fatal(err)
	}
	m.images[id] = c
}

func replaceRandom(t *testing.T, r random, f *Fleet, m *model) {
	t.Helper()
	id, c := digest(r.IntN(12)), r.image()
	if err := f.Replace(id, c.packages, c.components); err != nil {
		t.Fatal(err)
	}
	m.images[id] = c
}

func swap(t *testing.T, f *Fleet, m *model, records map[match.Key][]match.Record, revision string) Delta {
	t.Helper()
	// Now and then one of the databases cannot be divided.
	var db Database = newDatabase(records)
	if len(revision)%2 == 0 && revision[0]%3 == 0 {
		db = undivided{newDatabase(records)}
	}
	delta, err := f.Swap(db, revision)
	if err != nil {
		t.Fatal(err)
	}
	want := m.delta(records, m.records == nil)
	sortByID := cmpopts.SortSlices(func(a, b Change) bool { return a.ID < b.ID })
	if diff := cmp.Diff(want, delta.Images, sortByID, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("changed images (-want +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(delta.Images, worstFirst) {
		t.Fatalf("changed images are not in order: %+v", delta.Images)
	}
	m.records = records
	return delta
}

func requireAgreement(t *testing.T, f *Fleet, m *model) {
	t.Helper()
	cold := New(match.Judge)
	for id, c := range m.images {
		if err := cold.Add(id, c.packages, c.components); err != nil {
			t.Fatal(err)
		}
		got, ok := f.Judgement(id)
		if ok != (m.records != nil) {
			t.Fatalf("judgement known: %t, database present: %t", ok, m.records != nil)
		}
		if !ok {
			continue
		}
		if diff := cmp.Diff(m.findings(c), got.Findings, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("findings of %s (-want +got):\n%s", id, diff)
		}
		problems := 0
		for _, n := range m.problems(c) {
			problems += n
		}
		if (problems > 0) != (len(got.Problems) > 0) {
			t.Fatalf("problems of %s: got %q, judged cold %d", id, got.Problems, problems)
		}
	}
	got, want := f.Stats(), cold.Stats()
	if got.Images != want.Images || got.Subjects != want.Subjects || got.Keys != want.Keys || got.Instances != want.Instances {
		t.Fatalf("the fleet holds %+v, a new one of the same images %+v", got, want)
	}
}
