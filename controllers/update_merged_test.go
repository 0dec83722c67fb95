package controllers

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/memory"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// Tags move on while a build is under way: what runs then is later than what was merged.
func TestWhatHasArrived(t *testing.T) {
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	epoch := time.Unix(0, 0)
	for name, tc := range map[string]struct {
		to string
		// target and offered are when the version to move to was built, where that is known, and where the tag leads by now.
		target  time.Time
		offered string
		// runs are the digests that run, with the times at which they were built.
		runs map[string]time.Time
		want bool
		from string
	}{
		"the candidate itself":                    {to: "12", runs: map[string]time.Time{"d": at(1)}, want: true, from: "d"},
		"an older build":                          {to: "12", target: at(1), runs: map[string]time.Time{"b": at(-9)}, from: "b"},
		"a newer build":                           {to: "12", target: at(1), runs: map[string]time.Time{"f": at(2)}, want: true, from: "f"},
		"a build between the two":                 {to: "12", target: at(3), runs: map[string]time.Time{"f": at(2)}, from: "f"},
		"newer, and the candidate is forgotten":   {to: "12", runs: map[string]time.Time{"f": at(2)}, want: true, from: "f"},
		"older, and the candidate is forgotten":   {to: "12", runs: map[string]time.Time{"b": at(-9)}, from: "b"},
		"without a date, and the tag leads to it": {to: "12", offered: "f", runs: map[string]time.Time{"f": epoch}, want: true, from: "f"},
		"without a date":                          {to: "12", offered: "e", runs: map[string]time.Time{"f": {}}, from: "f"},
		"newer, of a tag to move from":            {to: "12.2", target: at(1), runs: map[string]time.Time{"f": at(2)}, from: "f"},
		"some of it":                              {to: "12", target: at(1), runs: map[string]time.Time{"b": at(-9), "d": at(1), "f": at(2)}, from: "b"},
		"all of it, on two builds":                {to: "12", target: at(1), runs: map[string]time.Time{"d": at(1), "f": at(2)}, want: true, from: "d"},
	} {
		t.Run(name, func(t *testing.T) {
			var images []movingImage
			for hex, built := range tc.runs {
				base := debian("12", hex)
				base.Created = built
				images = append(images, moves("shop", hex, base, nil))
			}
			s := stepOf(v1alpha1.ImageUpdateStatus{
				Phase: v1alpha1.UpdateMerged, To: &v1alpha1.ImageVersion{Tag: tc.to, Digest: string(digest("d"))}, AvailableTime: &metav1.Time{Time: start},
			}, nil, images...)
			r := &updateReconciler{shared: newShared(nil, nil, clock, nil)}
			if !tc.target.IsZero() {
				r.catalogue.set(inventory.ScanKey{Digest: digest("d"), Platform: s.group.Platform}, scanState{Manifest: digest("d")})
				r.bases.put(digest("d"), origin{Created: tc.target})
			}
			if tc.offered != "" {
				r.watched.offer(s.id.Base.Repository, map[subject]offers{s.group.subject(false): {Candidates: []offer{
					{Candidate: baseimage.Candidate{Tag: tag(t, "12")}, Digest: digest(tc.offered)},
				}}})
			}
			if got := s.arrive(r.reached(s, false)); got != tc.want || s.group.From != digest(tc.from) {
				t.Errorf("it has arrived: %t, and moves from %s", got, s.group.From)
			}
		})
	}
}

// forgeWorld is a reconciler with a repository.
func forgeWorld(t *testing.T, files map[string]string) (*updateReconciler, remediated, *memory.Forge) {
	t.Helper()
	name := types.NamespacedName{Namespace: "shop", Name: "forge"}
	w := newReportWorld(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}})
	r := newUpdateReconciler(w.shared, w.store, newProjections(), Options{Namespace: "shop", ClusterName: "c", PullSecrets: PullSecrets{Namespace: "shop"}, ForgeInterval: time.Minute})
	secret, err := r.forges.secret(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	forge := memory.New(files)
	r.forges.known[forgeKey{secret: name, version: secret.ResourceVersion, repository: shop}] = forge
	p := remediated{key: keepCurrent, namespace: "shop", object: &v1alpha1.ImagePolicy{}, Remediation: &v1alpha1.Remediation{
		Updates: v1alpha1.UpdatesPropose, ForgeRef: &v1alpha1.LocalKeyReference{Name: "forge"}, MinReleaseAgeDays: new(int32(0)),
	}}
	return r, p, forge
}

