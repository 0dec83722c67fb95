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
	return &round{policy: p, steps: steps, now: start, settled: true}
}

// next is an update in the round after.
func (s *step) next() *step {
	again := *s
	again.before, again.again = &v1alpha1.ImageUpdate{Status: s.status}, 0
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
