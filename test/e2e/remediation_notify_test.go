package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/playground"
)

// message is what a receiver of webhooks or CloudEvents reads.
type message struct {
	IdempotencyKey string
	Events         []struct{ Kind, Key, Image string }
}

// told are the kinds of all events that a path accepted, sorted.
func (s *service) told(t *testing.T, path string) (kinds []string) {
	t.Helper()
	batches, events := map[string]bool{}, map[string]bool{}
	for _, r := range s.accepted(path) {
		var m message
		if err := json.Unmarshal([]byte(r.body), &m); err != nil {
			t.Fatalf("%s was sent %s: %v", path, r.body, err)
		}
		if key := r.header.Get("Idempotency-Key"); batches[key] || key == "" || key != m.IdempotencyKey {
			t.Errorf("%s accepted the key %q before, or the body has another: %s", path, key, r.body)
		}
		batches[m.IdempotencyKey] = true
		for _, e := range m.Events {
			if events[e.Key] {
				t.Errorf("%s was told twice: %s", path, r.body)
			}
			events[e.Key] = true
			kinds = append(kinds, e.Kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// awaitTold waits until a path was told of these kinds of changes, each once, and of nothing else.
func (s *service) awaitTold(t *testing.T, path string, kinds ...string) {
	t.Helper()
	slices.Sort(kinds)
	await(t, "messages to "+path, func(context.Context) (string, error) {
		told := s.told(t, path)
		return missingUnless(slices.Equal(told, kinds), fmt.Sprintf("it was told of %v, want %v", told, kinds)), nil
	})
}

// hang is an answer that does not come.
func hang(w http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	w.WriteHeader(http.StatusGatewayTimeout)
}

// notified waits for the condition of the workshop's policy.
func (w *workshop) notified(t *testing.T, status metav1.ConditionStatus, reason string) {
	t.Helper()
	await(t, "the condition Notified", func(ctx context.Context) (string, error) {
		p := &v1alpha1.ClusterImagePolicy{}
		if err := world.Client.Get(ctx, client.ObjectKey{Name: w.ns}, p); err != nil {
			return "", err
		}
		c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionNotified)
		return missingUnless(c != nil && c.Status == status && c.Reason == reason, fmt.Sprintf("it is %+v, want %s with reason %s", c, status, reason)), nil
	})
}

// reasonsSeen gathers, until the test ends, what the policy's condition Notified gives as its reason at any time.
func (w *workshop) reasonsSeen(t *testing.T) func(reason string) bool {
	var seen sync.Map
	ctx, cluster, tick := t.Context(), world.Client, time.NewTicker(200*time.Millisecond)
	go func() {
		defer tick.Stop()
		for ctx.Err() == nil {
			p := &v1alpha1.ClusterImagePolicy{}
			if err := cluster.Get(ctx, client.ObjectKey{Name: w.ns}, p); err == nil {
				if c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionNotified); c != nil {
					seen.Store(c.Reason, true)
				}
			}
			<-tick.C
		}
	}()
	return func(reason string) bool {
		_, ok := seen.Load(reason)
		return ok
	}
}

// changePolicy of the workshop.
func (w *workshop) changePolicy(t *testing.T, change func(*v1alpha1.Remediation)) {
	t.Helper()
	p := &v1alpha1.ClusterImagePolicy{}
	if err := world.Client.Get(t.Context(), client.ObjectKey{Name: w.ns}, p); err != nil {
		t.Fatal(err)
	}
	patch := client.MergeFrom(p.DeepCopy())
	change(p.Spec.Remediation)
	if err := world.Client.Patch(t.Context(), p, patch); err != nil {
		t.Fatal(err)
	}
}

// Every change is told once and there is one pull request, whatever receivers answer at first, and although one leader after
// the other is killed.
func TestRemediationNotifications(t *testing.T) {
	defer publishFacts(t, factsOf(t, database.Older))
	receivers := newService(t, map[string][]http.HandlerFunc{
		"/events-secret": {status(http.StatusTooManyRequests, map[string]string{"Retry-After": "1"})},
		"/hook-secret":   {status(http.StatusInternalServerError, nil)},
		"/slack-secret":  {hang},
	})
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	w.outdated(t)
	plainRef := push(t, w.ns+"/news:1", compose(t, debian(t, package1("news"))))
	create(t, pod(w.ns, "news", plainRef))
	policy := w.policy(func(r *v1alpha1.Remediation) { r.Updates = v1alpha1.UpdatesDryRun })
	// The versions of the base have findings, too, but none of this severity: no candidate may fail.
	policy.Spec.Rules = []v1alpha1.Rule{{Name: "unknown", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &v1alpha1.VulnerabilitiesRule{
		Severities: []v1alpha1.Severity{v1alpha1.SeverityUnknown}, MaxCount: new(int32),
	}}}
	for name, kind := range map[string]v1alpha1.NotificationType{
		"events": v1alpha1.NotificationCloudEvents, "hook": v1alpha1.NotificationWebhook, "slack": v1alpha1.NotificationSlack,
	} {
		create(t, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: playground.Namespace, Name: w.ns + "-" + name},
			StringData: map[string]string{"address": receivers.URL + "/" + name + "-secret"},
		})
		policy.Spec.Remediation.Notifications = append(policy.Spec.Remediation.Notifications, v1alpha1.Notification{
			Name: name, Type: kind, IntervalMinutes: 1, SecretRef: v1alpha1.LocalKeyReference{Name: w.ns + "-" + name},
		})
	}
	t.Cleanup(func() { swapOperator(context.Background(), t) })
	first := replica(t, "replica-1")
	create(t, policy)
	seen := w.reasonsSeen(t)
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateDryRun, "12.2"))
	awaitReport(t, w.ns, plainRef.Repository, hasVerdict(v1alpha1.VerdictPass))
	publishFacts(t, append(factsOf(t, database.Older), fact("news", "CVE-2026-52001", "UNKNOWN")))
	awaitReport(t, w.ns, plainRef.Repository, hasVerdict(v1alpha1.VerdictFail))
	failover(t, world.Operator(), first)
	w.changePolicy(t, func(r *v1alpha1.Remediation) { r.Updates = v1alpha1.UpdatesPropose })
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
	second := replica(t, "replica-2")
	failover(t, first, second)
	if err := w.Merge(t.Context(), w.repository, w.onlyPullRequest(t).Index); err != nil {
		t.Fatal(err)
	}
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateMerged, "12.2"))

	await(t, "a message that is to be tried again", func(context.Context) (string, error) {
		return missingUnless(seen(v1alpha1.ReasonNotificationRetrying), "the condition has not said so"), nil
	})
	third := replica(t, "replica-3")
	failover(t, second, third)
	all := []string{"UpdateAvailable", "FindingsAdded", "VerdictChanged", "PullRequestOpened", "PullRequestMerged"}
	receivers.awaitTold(t, "/hook-secret", all...)
	receivers.awaitTold(t, "/events-secret", all...)
	w.notified(t, metav1.ConditionTrue, v1alpha1.ReasonNotified)
	receivers.checkRetried(t)
	w.onlyPullRequest(t)
	for _, path := range []string{"events-secret", "hook-secret", "slack-secret"} {
		w.checkSecret(t, path)
	}
}

