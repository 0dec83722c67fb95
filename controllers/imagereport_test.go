package controllers

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

const retention = time.Hour

// world is a report reconciler with an API server of which verbs can fail, and
// one image in a namespace that runs it.
type world struct {
	*imageReportReconciler
	*verbs
	t     *testing.T
	now   time.Time
	queue priorityqueue.PriorityQueue[types.NamespacedName]
}

// advisories are a database: one Critical for each id in openssl of Debian 12.
type advisories []string

func (a advisories) Fingerprint(key match.Key) (uint64, error) {
	if key.Name != "openssl" {
		return 0, nil
	}
	return uint64(len(a)), nil
}

func (a advisories) Records(key match.Key) ([]match.Record, error) {
	if key.Name != "openssl" || len(a) == 0 {
		return nil, nil
	}
	record := match.Record{Bucket: key.Bucket, Source: match.DataSource{ID: "debian"}}
	for _, id := range a {
		record.Advisories = append(record.Advisories, match.Advisory{
			ID: id, FixedVersion: "4", Detail: &match.Detail{Severity: match.SeverityCritical},
		})
	}
	return []match.Record{record}, nil
}

type storedImages map[image.Digest]*store.Image

func (i storedImages) Image(manifest image.Digest) (*store.Image, error) {
	if img, ok := i[manifest]; ok {
		return img, nil
	}
	return nil, store.ErrNotFound
}

func newReportWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{verbs: newVerbs(), t: t, now: start}
	index := func(of func(*v1alpha1.ImageReport) string) client.IndexerFunc {
		return func(o client.Object) []string { return []string{of(o.(*v1alpha1.ImageReport))} }
	}
	c := fake.NewClientBuilder().WithScheme(testScheme(t)).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.ImageReport{}, &v1alpha1.ImagePolicy{}).
		WithIndex(&v1alpha1.ImageReport{}, repositoryIndex, index(func(r *v1alpha1.ImageReport) string { return r.Spec.Repository })).
		WithIndex(&v1alpha1.ImageReport{}, scanKeyIndex, index(func(r *v1alpha1.ImageReport) string { return r.Spec.Digest + " " + r.Spec.Platform })).
		WithInterceptorFuncs(w.funcs()).Build()
	clock := func() time.Time { return w.now }
	s := newShared(c, c, clock, nil)
	s.notifications = newNotifications(s, Options{Namespace: "plimsoll-system", ClusterName: "c", Program: "v1", HTTP: http.DefaultClient}, nil, events.NewFakeRecorder(100))
	s.notifications.after = func(time.Duration) <-chan time.Time { return time.After(0) }
	startQueue(t, s.notifications.wake)
	startQueue(t, s.scans)
	startQueue(t, s.reports)
	startQueue(t, s.baseQueue)
	startQueue(t, s.policies)
	startQueue(t, s.watches)
	w.queue = startQueue(t, s.databases)
	content := sbom.Image{
		OS:       sbom.OS{Family: "debian", Release: "12"},
		Packages: []sbom.Package{{Type: sbom.TypeDpkg, Name: "openssl", Version: "3", SourceName: "openssl", SourceVersion: "3", Arch: "amd64"}},
	}
	img := &store.Image{ManifestDigest: digest("b"), ConfigDigest: digest("c"), Content: content}
	if err := s.fleet.Add(img.ManifestDigest, content.Packages, match.Components(&content, start)); err != nil {
		t.Fatal(err)
	}
	w.imageReportReconciler = &imageReportReconciler{
		projections: newProjections(),
		shared:      s, store: storedImages{img.ManifestDigest: img}, ledgers: newLedgers(c, c, "plimsoll-system"),
		limiter: rate.NewLimiter(rate.Inf, 1), retention: retention,
	}
	return w
}

var apiPod = inventory.Pod{
	Namespace: "shop", Name: "api-1", Platform: amd64, Running: true, Owner: inventory.Owner{Kind: "Pod", Name: "api-1"},
	Uses: []inventory.Use{{
		Name: "main", Type: v1alpha1.ContainerTypeContainer, Digest: digest("a"), Reference: image.Reference{Repository: repository, Tag: "1"},
	}},
}

var apiKey = inventory.ReportKey{Namespace: "shop", Repository: repository, Digest: digest("a"), Platform: amd64}

