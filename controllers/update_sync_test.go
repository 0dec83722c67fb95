package controllers

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/memory"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// proposer reaches the repository shop at a forge in memory.
func proposer(t *testing.T, cluster string, forge pullrequest.Forge) *updateReconciler {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "forge"}}
	reader := fake.NewClientBuilder().WithObjects(secret).Build()
	name := types.NamespacedName{Namespace: "team", Name: "forge"}
	if err := reader.Get(t.Context(), name, secret); err != nil {
		t.Fatal(err)
	}
	return &updateReconciler{
		shared: &shared{now: clock}, cluster: cluster, forgeEvery: 5 * time.Minute, attempts: newAttempts(), proposals: newProposals(),
		forges: &forges{
			reader: reader, now: clock, secrets: PullSecrets{Namespace: "team"}, pauses: map[types.NamespacedName]pause{},
			known: map[forgeKey]pullrequest.Forge{{secret: name, version: secret.ResourceVersion, repository: shop}: forge},
		},
	}
}

// proposing is a policy of the namespace team.
func proposing(name string, change func(*v1alpha1.Remediation)) remediated {
	remediation := &v1alpha1.Remediation{Updates: v1alpha1.UpdatesPropose, ForgeRef: &v1alpha1.LocalKeyReference{Name: "forge"}}
	if change != nil {
		change(remediation)
	}
	object := &v1alpha1.ImagePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name, Generation: 1}}
	return remediated{key: policyKeyOf(object), object: object, namespace: "team", Remediation: remediation}
}

// moveTo is the update of debian from one tag to another one.
func moveTo(t *testing.T, from, to string) *step {
	t.Helper()
	taken := candidate(t, to, "d", baseimage.Patch, v1alpha1.SeverityHigh)
	s := stepOf(v1alpha1.ImageUpdateStatus{}, &taken, moves("shop", "a", debian(from, "b"), at(source.Dockerfile)))
	s.take(start)
	return s
}

func roundOf(p remediated, steps ...*step) *round {
	out := &round{policy: p, steps: steps, now: start, settled: true}
	for _, s := range steps {
		if s.before != nil {
			out.updates = append(out.updates, *s.before)
		}
	}
	return out
}

// next is an update in the round after.
func (s *step) next() *step {
	again := *s
	again.before, again.again = &v1alpha1.ImageUpdate{ObjectMeta: metav1.ObjectMeta{Name: s.id.Base.Tag}, Status: s.status}, 0
	again.status = again.statusBefore()
	return &again
}

func twoBases() *memory.Forge {
	return memory.New(map[string]string{"Dockerfile": "FROM debian:12.1\n", "old/Dockerfile": "FROM debian:11.1\n"})
}

func proposedOf(t *testing.T, s *step) *metav1.Condition {
	t.Helper()
	c := meta.FindStatusCondition(s.status.Conditions, v1alpha1.ConditionProposed)
	if c == nil {
		t.Fatalf("nothing is said of %s", s.id.Base)
	}
	return c
}

