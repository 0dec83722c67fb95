package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/notify"
)

const outboxNamespace = "plimsoll-system"

// receiver is a webhook that remembers what it accepted, by key.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	status   int
	requests int
	accepted map[string]int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK, accepted: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.requests++
		if r.status == http.StatusOK {
			r.accepted[request.Header.Get("Idempotency-Key")]++
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

// notifyingPolicyObject has one webhook, whose address is in the Secret chat.
func notifyingPolicyObject() *v1alpha1.ImagePolicy {
	return &v1alpha1.ImagePolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p", Generation: 2},
		Spec: v1alpha1.ImagePolicySpec{
			Rules: []v1alpha1.Rule{{Name: "r", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &v1alpha1.VulnerabilitiesRule{
				Severities: []v1alpha1.Severity{v1alpha1.SeverityCritical}, MaxCount: new(int32),
			}}},
			Remediation: &v1alpha1.Remediation{Notifications: []v1alpha1.Notification{{
				Name: "hook", Type: v1alpha1.NotificationWebhook, IntervalMinutes: 5, SecretRef: v1alpha1.LocalKeyReference{Name: "chat"},
			}}},
		},
	}
}

var notifyingKey = policyKey{Kind: kindImagePolicy, Namespace: "shop", Name: "p"}

func addressSecret(namespace, address string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "chat"}, Data: map[string][]byte{"address": []byte(address + "\n")}}
}

// notifyWorld is a report world whose policy notifies a receiver.
type notifyWorld struct {
	*world
	*receiver
	sender *notificationReconciler
}

func newNotifyWorld(t *testing.T, objects ...client.Object) *notifyWorld {
	t.Helper()
	r := newReceiver(t)
	w := newReportWorld(t, append(objects, notifyingPolicyObject(), addressSecret("shop", r.URL))...)
	w.notifications.secrets = PullSecrets{Namespace: outboxNamespace, Namespaces: []string{"shop"}}
	return &notifyWorld{world: w, receiver: r, sender: &notificationReconciler{notifications: w.notifications}}
}

// judged lets all reports follow a first database.
func (w *notifyWorld) judged() {
	w.t.Helper()
	w.run(nil)
	w.mustReconcile()
	if !w.rollout.followedOnce() {
		w.t.Fatal("the first database is not followed")
	}
}

// reopened is the sender of another process.
func (w *notifyWorld) reopened() {
	n := newNotifications(w.shared, Options{Namespace: outboxNamespace, ClusterName: "c", Program: "v1", HTTP: w.Client()}, nil, events.NewFakeRecorder(100))
	n.after, n.secrets = w.notifications.after, w.notifications.secrets
	startQueue(w.t, n.wake)
	w.notifications = n
	w.sender = &notificationReconciler{notifications: n}
}

func (w *notifyWorld) send() (time.Duration, error) {
	result, err := w.sender.Reconcile(w.t.Context(), notifyingKey)
	return result.RequeueAfter, err
}

func (w *notifyWorld) mustSend() time.Duration {
	w.t.Helper()
	after, err := w.send()
	if err != nil {
		w.t.Fatal(err)
	}
	return after
}

// outbox as it is in the cluster.
func (w *notifyWorld) outbox() *notify.Outbox {
	w.t.Helper()
	return readOutbox(w.t, w.client, notifyingKey)
}

func readOutbox(t *testing.T, c client.Client, key policyKey) *notify.Outbox {
	t.Helper()
	object := &corev1.ConfigMap{}
	err := c.Get(t.Context(), client.ObjectKey{Namespace: outboxNamespace, Name: outboxName(key)}, object)
	if apierrors.IsNotFound(err) {
		return &notify.Outbox{}
	}
	if err != nil {
		t.Fatal(err)
	}
	o, err := notify.DecodeOutbox([]byte(object.Data[outboxKey]))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (w *notifyWorld) condition() *metav1.Condition {
	w.t.Helper()
	policy := &v1alpha1.ImagePolicy{}
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: "shop", Name: "p"}, policy); err != nil {
		w.t.Fatal(err)
	}
	return meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionNotified)
}