func TestMergedUpdatesLookAtTheRepositoryAgain(t *testing.T) {
	newer := candidate(t, "12.3", "e", baseimage.Minor, v1alpha1.SeverityHigh)
	for name, tc := range map[string]struct {
		file   string
		fails  bool
		dryRun bool
		phase  v1alpha1.UpdatePhase
		to     string
	}{
		"the new version":       {file: "FROM debian:12.2\n", phase: v1alpha1.UpdateMerged, to: "12.2"},
		"the old version again": {file: "FROM debian:12.1\n", phase: v1alpha1.UpdateAvailable, to: "12.3"},
		"neither":               {file: "FROM alpine:3\n", phase: v1alpha1.UpdateMerged, to: "12.2"},
		"the forge is away":     {file: "FROM debian:12.1\n", fails: true, phase: v1alpha1.UpdateMerged, to: "12.2"},
		"a dry run":             {file: "FROM debian:12.1\n", dryRun: true, phase: v1alpha1.UpdateMerged, to: "12.2"},
	} {
		t.Run(name, func(t *testing.T) {
			r, p, forge := forgeWorld(t, map[string]string{"Dockerfile": tc.file})
			if tc.fails {
				forge.Before = func(string) error {
					return &pullrequest.Error{Reason: v1alpha1.ReasonForgeUnavailable, Err: errors.New("away")}
				}
			}
			if tc.dryRun {
				p.Remediation.Updates = v1alpha1.UpdatesDryRun
			}
			s := stepOf(v1alpha1.ImageUpdateStatus{
				Phase: v1alpha1.UpdateMerged, To: &v1alpha1.ImageVersion{Tag: "12.2", Digest: string(digest("d"))}, MergedTime: &metav1.Time{Time: start},
			}, &newer, moves("shop", "a", debian("12.1", "b"), at(source.Dockerfile)))
			s.judge(false, start)
			if s.status.Phase != v1alpha1.UpdateMerged {
				t.Fatalf("before a look at the repository it is %s", s.status.Phase)
			}
			r.revisit(t.Context(), &round{policy: p, now: start, steps: []*step{s}})
			if s.status.Phase != tc.phase || s.status.To.Tag != tc.to || (s.status.MergedTime == nil) != (tc.phase == v1alpha1.UpdateAvailable) {
				t.Errorf("it is %s to %s, merged at %v", s.status.Phase, s.status.To.Tag, s.status.MergedTime)
			}
			if s.again == 0 && !tc.dryRun {
				t.Error("nobody comes back")
			}
		})
	}
}

// From the merge to a revert to a newer candidate, round by round.
func TestAMergeThatIsReverted(t *testing.T) {
	old, merged := "FROM debian:12.1\n", "FROM debian:12.2\n"
	r, p, forge := forgeWorld(t, map[string]string{"Dockerfile": old})
	first := candidate(t, "12.2", "d", baseimage.Minor, v1alpha1.SeverityHigh)
	newer := candidate(t, "12.3", "e", baseimage.Minor, v1alpha1.SeverityHigh)
	now, status := time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC), v1alpha1.ImageUpdateStatus{}
	act := func(taken *baseimage.Evaluated, phase v1alpha1.UpdatePhase, reason string) {
		t.Helper()
		now = now.Add(time.Hour)
		s := stepOf(status, taken, moves("shop", "a", debian("12.1", "b"), at(source.Dockerfile)))
		s.judge(false, now)
		round := &round{policy: p, now: now, steps: []*step{s}}
		r.revisit(t.Context(), round)
		r.act(t.Context(), round)
		status = s.status
		got := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionProposed)
		if status.Phase != phase || got == nil || got.Reason != reason || s.again == 0 {
			t.Fatalf("it is %s, and %+v, want %s", status.Phase, got, phase)
		}
	}
	act(&first, v1alpha1.UpdateProposed, v1alpha1.ReasonOpen)
	forge.MergeAsPerson(status.PullRequest.Number)
	act(&first, v1alpha1.UpdateMerged, v1alpha1.ReasonMerged)
	forge.PushAs(memory.PersonEmail, "main", "Revert", map[string]string{"Dockerfile": old})
	for range 2 {
		act(&first, v1alpha1.UpdateAvailable, v1alpha1.ReasonReverted)
	}
	forge.PushAs(memory.PersonEmail, "main", "Revert the revert", map[string]string{"Dockerfile": merged})
	act(&first, v1alpha1.UpdateMerged, v1alpha1.ReasonMerged)
	forge.PushAs(memory.PersonEmail, "main", "Revert again", map[string]string{"Dockerfile": old})
	act(&newer, v1alpha1.UpdateProposed, v1alpha1.ReasonOpen)
	if pulls, err := forge.PullRequests(context.Background(), branchOf(p, stepOf(status, &newer, moves("shop", "a", debian("12.1", "b"), nil)))); err != nil || len(pulls) != 2 {
		t.Errorf("%d pull requests: %v", len(pulls), err)
	}
}

