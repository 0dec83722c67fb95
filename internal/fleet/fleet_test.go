package fleet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

func add(t *testing.T, f *Fleet, n int, c contents) {
	t.Helper()
	if err := f.Add(digest(n), c.packages, c.components); err != nil {
		t.Fatal(err)
	}
}

func mustSwap(t *testing.T, f *Fleet, db Database, revision string) Delta {
	t.Helper()
	delta, err := f.Swap(db, revision)
	if err != nil {
		t.Fatal(err)
	}
	return delta
}

// told lists an image's findings as package index and id.
func told(t *testing.T, f *Fleet, n int) []string {
	t.Helper()
	j, ok := f.Judgement(digest(n))
	if !ok {
		t.Fatalf("image %d is not judged", n)
	}
	var list []string
	for _, finding := range j.Findings {
		list = append(list, fmt.Sprint(finding.Package, " ", finding.ID))
	}
	return list
}

func TestBeforeTheFirstDatabaseFindingsAreUnknown(t *testing.T) {
	f := New(match.Judge)
	add(t, f, 1, debianImage(dpkg("curl", "1")))
	add(t, f, 2, debianImage())
	for n := range 4 {
		if j, ok := f.Judgement(digest(n)); ok {
			t.Errorf("image %d is judged without a database: %+v", n, j)
		}
	}
	delta := mustSwap(t, f, newDatabase(nil), "r1")
	want := Delta{First: true, ReadKeys: 1, Images: []Change{{ID: digest(1)}, {ID: digest(2)}}}
	if diff := cmp.Diff(want, delta); diff != "" {
		t.Errorf("first swap (-want +got):\n%s", diff)
	}
	for n := 1; n <= 2; n++ {
		if j, ok := f.Judgement(digest(n)); !ok || j.Revision != "r1" {
			t.Errorf("image %d after the first database: %+v, %t", n, j, ok)
		}
	}
	if j, ok := f.Judgement(digest(3)); ok {
		t.Errorf("an image that was never added is judged: %+v", j)
	}
}

func TestSwapReadsOnlyTheFleetsKeysAndOnlyWhereTheyDiffer(t *testing.T) {
	records := map[match.Key][]match.Record{
		debianKey("curl"):    debianRecords(fixed("CVE-1", "2", match.SeverityHigh)),
		debianKey("bash"):    debianRecords(fixed("CVE-2", "2", match.SeverityHigh)),
		debianKey("unknown"): debianRecords(fixed("CVE-3", "2", match.SeverityHigh)),
	}
	var judged []string
	f := New(func(s match.Subject, r []match.Record) ([]match.Match, []string) {
		judged = append(judged, s.Key.Name+" "+s.Version)
		return match.Judge(s, r)
	})
	mustSwap(t, f, newDatabase(records), "r1")
	for n := range 50 {
		add(t, f, n, debianImage(dpkg("bash", "1"), dpkg("curl", "1")))
	}
	if len(judged) != 2 {
		t.Errorf("two subjects of fifty images were judged %d times", len(judged))
	}
	judged = nil
	next := map[match.Key][]match.Record{
		debianKey("curl"):    debianRecords(fixed("CVE-1", "1", match.SeverityHigh)),
		debianKey("bash"):    records[debianKey("bash")],
		debianKey("unknown"): nil,
	}
	db := newDatabase(next)
	delta := mustSwap(t, f, db, "r2")
	if db.fingerprints.Load() != 2 || db.divisions.Load() != 1 || db.reads.Load() != 0 {
		t.Errorf("read %d fingerprints, the parts of %d keys and all records of %d, want 2, 1 and 0",
			db.fingerprints.Load(), db.divisions.Load(), db.reads.Load())
	}
	if diff := cmp.Diff([]string{"curl 1"}, judged); diff != "" {
		t.Errorf("judged (-want +got):\n%s", diff)
	}
	if delta.ReadKeys != 1 || delta.ChangedKeys != 1 || delta.ChangedSubjects != 1 || len(delta.Images) != 50 {
		t.Errorf("delta: %d read, %d keys, %d subjects, %d images", delta.ReadKeys, delta.ChangedKeys, delta.ChangedSubjects, len(delta.Images))
	}
}

