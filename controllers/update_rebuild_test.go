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