func (w *notifyWorld) wantCondition(status metav1.ConditionStatus, reason, text string) {
	w.t.Helper()
	c := w.condition()
	if c == nil || c.Status != status || c.Reason != reason || !strings.Contains(c.Message, text) || c.ObservedGeneration != 2 {
		w.t.Errorf("condition %+v, want %s %s", c, status, reason)
	}
	if c != nil && (strings.Contains(c.Message, w.URL) || strings.Contains(c.Message, strings.TrimPrefix(w.URL, "http://"))) {
		w.t.Errorf("the condition tells the address: %s", c.Message)
	}
}

func TestNewsGoOutOnce(t *testing.T) {
	w := newNotifyWorld(t)
	w.judged()
	w.mustSend()
	if o := w.outbox(); len(o.Told) != 0 || o.Program != "v1" {
		t.Fatalf("a first judgement is news: %+v", o)
	}
	w.swap("r2", advisories{"CVE-1"})
	w.mustReconcile()
	if o := w.outbox(); len(o.Told) != 2 {
		t.Fatalf("outbox %+v", o)
	}
	if after := w.mustSend(); after != 5*time.Minute || w.requests != 0 {
		t.Errorf("again after %s, %d requests", after, w.requests)
	}
	w.now = w.now.Add(5 * time.Minute)
	if after := w.mustSend(); after != 0 || w.requests != 1 {
		t.Errorf("again after %s, %d requests", after, w.requests)
	}
	w.wantCondition(metav1.ConditionTrue, v1alpha1.ReasonNotified, "went out")
	writes := w.writes()
	w.reopened()
	w.now = w.now.Add(time.Hour)
	w.mustReconcile()
	if w.mustSend(); w.requests != 1 || w.writes() != writes {
		t.Errorf("%d requests and %d writes after a restart", w.requests, w.writes()-writes)
	}
}

// TestWhatComesBackIsNews: a verdict and findings that were there a month ago, went, and are there again.
func TestWhatComesBackIsNews(t *testing.T) {
	w := newNotifyWorld(t)
	w.judged()
	for i, told := range []int{2, 3, 5, 6, 8} {
		w.now = w.now.Add(30 * 24 * time.Hour)
		found := advisories{}
		if i%2 == 0 {
			found = advisories{"CVE-1"}
		}
		w.swap(fmt.Sprint("month ", i), found)
		w.mustReconcile()
		if o := w.outbox(); len(o.Told) != told {
			t.Errorf("month %d: %d facts are told, want %d", i, len(o.Told), told)
		}
	}
}

// TestCrashBetweenOutboxAndReport: the report is not written, and so found changed again.
func TestCrashBetweenOutboxAndReport(t *testing.T) {
	for _, verb := range []string{"apply status", "create"} {
		t.Run(verb, func(t *testing.T) {
			w := newNotifyWorld(t)
			w.judged()
			w.swap("r2", advisories{"CVE-1"})
			w.fails[verb] = errAway
			if err := w.reconcile(); !errors.Is(err, errAway) {
				t.Fatalf("error %v", err)
			}
			if total := w.report().Status.Summary.Total; total != 0 {
				t.Fatalf("the report is written first: %d findings", total)
			}
			delete(w.fails, verb)
			w.reopened()
			w.now = w.now.Add(90 * time.Second)
			w.mustReconcile()
			if total := w.report().Status.Summary.Total; total != 1 {
				t.Fatalf("%d findings", total)
			}
			w.now = w.now.Add(5 * time.Minute)
			w.mustSend()
			w.now = w.now.Add(time.Hour)
			w.mustSend()
			if o := w.outbox(); w.requests != 1 || len(o.Told) != 2 {
				t.Errorf("%d requests, outbox %+v", w.requests, o)
			}
		})
	}
}

