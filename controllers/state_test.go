package controllers

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

var (
	start = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	amd64 = image.Platform{OS: "linux", Architecture: "amd64"}
)

func clock() time.Time { return start }

func digest(hex string) image.Digest { return image.Digest("sha256:" + strings.Repeat(hex, 64)) }

func scanKey(hex string) inventory.ScanKey {
	return inventory.ScanKey{Digest: digest(hex), Platform: amd64}
}

func reportOf(namespace, hex string) inventory.ReportKey {
	return inventory.ReportKey{Namespace: namespace, Repository: "r.example.com/api", Digest: digest(hex), Platform: amd64}
}

func TestCatalogueCountsUsersOfAManifest(t *testing.T) {
	c := newCatalogue()
	index, manifest := scanKey("a"), scanKey("b")
	good := scanState{Manifest: digest("b"), Reason: v1alpha1.ReasonScanned}
	failed := scanState{Reason: v1alpha1.ReasonUnauthorized}
	if !c.set(index, failed) || c.set(index, failed) {
		t.Error("the same state twice is a change once")
	}
	if c.uses(digest("b")) {
		t.Error("a failed scan uses a manifest")
	}
	if !c.set(index, good) || !c.set(manifest, good) || c.set(manifest, good) {
		t.Error("a state that differs is a change")
	}
	scans := c.scansByManifest()[digest("b")]
	if len(scans) != 2 || !slices.Contains(scans, index) || !slices.Contains(scans, manifest) {
		t.Errorf("scans of the manifest: %v", scans)
	}
	if got, unused := c.forget(index); got != digest("b") || unused || !c.uses(digest("b")) {
		t.Errorf("the first of two users: %s, unused %t", got, unused)
	}
	if _, unused := c.forget(index); unused {
		t.Error("a scan is forgotten twice")
	}
	if got, unused := c.forget(manifest); got != digest("b") || !unused || c.uses(digest("b")) {
		t.Errorf("the last user: %s, unused %t", got, unused)
	}
	if _, known := c.get(manifest); known || len(c.states)+len(c.users) != 0 {
		t.Errorf("left: %+v %+v", c.states, c.users)
	}
}

func TestCatalogueFollowsAScanToAnotherManifest(t *testing.T) {
	c := newCatalogue()
	c.set(scanKey("a"), scanState{Manifest: digest("b")})
	c.set(scanKey("a"), scanState{Manifest: digest("c")})
	if c.uses(digest("b")) || !c.uses(digest("c")) {
		t.Errorf("users %v", c.users)
	}
	c.set(scanKey("a"), scanState{Reason: v1alpha1.ReasonPending})
	if len(c.users) != 0 || len(c.scansByManifest()[digest("c")]) != 0 {
		t.Errorf("users %v", c.users)
	}
	if manifest, unused := c.forget(scanKey("a")); manifest != "" || unused {
		t.Errorf("a scan without a manifest: %q, unused %t", manifest, unused)
	}
}

