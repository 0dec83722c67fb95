package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// baseReconciler finds the base of every image that is scanned: it has the bases
// that the image names scanned too, and compares their layers.
type baseReconciler struct {
	*shared
	store   baseStore
	names   *baseNames
	secrets PullSecrets
}

func (r *baseReconciler) setup(m manager.Manager) error {
	return builder.TypedControllerManagedBy[inventory.ScanKey](m).
		Named("base").
		WatchesRawSource(r.baseQueue).
		WithOptions(controller.TypedOptions[inventory.ScanKey]{
			MaxConcurrentReconciles: 1,
			CacheSyncTimeout:        cacheSyncTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[inventory.ScanKey](time.Second, 5*time.Minute),
			ReconciliationTimeout:   time.Minute,
		}).
		WithLogConstructor(logConstructor[inventory.ScanKey](m, "base", func(k inventory.ScanKey) []any {
			return []any{"digest", k.Digest, "platform", k.Platform.String()}
		})).
		Complete(r)
}

// Reconcile implements reconcile.TypedReconciler.
func (r *baseReconciler) Reconcile(ctx context.Context, key inventory.ScanKey) (reconcile.Result, error) {
	state, _ := r.catalogue.get(key)
	if !state.scanned() {
		r.wish(ctx, wisher{Image: key}, nil)
		return reconcile.Result{}, nil
	}
	// Before anything is said of the base: without what was known before, the image would seem to have none.
	if err := r.recall(ctx, key, state.Manifest); err != nil {
		return reconcile.Result{}, err
	}
	o, ok := r.bases.origin(state.Manifest)
	if !ok {
		return reconcile.Result{}, nil
	}
	reports, err := r.reportsOf(ctx, key)
	if err != nil {
		return reconcile.Result{}, err
	}
	if len(reports) == 0 {
		// It is a base itself, or may become one.
		r.wish(ctx, wisher{Image: key}, nil)
		return reconcile.Result{}, nil
	}
	wanted := r.claimed(key, state.Manifest, o.Claims)
	// A name that cannot be confirmed now counts as not confirmed until it is.
	unasked := r.names.ask(ctx, r.scannedClaims(o.Claims, key.Platform), keychain{reader: r.reader, secrets: r.secrets, pulls: r.pulls(key)})
	base := r.bases.find(state.Manifest, func(claim baseimage.Claim) (baseimage.Known, bool) {
		known, ok := r.known(inventory.ScanKey{Digest: claim.Digest, Platform: key.Platform})
		if r.names.holds(claim) {
			known.Reference.Repository = claim.Name.Repository
		}
		return known, ok
	})
	if base.Found {
		// Also one that is known by its layers alone: what an image moves from has to be known even if no tag leads there any more.
		wanted[inventory.ScanKey{Digest: base.Digest, Platform: key.Platform}] = wish{Reference: base.Reference, Pulls: r.pulls(key)}
	}
	r.wish(ctx, wisher{Image: key}, wanted)
	for base := range wanted {
		if _, settled := r.catalogue.get(base); !settled {
			// Its scan wakes this image again.
			return reconcile.Result{}, nil
		}
	}
	return reconcile.Result{}, errors.Join(r.found(ctx, key, state.Manifest, base), unasked)
}

// claimed are the bases that an image says it has, to be scanned, too.
func (r *baseReconciler) claimed(key inventory.ScanKey, manifest image.Digest, claims []baseimage.Claim) map[inventory.ScanKey]wish {
	wanted := map[inventory.ScanKey]wish{}
	for _, claim := range claims {
		if claim.Digest != key.Digest && claim.Digest != manifest {
			wanted[inventory.ScanKey{Digest: claim.Digest, Platform: key.Platform}] = wish{Reference: claim.Name, Pulls: r.pulls(key)}
		}
	}
	return wanted
}

