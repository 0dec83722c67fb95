package controllers

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

func tag(t *testing.T, name string) baseimage.Tag {
	t.Helper()
	parsed, ok := baseimage.ParseTag("docker.io/library/debian", name)
	if !ok {
		t.Fatalf("%s is no tag", name)
	}
	return parsed
}

// candidate fixes as many findings as asked.
func candidate(t *testing.T, name, hex string, level baseimage.Level, severity v1alpha1.Severity) baseimage.Evaluated {
	t.Helper()
	return baseimage.Evaluated{
		Candidate: baseimage.Candidate{Tag: tag(t, name), Step: baseimage.Step{Level: level}}, Digest: digest(hex), Scanned: true,
		Delta: baseimage.Delta{Fixes: []policy.Finding{{ID: "CVE-1", Package: "a", Severity: severity}}},
	}
}

// stepOf a group with what it was before and what was chosen.
func stepOf(before v1alpha1.ImageUpdateStatus, taken *baseimage.Evaluated, images ...movingImage) *step {
	s := &step{group: &groupMoving(images)[0], sure: true, choice: chosen{Looked: true, Choice: baseimage.Choice{Taken: taken}}}
	s.id = s.group.ID
	if before.Phase != "" {
		s.before = &v1alpha1.ImageUpdate{Status: before}
	}
	return s
}

// target takes nothing for what a step moves to but that itself.
func target(s *step) func(image.Digest) bool {
	return (&updateReconciler{shared: newShared(nil, nil, clock, nil)}).reached(s, false)
}

func TestJudge(t *testing.T) {
	old := moves("shop", "a", debian("12", "b"), at(source.Dockerfile))
	fresh := moves("shop", "c", debian("12", "d"), at(source.Dockerfile))
	refresh := candidate(t, "12", "d", baseimage.Same, v1alpha1.SeverityHigh)
	way := func(phase v1alpha1.UpdatePhase) v1alpha1.ImageUpdateStatus {
		return v1alpha1.ImageUpdateStatus{
			Phase: phase, To: &v1alpha1.ImageVersion{Tag: "12", Digest: string(digest("d"))}, AvailableTime: &metav1.Time{Time: start.Add(-time.Hour)},
			PullRequest: &v1alpha1.PullRequest{URL: "u", State: v1alpha1.PullRequestOpen},
		}
	}
	for name, tc := range map[string]struct {
		before v1alpha1.ImageUpdateStatus
		taken  *baseimage.Evaluated
		images []movingImage
		want   v1alpha1.UpdatePhase
		to     bool
	}{
		"nothing better":              {images: []movingImage{old}, want: v1alpha1.UpdateNone},
		"something better":            {taken: &refresh, images: []movingImage{old}, want: v1alpha1.UpdateAvailable, to: true},
		"still proposed":              {before: way(v1alpha1.UpdateProposed), taken: &refresh, images: []movingImage{old}, want: v1alpha1.UpdateProposed, to: true},
		"merged, and on its way":      {before: way(v1alpha1.UpdateMerged), taken: &refresh, images: []movingImage{old}, want: v1alpha1.UpdateMerged, to: true},
		"half of it rolled out":       {before: way(v1alpha1.UpdateMerged), taken: &refresh, images: []movingImage{old, fresh}, want: v1alpha1.UpdateMerged, to: true},
		"all of it rolled out":        {before: way(v1alpha1.UpdateMerged), images: []movingImage{fresh}, want: v1alpha1.UpdateRolledOut, to: true},
		"rolled out by itself":        {before: way(v1alpha1.UpdateDryRun), images: []movingImage{fresh}, want: v1alpha1.UpdateRolledOut, to: true},
		"no candidate any more":       {before: way(v1alpha1.UpdateProposed), images: []movingImage{old}, want: v1alpha1.UpdateNone},
		"gone, and back again":        {before: way(v1alpha1.UpdateSuperseded), taken: &refresh, images: []movingImage{old}, want: v1alpha1.UpdateAvailable, to: true},
		"rolled back":                 {before: way(v1alpha1.UpdateRolledOut), taken: &refresh, images: []movingImage{old}, want: v1alpha1.UpdateAvailable, to: true},
		"rolled out, and it stays so": {before: way(v1alpha1.UpdateRolledOut), images: []movingImage{fresh}, want: v1alpha1.UpdateRolledOut, to: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := stepOf(tc.before, tc.taken, tc.images...)
			s.judge(s.arrive(target(s)), start)
			if s.status.Phase != tc.want || (s.status.To != nil) != tc.to {
				t.Errorf("phase %s to %v, want %s", s.status.Phase, s.status.To, tc.want)
			}
			if tc.want == v1alpha1.UpdateRolledOut && tc.before.Phase != tc.want && s.status.RolledOutTime == nil {
				t.Error("it has no time at which it rolled out")
			}
		})
	}
}