// Where the forge does not merge by itself, a pull request counts and is followed all the same.
func TestAutoMergeThatIsRefused(t *testing.T) {
	forge, asked := twoBases(), 0
	forge.Before = func(call string) error {
		if call != "AutoMerge" {
			return nil
		}
		asked++
		return &pullrequest.Error{Reason: v1alpha1.ReasonForgeRefused, Err: errors.New("merge it yourself")}
	}
	r := proposer(t, "east", forge)
	p := proposing("p", func(r *v1alpha1.Remediation) {
		r.MaxOpen, r.AutoMerge = new(int32(1)), v1alpha1.AutoMergeWhenChecksPass
	})
	one, two := moveTo(t, "12.1", "12.2"), moveTo(t, "11.1", "11.2")
	r.act(t.Context(), roundOf(p, one, two))
	if one.status.PullRequest == nil {
		one, two = two, one
	}
	if c := proposedOf(t, one); c.Reason != v1alpha1.ReasonOpen || c.Status != metav1.ConditionTrue || !strings.Contains(c.Message, "merge it yourself") {
		t.Errorf("the open one says %+v", c)
	}
	if c := proposedOf(t, two); c.Reason != v1alpha1.ReasonLimitReached || two.status.PullRequest != nil {
		t.Errorf("maxOpen is 1, and the other one says %+v", c)
	}
	// It is not asked for again and again, and the refusal stays to be seen.
	one, two = one.next(), two.next()
	r.act(t.Context(), roundOf(p, one, two))
	if c := proposedOf(t, one); asked != 1 || !strings.Contains(c.Message, "merge it yourself") {
		t.Errorf("asked %d times, and it says %+v", asked, c)
	}
	forge.Before = nil
	r.now = func() time.Time { return start.Add(time.Hour) }
	one = one.next()
	r.act(t.Context(), roundOf(p, one))
	if c := proposedOf(t, one); forge.AutoMerges(1) != 1 || strings.Contains(c.Message, "merge") {
		t.Errorf("it was armed %d times later, and says %+v", forge.AutoMerges(1), c)
	}
}

// Why nothing is opened is what the condition says, whoever holds it.
func TestHeld(t *testing.T) {
	limit := permission{reason: v1alpha1.ReasonLimitReached, message: "maxOpen is 1"}
	window := permission{reason: v1alpha1.ReasonOutsideSchedule, message: "tomorrow", again: time.Hour}
	hold := func(may permission) pullrequest.Outcome {
		return pullrequest.Outcome{State: pullrequest.Held, Reason: may.reason}
	}
	archived := pullrequest.Outcome{State: pullrequest.Held, Reason: v1alpha1.ReasonForgeRefused, Message: "the repository is archived"}
	for name, tc := range map[string]struct {
		outcome         pullrequest.Outcome
		may             permission
		reason, message string
		again           time.Duration
	}{
		"a limit":             {hold(limit), limit, v1alpha1.ReasonLimitReached, "maxOpen is 1", 0},
		"the schedule":        {hold(window), window, v1alpha1.ReasonOutsideSchedule, "tomorrow", time.Hour},
		"archived":            {archived, permission{}, v1alpha1.ReasonForgeRefused, "the repository is archived", time.Minute},
		"archived, and limit": {archived, limit, v1alpha1.ReasonForgeRefused, "the repository is archived", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s := moveTo(t, "12.1", "12.2")
			bundle{s}.took(tc.outcome, tc.may, time.Minute, start)
			if c := proposedOf(t, s); c.Reason != tc.reason || c.Message != tc.message || s.again != tc.again {
				t.Errorf("it says %+v and comes back after %s", c, s.again)
			}
		})
	}
}

func grouped(r *v1alpha1.Remediation) { r.Grouping = v1alpha1.GroupingRepository }

// files of a branch at the forge, by path.
func branchFiles(t *testing.T, forge pullrequest.Forge, branch string) string {
	t.Helper()
	head, err := forge.Head(t.Context(), branch)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, path := range []string{"Dockerfile", "old/Dockerfile"} {
		content, err := forge.Read(t.Context(), head, path)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(content)
	}
	return text.String()
}

// After a restart the bases are known one after the other, and none is lost meanwhile.
func TestGroupAfterARestart(t *testing.T) {
	forge := twoBases()
	p := proposing("p", grouped)
	one, two := moveTo(t, "12.1", "12.2"), moveTo(t, "11.1", "11.2")
	proposer(t, "east", forge).act(t.Context(), roundOf(p, one, two))
	const both = "FROM debian:12.2\nFROM debian:11.2\n"
	if got := branchFiles(t, forge, "plimsoll/images"); got != both {
		t.Fatalf("the branch has %q", got)
	}
	writes := forge.Writes()
	r := proposer(t, "east", forge)
	unsettled := roundOf(p, one.next())
	unsettled.settled = false
	r.act(t.Context(), unsettled)
	unlooked := two.next()
	unlooked.choice = chosen{}
	r.act(t.Context(), roundOf(p, one.next(), unlooked))
	one, two = one.next(), two.next()
	r.act(t.Context(), roundOf(p, one, two))
	if got := branchFiles(t, forge, "plimsoll/images"); got != both || forge.Writes() != writes {
		t.Errorf("%d writes, and the branch has %q", forge.Writes()-writes, got)
	}
	for _, s := range []*step{one, two} {
		if s.status.Phase != v1alpha1.UpdateProposed {
			t.Errorf("%s is %s", s.id.Base, s.status.Phase)
		}
	}
}