// What the files name already needs no pull request: one that cannot be closed at first does not stay open, and count, for ever.
func TestAPullRequestThatCannotBeClosedAtFirst(t *testing.T) {
	r, p, forge := forgeWorld(t, map[string]string{"Dockerfile": "FROM debian:12.1\n"})
	taken := candidate(t, "12.2", "d", baseimage.Minor, v1alpha1.SeverityHigh)
	var status v1alpha1.ImageUpdateStatus
	act := func() {
		t.Helper()
		s := stepOf(status, &taken, moves("shop", "a", debian("12.1", "b"), at(source.Dockerfile)))
		s.judge(false, start)
		round := &round{policy: p, now: start, settled: true, steps: []*step{s}}
		r.revisit(t.Context(), round)
		r.act(t.Context(), round)
		status = s.status
	}
	act()
	forge.PushAs(memory.PersonEmail, "main", "By hand", map[string]string{"Dockerfile": "FROM debian:12.2\n"})
	forge.Before = func(call string) error {
		if call == "Close" {
			return &pullrequest.Error{Reason: v1alpha1.ReasonForgeUnavailable, Err: errors.New("not now")}
		}
		return nil
	}
	act()
	if status.Phase != v1alpha1.UpdateMerged || !isOpen(status.PullRequest) {
		t.Fatalf("it is %s with %+v", status.Phase, status.PullRequest)
	}
	forge.Before = nil
	act()
	got := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionProposed)
	if status.Phase != v1alpha1.UpdateMerged || isOpen(status.PullRequest) || got.Reason != v1alpha1.ReasonMerged {
		t.Errorf("it is %s with %+v, and %+v", status.Phase, status.PullRequest, got)
	}
}

// Files may be read just before the merge, and the pull request just after it.
func TestAMergeIsNoRevertWhileItIsFresh(t *testing.T) {
	for age, want := range map[time.Duration]v1alpha1.UpdatePhase{time.Second: v1alpha1.UpdateMerged, time.Hour: v1alpha1.UpdateAvailable} {
		s := &step{}
		s.unnamed(&pullrequest.PullRequest{Ended: start.Add(-age)}, start)
		if s.status.Phase != want {
			t.Errorf("after %s it is %s, want %s", age, s.status.Phase, want)
		}
	}
}

// Where manifests name a tag that was built again, there is nothing to merge.
func TestATagThatManifestsNameAlready(t *testing.T) {
	refresh := candidate(t, "1.0.0", "d", baseimage.Same, v1alpha1.SeverityHigh)
	deployed := movingImage{Report: inventory.ReportKey{Namespace: "shop", Repository: repository, Digest: digest("a"), Platform: amd64}, Tag: "1.0.0"}
	at(source.Manifests)(&deployed)
	pod := func(ref image.Reference) string {
		return "kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - name: c\n    image: " + ref.String() + "\n"
	}
	byTag := image.Reference{Repository: repository, Tag: "1.0.0"}
	for name, tc := range map[string]struct {
		file, runs image.Reference
		phase      v1alpha1.UpdatePhase
		reason     string
	}{
		"by the tag":           {byTag, byTag, v1alpha1.UpdateAvailable, v1alpha1.ReasonRestartNeeded},
		"by the new digest":    {byTag.WithDigest(digest("d")), byTag.WithDigest(digest("a")), v1alpha1.UpdateMerged, v1alpha1.ReasonMerged},
		"by the digest before": {byTag.WithDigest(digest("a")), byTag.WithDigest(digest("a")), v1alpha1.UpdateProposed, v1alpha1.ReasonOpen},
	} {
		t.Run(name, func(t *testing.T) {
			tc.file.Tag, tc.runs.Tag = "1.0.0", "1.0.0"
			r, p, _ := forgeWorld(t, map[string]string{"pod.yaml": pod(tc.file)})
			running := apiPod
			running.Uses = slices.Clone(running.Uses)
			running.Uses[0].Reference = tc.runs
			r.inventory.Set(running)
			s := stepOf(v1alpha1.ImageUpdateStatus{}, &refresh, deployed)
			s.judge(false, start)
			r.act(t.Context(), &round{policy: p, now: start, steps: []*step{s}})
			got := meta.FindStatusCondition(s.status.Conditions, v1alpha1.ConditionProposed)
			if s.status.Phase != tc.phase || got.Reason != tc.reason {
				t.Errorf("it is %s, and %+v", s.status.Phase, got)
			}
		})
	}
}

