package controllers

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

var keepCurrent = policyKey{Kind: kindImagePolicy, Namespace: "shop", Name: "p"}

// updateWorld follows the updates of what the pod runs.
func updateWorld(t *testing.T) (*world, *updateReconciler) {
	t.Helper()
	w := newReportWorld(t, &v1alpha1.ImageReport{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "api"},
		Spec:       v1alpha1.ImageReportSpec{Repository: repository, Digest: string(digest("a")), Platform: amd64.String()},
		Status:     v1alpha1.ImageReportStatus{Verdicts: []v1alpha1.PolicyVerdict{{PolicyKind: kindImagePolicy, PolicyName: "p"}}},
	})
	w.inventory.Set(apiPod)
	return w, &updateReconciler{shared: w.shared, projections: newProjections()}
}

func TestWhatIsKnownOfImages(t *testing.T) {
	claim := baseimage.Claim{Source: v1alpha1.BaseAnnotation, Name: image.Reference{Repository: "debian", Tag: "12"}, Digest: digest("d")}
	base := inventory.ScanKey{Digest: claim.Digest, Platform: amd64}
	scanned := func(w *world) {
		w.catalogue.set(apiKey.Scan(), scanState{Manifest: digest("b")})
		w.bases.put(digest("b"), origin{Claims: []baseimage.Claim{claim}})
	}
	for name, tc := range map[string]struct {
		change         func(*world)
		known, settled bool
	}{
		"its scan is still to come": {change: func(*world) {}},
		"its scan failed": {settled: true, change: func(w *world) {
			w.catalogue.set(apiKey.Scan(), scanState{Reason: v1alpha1.ReasonRegistryUnavailable})
		}},
		"its base is still to come": {change: scanned},
		"it has no base":            {known: true, settled: true, change: func(w *world) { scanned(w); w.bases.set(digest("b"), foundBase{}) }},
		"its base's scan failed": {settled: true, change: func(w *world) {
			scanned(w)
			w.bases.set(digest("b"), foundBase{})
			w.catalogue.set(base, scanState{Reason: v1alpha1.ReasonTooManyRequests})
		}},
		"its base is not there": {known: true, settled: true, change: func(w *world) {
			scanned(w)
			w.bases.set(digest("b"), foundBase{})
			w.catalogue.set(base, scanState{Reason: v1alpha1.ReasonImageNotFound})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := updateWorld(t)
			tc.change(w)
			found, err := r.images(t.Context(), remediated{key: keepCurrent})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(found.images) == 1; got != tc.known || found.unknown["shop/Pod/api-1"] == tc.known || found.settled != tc.settled {
				t.Errorf("%+v", found)
			}
		})
	}
}

// What cannot be scanned may still run the old version: its update neither ends nor arrives, and keeps its pull request.
func TestAnUpdateWaitsForWhatCannotBeScanned(t *testing.T) {
	_, r := updateWorld(t)
	full := slices.Repeat([]string{"shop/Pod/other"}, maxWorkloads)
	for name, tc := range map[string]struct {
		found     selection
		workloads []string
		ends      bool
	}{
		"all is known":                 {selection{settled: true}, []string{"shop/Pod/api-1"}, true},
		"one of its own is not":        {selection{settled: true, unknown: map[string]bool{"shop/Pod/api-1": true}}, []string{"shop/Pod/api-1"}, false},
		"another's is not":             {selection{settled: true, unknown: map[string]bool{"shop/Pod/db": true}}, []string{"shop/Pod/api-1"}, true},
		"one may be its own":           {selection{settled: true, unknown: map[string]bool{"shop/Pod/db": true}}, full, false},
		"something is still to come":   {selection{}, []string{"shop/Pod/api-1"}, false},
		"it runs, and nothing is told": {selection{settled: true}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			update := v1alpha1.ImageUpdate{Status: v1alpha1.ImageUpdateStatus{
				Phase: v1alpha1.UpdateProposed, Workloads: tc.workloads, PullRequest: &v1alpha1.PullRequest{State: v1alpha1.PullRequestOpen},
			}}
			got, err := r.round(remediated{key: keepCurrent}, tc.found, nil, []v1alpha1.ImageUpdate{update})
			if err != nil {
				t.Fatal(err)
			}
			if ends := len(got.steps) == 1; ends != tc.ends || ends && got.steps[0].status.SupersededTime == nil {
				t.Errorf("steps %+v", got.steps)
			}
		})
	}
}