// What a person closed or merged together is decided for each base, and files say what is merged.
func TestGroupIsDecidedByBase(t *testing.T) {
	forge := twoBases()
	r := proposer(t, "east", forge)
	p := proposing("p", grouped)
	first := moveTo(t, "12.1", "12.2")
	r.act(t.Context(), roundOf(p, first))
	forge.EndAsPerson(1, pullrequest.Closed)
	one, two := first.next(), moveTo(t, "11.1", "11.2")
	r.act(t.Context(), roundOf(p, one, two))
	if one.status.Phase != v1alpha1.UpdateIgnored || two.status.Phase != v1alpha1.UpdateProposed {
		t.Errorf("the closed one is %s, the other one %s", one.status.Phase, two.status.Phase)
	}
	if got := branchFiles(t, forge, "plimsoll/images"); got != "FROM debian:12.1\nFROM debian:11.2\n" {
		t.Errorf("the branch has %q", got)
	}
	// Merged, and taken back: it is not proposed again, nor is it merged.
	forge.MergeAsPerson(2)
	forge.PushAs(memory.PersonEmail, "main", "Revert", map[string]string{"old/Dockerfile": "FROM debian:11.1\n"})
	two = two.next()
	r.act(t.Context(), roundOf(p, two))
	if c := proposedOf(t, two); two.status.Phase == v1alpha1.UpdateMerged || c.Status != metav1.ConditionFalse || c.Reason != v1alpha1.ReasonReverted {
		t.Errorf("what was taken back is %s, and says %+v", two.status.Phase, c)
	}
	forge.PushAs(memory.PersonEmail, "main", "Again", map[string]string{"old/Dockerfile": "FROM debian:11.2\n"})
	two = two.next()
	r.act(t.Context(), roundOf(p, two))
	if two.status.Phase != v1alpha1.UpdateMerged || two.status.PullRequest == nil || two.status.PullRequest.State != v1alpha1.PullRequestMerged {
		t.Errorf("what its files name is %s with %+v", two.status.Phase, two.status.PullRequest)
	}
}

// A policy that needs a pull request no more leaves it to the others, of whatever cluster.
func TestWithdrawFromASharedPullRequest(t *testing.T) {
	forge := twoBases()
	for _, change := range []func(*v1alpha1.Remediation){nil, grouped} {
		type side struct {
			*updateReconciler
			p remediated
			s *step
		}
		sides := []*side{
			{proposer(t, "east", forge), proposing("p", change), moveTo(t, "12.1", "12.2")},
			{proposer(t, "east", forge), proposing("q", change), moveTo(t, "12.1", "12.2")},
			{proposer(t, "west", forge), proposing("p", change), moveTo(t, "12.1", "12.2")},
		}
		for _, at := range sides {
			at.act(t.Context(), roundOf(at.p, at.s))
		}
		branch := branchOf(sides[0].p, sides[0].s)
		for i, at := range sides {
			s := at.s.next()
			s.status.Phase = v1alpha1.UpdateRolledOut
			s.choice = chosen{Looked: true}
			at.act(t.Context(), roundOf(at.p, s))
			pulls, err := forge.PullRequests(t.Context(), branch)
			if err != nil || len(pulls) != 1 {
				t.Fatalf("there are %d pull requests (%v)", len(pulls), err)
			}
			if open := pulls[0].State == pullrequest.Open; open != (i < 2) || isOpen(s.status.PullRequest) {
				t.Errorf("after %d of 3 have left it is %s, and the status says %+v", i+1, pulls[0].State, s.status.PullRequest)
			}
		}
	}
}