func TestRollout(t *testing.T) {
	now := start
	r := newRollout(func() time.Time { return now })
	a, b, c := reportOf("shop", "a"), reportOf("shop", "b"), reportOf("other", "a")
	if _, settled := r.ready(); settled || r.report(a, "", true) {
		t.Error("settled before any database")
	}
	r.settle()
	if revision, settled := r.ready(); revision != "" || !settled || !r.state().done.IsZero() {
		t.Error("to have no database is not to have followed one")
	}
	steps := []struct {
		name     string
		do       func() bool
		wantLast bool
		want     rolloutState
	}{
		{"a first database", func() bool { r.begin("r1", start, []inventory.ReportKey{a, b}); return false }, false,
			rolloutState{settled: true, revision: "r1", pending: pending(a, b)}},
		{"a report that is not pending", func() bool { return r.report(c, "r1", true) }, false, rolloutState{settled: true, revision: "r1", pending: pending(a, b)}},
		{"one that changed nothing", func() bool { return r.report(a, "r1", false) }, false, rolloutState{settled: true, revision: "r1", pending: pending(b)}},
		{"the next database, too early", func() bool { r.begin("r2", start, []inventory.ReportKey{a, c}); return false }, false,
			rolloutState{settled: true, revision: "r2", pending: pending(a, b, c)}},
		{"one judged by the database before", func() bool { return r.report(b, "r1", true) }, false, rolloutState{settled: true, revision: "r2", pending: pending(a, b, c)}},
		{"one from before", func() bool { return r.report(b, "r2", true) }, false, rolloutState{settled: true, revision: "r2", pending: pending(a, c), written: 1}},
		// a and c follow the same scan.
		{"one of two of a scan", func() bool { return r.report(c, "r2", true) }, false, rolloutState{settled: true, revision: "r2", pending: pending(a), written: 2}},
		{"the last", func() bool { return r.report(a, "r2", true) }, true,
			rolloutState{settled: true, revision: "r2", pending: pending(), written: 3, done: start.Add(time.Minute)}},
		{"the last again", func() bool { return r.report(a, "r2", true) }, false,
			rolloutState{settled: true, revision: "r2", pending: pending(), written: 3, done: start.Add(time.Minute)}},
		{"a database whose last report is gone", func() bool { r.begin("r2", start, []inventory.ReportKey{a}); return r.drop(a) }, true,
			rolloutState{settled: true, revision: "r2", pending: pending(), done: start.Add(time.Minute)}},
		{"a database without news", func() bool { r.begin("r3", start, nil); return false }, false,
			rolloutState{settled: true, revision: "r3", pending: pending(), done: start.Add(time.Minute)}},
	}
	now = start.Add(time.Minute)
	for _, step := range steps {
		if last := step.do(); last != step.wantLast {
			t.Errorf("%s: last %t, want %t", step.name, last, step.wantLast)
		}
		if diff := cmp.Diff(step.want, r.state(), cmp.AllowUnexported(rolloutState{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func pending(reports ...inventory.ReportKey) map[inventory.ScanKey]struct{} {
	scans := map[inventory.ScanKey]struct{}{}
	for _, r := range reports {
		scans[r.Scan()] = struct{}{}
	}
	return scans
}

func TestTriggerWaitsForItsController(t *testing.T) {
	synced := make(chan struct{})
	trigger := newTrigger[string](synced)
	added := make(chan struct{})
	go func() {
		trigger.addPriority(t.Context(), priorityCritical, "a", "b")
		close(added)
	}()
	select {
	case <-added:
		t.Fatal("added to a queue that is not there")
	default:
	}
	queue := startQueue(t, trigger)
	<-added
	first, priority, _ := queue.GetWithPriority()
	if queue.Len() != 1 || priority != priorityCritical || (first != "a" && first != "b") {
		t.Errorf("got %s at priority %d, %d left", first, priority, queue.Len())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := trigger.WaitForSync(ctx); err == nil {
		t.Error("synced before the pods are known")
	}
	close(synced)
	if err := trigger.WaitForSync(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTriggerLetsTheHigherPriorityGoFirst(t *testing.T) {
	trigger := newTrigger[string](nil)
	queue := startQueue(t, trigger)
	trigger.addPriority(t.Context(), priorityLow, "low")
	trigger.addPriority(t.Context(), priorityNormal, "normal", "raised")
	trigger.addPriority(t.Context(), priorityCritical, "raised")
	var got []string
	for range 3 {
		next, _, _ := queue.GetWithPriority()
		got = append(got, next)
	}
	if diff := cmp.Diff([]string{"raised", "normal", "low"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTriggerEndsWithTheProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// Returns although no controller has started.
	newTrigger[string](nil).addPriority(ctx, priorityNormal, "a")
}

func TestTriggerOfAPlainQueue(t *testing.T) {
	trigger := newTrigger[string](nil)
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	defer queue.ShutDown()
	if err := trigger.Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	trigger.addPriority(t.Context(), priorityHigh, "a")
	if got, _ := queue.Get(); got != "a" {
		t.Errorf("got %q", got)
	}
}

func startQueue[request comparable](t *testing.T, trigger *trigger[request]) priorityqueue.PriorityQueue[request] {
	t.Helper()
	queue := priorityqueue.New[request](t.Name())
	t.Cleanup(queue.ShutDown)
	if err := trigger.Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	return queue
}

func TestUnique(t *testing.T) {
	if diff := cmp.Diff([]int{3, 1, 2}, unique([]int{3, 1, 3, 2, 1})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
