package controllers

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/rebuild"
)

// pipeline remembers the keys of the triggers that it was sent.
type pipeline struct {
	*httptest.Server
	keys []string
	// status of its answers; 0: 200.
	status int
}

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	p := &pipeline{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.keys = append(p.keys, r.Header.Get("Idempotency-Key"))
		if p.status != 0 {
			w.WriteHeader(p.status)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// rebuilder may read the Secrets of team-a and team-b.
func rebuilder(objects ...client.Object) *updateReconciler {
	now := func() time.Time { return start }
	return &updateReconciler{
		shared: &shared{now: now}, http: http.DefaultClient, cluster: "c", attempts: newAttempts(), proposals: newProposals(),
		forges: &forges{reader: fake.NewClientBuilder().WithObjects(objects...).Build(), secrets: PullSecrets{Namespaces: []string{"team-a", "team-b"}}, now: now},
	}
}

// rebuilding is a policy of a namespace with triggers.
func rebuilding(namespace string, triggers ...v1alpha1.RebuildTrigger) remediated {
	object := &v1alpha1.ImagePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "p", Generation: 1}}
	return remediated{key: policyKeyOf(object), object: object, namespace: namespace, Remediation: &v1alpha1.Remediation{Rebuilds: triggers}}
}

func TestSecretsOfKubernetesAreNoTriggers(t *testing.T) {
	p := newPipeline(t)
	for kind, want := range map[corev1.SecretType]string{
		"":                                   "",
		corev1.SecretTypeOpaque:              "",
		"example.com/token":                  "",
		corev1.SecretTypeDockerConfigJson:    v1alpha1.ReasonTriggerSecretInvalid,
		corev1.SecretTypeServiceAccountToken: v1alpha1.ReasonTriggerSecretInvalid,
	} {
		t.Run(string(kind), func(t *testing.T) {
			r := rebuilder(&corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "ci"}, Type: kind,
				Data: map[string][]byte{"url": []byte(p.URL), "token": []byte("t")},
			})
			request := rebuild.Request{Key: "k", Trigger: v1alpha1.RebuildTrigger{
				Type: v1alpha1.RebuildWebhook, URL: p.URL, SecretRef: &v1alpha1.LocalKeyReference{Name: "ci"},
			}}
			p.keys = nil
			_, _, err := r.trigger(t.Context(), rebuilding("team-a"), request, "", &step{})
			var failure *rebuild.Error
			if got := errors.As(err, &failure); got != (want != "") || got && failure.Reason != want || (len(p.keys) == 1) != (want == "") {
				t.Errorf("%d requests, got %v", len(p.keys), err)
			}
		})
	}
}

// refreshing is an update whose images are to be rebuilt: the tag of their base leads to the digest d.
func refreshing(images ...movingImage) *step {
	s := &step{group: &groupMoving(images)[0]}
	s.id = s.group.ID
	s.status.To = &v1alpha1.ImageVersion{Tag: s.id.Base.Tag, Digest: string(digest("d"))}
	return s
}

// TestTriggersOfOtherPolicies: two policies that rebuild one image by pipelines of their own know nothing of each other.
func TestTriggersOfOtherPolicies(t *testing.T) {
	a, b := newPipeline(t), newPipeline(t)
	r := rebuilder()
	run := func(p *pipeline, namespace string, s *step) {
		r.rebuild(t.Context(), rebuilding(namespace, v1alpha1.RebuildTrigger{Name: "ci", Type: v1alpha1.RebuildWebhook, URL: p.URL}), s, start)
	}
	img := moves("shop", "a", debian("12", "b"), nil)
	first, second := refreshing(img), refreshing(img)
	run(a, "team-a", first)
	run(b, "team-b", second)
	if len(a.keys) != 1 || len(b.keys) != 1 || a.keys[0] != b.keys[0] {
		t.Errorf("team-a's pipeline was sent %v, team-b's %v", a.keys, b.keys)
	}
	// Neither's failures count for the other.
	a.status, b.status = http.StatusInternalServerError, http.StatusInternalServerError
	other := refreshing(moves("shop", "c", debian("12", "b"), func(i *movingImage) { i.Report.Repository = "r.example.com/other" }))
	for range 3 {
		run(a, "team-a", other)
		run(b, "team-b", other)
	}
	if len(a.keys) != 2 || len(b.keys) != 2 {
		t.Errorf("failing, they were asked %d and %d times, want once each", len(a.keys)-1, len(b.keys)-1)
	}
	// What was accepted while the status could not be written is known of the policy itself.
	if run(a, "team-a", refreshing(img)); len(a.keys) != 2 {
		t.Error("it is sent again where the status was lost")
	}
}