// run lets the pod run, the image be scanned and a database come.
func (w *world) run(db advisories) {
	w.t.Helper()
	w.inventory.Set(apiPod)
	w.catalogue.set(apiKey.Scan(), scanState{Manifest: digest("b"), Reason: v1alpha1.ReasonScanned})
	w.swap("r1", db)
}

func (w *world) swap(revision string, db advisories) {
	w.t.Helper()
	if _, err := w.fleet.Swap(db, revision); err != nil {
		w.t.Fatal(err)
	}
	w.rollout.begin(revision, start, []inventory.ReportKey{apiKey})
}

func (w *world) reconcile() error {
	_, err := w.Reconcile(w.t.Context(), apiKey)
	return err
}

func (w *world) mustReconcile() {
	w.t.Helper()
	if err := w.reconcile(); err != nil {
		w.t.Fatal(err)
	}
}

// report returns the report in the cluster, or nil.
func (w *world) report() *v1alpha1.ImageReport {
	w.t.Helper()
	fails := w.fails
	w.fails = nil
	defer func() { w.fails = fails }()
	var list v1alpha1.ImageReportList
	if err := w.client.List(w.t.Context(), &list); err != nil {
		w.t.Fatal(err)
	}
	if len(list.Items) == 0 {
		return nil
	}
	return &list.Items[0]
}

func (w *world) writes() int { return w.calls["create"] + w.calls["apply"] + w.calls["apply status"] }

// published says whether the last report follows the database.
func (w *world) published() bool { return !w.rollout.state().done.IsZero() }

func isReady(r *v1alpha1.ImageReport) bool {
	return r != nil && meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionReady)
}

// clockedPolicy needs the ledger.
func clockedPolicy() *v1alpha1.ImagePolicy {
	rule := v1alpha1.VulnerabilitiesRule{
		Clock: v1alpha1.ClockFirstObserved, Deadlines: []v1alpha1.Deadline{{Severity: v1alpha1.SeverityCritical, Days: 7}},
	}
	return &v1alpha1.ImagePolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "deadlines"},
		Spec:       v1alpha1.ImagePolicySpec{Rules: []v1alpha1.Rule{{Name: "r", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &rule}}},
	}
}

func TestNoReportIsReadyBeforeItIsWritten(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "imagereports"}, "api", errors.New("a newer one"))
	exists := apierrors.NewAlreadyExists(schema.GroupResource{Resource: "imagereports"}, "api")
	for verb, faults := range map[string][]error{
		"get": {errAway}, "list": {errAway}, "create": {errAway, exists}, "apply": {errAway}, "apply status": {errAway, conflict},
	} {
		for _, fault := range faults {
			t.Run(fmt.Sprintf("%s: %s", verb, fault), func(t *testing.T) {
				w := newReportWorld(t, clockedPolicy())
				w.run(advisories{"CVE-1"})
				w.fails[verb] = fault
				result, err := w.Reconcile(t.Context(), apiKey)
				if again := result.RequeueAfter > 0; (err == nil) != again || (err != nil && !errors.Is(err, fault)) {
					t.Errorf("requeue after %s, error %v: it must be tried again", result.RequeueAfter, err)
				}
				if report := w.report(); isReady(report) || w.published() || w.queue.Len() > 0 {
					t.Errorf("report %+v, published %t", report, w.published())
				}
				delete(w.fails, verb)
				w.mustReconcile()
				report := w.report()
				if !isReady(report) || !w.published() || w.rollout.state().written != 1 {
					t.Fatalf("report %+v, published %t", report, w.published())
				}
				if s := report.Status.Summary; s == nil || s.Critical != 1 || len(report.Status.Vulnerabilities.Items) != 1 {
					t.Errorf("summary %+v", s)
				}
				before := w.writes()
				w.mustReconcile()
				if n := w.writes() - before; n != 0 {
					t.Errorf("%d writes where nothing changed", n)
				}
			})
		}
	}
}