func TestAnUpgradeIsNoNews(t *testing.T) {
	w := newNotifyWorld(t)
	w.judged()
	w.mustSend()
	w.reopened()
	w.notifications.program = "v2"
	settled := false
	w.notifications.settled = func() bool { return settled }
	// The new program judges otherwise, while a new database comes.
	w.swap("r2", advisories{"CVE-1"})
	w.mustReconcile()
	if after := w.mustSend(); after != recheckEvery {
		t.Errorf("the end of the baseline is looked for after %s", after)
	}
	settled = true
	w.mustSend()
	w.swap("r3", advisories{"CVE-1", "CVE-2"})
	w.mustReconcile()
	w.now = w.now.Add(time.Hour)
	w.mustSend()
	o := w.outbox()
	if w.requests != 1 || len(o.Told) != 3 || o.Program != "v2" {
		t.Errorf("%d requests, outbox %+v", w.requests, o)
	}
}

func TestReceiversThatFail(t *testing.T) {
	w := newNotifyWorld(t)
	w.judged()
	w.swap("r2", advisories{"CVE-1"})
	w.mustReconcile()
	w.now = w.now.Add(5 * time.Minute)
	w.status = http.StatusInternalServerError
	if after := w.mustSend(); after != time.Minute || w.requests != 1 {
		t.Errorf("again after %s, %d requests", after, w.requests)
	}
	w.wantCondition(metav1.ConditionFalse, v1alpha1.ReasonNotificationRetrying, "500 Internal Server Error; the next try is at 2026-08-01T12:06:00Z")
	if w.mustSend(); w.requests != 1 {
		t.Error("tried again at once")
	}
	// It is accepted, and the API server is away when that is to be noted.
	w.now, w.status = w.now.Add(time.Minute), http.StatusOK
	w.fails["apply"] = errAway
	if _, err := w.send(); !errors.Is(err, errAway) {
		t.Fatalf("error %v", err)
	}
	delete(w.fails, "apply")
	if w.mustSend(); w.requests != 2 || len(w.accepted) != 1 {
		t.Errorf("%d requests, accepted %v", w.requests, w.accepted)
	}
	w.wantCondition(metav1.ConditionTrue, v1alpha1.ReasonNotified, "went out")
	// For good.
	w.swap("r3", advisories{"CVE-1", "CVE-2"})
	w.mustReconcile()
	w.now, w.status = w.now.Add(5*time.Minute), http.StatusNotFound
	w.mustSend()
	w.wantCondition(metav1.ConditionFalse, v1alpha1.ReasonNotificationRetrying, "404 Not Found; the next try is")
	w.now, w.status = w.now.Add(time.Minute), http.StatusGone
	w.mustSend()
	w.wantCondition(metav1.ConditionFalse, v1alpha1.ReasonNotificationFailed, "given up")
	if o := w.outbox(); len(o.Dead) != 1 || !strings.Contains(o.Dead[0].Error, "410") {
		t.Errorf("outbox %+v", o)
	}
	recorded := strings.Join(drain(w.notifications.recorder.(*events.FakeRecorder).Events), "\n")
	for _, want := range []string{"Warning FindingsAdded", "Warning VerdictChanged", "Warning NotificationFailed"} {
		if !strings.Contains(recorded, want) {
			t.Errorf("no event %s in\n%s", want, recorded)
		}
	}
}

func drain(c chan string) []string {
	var all []string
	for {
		select {
		case e := <-c:
			all = append(all, e)
		default:
			return all
		}
	}
}

// TestCrashAfterSending: the next process sends under the same key.
func TestCrashAfterSending(t *testing.T) {
	w := newNotifyWorld(t)
	w.judged()
	w.swap("r2", advisories{"CVE-1"})
	w.mustReconcile()
	w.now = w.now.Add(5 * time.Minute)
	w.Config.Handler = stopAfter(w.Config.Handler, func() { w.fails["apply"] = errAway })
	if _, err := w.sender.Reconcile(t.Context(), notifyingKey); !errors.Is(err, errAway) {
		t.Fatalf("error %v", err)
	}
	delete(w.fails, "apply")
	w.reopened()
	w.mustSend()
	if w.requests != 2 || len(w.accepted) != 1 {
		t.Errorf("%d requests under the keys %v", w.requests, w.accepted)
	}
}