// TestDockerfilesOfOtherPolicies: what one policy's forge does not show another's may.
func TestDockerfilesOfOtherPolicies(t *testing.T) {
	p := newProposals()
	a := readKey{policy: policyKey{Kind: kindImagePolicy, Namespace: "team-a", Name: "p"}, image: scanKey("1")}
	b := a
	b.policy.Namespace = "team-b"
	if !p.unread(a) || p.unread(a) || !p.unread(b) {
		t.Error("a Dockerfile is read once by each policy")
	}
}

// many images of as many repositories, on the digest b of debian:12.
func many(n int) (images []movingImage) {
	for i := range n {
		images = append(images, moves("shop", fmt.Sprintf("%x", i+0x100), debian("12", "b"), func(img *movingImage) {
			img.Report.Repository = fmt.Sprintf("r.example.com/app-%02d", i)
		}))
	}
	return images
}

func rebuiltReason(s *step) string {
	if c := meta.FindStatusCondition(s.status.Conditions, v1alpha1.ConditionRebuilt); c != nil {
		return c.Reason
	}
	return ""
}

// TestEveryImageIsRebuilt, in rounds of a few, where some have no trigger, run on the new base, or are asked for already.
func TestEveryImageIsRebuilt(t *testing.T) {
	p := newPipeline(t)
	r := rebuilder()
	policy := rebuilding("team-a", v1alpha1.RebuildTrigger{
		Name: "ci", Type: v1alpha1.RebuildWebhook, URL: p.URL, TimeoutMinutes: 60, Images: []string{"r.example.com/app-*"},
	})
	images := many(40)
	for i := range 30 {
		// They come first by name.
		other := moves("shop", fmt.Sprintf("%x", i+0x1000), debian("12", "b"), func(img *movingImage) { img.Report.Repository = "r.example.com/a" })
		fresh := moves("shop", fmt.Sprintf("%x", i+0x2000), debian("12", "d"), func(img *movingImage) { img.Report.Repository = fmt.Sprintf("r.example.com/app-0%02d", i) })
		images = append(images, other, fresh)
	}
	// Two tags of one repository are two images, one tag of two digests is one.
	images[1].Report.Repository, images[1].Tag = "r.example.com/app-00", "2.0.0"
	images = append(images, moves("pay", "2", debian("12", "b"), func(img *movingImage) { img.Report.Repository, img.Tag = "r.example.com/app-00", "2.0.0" }))
	s := refreshing(images...)
	for round, want := range []int{16, 32, 40, 40} {
		s.again = 0
		r.rebuild(t.Context(), policy, s, start)
		if len(p.keys) != want || len(s.status.Deliveries) != want || rebuiltReason(s) != v1alpha1.ReasonTriggered {
			t.Fatalf("round %d: %d requests, %d deliveries, want %d: %s", round, len(p.keys), len(s.status.Deliveries), want, rebuiltReason(s))
		}
		if soon := s.again == time.Second; soon != (want < 40) {
			t.Errorf("round %d: again after %s", round, s.again)
		}
	}
	slices.Sort(p.keys)
	if different := slices.Compact(p.keys); len(different) != 40 {
		t.Errorf("%d different keys", len(different))
	}
}

