package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/javadb"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// finalRetry is how long a scan waits after a failure that only a change in the
// registry can mend.
const finalRetry = time.Hour

// scanReconciler makes every image that is reported known to the fleet: from
// the store or, once, from its registry.
type scanReconciler struct {
	*shared
	scanner     *scan.Scanner
	archives    *archives
	summaries   summaries
	trustHost   func(host string)
	secrets     PullSecrets
	concurrency int
}

func (r *scanReconciler) setup(m manager.Manager) error {
	return builder.TypedControllerManagedBy[inventory.ScanKey](m).
		Named("scan").
		WatchesRawSource(r.scans).
		WithOptions(controller.TypedOptions[inventory.ScanKey]{
			MaxConcurrentReconciles: r.concurrency,
			CacheSyncTimeout:        cacheSyncTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[inventory.ScanKey](time.Second, 5*time.Minute),
			ReconciliationTimeout:   30 * time.Minute,
		}).
		WithLogConstructor(logConstructor[inventory.ScanKey](m, "scan", func(k inventory.ScanKey) []any {
			return []any{"digest", k.Digest, "platform", k.Platform.String()}
		})).
		Complete(r)
}

// Reconcile implements reconcile.TypedReconciler.
func (r *scanReconciler) Reconcile(ctx context.Context, key inventory.ScanKey) (reconcile.Result, error) {
	target, live, err := r.target(ctx, key)
	if err != nil {
		return reconcile.Result{}, err
	}
	if !live {
		r.forget(key)
		r.wakeBases(ctx, key)
		return reconcile.Result{}, nil
	}
	state, _ := r.catalogue.get(key)
	if state.scanned() {
		if _, settled := r.bases.get(state.Manifest); !settled {
			// It was scanned as what another might move to. Now it runs, and its own base counts.
			r.baseQueue.addPriority(ctx, priorityNormal, key)
		}
		return reconcile.Result{}, nil
	}
	asked, err := r.asked(ctx, key, target)
	if err != nil {
		return reconcile.Result{}, err
	}
	if wait := state.Again.Sub(r.now()); wait > 0 && asked == state.Asked {
		// A pod more that runs the image is no reason to try sooner.
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	if manifest, kept, ok := r.summaries.load(key); ok {
		return reconcile.Result{}, r.take(ctx, key, manifest, kept)
	}
	img, err := r.scan(ctx, target)
	if err != nil {
		state.Asked = asked
		return r.failed(ctx, key, state, err)
	}
	defer img.release()
	return reconcile.Result{}, r.scanned(ctx, key, img)
}

// scannedImage has its archives named as they are until release.
type scannedImage struct {
	*store.Image
	release func()
	// unnamed says that in the store some archives are without a name: those that they have here may pass.
	unnamed bool
}

func (r *scanReconciler) scan(ctx context.Context, target scan.Target) (scannedImage, error) {
	stored, err := r.scanner.Scan(ctx, target)
	if err != nil {
		return scannedImage{}, err
	}
	img, release, err := r.archives.hold(ctx, stored)
	return scannedImage{Image: img, release: release, unnamed: javadb.Unnamed(stored.Content.Packages) > 0}, err
}

// target returns what to scan, and whether any pod or report asks for it.
func (r *scanReconciler) target(ctx context.Context, key inventory.ScanKey) (scan.Target, bool, error) {
	target := scan.Target{Digest: key.Digest, Platform: key.Platform}
	running := r.inventory.Reports(key)
	pulls := map[image.Reference][]inventory.Pull{}
	for _, report := range running {
		img, _ := r.inventory.Image(report)
		target.Bare = target.Bare || img.Bare
		for _, host := range img.Hosts {
			// A kubelet has pulled from it, so that its address may be private.
			r.trustHost(host)
		}
		for _, ref := range img.References {
			pulls[ref] = append(pulls[ref], img.Pulls...)
		}
	}
	if len(running) == 0 {
		idle, err := r.reportObjects(ctx, key)
		if err != nil {
			return target, false, err
		}
		for _, report := range idle {
			target.Bare = target.Bare || idleBare(report)
			ref := idleReference(report)
			pulls[ref] = append(pulls[ref], inventory.Pull{Namespace: report.Namespace, ServiceAccount: "default"})
		}
	}
	for _, wanted := range r.wishes.get(key) {
		pulls[wanted.Reference] = append(pulls[wanted.Reference], wanted.Pulls...)
	}
	for ref, from := range pulls {
		target.Candidates = append(target.Candidates, scan.Candidate{
			Reference: ref,
			Keychain:  keychain{reader: r.reader, secrets: r.secrets, pulls: from},
		})
	}
	slices.SortFunc(target.Candidates, func(a, b scan.Candidate) int { return compareStrings(a.Reference, b.Reference) })
	return target, len(target.Candidates) > 0, nil
}

// idleBare says whether the image that no pod runs any more ran by the digest of its configuration.
func idleBare(report v1alpha1.ImageReport) bool {
	scanned := meta.FindStatusCondition(report.Status.Conditions, v1alpha1.ConditionScanned)
	return report.Status.ConfigDigest == report.Spec.Digest ||
		scanned != nil && scanned.Reason == v1alpha1.ReasonDigestNotPullable
}

// idleReference is where an image may be pulled from that no pod runs any more.
func idleReference(report v1alpha1.ImageReport) image.Reference {
	ref := image.Reference{Repository: report.Spec.Repository}
	if len(report.Status.Tags) > 0 {
		ref.Tag = report.Status.Tags[0]
	}
	return ref
}

// asked is equal as long as a retry makes no difference: for the same places to
// pull from, and no new request by annotation on a report.
func (r *scanReconciler) asked(ctx context.Context, key inventory.ScanKey, target scan.Target) (string, error) {
	var b strings.Builder
	for _, candidate := range target.Candidates {
		fmt.Fprintf(&b, "%s %v\n", candidate.Reference, candidate.Keychain.(keychain).pulls)
	}
	reports, err := r.reportObjects(ctx, key)
	if err != nil {
		return "", err
	}
	var requests []string
	for i := range reports {
		if at := reports[i].Annotations[v1alpha1.AnnotationRequestedAt]; at != "" {
			requests = append(requests, reports[i].Namespace+"/"+reports[i].Name+" "+at)
		}
	}
	slices.Sort(requests)
	return b.String() + strings.Join(requests, "\n"), nil
}

func (r *scanReconciler) forget(key inventory.ScanKey) {
	r.images.Lock()
	defer r.images.Unlock()
	if manifest, unused := r.catalogue.forget(key); unused {
		r.fleet.Remove(manifest)
		r.bases.forget(manifest)
	}
}

func (r *scanReconciler) scanned(ctx context.Context, key inventory.ScanKey, img scannedImage) error {
	kept := summary{
		State:  scan.StateOf(&img.Content),
		Fleet:  fleet.Summarise(img.Content.Packages, match.Components(&img.Content, r.now())),
		Origin: originOf(img.Image),
	}
	if !img.unnamed {
		if err := r.summaries.keep(img.Image, kept, r.now()); err != nil {
			return err
		}
	}
	return r.take(ctx, key, img.ManifestDigest, kept)
}

// take makes an image known to the fleet, and wakes its reports if that is news.
func (r *scanReconciler) take(ctx context.Context, key inventory.ScanKey, manifest image.Digest, s summary) error {
	state := scanState{Manifest: manifest, Reason: s.State.Reason, Message: s.State.Message, Bucket: s.Fleet.SystemBucket()}
	r.bases.put(manifest, s.Origin)
	changed, err := r.hold(key, s.Fleet, state)
	if err != nil {
		return fmt.Errorf("judge image %s: %w", manifest, err)
	}
	scansTotal.WithLabelValues(state.Reason).Inc()
	if changed {
		r.wakeReports(ctx, r.newsPriority(manifest), key)
		r.wakeBases(ctx, key)
	}
	return nil
}

// hold puts an image into the fleet and the catalogue at once, so that nothing
// that leaves meanwhile takes it along.
func (r *scanReconciler) hold(key inventory.ScanKey, s fleet.Summary, state scanState) (changed bool, err error) {
	r.images.Lock()
	defer r.images.Unlock()
	if err := r.fleet.AddSummary(state.Manifest, s); err != nil {
		return false, err
	}
	return r.catalogue.set(key, state), nil
}

func (r *scanReconciler) failed(ctx context.Context, key inventory.ScanKey, before scanState, failure error) (reconcile.Result, error) {
	if errors.Is(failure, context.Canceled) && ctx.Err() != nil {
		return reconcile.Result{}, failure
	}
	reason, retryAfter := scan.Reason(failure)
	scansTotal.WithLabelValues(reason).Inc()
	state := scanState{Reason: reason, Message: failure.Error(), Failures: before.Failures + 1, Asked: before.Asked}
	wait := backoff(state.Failures)
	if scan.Final(failure) {
		wait = finalRetry
	}
	wait = max(wait, retryAfter)
	state.Again = r.now().Add(wait)
	if r.catalogue.set(key, state) {
		log.FromContext(ctx).Info("Image cannot be scanned", "reason", reason, "error", failure.Error(), "nextTry", wait)
		r.wakeReports(ctx, priorityNormal, key)
		r.wakeBases(ctx, key)
	}
	return reconcile.Result{RequeueAfter: wait}, nil
}

// maxBackoff is the longest wait after a failure that may pass by itself.
const maxBackoff = 5 * time.Minute

// backoff doubles from a second on.
func backoff(failures int) time.Duration {
	return min(time.Second<<min(failures-1, 16), maxBackoff)
}