func TestALargerStepWhereTheTagAloneIsNamed(t *testing.T) {
	refresh := candidate(t, "12", "d", baseimage.Same, v1alpha1.SeverityHigh)
	as := candidate(t, "13", "e", baseimage.Minor, v1alpha1.SeverityHigh)
	worse := as
	worse.Delta.Adds = []policy.Finding{{ID: "CVE-2", Package: "a", Severity: v1alpha1.SeverityLow}}
	young := as
	young.FirstSeen = start
	for name, tc := range map[string]struct {
		larger baseimage.Evaluated
		want   string
	}{"one that fixes as much": {as, "13"}, "one that leaves more": {worse, "12"}, "one that is too young": {young, "12"}} {
		t.Run(name, func(t *testing.T) {
			refresh.FirstSeen = start.Add(-48 * time.Hour)
			if tc.larger.FirstSeen.IsZero() {
				tc.larger.FirstSeen = refresh.FirstSeen
			}
			in := baseimage.ChooseInput{
				Current: baseimage.Version{Tag: tag(t, "12"), Digest: digest("b")}, Candidates: []baseimage.Evaluated{refresh, tc.larger}, MinAge: 24 * time.Hour, Now: start,
			}
			got := byTag(baseimage.Choose(in), in)
			if got.Taken.Tag.String() != tc.want {
				t.Errorf("took %s", got.Taken.Tag)
			}
			for _, c := range seenCandidates(in.Candidates, got) {
				if (c.PassedOver == "") != (c.Tag == tc.want) {
					t.Errorf("%s was passed over for %q", c.Tag, c.PassedOver)
				}
			}
		})
	}
}

func TestNewsOfAMerge(t *testing.T) {
	for state, want := range map[v1alpha1.PullRequestState]int{v1alpha1.PullRequestMerged: 1, v1alpha1.PullRequestClosed: 0, "": 0} {
		s := &step{status: v1alpha1.ImageUpdateStatus{Phase: v1alpha1.UpdateMerged}}
		if state != "" {
			s.status.PullRequest = &v1alpha1.PullRequest{State: state}
		}
		if got := s.news(&v1alpha1.ImageUpdate{}); len(got) != want {
			t.Errorf("with a pull request that is %q: %+v", state, got)
		}
	}
	// The files may have told of it before the forge did.
	for before, want := range map[v1alpha1.PullRequestState]int{v1alpha1.PullRequestOpen: 1, v1alpha1.PullRequestMerged: 0} {
		status := v1alpha1.ImageUpdateStatus{Phase: v1alpha1.UpdateMerged, PullRequest: &v1alpha1.PullRequest{State: before}}
		s := &step{before: &v1alpha1.ImageUpdate{Status: status}, status: status}
		s.status.PullRequest = &v1alpha1.PullRequest{State: v1alpha1.PullRequestMerged}
		if got := s.news(&v1alpha1.ImageUpdate{}); len(got) != want {
			t.Errorf("with a pull request that was %q: %+v", before, got)
		}
	}
}

// Between two runs of a workload by its digest, what was chosen for it stays.
func TestPinned(t *testing.T) {
	w, r := updateWorld(t)
	group := &groupMoving([]movingImage{{Report: apiKey, Tag: "1.0.0", Places: []source.Location{{Repository: shop, Kind: source.Manifests}}}})[0]
	same, other := &v1alpha1.ImageVersion{Tag: "1.0.0"}, &v1alpha1.ImageVersion{Tag: "1.1.0"}
	expect := func(what string, to *v1alpha1.ImageVersion, want bool) {
		t.Helper()
		if got := r.pinned(group, to); got != want {
			t.Errorf("%s: pinned %t", what, got)
		}
	}
	run := func(ref image.Reference) {
		pod := apiPod
		pod.Uses = slices.Clone(pod.Uses)
		pod.Uses[0].Reference = ref
		w.inventory.Set(pod)
	}
	run(image.Reference{Repository: repository, Tag: "1.0.0", Digest: digest("a")})
	expect("by its digest", other, true)
	run(image.Reference{Repository: repository, Tag: "1.0.0"})
	expect("by its tag", same, false)
	w.inventory.Delete(apiPod.Namespace, apiPod.Name)
	expect("not now, another build was chosen", same, true)
	expect("not now, another tag was chosen", other, false)
	expect("not now, and nothing was chosen", nil, false)
}