// TestTriggersAreLimited: what was sent for the same digest of the base is never forgotten.
func TestTriggersAreLimited(t *testing.T) {
	p := newPipeline(t)
	r := rebuilder()
	policy := rebuilding("team-a", v1alpha1.RebuildTrigger{Name: "ci", Type: v1alpha1.RebuildWebhook, URL: p.URL})
	s := refreshing(many(70)...)
	for i := range 10 {
		s.status.Deliveries = append(s.status.Deliveries, v1alpha1.Delivery{Key: fmt.Sprintf("older-%d", i)})
	}
	for range 6 {
		r.rebuild(t.Context(), policy, s, start)
	}
	c := meta.FindStatusCondition(s.status.Conditions, v1alpha1.ConditionRebuilt)
	if len(p.keys) != maxDeliveries || len(s.status.Deliveries) != maxDeliveries || c.Reason != v1alpha1.ReasonTriggerLimitReached || !strings.HasSuffix(c.Message, "left: 6") {
		t.Fatalf("%d requests, %d deliveries: %+v", len(p.keys), len(s.status.Deliveries), c)
	}
	// A newer digest of the base is another matter.
	s.status.To.Digest = string(digest("e"))
	if r.rebuild(t.Context(), policy, s, start); len(p.keys) != maxDeliveries+maxRebuilds || len(s.status.Deliveries) != maxDeliveries {
		t.Errorf("%d requests, %d deliveries", len(p.keys), len(s.status.Deliveries))
	}
}

// TestABuildWithoutTheNewBaseIsNotAskedForAgain where each build has a tag of its own.
func TestABuildWithoutTheNewBaseIsNotAskedForAgain(t *testing.T) {
	p := newPipeline(t)
	r := rebuilder()
	policy := rebuilding("team-a", v1alpha1.RebuildTrigger{Name: "ci", Type: v1alpha1.RebuildWebhook, URL: p.URL, TimeoutMinutes: 60})
	build := func(id, tag string, created time.Time) movingImage {
		return moves("shop", id, debian("12", "b"), func(img *movingImage) { img.Tag, img.Origin.Created = tag, created })
	}
	s := refreshing(build("a", "build-1", start.Add(-time.Hour)))
	r.rebuild(t.Context(), policy, s, start)
	next := refreshing(build("c", "build-2", start.Add(time.Minute)))
	next.status.Deliveries, next.status.Rebuild = s.status.Deliveries, s.status.Rebuild
	r.rebuild(t.Context(), policy, next, start.Add(2*time.Hour))
	if len(p.keys) != 1 || rebuiltReason(next) != v1alpha1.ReasonNoAnswer {
		t.Errorf("%d requests, and it is %s", len(p.keys), rebuiltReason(next))
	}
	// One that was built before and comes to run later is another image.
	late := refreshing(build("d", "release-1", start.Add(-time.Hour)))
	late.status.Deliveries = next.status.Deliveries
	if r.rebuild(t.Context(), policy, late, start.Add(2*time.Hour)); len(p.keys) != 2 {
		t.Errorf("%d requests, want one for another image", len(p.keys))
	}
}

// TestTriggersThatFailKeepNoneBack, whatever their number.
func TestTriggersThatFailKeepNoneBack(t *testing.T) {
	broken, p := newPipeline(t), newPipeline(t)
	broken.status = http.StatusInternalServerError
	r := rebuilder()
	policy := rebuilding("team-a",
		v1alpha1.RebuildTrigger{Name: "broken", Type: v1alpha1.RebuildWebhook, URL: broken.URL, Images: []string{"r.example.com/app-0*", "r.example.com/app-1*"}},
		v1alpha1.RebuildTrigger{Name: "ci", Type: v1alpha1.RebuildWebhook, URL: p.URL},
	)
	s := refreshing(many(21)...)
	for range 2 {
		r.rebuild(t.Context(), policy, s, start)
	}
	if len(broken.keys) != 20 || len(p.keys) != 1 || rebuiltReason(s) != v1alpha1.ReasonTriggerFailed {
		t.Errorf("%d requests that fail, %d others: %s", len(broken.keys), len(p.keys), rebuiltReason(s))
	}
}
