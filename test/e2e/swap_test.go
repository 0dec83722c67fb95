package e2e

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// publishFacts makes a database of the facts the newest, whatever was published
// before, and waits until all reports follow it. It returns its revision.
func publishFacts(t *testing.T, facts []recipe.Fact) string {
	t.Helper()
	built := databaseBuilt(t).Add(time.Minute)
	dir := t.TempDir()
	if err := database.Build(filepath.Join(dir, "db"), database.Spec{Built: built, Facts: facts}); err != nil {
		t.Fatal(err)
	}
	layout := filepath.Join(dir, "oci")
	revision, err := database.Layout(filepath.Join(dir, "db"), layout)
	if err != nil {
		t.Fatal(err)
	}
	publishDatabase(t, layout)
	return revision
}

// databaseBuilt is when the database in use was built; the operator may not have one yet.
func databaseBuilt(t *testing.T) time.Time {
	t.Helper()
	var built time.Time
	await(t, "a database", func(ctx context.Context) (string, error) {
		at := vulnerabilityDatabase(ctx, t).Status.BuiltTime
		if at == nil {
			return "none is in use", nil
		}
		built = at.Time
		return "", nil
	})
	return built
}

func factsOf(t *testing.T, facts func() (database.Spec, error)) []recipe.Fact {
	t.Helper()
	spec, err := facts()
	if err != nil {
		t.Fatal(err)
	}
	return spec.Facts
}

// imageBytes served since the counters were reset, without the databases'.
func imageBytes() int64 {
	var n int64
	for repository, stats := range world.registry.Stats().Repositories {
		if !strings.HasPrefix(databaseReference, repository+":") {
			n += stats.Manifests.Bytes + stats.Blobs.Bytes
		}
	}
	return n
}

// fact is an advisory about one of the packages that only this file's images have.
func fact(pkg, id, severity string) recipe.Fact {
	return recipe.Fact{Bucket: "debian 12", Package: pkg, ID: id, Advisory: []byte(`{"FixedVersion":"2"}`), Severity: severity}
}

// package1 is version 1 of a package, as the facts above mean it.
func package1(name string) recipe.Deb {
	d := vulnerable(name)
	d.Source, d.Version = name, "1"
	return d
}

// bystanders run images that no swap here is about.
func bystanders(t *testing.T, ns string) {
	t.Helper()
	for _, name := range []string{"checkout", "debian", "storefront", "alpine", "empty"} {
		ref := push(t, "swap/"+name+":1", bake(t, name))
		create(t, pod(ns, name, ref))
		awaitReport(t, ns, ref.Repository, scanned)
	}
}

// change is what a swap does to a report.
type change struct{ added, resolved, total int32 }

func TestSwapRewritesOnlyWhatItChanges(t *testing.T) {
	older := factsOf(t, database.Older)
	before := append(slices.Clone(older), fact("swap-b", "CVE-2026-50010", "LOW"), fact("swap-b", "CVE-2026-50011", "HIGH"), fact("swap-c", "CVE-2026-50020", "LOW"))
	after := append(slices.Clone(older),
		fact("swap-a", "CVE-2026-50001", "CRITICAL"), fact("swap-a", "CVE-2026-50002", "LOW"),
		fact("swap-b", "CVE-2026-50011", "HIGH"), fact("swap-b", "CVE-2026-50012", "MEDIUM"),
		fact("swap-c", "CVE-2026-50020", "CRITICAL"),
	)
	wantAfter := map[string]change{"a": {added: 2, total: 2}, "b": {added: 1, resolved: 1, total: 2}, "c": {total: 1}}
	wantBack := map[string]change{"a": {resolved: 2}, "b": {added: 1, resolved: 1, total: 2}, "c": {total: 1}}

	publishFacts(t, before)
	defer publishFacts(t, older)
	ns := namespace(t, nil)
	bystanders(t, ns)
	for name := range wantAfter {
		ref := push(t, "swap/"+name+":1", compose(t, debian(t, package1("swap-"+name))))
		create(t, pod(ns, name, ref))
		awaitReport(t, ns, ref.Repository, scanned)
	}
	settle(t)
	world.registry.ResetStats()

	first := byRepository(t, ns)
	second := swapped(t, ns, first, after, wantAfter)
	third := swapped(t, ns, second, before, wantBack)
	for repository, a := range first {
		if diff := cmp.Diff(a.Status.Vulnerabilities, third[repository].Status.Vulnerabilities); diff != "" {
			t.Errorf("findings of %s under the first facts, before and after the others:\n%s", repository, diff)
		}
	}
	if n := imageBytes(); n != 0 {
		t.Errorf("%d bytes of images were pulled", n)
	}
}

