package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/report"
)

// imageReportReconciler writes one ImageReport for each image that a namespace
// runs, and deletes it some time after nothing uses the image any more.
type imageReportReconciler struct {
	*shared
	projections *projections
	store       imageStore
	ledgers     *ledgers
	limiter     *rate.Limiter
	retention   time.Duration
	// written is the content hash of each report as this process last wrote it.
	written sync.Map
}

func (r *imageReportReconciler) setup(m manager.Manager) error {
	b := builder.TypedControllerManagedBy[inventory.ReportKey](m)
	for kind, version := range workloadKinds {
		b = b.WatchesMetadata(workloadMetadata(kind.WithVersion(version)),
			handler.TypedEnqueueRequestsFromMapFunc(r.fromWorkload), builder.WithPredicates(r.ofWorkloads()))
	}
	return b.
		Named("imagereport").
		WatchesRawSource(r.reports).
		Watches(&v1alpha1.ImageReport{}, handler.TypedEnqueueRequestsFromMapFunc(r.fromReport), builder.WithPredicates(r.foreign())).
		Watches(&v1alpha1.ImagePolicy{}, handler.TypedEnqueueRequestsFromMapFunc(r.fromPolicy), specChanged).
		Watches(&v1alpha1.ClusterImagePolicy{}, handler.TypedEnqueueRequestsFromMapFunc(r.fromPolicy), specChanged).
		WatchesMetadata(namespaceMetadata(), handler.TypedEnqueueRequestsFromMapFunc(r.fromNamespace), labelsChanged).
		WithOptions(controller.TypedOptions[inventory.ReportKey]{
			MaxConcurrentReconciles: 4,
			CacheSyncTimeout:        cacheSyncTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[inventory.ReportKey](100*time.Millisecond, time.Minute),
			ReconciliationTimeout:   time.Minute,
		}).
		WithLogConstructor(logConstructor[inventory.ReportKey](m, "imagereport", func(k inventory.ReportKey) []any {
			return []any{"namespace", k.Namespace, "repository", k.Repository, "digest", k.Digest}
		})).
		Complete(r)
}

// Reconcile implements reconcile.TypedReconciler.
func (r *imageReportReconciler) Reconcile(ctx context.Context, key inventory.ReportKey) (reconcile.Result, error) {
	s, err := r.gather(ctx, key)
	if err != nil {
		return reconcile.Result{}, err
	}
	if s == nil {
		r.gone(ctx, key)
		return reconcile.Result{}, nil
	}
	if !s.ready {
		// The scan, or the database, wakes the report when it has something to say.
		r.scans.addPriority(ctx, priorityNormal, key.Scan())
		return reconcile.Result{}, nil
	}
	if s.expired(r.now(), r.retention) {
		return reconcile.Result{}, r.delete(ctx, s)
	}
	written, err := r.publish(ctx, s)
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		// The cache had not seen our last write. It soon will.
		return reconcile.Result{RequeueAfter: 100 * time.Millisecond}, nil
	}
	covered := r.unwritten.set(key, err != nil)
	if err == nil {
		covered = r.rollout.report(key, s.revision, written) || covered
	}
	if covered {
		r.wakeCoverage(ctx)
	}
	if !s.scan.Done {
		// It may have been asked for anew; else the scan knows when it is due.
		r.scans.addPriority(ctx, priorityLow, key.Scan())
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: s.next(r.now(), r.retention)}, nil
}

// publish judges the image and makes the object say so.
func (r *imageReportReconciler) publish(ctx context.Context, s *reportScope) (written bool, err error) {
	if err := r.judge(ctx, s); err != nil {
		return false, err
	}
	return r.write(ctx, s)
}

// gone forgets a report that is not in the cluster and need not be. The last
// report of an image takes the image with it.
func (r *imageReportReconciler) gone(ctx context.Context, key inventory.ReportKey) {
	r.scans.addPriority(ctx, priorityLow, key.Scan())
	failed := r.unwritten.set(key, false)
	r.written.Delete(key)
	if r.rollout.drop(key) || failed {
		r.wakeCoverage(ctx)
	}
}

