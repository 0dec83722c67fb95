package controllers

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
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
			_, err := r.trigger(t.Context(), rebuilding("team-a"), request, &step{})
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