// An update that changes no file, as it cannot be edited, keeps no pull request of the others open.
func TestWhatChangesNoFileNeedsNoPullRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(*memory.Forge, *step)
		want pullrequest.State
	}{
		"merged": {func(f *memory.Forge, _ *step) { f.MergeAsPerson(1) }, pullrequest.Merged},
		"by hand": {func(f *memory.Forge, _ *step) {
			f.PushAs(memory.PersonEmail, "main", "By hand", map[string]string{"Dockerfile": "FROM debian:12.2\n"})
		}, pullrequest.Closed},
		"rolled out": {func(_ *memory.Forge, s *step) {
			s.status.Phase = v1alpha1.UpdateRolledOut
			s.choice = chosen{Looked: true}
		}, pullrequest.Closed},
		"ignored": {func(_ *memory.Forge, s *step) {
			s.status.Phase = v1alpha1.UpdateIgnored
			s.choice = chosen{Looked: true}
		}, pullrequest.Closed},
	} {
		t.Run(name, func(t *testing.T) {
			forge := twoBases()
			r, p := proposer(t, "east", forge), proposing("p", grouped)
			one, never := moveTo(t, "12.1", "12.2"), moveTo(t, "10.1", "10.2")
			never.id.Base.Repository = "docker.io/library/alpine"
			r.act(t.Context(), roundOf(p, one, never))
			if c := proposedOf(t, never); c.Reason != v1alpha1.ReasonEditRefused || !isOpen(one.status.PullRequest) {
				t.Fatalf("the one is proposed as %+v, and the other one says %+v", one.status.PullRequest, c)
			}
			one, never = one.next(), never.next()
			tc.end(forge, one)
			r.act(t.Context(), roundOf(p, one, never))
			pulls, err := forge.PullRequests(t.Context(), "plimsoll/images")
			if err != nil || len(pulls) != 1 || pulls[0].State != tc.want {
				t.Fatalf("pull requests are %+v: %v", pulls, err)
			}
			if got := one.status.PullRequest; got == nil || got.State != v1alpha1.PullRequestState(tc.want) {
				t.Errorf("the status says %+v", got)
			}
			if at := one.status.MergedTime; tc.want == pullrequest.Merged && (at == nil || !at.Time.Equal(pulls[0].Ended)) {
				t.Errorf("merged at %s, want %s", at, pulls[0].Ended)
			}
		})
	}
}

// The version that was proposed before is no news in the text, as it is not looked at any more in the round after.
func TestTextLeavesOutWhatWasProposed(t *testing.T) {
	r, p := proposer(t, "east", twoBases()), proposing("p", nil)
	s := moveTo(t, "12.1", "12.2").next()
	taken := candidate(t, "12.3", "e", baseimage.Patch, v1alpha1.SeverityHigh)
	s.choice.Taken = &taken
	s.take(start)
	after := r.body(p, bundle{s.next()}, pullrequest.Repository{})
	s.choice.Seen = []v1alpha1.UpdateCandidate{{Tag: "12.2", PassedOver: v1alpha1.PassedOlder}}
	if got := r.body(p, bundle{s}, pullrequest.Repository{}); got != after {
		t.Errorf("the text is first\n%s\nand then\n%s", got, after)
	}
	s.choice.Seen = []v1alpha1.UpdateCandidate{{Tag: "12.4", PassedOver: v1alpha1.PassedTooNew}}
	if got := r.body(p, bundle{s}, pullrequest.Repository{}); !strings.Contains(got, "12.4") {
		t.Errorf("the text lacks what was passed over:\n%s", got)
	}
}