func stopAfter(handler http.Handler, stop func()) http.Handler {
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(stop)
		handler.ServeHTTP(w, r)
	})
}

func TestWhatAPersonHasToMend(t *testing.T) {
	for name, tc := range map[string]struct {
		change       func(w *notifyWorld, p *v1alpha1.ImagePolicy)
		reason, text string
	}{
		"no Secret": {func(w *notifyWorld, p *v1alpha1.ImagePolicy) {
			p.Spec.Remediation.Notifications[0].SecretRef.Name = "other"
		}, v1alpha1.ReasonNotificationSecretInvalid, "hook: Secret shop/other does not exist; changes that wait: 2"},
		"no key": {func(w *notifyWorld, p *v1alpha1.ImagePolicy) {
			p.Spec.Remediation.Notifications[0].SecretRef.Key = "url"
		}, v1alpha1.ReasonNotificationSecretInvalid, "nothing at the key url"},
		"not granted": {func(w *notifyWorld, p *v1alpha1.ImagePolicy) { w.notifications.secrets.Namespaces = nil }, v1alpha1.ReasonNotificationSecretInvalid,
			"pullSecrets.namespaces has to list shop"},
		"forbidden": {func(w *notifyWorld, p *v1alpha1.ImagePolicy) {
			w.notifications.reader = secretsForbidden{w.reader}
		}, v1alpha1.ReasonNotificationSecretInvalid, "pullSecrets.namespaces has to list shop"},
		"a bad template": {func(w *notifyWorld, p *v1alpha1.ImagePolicy) {
			p.Spec.Remediation.Notifications[0].Template = "{{.Nothing}}"
		}, v1alpha1.ReasonNotificationTemplateInvalid, "can't evaluate field Nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newNotifyWorld(t)
			w.judged()
			w.swap("r2", advisories{"CVE-1"})
			w.mustReconcile()
			good, reader, secrets := notifyingPolicyObject(), w.reader, w.notifications.secrets
			policy := &v1alpha1.ImagePolicy{}
			update := func(change func(*v1alpha1.ImagePolicy)) {
				t.Helper()
				if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(good), policy); err != nil {
					t.Fatal(err)
				}
				change(policy)
				if err := w.client.Update(t.Context(), policy); err != nil {
					t.Fatal(err)
				}
			}
			update(func(p *v1alpha1.ImagePolicy) { tc.change(w, p) })
			w.now = w.now.Add(30 * time.Hour)
			if after := w.mustSend(); after != recheckEvery || w.requests != 0 {
				t.Errorf("again after %s, %d requests", after, w.requests)
			}
			w.wantCondition(metav1.ConditionFalse, tc.reason, tc.text)
			update(func(p *v1alpha1.ImagePolicy) { p.Spec = good.Spec })
			w.notifications.reader, w.notifications.secrets = reader, secrets
			if w.mustSend(); w.requests != 1 || len(w.outbox().Dead) != 0 {
				t.Errorf("%d requests once it is mended", w.requests)
			}
			w.wantCondition(metav1.ConditionTrue, v1alpha1.ReasonNotified, "")
		})
	}
}

type secretsForbidden struct{ client.Reader }

func (f secretsForbidden) Get(ctx context.Context, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
	if _, secret := object.(*corev1.Secret); secret {
		return apierrors.NewForbidden(corev1.Resource("secrets"), key.Name, errors.New("no"))
	}
	return f.Reader.Get(ctx, key, object, opts...)
}