// A key's other vulnerabilities are neither read nor judged again, and a change
// of bytes without a meaning, as of a detail's last change, judges nothing.
func TestSwapJudgesOnlyTheVulnerabilitiesThatDiffer(t *testing.T) {
	said := []match.Advisory{fixed("CVE-1", "3", match.SeverityHigh), fixed("CVE-2", "3", match.SeverityHigh), fixed("CVE-3", "3", match.SeverityHigh)}
	first := newDatabase(map[match.Key][]match.Record{debianKey("curl"): debianRecords(said...)})
	var judged [][]string
	f := New(func(s match.Subject, r []match.Record) ([]match.Match, []string) {
		ids := []string{s.Version}
		for _, a := range r[0].Advisories {
			ids = append(ids, a.ID)
		}
		judged = append(judged, ids)
		return match.Judge(s, r)
	})
	add(t, f, 1, debianImage(dpkg("curl", "1")))
	add(t, f, 2, debianImage(dpkg("curl", "2")))
	mustSwap(t, f, first, "r1")

	judged = nil
	rewritten := newDatabase(first.records)
	rewritten.sums[debianKey("curl")]++
	delta := mustSwap(t, f, rewritten, "r2")
	if len(judged) != 0 || delta.ReadKeys != 1 || delta.ChangedKeys != 0 || len(delta.Images) != 0 {
		t.Errorf("by other bytes of the same meaning judged %v: %+v", judged, delta)
	}

	said = slices.Clone(said)
	said[1].Severity = match.SeverityLow
	second := newDatabase(map[match.Key][]match.Record{debianKey("curl"): debianRecords(said...)})
	delta = mustSwap(t, f, second, "r3")
	if diff := cmp.Diff([][]string{{"1", "CVE-2"}, {"2", "CVE-2"}}, judged); diff != "" {
		t.Errorf("judged (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Change{{ID: digest(1), Changed: 1}, {ID: digest(2), Changed: 1}}, delta.Images); diff != "" {
		t.Errorf("changed images (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"0 CVE-1", "0 CVE-2", "0 CVE-3"}, told(t, f, 1)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// What images leave behind that come in ever new versions does not pile up.
func TestMemoDoesNotGrowWithVersionsThatAreGone(t *testing.T) {
	f := New(func(s match.Subject, _ []match.Record) ([]match.Match, []string) {
		return []match.Match{{ID: "CVE-1", FixedVersion: "9"}, {ID: "CVE-2", FixedVersion: s.Version}}, nil
	})
	mustSwap(t, f, newDatabase(nil), "r1")
	add(t, f, 0, debianImage(dpkg("curl", "1")))
	for n := 2; n < 500; n++ {
		add(t, f, n, debianImage(dpkg("curl", fmt.Sprint(n))))
		f.Remove(digest(n))
	}
	if s := f.Stats(); s.Matches > 20 || s.Subjects != 1 {
		t.Errorf("after 500 versions of which one stays: %+v", s)
	}
	if diff := cmp.Diff([]string{"0 CVE-1", "0 CVE-2"}, told(t, f, 0)); diff != "" {
		t.Errorf("findings of what stays (-want +got):\n%s", diff)
	}
}

func TestDeltaTellsWhatChangedWorstFirst(t *testing.T) {
	f := New(match.Judge)
	add(t, f, 1, debianImage(dpkg("gone", "1")))
	add(t, f, 2, debianImage(dpkg("low", "1"), node("left-pad", "1.0.0", "a"), node("left-pad", "1.0.0", "b")))
	add(t, f, 3, debianImage(dpkg("worse", "1"), dpkg("gone", "1")))
	add(t, f, 4, debianImage(dpkg("same", "1")))
	add(t, f, 5, debianImage(dpkg("better", "1"), dpkg("refixed", "1")))
	add(t, f, 6, debianImage(dpkg("low", "1")))
	leftPad := match.Advisory{ID: "GHSA-1", VulnerableVersions: []string{"<2.0.0"}}
	mustSwap(t, f, newDatabase(map[match.Key][]match.Record{
		debianKey("gone"):    debianRecords(fixed("CVE-1", "2", match.SeverityCritical)),
		debianKey("worse"):   debianRecords(fixed("CVE-2", "2", match.SeverityLow)),
		debianKey("better"):  debianRecords(fixed("CVE-3", "2", match.SeverityCritical)),
		debianKey("refixed"): debianRecords(fixed("CVE-4", "2", match.SeverityCritical)),
		debianKey("same"):    debianRecords(fixed("CVE-5", "2", match.SeverityCritical)),
	}), "r1")
	delta := mustSwap(t, f, newDatabase(map[match.Key][]match.Record{
		debianKey("low"):     debianRecords(fixed("CVE-6", "2", match.SeverityLow)),
		debianKey("worse"):   debianRecords(fixed("CVE-2", "2", match.SeverityHigh)),
		debianKey("better"):  debianRecords(fixed("CVE-3", "2", match.SeverityLow)),
		debianKey("refixed"): debianRecords(fixed("CVE-4", "3", match.SeverityCritical)),
		debianKey("same"):    debianRecords(fixed("CVE-5", "2", match.SeverityCritical), fixed("CVE-0", "1", match.SeverityCritical)),
		npmKey("left-pad"):   npmRecords(leftPad),
	}), "r2")
	want := Delta{ReadKeys: 7, ChangedKeys: 6, ChangedSubjects: 6, Images: []Change{
		{ID: digest(3), Resolved: 1, Changed: 1, Worst: match.SeverityHigh},
		{ID: digest(2), Added: 3, Worst: match.SeverityLow},
		{ID: digest(6), Added: 1, Worst: match.SeverityLow},
		{ID: digest(5), Changed: 2},
		{ID: digest(1), Resolved: 1},
	}}
	if diff := cmp.Diff(want, delta); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"0 CVE-6", "1 GHSA-1", "2 GHSA-1"}, told(t, f, 2)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestFailedReadLeavesTheStateBefore(t *testing.T) {
	records := map[match.Key][]match.Record{}
	var packages []contents
	for i := range 300 {
		name := fmt.Sprint("lib", i)
		records[debianKey(name)] = debianRecords(fixed("CVE-1", "2", match.SeverityHigh))
		packages = append(packages, debianImage(dpkg(name, "1")))
	}
	f := New(match.Judge)
	for n, c := range packages {
		add(t, f, n, c)
	}
	for failAt := int64(1); failAt <= 600; failAt += 37 {
		damaged := newDatabase(records)
		damaged.failAt = failAt
		if _, err := f.Swap(damaged, "damaged"); !errors.Is(err, errDamaged) || !strings.Contains(err.Error(), "debian 12") {
			t.Fatalf("call %d fails: got error %v", failAt, err)
		}
		if _, ok := f.Judgement(digest(7)); ok {
			t.Fatalf("call %d fails: an image is judged", failAt)
		}
	}
	mustSwap(t, f, newDatabase(records), "r1")
	damaged := newDatabase(map[match.Key][]match.Record{debianKey("lib1"): debianRecords()})
	damaged.failAt = 250
	if _, err := f.Swap(damaged, "damaged"); !errors.Is(err, errDamaged) {
		t.Fatalf("got error %v", err)
	}
	for n := range packages {
		if j, _ := f.Judgement(digest(n)); j.Revision != "r1" || len(j.Findings) != 1 {
			t.Fatalf("image %d after a failed swap: %+v", n, j)
		}
	}
	if delta := mustSwap(t, f, newDatabase(records), "r2"); delta.ReadKeys != 0 || len(delta.Images) != 0 {
		t.Errorf("swap to equal records after a failed one: %+v", delta)
	}
}

func TestFailedAddLeavesTheFleetWithoutTheImage(t *testing.T) {
	f := New(match.Judge)
	db := newDatabase(map[match.Key][]match.Record{debianKey("curl"): debianRecords(fixed("CVE-1", "2", match.SeverityHigh))})
	mustSwap(t, f, db, "r1")
	c := debianImage(dpkg("curl", "1"))
	for failing := range int64(2) {
		db.failAt = db.calls.Load() + 1 + failing
		if err := f.Add(digest(1), c.packages, c.components); !errors.Is(err, errDamaged) {
			t.Fatalf("got error %v", err)
		}
		if s := f.Stats(); s != (Stats{}) {
			t.Fatalf("a failed add leaves %+v", s)
		}
	}
	add(t, f, 1, c)
	if diff := cmp.Diff([]string{"0 CVE-1"}, told(t, f, 1)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAddOfAVersionUnderAKnownKey(t *testing.T) {
	f := New(match.Judge)
	records := debianRecords(fixed("CVE-1", "2", match.SeverityHigh), fixed("CVE-2", "3", match.SeverityLow))
	mustSwap(t, f, newDatabase(map[match.Key][]match.Record{debianKey("curl"): records}), "r1")
	add(t, f, 1, debianImage(dpkg("curl", "2")))
	add(t, f, 2, debianImage(dpkg("curl", "1")))
	add(t, f, 3, debianImage(dpkg("curl", "3")))
	got := [][]string{told(t, f, 1), told(t, f, 2), told(t, f, 3)}
	if diff := cmp.Diff([][]string{{"0 CVE-2"}, {"0 CVE-1", "0 CVE-2"}, nil}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := f.Stats(); s.Matches != 2 || s.Keys != 1 || s.Subjects != 3 {
		t.Errorf("three versions share one key and two matches: got %+v", s)
	}
}

func TestReplaceLeavesNothingOfTheImageBefore(t *testing.T) {
	f := New(match.Judge)
	db := newDatabase(map[match.Key][]match.Record{
		debianKey("curl"): debianRecords(fixed("CVE-1", "2", match.SeverityHigh)), debianKey("bash"): debianRecords(fixed("CVE-2", "2", match.SeverityLow)),
	})
	mustSwap(t, f, db, "r1")
	add(t, f, 1, debianImage(dpkg("curl", "1"), dpkg("own", "1")))
	add(t, f, 2, debianImage(dpkg("curl", "1")))
	c := debianImage(dpkg("curl", "1"), dpkg("bash", "1"))
	db.failAt = db.calls.Load() + 2
	if err := f.Replace(digest(1), c.packages, c.components); !errors.Is(err, errDamaged) {
		t.Fatalf("got error %v", err)
	}
	if diff := cmp.Diff([]string{"0 CVE-1"}, told(t, f, 1)); diff != "" {
		t.Errorf("a failure changes the image (-want +got):\n%s", diff)
	}
	if err := f.Replace(digest(1), c.packages, c.components); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0 CVE-1", "1 CVE-2"}, told(t, f, 1)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := f.Stats(); s.Images != 2 || s.Keys != 2 || s.Subjects != 2 || s.Matches != 2 {
		t.Errorf("the fleet holds %+v, and should not hold the package that is gone", s)
	}
}

func TestReplacedImageIsJudgedAtEachMoment(t *testing.T) {
	f := New(match.Judge)
	mustSwap(t, f, newDatabase(map[match.Key][]match.Record{debianKey("curl"): debianRecords(fixed("CVE-1", "2", match.SeverityHigh))}), "r1")
	c := debianImage(dpkg("curl", "1"))
	add(t, f, 1, c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2000 {
			if err := f.Replace(digest(1), c.packages, c.components); err != nil {
				t.Error(err)
			}
		}
	}()
	for replacing := true; replacing; {
		select {
		case <-done:
			replacing = false
		default:
		}
		if j, ok := f.Judgement(digest(1)); !ok || len(j.Findings) != 1 {
			t.Fatalf("judged %t, %d findings", ok, len(j.Findings))
		}
	}
}

func TestRemoveFreesWhatNoOtherImageHas(t *testing.T) {
	f := New(match.Judge)
	for n := range 5 {
		add(t, f, n, debianImage(dpkg("base", "1"), dpkg(fmt.Sprint("own", n), "1"), dpkg("shared", fmt.Sprint(n))))
	}
	f.Remove(digest(3))
	f.Remove(digest(3))
	f.Remove(digest(99))
	s := f.Stats()
	s.Bytes = 0
	if want := (Stats{Images: 4, Subjects: 9, Keys: 6, Instances: 12}); s != want {
		t.Errorf("after one of five images left: got %+v, want %+v", s, want)
	}
	add(t, f, 6, debianImage(dpkg("other", "1")))
	mustSwap(t, f, newDatabase(map[match.Key][]match.Record{
		debianKey("own3"):  debianRecords(fixed("CVE-1", "2", match.SeverityHigh)),
		debianKey("other"): debianRecords(fixed("CVE-2", "2", match.SeverityHigh)),
	}), "r1")
	if diff := cmp.Diff([]string{"0 CVE-2"}, told(t, f, 6)); diff != "" {
		t.Errorf("the image that took freed ids (-want +got):\n%s", diff)
	}
	for n := range 7 {
		f.Remove(digest(n))
	}
	if s := f.Stats(); s != (Stats{}) || f.Len() != 0 {
		t.Errorf("an empty fleet holds %+v", s)
	}
}

// Twins are judged alike or apart, but reported once, as match.Findings does.
func TestTwinsAreReportedOnce(t *testing.T) {
	apart := dpkg("curl", "1")
	apart.SourceName = "curl-other"
	packages := map[string]contents{
		"alike":          debianImage(dpkg("curl", "1"), dpkg("bash", "1"), dpkg("curl", "1")),
		"apart":          debianImage(dpkg("curl", "1"), dpkg("bash", "1"), apart),
		"not judged":     debianImage(func() sbom.Package { p := dpkg("curl", "1"); p.ThirdParty = true; return p }(), dpkg("curl", "1")),
		"different path": debianImage(node("curl", "1.0.0", "a"), node("curl", "1.0.0", "b")),
	}
	records := map[match.Key][]match.Record{
		debianKey("curl"):       debianRecords(fixed("CVE-1", "2", match.SeverityHigh), fixed("CVE-2", "3", match.SeverityLow)),
		debianKey("curl-other"): debianRecords(fixed("CVE-1", "3", match.SeverityHigh), fixed("CVE-3", "3", match.SeverityLow)),
		npmKey("curl"):          npmRecords(match.Advisory{ID: "CVE-4", VulnerableVersions: []string{"<2"}}),
	}
	for name, c := range packages {
		t.Run(name, func(t *testing.T) {
			f := New(match.Judge)
			mustSwap(t, f, newDatabase(records), "r1")
			add(t, f, 1, c)
			j, _ := f.Judgement(digest(1))
			want := (&model{records: records}).findings(c)
			for i := range want {
				// Which twin a finding names may differ, as far as nobody can tell them apart.
				if name == "apart" {
					want[i].Package = 0
				}
			}
			slices.SortFunc(want, func(a, b match.Finding) int {
				if a.Package != b.Package {
					return a.Package - b.Package
				}
				return strings.Compare(a.ID, b.ID)
			})
			if diff := cmp.Diff(want, j.Findings); diff != "" || len(want) < 2 {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestProblemsAreToldOnceAndAreChanges(t *testing.T) {
	f := New(match.Judge)
	add(t, f, 1, debianImage(node("left-pad", "1.0.0", "a"), node("left-pad", "2.0.0", "b")))
	mustSwap(t, f, newDatabase(nil), "r1")
	broken := npmRecords(match.Advisory{ID: "CVE-1", VulnerableVersions: []string{"<<nonsense"}})
	delta := mustSwap(t, f, newDatabase(map[match.Key][]match.Record{npmKey("left-pad"): broken}), "r2")
	if diff := cmp.Diff([]Change{{ID: digest(1)}}, delta.Images); diff != "" {
		t.Errorf("changed images (-want +got):\n%s", diff)
	}
	if j, _ := f.Judgement(digest(1)); len(j.Problems) != 1 || !strings.Contains(j.Problems[0], "left-pad") {
		t.Errorf("problems: %q", j.Problems)
	}
	delta = mustSwap(t, f, newDatabase(nil), "r3")
	if j, _ := f.Judgement(digest(1)); len(j.Problems) != 0 || len(delta.Images) != 1 {
		t.Errorf("once there are none: %q, changed images %+v", j.Problems, delta.Images)
	}
	mustSwap(t, f, newDatabase(map[match.Key][]match.Record{npmKey("left-pad"): broken}), "r4")
	f.Remove(digest(1))
	if s := f.Stats(); s != (Stats{}) {
		t.Errorf("problems of subjects that are gone are kept: %+v", s)
	}
	add(t, f, 2, debianImage(dpkg("curl", "1"), dpkg("bash", "1")))
	if j, _ := f.Judgement(digest(2)); len(j.Problems) != 0 {
		t.Errorf("an image that took freed ids has the problems of another: %q", j.Problems)
	}
}

// Versions share the matches that are identical, and only those.
func TestVersionsOfWhichAVulnerabilityIsToldDifferently(t *testing.T) {
	f := New(func(s match.Subject, _ []match.Record) ([]match.Match, []string) {
		return []match.Match{{ID: "CVE-2", FixedVersion: s.Version}, {ID: "CVE-1", FixedVersion: "9"}}, nil
	})
	add(t, f, 1, debianImage(dpkg("curl", "1")))
	add(t, f, 2, debianImage(dpkg("curl", "2")))
	mustSwap(t, f, newDatabase(nil), "r1")
	add(t, f, 3, debianImage(dpkg("curl", "3")))
	for n := 1; n <= 3; n++ {
		j, _ := f.Judgement(digest(n))
		want := []match.Finding{
			{Match: match.Match{ID: "CVE-1", FixedVersion: "9"}},
			{Match: match.Match{ID: "CVE-2", FixedVersion: fmt.Sprint(n)}},
		}
		if diff := cmp.Diff(want, j.Findings); diff != "" {
			t.Errorf("image %d (-want +got):\n%s", n, diff)
		}
	}
	if s := f.Stats(); s.Matches != 4 {
		t.Errorf("three versions have %d distinct matches, want 4", s.Matches)
	}
}

// While databases are swapped and images come and go, each read tells of one
// database alone, and of the one that it names.
func TestReadersSeeOneDatabase(t *testing.T) {
	revisions := []string{"CVE-1", "CVE-2"}
	var databases []Database
	for _, id := range revisions {
		records := map[match.Key][]match.Record{}
		for i := range 40 {
			records[debianKey(fmt.Sprint("lib", i))] = debianRecords(fixed(id, "2", match.SeverityHigh))
		}
		databases = append(databases, newDatabase(records))
	}
	var packages []sbom.Package
	for i := range 40 {
		packages = append(packages, dpkg(fmt.Sprint("lib", i), "1"))
	}
	f := New(match.Judge)
	add(t, f, 0, debianImage(packages...))
	mustSwap(t, f, databases[0], revisions[0])
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				j, ok := f.Judgement(digest(0))
				if !ok || len(j.Findings) != 40 {
					t.Errorf("a reader sees %d findings", len(j.Findings))
				}
				for _, finding := range j.Findings {
					if finding.ID != j.Revision {
						t.Errorf("by %s a reader is told of %s", j.Revision, finding.ID)
					}
				}
				f.Stats()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	var writers sync.WaitGroup
	writers.Go(func() {
		for i := range 100 {
			if _, err := f.Swap(databases[i%2], revisions[i%2]); err != nil {
				t.Error(err)
			}
		}
	})
	writers.Go(func() {
		c := debianImage(packages[:20]...)
		for i := range 100 {
			if err := f.Add(digest(1+i%3), c.packages, c.components); err != nil {
				t.Error(err)
			}
			f.Remove(digest(1 + (i+1)%3))
		}
	})
	writers.Wait()
	close(done)
	readers.Wait()
}

func TestSameMeaning(t *testing.T) {
	base := match.Match{
		ID: "CVE-1", VendorIDs: []string{"A", "B"}, FixedVersion: "1.2, 2.3", Status: match.StatusFixed,
		Severity: match.SeverityHigh, SeveritySource: "nvd", Source: npmSource,
	}
	tests := map[string]struct {
		change func(*match.Match)
		want   bool
	}{
		"equal":                      {func(*match.Match) {}, true},
		"vendors' ids reordered":     {func(m *match.Match) { m.VendorIDs = []string{"B", "A"} }, true},
		"fixed versions reordered":   {func(m *match.Match) { m.FixedVersion = "2.3, 1.2" }, true},
		"another fixed version":      {func(m *match.Match) { m.FixedVersion = "1.2, 2.4" }, false},
		"another vendor's id":        {func(m *match.Match) { m.VendorIDs = []string{"A", "C"} }, false},
		"another severity":           {func(m *match.Match) { m.Severity = match.SeverityLow }, false},
		"another source of severity": {func(m *match.Match) { m.SeveritySource = "ghsa" }, false},
		"another status":             {func(m *match.Match) { m.Status = match.StatusAffected }, false},
		"another data source":        {func(m *match.Match) { m.Source = debianSource }, false},
		"another publication":        {func(m *match.Match) { m.Published = m.Published.AddDate(0, 0, 1) }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before, after := base, base
			test.change(&after)
			if got := sameMeaning(before, after); got != test.want {
				t.Errorf("got %t", got)
			}
			if diff := cmp.Diff([]string{"A", "B"}, base.VendorIDs, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("comparing reordered the match itself:\n%s", diff)
			}
		})
	}
}