// A pull request for a whole repository is not taken back while some of its updates are not known.
func TestASharedPullRequestWaitsForWhatCannotBeScanned(t *testing.T) {
	_, r := updateWorld(t)
	update := func(name, workload string) v1alpha1.ImageUpdate {
		return v1alpha1.ImageUpdate{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ImageUpdateSpec{SourceRepository: shop, Base: "docker.io/library/" + name + ":1"},
			Status: v1alpha1.ImageUpdateStatus{Phase: v1alpha1.UpdateProposed, Workloads: []string{workload}, PullRequest: &v1alpha1.PullRequest{State: v1alpha1.PullRequestOpen}},
		}
	}
	p := remediated{key: keepCurrent, Remediation: &v1alpha1.Remediation{Grouping: v1alpha1.GroupingRepository}}
	for _, unknown := range []bool{true, false} {
		found := selection{settled: true, unknown: map[string]bool{"shop/Pod/b": unknown}}
		got, err := r.round(p, found, nil, []v1alpha1.ImageUpdate{update("a", "shop/Pod/a"), update("b", "shop/Pod/b")})
		if err != nil {
			t.Fatal(err)
		}
		if s := got.steps[0]; !over(s) || got.shared(s) != unknown {
			t.Errorf("while the other is unknown (%t), its pull request is shared: %t", unknown, got.shared(s))
		}
	}
}

func TestAGroupWaitsForWhatCannotBeScanned(t *testing.T) {
	fresh := moves("shop", "c", debian("12", "d"), nil)
	before := v1alpha1.ImageUpdateStatus{
		Phase: v1alpha1.UpdateProposed, To: &v1alpha1.ImageVersion{Tag: "12", Digest: string(digest("d"))}, Workloads: []string{"shop/Deployment/api", "shop/Deployment/old"},
	}
	for _, unknown := range []string{"", "shop/Deployment/old"} {
		s := stepOf(before, nil, fresh)
		s.miss(selection{settled: true, unknown: map[string]bool{unknown: true}})
		s.judge(s.arrive(target(s)), start)
		want, workloads := v1alpha1.UpdateRolledOut, 1
		if unknown != "" {
			want, workloads = v1alpha1.UpdateProposed, 2
		}
		if s.status.Phase != want || s.status.To == nil || len(s.status.Workloads) != workloads {
			t.Errorf("without %q it is %s to %v for %v, want %s", unknown, s.status.Phase, s.status.To, s.status.Workloads, want)
		}
	}
}

func TestHowLongAnEndedUpdateIsKept(t *testing.T) {
	long, short := &metav1.Time{Time: start.Add(-updateRetention - time.Hour)}, &metav1.Time{Time: start.Add(-time.Hour)}
	to := &v1alpha1.ImageVersion{Tag: "12.2"}
	open := &v1alpha1.PullRequest{State: v1alpha1.PullRequestOpen}
	for name, tc := range map[string]struct {
		status v1alpha1.ImageUpdateStatus
		want   bool
	}{
		"it ends just now":                     {v1alpha1.ImageUpdateStatus{To: to, SupersededTime: &metav1.Time{Time: start}}, false},
		"it ended long ago":                    {v1alpha1.ImageUpdateStatus{To: to, SupersededTime: long}, true},
		"it rolled out a while ago":            {v1alpha1.ImageUpdateStatus{To: to, RolledOutTime: short}, false},
		"it rolled out long ago":               {v1alpha1.ImageUpdateStatus{To: to, RolledOutTime: long}, true},
		"its pull request is still open":       {v1alpha1.ImageUpdateStatus{To: to, SupersededTime: long, PullRequest: open}, false},
		"there is none, but its pull request":  {v1alpha1.ImageUpdateStatus{PullRequest: open, SupersededTime: long}, false},
		"there was never anything to move to":  {v1alpha1.ImageUpdateStatus{SupersededTime: short}, true},
		"nobody has written down when it ends": {v1alpha1.ImageUpdateStatus{To: to}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &step{before: &v1alpha1.ImageUpdate{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: *long}}, status: tc.status}
			if got := s.outlived(start); got != tc.want {
				t.Errorf("it has outlived its end: %t", got)
			}
		})
	}
}