func (f secretsForbidden) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if _, secrets := list.(*corev1.SecretList); secrets {
		return errors.New("Secrets are listed")
	}
	return f.Reader.List(ctx, list, opts...)
}

// available is an update of its own for each number.
func available(n int) notify.Event {
	return notify.FromUpdate(notify.UpdateAvailable, &v1alpha1.ImageUpdate{Spec: v1alpha1.ImageUpdateSpec{Base: fmt.Sprint("debian:", n)}})
}

// TestManyChangesMakeOneWrite: changes that come while another is saved, or was just now, are saved together.
func TestManyChangesMakeOneWrite(t *testing.T) {
	w := newNotifyWorld(t)
	to := notifyingPolicyObject().Spec.Remediation.Notifications
	release, waiting := make(chan time.Time), make(chan struct{}, 1)
	w.notifications.after = func(time.Duration) <-chan time.Time {
		waiting <- struct{}{}
		return release
	}
	w.notifications.settled = func() bool { return true }
	tell := func(id int) error {
		_, err := w.notifications.add(t.Context(), notifyingKey, to, available(id))
		return err
	}
	if err := tell(0); err != nil {
		t.Fatal(err)
	}
	before := w.calls["create"] + w.calls["apply"]
	const many = 50
	errs := make(chan error, many)
	for i := range many {
		go func() { errs <- tell(i + 1) }()
	}
	<-waiting
	entry := w.notifications.entry(notifyingKey)
	for joined := 0; joined < many; {
		entry.mu.Lock()
		joined = len(entry.next.changes)
		entry.mu.Unlock()
	}
	close(release)
	for range many {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := w.calls["create"] + w.calls["apply"] - before; n != 1 || len(w.outbox().Told) != many+1 {
		t.Errorf("%d writes for %d changes", n, len(w.outbox().Told))
	}
}

func TestTwoLeadersLoseNothing(t *testing.T) {
	w := newNotifyWorld(t)
	to := notifyingPolicyObject().Spec.Remediation.Notifications
	first := w.notifications
	w.reopened()
	second := w.notifications
	for i := range 6 {
		n := []*notifications{first, second}[i%2]
		if _, err := n.add(t.Context(), notifyingKey, to, available(i)); err != nil {
			t.Fatal(err)
		}
	}
	if told := len(w.outbox().Told); told != 6 {
		t.Errorf("%d of 6 are told", told)
	}
}

func TestADamagedOutboxStopsNoReport(t *testing.T) {
	damaged := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: outboxNamespace, Name: outboxName(notifyingKey)}, Data: map[string]string{outboxKey: "damaged"},
	}
	w := newNotifyWorld(t, damaged)
	w.judged()
	w.swap("r2", advisories{"CVE-1"})
	w.mustReconcile()
	if o := w.outbox(); len(o.Told) != 2 || w.report().Status.Summary.Total != 1 {
		t.Errorf("outbox %+v", o)
	}
}

func TestStaleDatabaseIsToldOnce(t *testing.T) {
	cluster := &v1alpha1.ClusterImagePolicy{ObjectMeta: metav1.ObjectMeta{Name: "all"}}
	cluster.Spec.ImagePolicySpec = notifyingPolicyObject().Spec
	silent := &v1alpha1.ImagePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "silent"}}
	w := newNotifyWorld(t, cluster, silent, addressSecret(outboxNamespace, "http://127.0.0.1:1/unused"))
	for range 3 {
		if err := w.notifications.stale(t.Context(), start); err != nil {
			t.Fatal(err)
		}
		w.reopened()
	}
	for _, key := range []policyKey{notifyingKey, {Kind: kindClusterImagePolicy, Name: "all"}} {
		if o := readOutbox(t, w.client, key); o.State("hook").Waiting != 1 {
			t.Errorf("%s: %+v", key, o)
		}
	}
	if o := readOutbox(t, w.client, policyKey{Kind: kindImagePolicy, Namespace: "shop", Name: "silent"}); o.Stale != "" {
		t.Errorf("silent: %+v", o)
	}
	address, problem, err := w.notifications.address(t.Context(), policyKey{Kind: kindClusterImagePolicy, Name: "all"}, v1alpha1.LocalKeyReference{Name: "chat"})
	if address != "http://127.0.0.1:1/unused" || problem != nil || err != nil {
		t.Errorf("the Secret of a cluster's policy: %q %+v %v", address, problem, err)
	}
}