func TestNewsSurviveAFailedWrite(t *testing.T) {
	for _, verb := range []string{"apply", "apply status"} {
		t.Run(verb, func(t *testing.T) {
			policy := clockedPolicy()
			policy.Spec.Rules[0].Vulnerabilities = &v1alpha1.VulnerabilitiesRule{Severities: []v1alpha1.Severity{v1alpha1.SeverityCritical}, MaxCount: new(int32(0))}
			w := newReportWorld(t, policy)
			w.run(nil)
			w.mustReconcile()
			if got := w.report().Status.Verdict; got != v1alpha1.VerdictPass {
				t.Fatalf("verdict %s", got)
			}
			// The verdict is a label too, so that both are written.
			w.swap("r2", advisories{"CVE-1"})
			w.fails[verb] = errAway
			if err := w.reconcile(); !errors.Is(err, errAway) || w.published() {
				t.Errorf("error %v, published %t", err, w.published())
			}
			delete(w.fails, verb)
			w.mustReconcile()
			if got := w.report().Status; got.Verdict != v1alpha1.VerdictFail || got.LastChange.DatabaseRevision != "r2" || !w.published() {
				t.Errorf("verdict %s, last change %+v, published %t", got.Verdict, got.LastChange, w.published())
			}
		})
	}
}

func TestAReportBeforeItsScan(t *testing.T) {
	w := newReportWorld(t)
	w.inventory.Set(apiPod)
	w.mustReconcile()
	report := w.report()
	if report == nil || isReady(report) || report.Status.Summary != nil {
		t.Fatalf("before the scan: %+v", report)
	}
	w.catalogue.set(apiKey.Scan(), scanState{Manifest: digest("b"), Reason: v1alpha1.ReasonScanned})
	w.mustReconcile()
	if report = w.report(); isReady(report) {
		t.Errorf("before any database: %+v", report.Status)
	}
	w.swap("r1", nil)
	w.mustReconcile()
	if report = w.report(); !isReady(report) || report.Status.Summary == nil || report.Status.Summary.Total != 0 {
		t.Errorf("with a database: %+v", report.Status)
	}
}

// After a restart what the report says holds until something else is known.
func TestAReportKeepsWhatItSaidUntilItIsJudgedAgain(t *testing.T) {
	w := newReportWorld(t)
	w.run(advisories{"CVE-1"})
	w.mustReconcile()
	said := w.report()
	w.catalogue.forget(apiKey.Scan())
	before := w.writes()
	w.mustReconcile()
	if n := w.writes() - before; n != 0 || w.report().ResourceVersion != said.ResourceVersion {
		t.Errorf("%d writes, though nothing is known", n)
	}
	if n := w.scans.queue.Len(); n == 0 {
		t.Error("nobody was asked to scan")
	}
}

func TestAnImageThatIsGoneHoldsUpNoDatabase(t *testing.T) {
	w := newReportWorld(t)
	w.run(nil)
	w.inventory.Delete(apiPod.Namespace, apiPod.Name)
	w.mustReconcile()
	if w.report() != nil || !w.published() {
		t.Errorf("report %+v, published %t", w.report(), w.published())
	}
}

func TestReportsOutliveTheirImageByTheRetention(t *testing.T) {
	w := newReportWorld(t)
	w.run(nil)
	w.mustReconcile()
	w.inventory.Delete(apiPod.Namespace, apiPod.Name)
	result, err := w.Reconcile(t.Context(), apiKey)
	if err != nil || result.RequeueAfter != retention || w.report().Status.UnusedTime == nil {
		t.Fatalf("wake in %s, error %v, unused since %v", result.RequeueAfter, err, w.report().Status.UnusedTime)
	}
	w.now = start.Add(retention - time.Second)
	if w.mustReconcile(); w.report() == nil {
		t.Fatal("deleted too early")
	}
	w.now = start.Add(retention)
	w.fails["delete"] = errAway
	if err := w.reconcile(); !errors.Is(err, errAway) || w.report() == nil {
		t.Fatalf("error %v", err)
	}
	delete(w.fails, "delete")
	if w.mustReconcile(); w.report() != nil {
		t.Error("the report is still there")
	}
}

func TestAnImageThatComesBackKeepsItsReport(t *testing.T) {
	w := newReportWorld(t)
	w.run(nil)
	w.mustReconcile()
	w.inventory.Delete(apiPod.Namespace, apiPod.Name)
	w.mustReconcile()
	w.now = start.Add(2 * retention)
	w.inventory.Set(apiPod)
	w.mustReconcile()
	if r := w.report(); r == nil || r.Status.UnusedTime != nil || !isReady(r) {
		t.Errorf("report %+v", r)
	}
}