func TestANewerCandidateKeepsTheStory(t *testing.T) {
	first := candidate(t, "12.2", "d", baseimage.Minor, v1alpha1.SeverityHigh)
	s := stepOf(v1alpha1.ImageUpdateStatus{}, &first, moves("shop", "a", debian("12.1", "b"), at(source.Dockerfile)))
	s.judge(s.arrive(target(s)), start)
	began := s.status.AvailableTime
	s.status.Phase = v1alpha1.UpdateProposed
	s.status.PullRequest = &v1alpha1.PullRequest{URL: "u", State: v1alpha1.PullRequestOpen}
	newer := candidate(t, "12.3", "e", baseimage.Minor, v1alpha1.SeverityHigh)
	next := stepOf(s.status, &newer, s.group.Images...)
	next.judge(next.arrive(target(next)), start.Add(time.Hour))
	if !next.status.AvailableTime.Equal(began) || next.status.PullRequest == nil || next.status.To.Tag != "12.3" || next.status.Fixes.High != 1 {
		t.Errorf("status %+v", next.status)
	}
	// What a person closed is over.
	s.status.PullRequest.State = v1alpha1.PullRequestClosed
	s.status.Phase = v1alpha1.UpdateIgnored
	next = stepOf(s.status, &newer, s.group.Images...)
	next.judge(next.arrive(target(next)), start)
	if next.status.PullRequest != nil || next.status.Phase != v1alpha1.UpdateAvailable {
		t.Errorf("status %+v", next.status)
	}
}

func TestEnd(t *testing.T) {
	before := v1alpha1.ImageUpdateStatus{Phase: v1alpha1.UpdateMerged, To: &v1alpha1.ImageVersion{Tag: "12.3"}, Workloads: []string{"a"}, ImageCount: 1}
	for name, tc := range map[string]struct {
		rolledOut bool
		want      v1alpha1.UpdatePhase
	}{"on the new version": {true, v1alpha1.UpdateRolledOut}, "gone": {false, v1alpha1.UpdateSuperseded}} {
		s := &step{before: &v1alpha1.ImageUpdate{Status: before}}
		s.end(tc.rolledOut, start)
		if s.status.Phase != tc.want || s.status.ImageCount != 0 || len(s.status.Workloads) > 0 {
			t.Errorf("%s: %+v", name, s.status)
		}
	}
}

func TestRunsOn(t *testing.T) {
	groups := groupMoving([]movingImage{moves("shop", "a", debian("12.5", "b"), at(source.Dockerfile))})
	id := updateID{Source: shop, Base: image.Reference{Repository: "docker.io/library/debian", Tag: "12.1"}}
	for to, want := range map[string]bool{"12.5": true, "12.4": true, "12.6": false} {
		status := v1alpha1.ImageUpdateStatus{To: &v1alpha1.ImageVersion{Tag: to}}
		if got := (&updateReconciler{}).runsOn(groups, status, id); got != want {
			t.Errorf("what moved to %s runs on 12.5: %t", to, got)
		}
	}
	other := updateID{Source: "https://git.example.com/other", Base: id.Base}
	if (&updateReconciler{}).runsOn(groups, v1alpha1.ImageUpdateStatus{To: &v1alpha1.ImageVersion{Tag: "12.5"}}, other) {
		t.Error("another repository's image counts")
	}
}

func TestRefusedSmallStepsKeepLargeOnesBack(t *testing.T) {
	small := candidate(t, "12.2", "d", baseimage.Minor, v1alpha1.SeverityHigh)
	small.Ignored = true
	large := candidate(t, "13.1", "e", baseimage.Major, v1alpha1.SeverityHigh)
	got := refused(baseimage.Choice{Taken: &large}, []baseimage.Evaluated{small, large})
	if got.Taken != nil || len(got.Passed) != 1 {
		t.Errorf("choice %+v", got)
	}
	newer := candidate(t, "12.3", "f", baseimage.Minor, v1alpha1.SeverityHigh)
	if got := refused(baseimage.Choice{Taken: &newer}, []baseimage.Evaluated{newer, small}); got.Taken == nil {
		t.Error("a newer candidate of the same step is kept back")
	}
}

func TestUpdateName(t *testing.T) {
	key := policyKey{Kind: kindImagePolicy, Namespace: "shop", Name: "p"}
	id := updateID{Source: shop, Base: image.Reference{Repository: "docker.io/library/debian", Tag: "12.1_RC"}}
	name := updateName(key, id)
	if name[:len(name)-10] != "debian-12-1-rc-" || name != updateName(key, id) {
		t.Errorf("name %s", name)
	}
	id.Source = ""
	if updateName(key, id) == name {
		t.Error("two sources have one name")
	}
}