func TestTell(t *testing.T) {
	w := newNotifyWorld(t)
	update := &v1alpha1.ImageUpdate{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "u"}, Spec: v1alpha1.ImageUpdateSpec{Base: "debian:12"}}
	for range 2 {
		if err := w.notifications.Tell(t.Context(), notifyingKey, notify.FromUpdate(notify.UpdateAvailable, update)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.notifications.Tell(t.Context(), policyKey{Kind: kindImagePolicy, Namespace: "shop", Name: "gone"}, notify.Stale(start)); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	if w.mustSend(); w.requests != 1 {
		t.Errorf("%d requests", w.requests)
	}
	if got := drain(w.notifications.recorder.(*events.FakeRecorder).Events); len(got) != 1 || !strings.Contains(got[0], "Normal UpdateAvailable") {
		t.Errorf("events %v", got)
	}
}

func TestOutboxesOfSilentPoliciesGo(t *testing.T) {
	w := newNotifyWorld(t)
	tell := func() {
		t.Helper()
		if err := w.notifications.Tell(t.Context(), notifyingKey, notify.Stale(w.now)); err != nil {
			t.Fatal(err)
		}
	}
	exists := func() bool {
		t.Helper()
		var list corev1.ConfigMapList
		if err := w.client.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		return len(list.Items) > 0
	}
	tell()
	w.mustSend()
	if err := w.notifications.collect(t.Context()); err != nil || !exists() {
		t.Fatalf("collected while it is used: %v", err)
	}
	policy := notifyingPolicyObject()
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(policy), policy); err != nil {
		t.Fatal(err)
	}
	policy.Spec.Remediation.Notifications = nil
	if err := w.client.Update(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	if w.mustSend(); exists() || w.condition() != nil {
		t.Errorf("a silent policy: outbox %t, condition %+v", exists(), w.condition())
	}
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(policy), policy); err != nil {
		t.Fatal(err)
	}
	policy.Spec = notifyingPolicyObject().Spec
	if err := w.client.Update(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	tell()
	// It goes while no operator runs.
	w.reopened()
	if err := w.client.Delete(t.Context(), policy); err != nil || !exists() {
		t.Fatal(err)
	}
	if w.mustSend(); !exists() {
		t.Error("who never saw it deletes it")
	}
	if err := w.notifications.collect(t.Context()); err != nil || exists() {
		t.Errorf("left: %t, %v", exists(), err)
	}
}

func TestPolicyControllerLeavesNotifiedAlone(t *testing.T) {
	w := newNotifyWorld(t)
	w.mustSend()
	r := newImagePolicyReconciler(w.client, func() time.Time { return w.now })
	object := notifyingPolicyObject()
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	_, status := r.parts(object)
	if meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionNotified) == nil {
		t.Fatal("there is no condition to leave alone")
	}
	if own := withoutNotified(status.Conditions); meta.FindStatusCondition(own, v1alpha1.ConditionNotified) != nil {
		t.Errorf("it writes %+v", own)
	}
}

func TestPolicyKeys(t *testing.T) {
	for _, key := range []policyKey{notifyingKey, {Kind: kindClusterImagePolicy, Name: "all"}} {
		if got, ok := parsePolicyKey(key.String()); !ok || got != key {
			t.Errorf("%s is read as %+v", key, got)
		}
	}
	for _, text := range []string{"", "ImagePolicy", "ImagePolicy p", "ImagePolicy shop/", fmt.Sprint(kindClusterImagePolicy, " ")} {
		if got, ok := parsePolicyKey(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}