// found tells those who wait for it. An image without a base is what its report takes it
// for, unless that has said otherwise or a policy asks.
func (r *baseReconciler) found(ctx context.Context, key inventory.ScanKey, manifest image.Digest, base foundBase) error {
	before, _ := r.bases.get(manifest)
	if !r.bases.set(manifest, base) {
		return nil
	}
	r.wakePolicies(ctx)
	awaited := base.Found || before.Found
	reports, err := r.reportObjects(ctx, key)
	if err != nil {
		return err
	}
	for i := range reports {
		if awaited {
			break
		}
		policies, err := r.policiesFor(ctx, reports[i].Namespace)
		if err != nil {
			return err
		}
		awaited = reports[i].Status.Base != nil || asksForBase(policies)
	}
	if awaited {
		r.wakeReports(ctx, priorityNormal, key)
	}
	return nil
}

// recall takes up what reports have from before this process and the image itself
// does not say: that the name of its base was confirmed, or a base that was found by a Dockerfile, or by layers that were listed.
func (r *baseReconciler) recall(ctx context.Context, key inventory.ScanKey, manifest image.Digest) error {
	reports, err := r.reportObjects(ctx, key)
	if err != nil {
		return err
	}
	for i := range reports {
		base := reports[i].Status.Base
		if base == nil {
			continue
		}
		ref, err := image.ParseReference(base.Name)
		if err != nil {
			continue
		}
		if base.Trust == v1alpha1.BaseConfirmed {
			r.names.hold(image.Reference{Repository: ref.Repository, Digest: image.Digest(base.Digest)})
		}
		switch base.Source {
		case v1alpha1.BaseDockerfile:
			r.bases.claim(manifest, baseimage.Claim{Source: base.Source, Name: ref, Digest: image.Digest(base.Digest)})
		case v1alpha1.BaseLayers:
			if r.bases.lists(ref.Repository) {
				continue
			}
			stored, err := r.store.Bases(ref.Repository)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("read the known bases of %s from the store: %w", ref.Repository, err)
			}
			r.listBases(ctx, ref.Repository, knownBases(ref.Repository, stored))
		}
	}
	return nil
}

// listBases makes the bases of a repository known by their layers. Whatever is scanned may turn out to be built on one
// of them, or not any more: also what no pod runs for now.
func (s *shared) listBases(ctx context.Context, repository string, known []baseimage.Known) (changed bool) {
	if !s.bases.list(repository, known) {
		return false
	}
	for _, scans := range s.catalogue.scansByManifest() {
		s.baseQueue.addPriority(ctx, priorityLow, scans...)
	}
	return true
}

// known is what is known of a base that was scanned. Which repository has it is not.
func (s *shared) known(key inventory.ScanKey) (baseimage.Known, bool) {
	state, _ := s.catalogue.get(key)
	o, ok := s.bases.origin(state.Manifest)
	if !state.scanned() || !ok {
		return baseimage.Known{}, false
	}
	return baseimage.Known{Digest: key.Digest, Manifest: state.Manifest, Platform: key.Platform, DiffIDs: o.DiffIDs, Created: o.Created}, true
}

// pulls are where a kubelet finds credentials for the image: its base may need the same.
func (s *shared) pulls(key inventory.ScanKey) []inventory.Pull {
	var pulls []inventory.Pull
	for _, report := range s.inventory.Reports(key) {
		img, _ := s.inventory.Image(report)
		pulls = append(pulls, img.Pulls...)
	}
	return unique(pulls)
}

// wish has images scanned, or no more, that no pod runs.
func (s *shared) wish(ctx context.Context, owner wisher, wanted map[inventory.ScanKey]wish) {
	s.scans.addPriority(ctx, priorityLow, s.wishes.set(owner, wanted)...)
}

// wakeBases follows a scan to all that waits for it: the base of the image
// itself, of the images that name it as theirs, and the watch that offers it.
func (s *shared) wakeBases(ctx context.Context, key inventory.ScanKey) {
	s.baseQueue.addPriority(ctx, priorityNormal, key)
	for _, owner := range s.wishes.ownersOf(key) {
		if owner.Watch != "" {
			s.wakePolicies(ctx)
			continue
		}
		s.baseQueue.addPriority(ctx, priorityNormal, owner.Image)
	}
}