// judge decides what the report says.
func (r *imageReportReconciler) judge(ctx context.Context, s *reportScope) error {
	judge := func(ledger *policy.Ledger) bool {
		changed := ledger.Observe(s.facts, s.policies, s.now)
		if s.siblings != nil {
			changed = ledger.Sweep(s.siblings, s.now) || changed
		}
		s.judgement = policy.Judge(s.facts, s.policies, ledger, s.now)
		return changed
	}
	if s.clocked {
		if err := r.ledgers.use(ctx, s.key.Repository, judge); err != nil {
			return err
		}
	} else {
		s.judgement = policy.Judge(s.facts, s.policies, nil, s.now)
	}
	s.build()
	return nil
}

// compare has the status tell what changed since the one before, whose lists the cache does not hold.
func (r *imageReportReconciler) compare(ctx context.Context, s *reportScope) error {
	if s.object == nil {
		return nil
	}
	before := &v1alpha1.ImageReport{}
	err := r.reader.Get(ctx, client.ObjectKeyFromObject(s.object), before)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("get report %s/%s: %w", s.key.Namespace, s.name(), err)
	}
	if err != nil || before.ResourceVersion != s.object.ResourceVersion {
		resource := v1alpha1.GroupVersion.WithResource("imagereports").GroupResource()
		return apierrors.NewConflict(resource, s.name(), errors.New("the cache has not seen its last change"))
	}
	s.object = before
	s.build()
	return nil
}

// write makes the object in the cluster say what was judged, and returns
// whether it had to.
func (r *imageReportReconciler) write(ctx context.Context, s *reportScope) (bool, error) {
	labels := report.Labels(s.key.Repository, s.status.Verdict)
	if s.object != nil && s.object.Status.ContentHash == s.status.ContentHash && hasLabels(s.object, labels) {
		return false, nil
	}
	if err := r.limiter.Wait(ctx); err != nil {
		return false, fmt.Errorf("wait to write report %s/%s: %w", s.key.Namespace, s.name(), err)
	}
	if err := r.compare(ctx, s); err != nil {
		return false, err
	}
	if err := r.notifications.report(ctx, s); err != nil {
		return false, err
	}
	object := &v1alpha1.ImageReport{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.key.Namespace, Name: s.name(), Labels: labels},
		Spec:       s.spec(),
	}
	if err := r.writeObject(ctx, s, object, labels); err != nil {
		return false, fmt.Errorf("write report %s/%s: %w", s.key.Namespace, s.name(), err)
	}
	object.Status = s.status
	if err := applyStatus(ctx, r.client, object); err != nil {
		return false, fmt.Errorf("write the status of report %s/%s: %w", s.key.Namespace, s.name(), err)
	}
	r.written.Store(s.key, s.status.ContentHash)
	reportWrites.Inc()
	return true, nil
}

// writeObject makes the object exist with its labels. It fails where the cache
// had not seen the last write, so that no write is based on what has passed.
func (r *imageReportReconciler) writeObject(ctx context.Context, s *reportScope, object *v1alpha1.ImageReport, labels map[string]string) error {
	switch {
	case s.object == nil:
		return r.client.Create(ctx, object, fieldOwner)
	case hasLabels(s.object, labels):
		object.ResourceVersion = s.object.ResourceVersion
		return nil
	}
	object.ResourceVersion = s.object.ResourceVersion
	return apply(ctx, r.client, object)
}

func hasLabels(object client.Object, labels map[string]string) bool {
	for k, v := range labels {
		if object.GetLabels()[k] != v {
			return false
		}
	}
	return true
}

func (r *imageReportReconciler) delete(ctx context.Context, s *reportScope) error {
	version := s.object.ResourceVersion
	err := r.client.Delete(ctx, s.object, client.Preconditions{ResourceVersion: &version})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete report %s/%s: %w", s.key.Namespace, s.name(), err)
	}
	reportDeletes.Inc()
	return nil
}