// swapped publishes facts and checks that they change just the reports named,
// and these as wanted. It returns the reports as they then are.
func swapped(t *testing.T, ns string, before map[string]v1alpha1.ImageReport, facts []recipe.Fact, want map[string]change) map[string]v1alpha1.ImageReport {
	t.Helper()
	revision := publishFacts(t, facts)
	// No waiting here: the revision advances only after the last report is written.
	after := byRepository(t, ns)
	for repository, a := range before {
		b := after[repository]
		wanted, changes := want[strings.TrimPrefix(repository, world.registry.Addr+"/swap/")]
		switch {
		case a.UID != b.UID:
			t.Errorf("the report of %s is another object than before", repository)
		case !changes && a.ResourceVersion != b.ResourceVersion:
			t.Errorf("%s was written, although nothing changed for it:\n%s", repository, cmp.Diff(a.Status, b.Status))
		case changes:
			checkChange(t, a, b, wanted, revision)
		}
	}
	swap := vulnerabilityDatabase(t.Context(), t).Status.LastSwap
	if swap == nil || int(swap.ChangedImages) != len(want) || int(swap.ReportsWritten) != len(want) || int(swap.ChangedKeys) != len(want) {
		t.Errorf("the last swap is %+v, want %d changed keys, images and reports", swap, len(want))
	}
	return after
}

func checkChange(t *testing.T, before, after v1alpha1.ImageReport, want change, revision string) {
	t.Helper()
	if after.Status.Summary.Total != want.total {
		t.Errorf("%s has %d findings, want %d", after.Spec.Repository, after.Status.Summary.Total, want.total)
	}
	got := *after.Status.LastChange
	if got.Time.Before(&before.Status.LastChange.Time) {
		t.Errorf("%s changed last on %s, and before that on %s", after.Spec.Repository, got.Time, before.Status.LastChange.Time)
	}
	wanted := v1alpha1.Change{
		Time: got.Time, Cause: v1alpha1.CauseDatabase, DatabaseRevision: revision, Added: want.added, Resolved: want.resolved,
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("last change of %s (-want +got):\n%s", after.Spec.Repository, diff)
	}
}

func TestSwapToTheNextMonth(t *testing.T) {
	older := factsOf(t, database.Older)
	publishFacts(t, older)
	defer publishFacts(t, older)
	ns := namespace(t, nil)
	bystanders(t, ns)
	before := byRepository(t, ns)
	publishFacts(t, factsOf(t, database.Newer))
	after := byRepository(t, ns)
	// Of the Debian base, one severity rises; the shop's package has news.
	for name, want := range map[string]bool{"checkout": true, "debian": true, "storefront": false, "alpine": false, "empty": false} {
		a, b := before[world.registry.Addr+"/swap/"+name], after[world.registry.Addr+"/swap/"+name]
		if written := a.ResourceVersion != b.ResourceVersion; written != want {
			t.Errorf("%s is written: %t, want %t", name, written, want)
		}
		if c := b.Status.LastChange; c.Added-c.Resolved != b.Status.Summary.Total-a.Status.Summary.Total && want {
			t.Errorf("%s tells of %d findings added and %d resolved, and went from %d to %d", name, c.Added, c.Resolved, a.Status.Summary.Total, b.Status.Summary.Total)
		}
	}
}

func TestSwapWithoutNewsWritesNoReport(t *testing.T) {
	older := factsOf(t, database.Older)
	publishFacts(t, older)
	defer publishFacts(t, older)
	ns := namespace(t, nil)
	bystanders(t, ns)
	settle(t)
	before := versions(t)
	world.registry.ResetStats()

	// Another order, another time, and one fact more that concerns no image.
	other := slices.Clone(older)
	slices.Reverse(other)
	other = append(other, fact("nobody-has-this", "CVE-2026-59999", "CRITICAL"))
	publishFacts(t, other)
	settle(t)
	after := versions(t)
	delete(before, "database")
	delete(after, "database")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("resource versions before and after (-before +after):\n%s", diff)
	}
	if swap := vulnerabilityDatabase(t.Context(), t).Status.LastSwap; swap.ChangedImages != 0 || swap.ReportsWritten != 0 {
		t.Errorf("the last swap is %+v, want no changed images and no reports written", swap)
	}
	if n := imageBytes(); n != 0 {
		t.Errorf("%d bytes of images were pulled", n)
	}
}

func byRepository(t *testing.T, ns string) map[string]v1alpha1.ImageReport {
	t.Helper()
	out := map[string]v1alpha1.ImageReport{}
	for _, r := range reports(t.Context(), t, ns) {
		out[r.Spec.Repository] = r
	}
	return out
}