// checkRetried wants the first message to each path to have come again under its key, and Slack's to tell all.
func (s *service) checkRetried(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/hook-secret", "/events-secret", "/slack-secret"} {
		sent := s.sent(path)
		first := sent[0].header.Get("Idempotency-Key")
		again := slices.IndexFunc(sent[1:], func(r request) bool { return r.header.Get("Idempotency-Key") == first && r.status/100 == 2 })
		if sent[0].status/100 == 2 || again < 0 {
			t.Errorf("%s answered the first message with %d, and that did not come again", path, sent[0].status)
		}
	}
	var texts string
	for _, r := range s.accepted("/slack-secret") {
		var m struct{ Text string }
		if err := json.Unmarshal([]byte(r.body), &m); err != nil {
			t.Fatal(err)
		}
		texts += m.Text + "\n"
	}
	for _, once := range []string{"CVE-2026-52001"} {
		if n := strings.Count(texts, once); n != 1 {
			t.Errorf("Slack was told of %s %d times:\n%s", once, n, texts)
		}
	}
	types := map[string]int{}
	for _, r := range s.accepted("/events-secret") {
		types[r.header.Get("Ce-Type")]++
	}
	for kind, n := range types {
		if n != 1 || !strings.HasPrefix(kind, "dev.plimsoll.") || len(types) != 5 {
			t.Errorf("CloudEvents by type: %v", types)
			break
		}
	}
}
