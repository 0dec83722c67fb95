package controllers

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
)

// openDatabase opens one that was built at start.
func openDatabase(t *testing.T) *vulndb.Current {
	t.Helper()
	dir := t.TempDir()
	if err := database.Build(dir, database.Spec{Built: start}); err != nil {
		t.Fatal(err)
	}
	db, err := vulndb.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &vulndb.Current{Revision: digest("f"), Source: dir, DB: db}
}

func TestCoverage(t *testing.T) {
	const day = 24 * time.Hour
	current := openDatabase(t)
	running := func(w *world, hexes ...string) {
		for _, hex := range hexes {
			pod := apiPod
			pod.Name, pod.Uses = hex, []inventory.Use{apiPod.Uses[0]}
			pod.Uses[0].Digest = digest(hex)
			w.inventory.Set(pod)
		}
	}
	state := func(w *world, hex, reason string) {
		s := scanState{Reason: reason}
		if reason == v1alpha1.ReasonScanned || reason == v1alpha1.ReasonPartiallyScanned || reason == v1alpha1.ReasonUnsupportedOS {
			s.Manifest = digest(hex)
		}
		w.catalogue.set(scanKey(hex), s)
	}
	tests := map[string]struct {
		before  func(*world)
		without bool
		want    v1alpha1.Coverage
	}{
		"nothing runs": {before: func(*world) {}},
		"all is covered, read in part or whole": {
			before: func(w *world) {
				running(w, "1", "2")
				state(w, "1", v1alpha1.ReasonScanned)
				state(w, "2", v1alpha1.ReasonPartiallyScanned)
			},
			want: v1alpha1.Coverage{Images: 2, Covered: 2},
		},
		"the reasons why not, by name": {
			before: func(w *world) {
				running(w, "1", "2", "3", "4", "5")
				state(w, "1", v1alpha1.ReasonScanned)
				state(w, "2", v1alpha1.ReasonUnsupportedOS)
				state(w, "3", v1alpha1.ReasonUnauthorized)
				state(w, "4", v1alpha1.ReasonUnauthorized)
			},
			want: v1alpha1.Coverage{Images: 5, Covered: 1, Uncovered: 4, Reasons: []v1alpha1.CoverageReason{
				{Reason: v1alpha1.ReasonPending, Images: 1}, {Reason: v1alpha1.ReasonUnauthorized, Images: 2}, {Reason: v1alpha1.ReasonUnsupportedOS, Images: 1},
			}},
		},
		"no database": {
			before:  func(w *world) { running(w, "1"); state(w, "1", v1alpha1.ReasonScanned) },
			without: true,
			want:    v1alpha1.Coverage{Images: 1, Uncovered: 1, Reasons: []v1alpha1.CoverageReason{{Reason: v1alpha1.ReasonDatabaseMissing, Images: 1}}},
		},
		"a report that does not follow the database yet": {
			before: func(w *world) {
				running(w, "1", "2")
				state(w, "1", v1alpha1.ReasonScanned)
				state(w, "2", v1alpha1.ReasonScanned)
				w.rollout.begin("r2", start, []inventory.ReportKey{reportOf("shop", "2")})
			},
			want: v1alpha1.Coverage{Images: 2, Covered: 1, Uncovered: 1, Reasons: []v1alpha1.CoverageReason{{Reason: v1alpha1.ReasonPending, Images: 1}}},
		},
		"a report that cannot be written": {
			before: func(w *world) {
				running(w, "1")
				state(w, "1", v1alpha1.ReasonScanned)
				w.unwritten.set(reportOf("shop", "1"), true)
			},
			want: v1alpha1.Coverage{Images: 1, Uncovered: 1, Reasons: []v1alpha1.CoverageReason{{Reason: reasonReportNotWritten, Images: 1}}},
		},
		"a container without a digest": {
			before: func(w *world) {
				w.inventory.Set(inventory.Pod{Namespace: "shop", Name: "p", Running: true, Unresolved: []inventory.Unresolved{{Name: "c"}}})
			},
			want: v1alpha1.Coverage{Images: 1, Uncovered: 1, Reasons: []v1alpha1.CoverageReason{{Reason: reasonDigestUnknown, Images: 1}}},
		},
		"a scan that no pod asks for": {before: func(w *world) { state(w, "1", v1alpha1.ReasonUnauthorized) }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newReportWorld(t)
			tc.before(w)
			r := &vulnerabilityDatabaseReconciler{shared: w.shared, current: current, maxAge: day}
			if tc.without {
				r.current = nil
			}
			if diff := cmp.Diff(&tc.want, r.coverage()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNextWake(t *testing.T) {
	const hour = time.Hour
	current := openDatabase(t)
	tests := map[string]struct {
		suspend   bool
		current   *vulndb.Current
		nextCheck time.Duration // after start
		now       time.Duration
		want      time.Duration
	}{
		"at the next check":                    {current: current, nextCheck: 6 * hour, want: 6 * hour},
		"when the database is too old, before": {current: current, nextCheck: 30 * hour, want: 24 * hour},
		"a check that is overdue":              {current: current, nextCheck: -hour, want: time.Second},
		"too old already":                      {current: current, nextCheck: 30 * hour, now: 25 * hour, want: 5 * hour},
		"suspended, until it is too old":       {suspend: true, current: current, nextCheck: hour, want: 24 * hour},
		"suspended and too old":                {suspend: true, current: current, now: 25 * hour, want: 0},
		"suspended without a database":         {suspend: true},
		"without a database":                   {nextCheck: time.Minute, want: time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			now := func() time.Time { return start.Add(tc.now) }
			r := &vulnerabilityDatabaseReconciler{shared: &shared{now: now}, current: tc.current, maxAge: 24 * hour, nextCheck: start.Add(tc.nextCheck)}
			object := &v1alpha1.VulnerabilityDatabase{Spec: v1alpha1.VulnerabilityDatabaseSpec{Suspend: tc.suspend}}
			if got := r.nextWake(object); got != tc.want {
				t.Errorf("wake in %s, want %s", got, tc.want)
			}
		})
	}
}