func TestLimitsOfPullRequests(t *testing.T) {
	open := func(url string, state v1alpha1.PullRequestState, age time.Duration) v1alpha1.ImageUpdate {
		return v1alpha1.ImageUpdate{Status: v1alpha1.ImageUpdateStatus{
			PullRequest: &v1alpha1.PullRequest{URL: url, State: state, CreatedTime: &metav1.Time{Time: start.Add(-age)}},
		}}
	}
	p := remediated{Remediation: &v1alpha1.Remediation{MaxOpen: new(int32(2)), MaxPerDay: new(int32(3))}}
	// Nothing is known of what runs, as after a start: they count all the same.
	r, err := (&updateReconciler{shared: newShared(nil, nil, clock, nil)}).round(p, selection{}, nil, []v1alpha1.ImageUpdate{
		open("a", v1alpha1.PullRequestOpen, time.Hour), open("a", v1alpha1.PullRequestOpen, time.Hour),
		open("b", v1alpha1.PullRequestMerged, time.Hour), open("c", v1alpha1.PullRequestOpen, 48*time.Hour), {},
	})
	if err != nil || len(r.steps) > 0 {
		t.Fatalf("steps %+v: %v", r.steps, err)
	}
	inWork, today := r.opened()
	if inWork != 2 || today != 2 {
		t.Errorf("%d open, %d today", inWork, today)
	}
	u := &updateReconciler{}
	for name, tc := range map[string]struct {
		open, today int
		want        string
	}{"room": {1, 1, ""}, "too many open": {2, 1, v1alpha1.ReasonLimitReached}, "too many today": {1, 3, v1alpha1.ReasonLimitReached}} {
		if got := u.mayOpen(r, tc.open, tc.today); got.reason != tc.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestRebuildThatNobodyAnswers(t *testing.T) {
	triggers := []v1alpha1.RebuildTrigger{{Name: "ci", TimeoutMinutes: 30}}
	for name, tc := range map[string]struct {
		age    time.Duration
		reason string
	}{"young": {time.Minute, v1alpha1.ReasonTriggered}, "old": {31 * time.Minute, v1alpha1.ReasonNoAnswer}} {
		s := &step{status: v1alpha1.ImageUpdateStatus{Rebuild: &v1alpha1.Rebuild{RequestedTime: metav1.NewTime(start.Add(-tc.age)), Trigger: "ci"}}}
		s.tellRebuild(triggers, rebuildTold{triggered: true}, start)
		if c := meta.FindStatusCondition(s.status.Conditions, v1alpha1.ConditionRebuilt); c == nil || c.Reason != tc.reason {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestEndOfWhatWasMerged(t *testing.T) {
	merged := &metav1.Time{Time: start.Add(-time.Hour)}
	for name, tc := range map[string]struct {
		before    v1alpha1.ImageUpdateStatus
		rolledOut bool
		want      v1alpha1.UpdatePhase
	}{
		"what runs is new":                       {v1alpha1.ImageUpdateStatus{Phase: v1alpha1.UpdateMerged, MergedTime: merged}, true, v1alpha1.UpdateRolledOut},
		"nothing runs":                           {v1alpha1.ImageUpdateStatus{Phase: v1alpha1.UpdateMerged, MergedTime: merged}, false, v1alpha1.UpdateSuperseded},
		"what runs is new, after nothing did":    {v1alpha1.ImageUpdateStatus{Phase: v1alpha1.UpdateSuperseded, MergedTime: merged}, true, v1alpha1.UpdateRolledOut},
		"what runs is new, and nobody merged it": {v1alpha1.ImageUpdateStatus{Phase: v1alpha1.UpdateSuperseded}, true, v1alpha1.UpdateSuperseded},
		"it is over":                             {v1alpha1.ImageUpdateStatus{Phase: v1alpha1.UpdateRolledOut, MergedTime: merged}, false, v1alpha1.UpdateRolledOut},
	} {
		t.Run(name, func(t *testing.T) {
			s := &step{before: &v1alpha1.ImageUpdate{Status: tc.before}}
			s.end(tc.rolledOut, start)
			if s.status.Phase != tc.want {
				t.Errorf("it is %s, want %s", s.status.Phase, tc.want)
			}
		})
	}
}

func TestProjectionsWaitForAllImages(t *testing.T) {
	p := newProjections()
	policies := []policyKey{{Name: "p"}}
	a, b := inventory.ReportKey{Namespace: "a"}, inventory.ReportKey{Namespace: "b"}
	shown := map[inventory.ReportKey]projection{a: {UpdateSummary: v1alpha1.UpdateSummary{State: v1alpha1.UpdateProposed}}}
	for i, round := range []struct {
		projected map[inventory.ReportKey]projection
		settled   bool
		first     bool
		// What reports a and b show: nothing that is known, or whether they have an update.
		a, b string
	}{
		{nil, false, false, "unknown", "unknown"},
		{shown, false, false, "update", "unknown"},
		{nil, false, false, "update", "unknown"},
		{shown, true, true, "update", "none"},
		{nil, false, false, "update", "none"},
		{nil, true, false, "none", "none"},
	} {
		if _, first := p.set(policies[0], round.projected, round.settled); first != round.first {
			t.Errorf("round %d is the first: %t", i, first)
		}
		for key, want := range map[inventory.ReportKey]string{a: round.a, b: round.b} {
			summary, _, known := p.of(key, policies)
			got := map[bool]string{true: "none", false: "unknown"}[known]
			if summary != nil {
				got = "update"
			}
			if got != want {
				t.Errorf("round %d: report %s shows %s, want %s", i, key.Namespace, got, want)
			}
		}
	}
}
