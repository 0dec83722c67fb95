package controllers

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// listed is a base that is known by its only layer, and layered an image that stands on it.
var (
	listed = baseimage.Known{
		Reference: image.Reference{Repository: "docker.io/library/debian", Tag: "12"},
		Digest:    digest("d"), Manifest: digest("e"), Platform: amd64, DiffIDs: []image.Digest{digest("1")},
	}
	layered = origin{DiffIDs: []image.Digest{digest("1"), digest("2")}}
)

// baseWorld has an image scanned of which there is a report.
func baseWorld(t *testing.T) (*world, *baseReconciler) {
	t.Helper()
	w, _ := updateWorld(t)
	w.catalogue.set(apiKey.Scan(), scanState{Manifest: digest("b")})
	w.bases.put(digest("b"), layered)
	return w, &baseReconciler{shared: w.shared}
}

// A tag moves on, and the digest that images stand on is still what their updates move from.
func TestABaseFoundByItsLayersIsScanned(t *testing.T) {
	w, r := baseWorld(t)
	w.bases.list(listed.Reference.Repository, []baseimage.Known{listed})
	base := inventory.ScanKey{Digest: listed.Digest, Platform: amd64}
	reconcile := func() {
		t.Helper()
		if _, err := r.Reconcile(t.Context(), apiKey.Scan()); err != nil {
			t.Fatal(err)
		}
	}
	reconcile()
	wished := w.wishes.get(base)
	if _, settled := w.bases.get(digest("b")); settled || len(wished) != 1 || wished[0].Reference != listed.Reference {
		t.Fatalf("before its base is scanned, it is settled: %t, and wishes %+v", settled, wished)
	}
	// One that cannot be scanned is its base all the same.
	w.catalogue.set(base, scanState{Reason: v1alpha1.ReasonImageNotFound})
	reconcile()
	if got, settled := w.bases.get(digest("b")); !settled || !got.Found || got.Source != v1alpha1.BaseLayers {
		t.Errorf("its base is %+v, settled %t", got, settled)
	}
	if len(w.wishes.get(base)) != 1 {
		t.Error("nobody wishes the base any more")
	}
}

// Once other bases are listed, images without one are looked at again, whether a pod runs them or not.
func TestImagesWithoutABaseAreLookedAtAgain(t *testing.T) {
	for name, idle := range map[string]bool{"running": false, "idle": true} {
		t.Run(name, func(t *testing.T) {
			w, r := baseWorld(t)
			if idle {
				w.inventory.Delete(apiPod.Namespace, apiPod.Name)
			}
			w.bases.set(digest("b"), foundBase{})
			if !r.listBases(t.Context(), listed.Reference.Repository, []baseimage.Known{listed}) {
				t.Fatal("the list is no news")
			}
			if _, settled := w.bases.get(digest("b")); settled {
				t.Error("it has no base, though one is listed")
			}
			queue := w.baseQueue.queue.(priorityqueue.PriorityQueue[inventory.ScanKey])
			if key, _, _ := queue.GetWithPriority(); key != apiKey.Scan() {
				t.Errorf("%v is looked at", key)
			}
			if r.listBases(t.Context(), listed.Reference.Repository, []baseimage.Known{listed}) {
				t.Error("the same list is news")
			}
		})
	}
}

// What was confirmed before this process stays so while no registry answers; what was not, does not come to be.
func TestAConfirmedBaseOutlivesTheProcess(t *testing.T) {
	for said, want := range map[v1alpha1.BaseImageTrust]bool{v1alpha1.BaseClaimed: false, v1alpha1.BaseConfirmed: true} {
		w, r := baseWorld(t)
		r.names = newBaseNames(&digestsByRepository{}, func() time.Time { return start })
		claim := baseimage.Claim{Source: v1alpha1.BaseAnnotation, Name: listed.Reference, Digest: listed.Digest}
		w.bases.put(digest("b"), origin{DiffIDs: layered.DiffIDs, Claims: []baseimage.Claim{claim}})
		w.catalogue.set(inventory.ScanKey{Digest: listed.Digest, Platform: amd64}, scanState{Manifest: listed.Manifest})
		w.bases.put(listed.Manifest, origin{DiffIDs: listed.DiffIDs})
		report := w.report()
		report.Status.Base = &v1alpha1.BaseImage{
			Name: listed.Reference.String(), Digest: string(listed.Digest), Source: v1alpha1.BaseAnnotation, Trust: said,
		}
		if err := w.client.Status().Update(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		_, err := r.Reconcile(t.Context(), apiKey.Scan())
		if got, settled := w.bases.get(digest("b")); !settled || !got.Found || got.Confirmed != want || (err == nil) != want {
			t.Errorf("before it was %s, and now it is %+v: %v", said, got, err)
		}
	}
}
