package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

const wantNames = "openssl@3.0.15-1 lodash@4.17.20 "

func TestStoredImagesCostNoRequest(t *testing.T) {
	w := newWorld(t)
	index, err := recipe.Index(imageOf(t, recipe.AMD64, base, app), imageOf(t, recipe.ARM64, base))
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]testregistry.Manifest{"manifest": imageOf(t, recipe.AMD64, base, app), "index": index} {
		t.Run(name, func(t *testing.T) {
			todo := target(w.push("shop/"+name+":1", m))
			w.wantNotStored(todo)
			first := w.scan(todo)
			if got := names(first); got != wantNames {
				t.Errorf("packages %s, want %s", got, wantNames)
			}
			w.registry.ResetStats()
			again := w.scan(todo)
			kept, err := w.Stored(todo)
			if n := w.registry.Stats().Requests(); n != 0 || err != nil {
				t.Errorf("%d requests for an image that is stored, error %v", n, err)
			}
			if diff := cmp.Diff(first, again) + cmp.Diff(first, kept); diff != "" {
				t.Errorf("stored is not what was read (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKnownLayersAreNotFetched(t *testing.T) {
	w := newWorld(t)
	w.scan(target(w.push("shop/a:1", imageOf(t, recipe.AMD64, base))))
	w.registry.ResetStats()
	w.scan(target(w.push("shop/b:1", imageOf(t, recipe.AMD64, base, app))))
	if got := w.registry.Stats().Repositories["shop/b"].Blobs.Gets; got != 2 {
		t.Errorf("%d blobs fetched, want the configuration and the new layer", got)
	}
	// Another tag, the same manifest: nothing but the manifest and its configuration.
	w.registry.ResetStats()
	w.scan(target(w.push("shop/c:1", imageOf(t, recipe.AMD64, base, app))))
	if got := w.registry.Stats().Repositories["shop/c"].Blobs.Gets; got != 0 {
		t.Errorf("%d blobs fetched of an image that is stored under its digest", got)
	}
}

// Layers that are known already count as well: the numbers are the image's.
func TestLayersAreTold(t *testing.T) {
	w := newWorld(t)
	w.scan(target(w.push("shop/a:1", imageOf(t, recipe.AMD64, base))))
	var told []string
	w.OnLayer = func(n, of int) { told = append(told, fmt.Sprint(n, " of ", of)) }
	app := mustLayer(recipe.Node("app", recipe.Module{Name: "mod", Version: "1.0.0"})...)
	w.scan(target(w.push("shop/b:1", imageOf(t, recipe.AMD64, base, app))))
	if diff := cmp.Diff([]string{"1 of 2", "2 of 2"}, told); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

// arrivals counts the manifests that were fetched.
type arrivals struct {
	Registry
	manifests *sync.WaitGroup
}

func (a arrivals) Manifest(ctx context.Context, ref image.Reference, p image.Platform, k registry.Keychain) (*registry.Manifest, error) {
	defer a.manifests.Done()
	return a.Registry.Manifest(ctx, ref, p, k)
}

func TestConcurrentScansReadASharedLayerOnce(t *testing.T) {
	w := newWorld(t)
	var arrived, ended sync.WaitGroup
	w.Registry = arrivals{w.Registry, &arrived}
	release := make(chan struct{})
	var todo []Target
	for i := range 8 {
		own := mustLayer(recipe.Node("app", recipe.Module{Name: "mod", Version: fmt.Sprint("1.0.", i)})...)
		ref := w.push(fmt.Sprint("shop/app", i, ":1"), imageOf(t, recipe.AMD64, base, own))
		w.fail(ref.Path(), base, testregistry.Fault{Until: release})
		todo = append(todo, target(ref))
	}
	arrived.Add(len(todo))
	for _, target := range todo {
		ended.Go(func() {
			if _, err := w.Scan(t.Context(), target); err != nil {
				t.Error(err)
			}
		})
	}
	arrived.Wait()
	close(release)
	ended.Wait()
	blobs := 0
	for _, repository := range w.registry.Stats().Repositories {
		blobs += repository.Blobs.Gets
	}
	if want := len(todo)*2 + 1; blobs != want {
		t.Errorf("%d blobs fetched, want %d: a configuration and a layer of each image, and the shared layer once", blobs, want)
	}
}

// Whoever waits for another's read must not fail by another's registry.
func TestAnotherScansFailureIsNotMine(t *testing.T) {
	w := newWorld(t)
	w.Registry = client(300 * time.Millisecond)
	silent := w.push("far/api:1", imageOf(t, recipe.AMD64, base))
	good := w.push("near/api:1", imageOf(t, recipe.AMD64, base, app))
	reached := make(chan struct{})
	w.fail("far/api", base, testregistry.Fault{Hang: true, Reached: sync.OnceFunc(func() { close(reached) })})
	failed := make(chan error)
	go func() {
		_, err := w.Scan(t.Context(), target(silent))
		failed <- err
	}()
	<-reached
	w.scan(target(good))
	if reason, _ := Reason(<-failed); reason != v1alpha1.ReasonRegistryUnavailable {
		t.Errorf("the silent registry's scan has reason %s", reason)
	}
}

func TestAReadOutlivesTheScanThatBeganIt(t *testing.T) {
	w := newWorld(t)
	todo := target(w.push("shop/api:1", imageOf(t, recipe.AMD64, base)))
	reached, release := make(chan struct{}), make(chan struct{})
	w.fail("shop/api", base, testregistry.Fault{Reached: sync.OnceFunc(func() { close(reached) }), Until: release})
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() {
		_, err := w.Scan(ctx, todo)
		ended <- err
	}()
	<-reached
	why := errors.New("the operator stops")
	cancel(why)
	if err := <-ended; !errors.Is(err, why) {
		t.Errorf("the scan that was given up says %v", err)
	}
	close(release)
	w.scan(todo)
	// The configuration twice, the layer once.
	if got := w.registry.Stats().Repositories["shop/api"].Blobs.Gets; got != 3 {
		t.Errorf("%d blobs fetched, want 3", got)
	}
}

func TestCandidates(t *testing.T) {
	w := newWorld(t)
	good := w.push("good/api:1", imageOf(t, recipe.AMD64, base, app))
	other := w.push("other/api:1", imageOf(t, recipe.AMD64, base, app))
	missing := image.Reference{Repository: w.registry.Addr + "/missing/api", Tag: "1", Digest: good.Digest}
	busy := w.push("busy/api:1", imageOf(t, recipe.AMD64, base, app))
	broken := w.push("broken/api:1", imageOf(t, recipe.AMD64, base, app))
	w.registry.Fail("/v2/busy/", testregistry.Fault{Status: 503})
	w.fail("broken/api", base, testregistry.Fault{Short: true})
	tests := map[string]struct {
		refs       []image.Reference
		wantAsked  string
		wantReason string
	}{
		"the first that yields it": {refs: []image.Reference{missing, busy, good, other}, wantAsked: "busy/api good/api missing/api"},
		"no other after it":        {refs: []image.Reference{good, other}, wantAsked: "good/api"},
		"a layer that is damaged":  {refs: []image.Reference{broken, good}, wantAsked: "broken/api good/api"},
		"one that may recover says more than one that is gone": {
			refs: []image.Reference{missing, busy}, wantAsked: "busy/api missing/api", wantReason: v1alpha1.ReasonRegistryUnavailable,
		},
		"in either order": {
			refs: []image.Reference{busy, missing}, wantAsked: "busy/api missing/api", wantReason: v1alpha1.ReasonRegistryUnavailable,
		},
		"the first of two that are gone": {refs: []image.Reference{missing, broken}, wantAsked: "broken/api missing/api", wantReason: v1alpha1.ReasonImageNotFound},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			fresh := newWorld(t)
			fresh.registry.Close()
			w.Store = fresh.Store
			w.registry.ResetStats()
			if tc.wantReason != "" {
				w.wantReason(target(tc.refs...), tc.wantReason)
			} else if got := names(w.scan(target(tc.refs...))); got != wantNames {
				t.Errorf("packages %s", got)
			}
			if got := asked(w.registry.Stats()); got != tc.wantAsked {
				t.Errorf("asked %s, want %s", got, tc.wantAsked)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		fresh := newWorld(t)
		err := fresh.wantReason(Target{Digest: good.Digest, Platform: recipe.AMD64}, v1alpha1.ReasonPending)
		if Final(err) {
			t.Error("a pod may come that names a repository")
		}
	})
}

func TestBareDigests(t *testing.T) {
	w := newWorld(t)
	img := imageOf(t, recipe.AMD64, base, app)
	ref := w.push("shop/api:1", img)
	config, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	todo := Target{Digest: image.Digest(config.String()), Bare: true, Platform: recipe.AMD64, Candidates: target(ref).Candidates}
	if got := w.scan(todo); got.ManifestDigest != ref.Digest || got.ConfigDigest != todo.Digest {
		t.Errorf("manifest %s with configuration %s, want %s with %s", got.ManifestDigest, got.ConfigDigest, ref.Digest, todo.Digest)
	}
	w.push("shop/api:1", imageOf(t, recipe.AMD64, base))
	w.scan(todo) // Stored: that the tag has moved does not matter any more.

	moved := newWorld(t)
	moved.registry.Close()
	moved.Registry = w.Registry
	w.registry.ResetStats()
	failure := moved.wantReason(todo, v1alpha1.ReasonDigestNotPullable)
	if !Final(failure) || !strings.Contains(failure.Error(), config.String()) {
		t.Errorf("final %t: %v", Final(failure), failure)
	}
	moved.wantNotStored(todo, diffID(t, base))
	if got := w.registry.Stats().Repositories["shop/api"].Blobs.Gets; got != 1 {
		t.Errorf("%d blobs fetched, want the configuration alone", got)
	}
}

// A digest can only be judged at the end of the stream, when everything in the
// layer has been read.
func TestAMismatchAtTheEndStoresNothing(t *testing.T) {
	w := newWorld(t)
	todo := target(w.push("shop/api:1", lying(t, imageOf(t, recipe.AMD64, base, app))))
	err := w.wantReason(todo, v1alpha1.ReasonDigestMismatch)
	if !Final(err) || !strings.Contains(err.Error(), "layer 2 of 2") {
		t.Errorf("final %t: %v", Final(err), err)
	}
	w.wantNotStored(todo, falseDiffID, diffID(t, app))
	if _, err := w.Store.Layer(diffID(t, base)); err != nil {
		t.Errorf("the layer below is good: %v", err)
	}
}

func TestALayerThatTakesTooLong(t *testing.T) {
	for name, fault := range map[string]testregistry.Fault{"no answer": {Hang: true}, "an answer that stops": {Stall: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Timeout = 100 * time.Millisecond
			todo := target(w.push("shop/api:1", imageOf(t, recipe.AMD64, base)))
			w.fail("shop/api", base, fault)
			err := w.wantReason(todo, v1alpha1.ReasonLimitExceeded)
			if want := "read layer " + string(diffID(t, base)) + ": not done within 100ms"; !strings.HasSuffix(err.Error(), want) {
				t.Errorf("error %q, want %q", err, want)
			}
			w.wantNotStored(todo, diffID(t, base))
		})
	}
}

func TestDamagedEntriesAreExtractedAgain(t *testing.T) {
	w := newWorld(t)
	todo := target(w.push("shop/api:1", imageOf(t, recipe.AMD64, base, app)))
	want := w.scan(todo)
	damaged := 0
	err := filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		// Folders hold the entries; what lies beside them is the store's mark.
		if err != nil || entry.IsDir() || filepath.Dir(path) == w.dir {
			return err
		}
		damaged++
		return os.WriteFile(path, []byte("damaged"), 0o600)
	})
	if err != nil || damaged != 4 {
		t.Fatalf("%d entries, want two layers, an image and a resolution: %v", damaged, err)
	}
	if diff := cmp.Diff(want, w.scan(todo)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.registry.ResetStats()
	w.scan(todo)
	if n := w.registry.Stats().Requests(); n != 0 {
		t.Errorf("%d requests: it was not stored again", n)
	}
}

// brokenStore fails by the name of a method.
type brokenStore struct {
	Store
	method string
}

var errDisk = errors.New("no space left on device")

func (b brokenStore) fails(method string) error {
	if b.method == method {
		return errDisk
	}
	return nil
}

func (b brokenStore) Resolution(d image.Digest, p image.Platform) (image.Digest, error) {
	if err := b.fails("Resolution"); err != nil {
		return "", err
	}
	return b.Store.Resolution(d, p)
}

func (b brokenStore) PutResolution(d image.Digest, p image.Platform, m image.Digest) error {
	return errors.Join(b.fails("PutResolution"), b.Store.PutResolution(d, p, m))
}

func (b brokenStore) Image(m image.Digest) (*store.Image, error) {
	if err := b.fails("Image"); err != nil {
		return nil, err
	}
	return b.Store.Image(m)
}

func (b brokenStore) PutImage(img *store.Image) error {
	return errors.Join(b.fails("PutImage"), b.Store.PutImage(img))
}

func (b brokenStore) Layer(d image.Digest) (*sbom.Layer, error) {
	if err := b.fails("Layer"); err != nil {
		return nil, err
	}
	return b.Store.Layer(d)
}

func (b brokenStore) PutLayer(l *sbom.Layer) error {
	return errors.Join(b.fails("PutLayer"), b.Store.PutLayer(l))
}

func TestAStoreThatFails(t *testing.T) {
	for _, method := range []string{"Resolution", "PutResolution", "Image", "PutImage", "Layer", "PutLayer"} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t)
			w.Store = brokenStore{w.Store, method}
			todo := target(w.push("shop/api:1", imageOf(t, recipe.AMD64, base)))
			_, err := w.Scan(t.Context(), todo)
			var own *Error
			if !errors.As(err, &own) || own.Reason != v1alpha1.ReasonStoreFailed || !errors.Is(err, errDisk) || Final(err) {
				t.Errorf("error %v, final %t; want one with reason %s", err, Final(err), v1alpha1.ReasonStoreFailed)
			}
		})
	}
}

func TestReason(t *testing.T) {
	tests := map[string]struct {
		err       error
		want      string
		wantRetry time.Duration
		wantFinal bool
	}{
		"not found":       {err: &registry.Error{Reason: v1alpha1.ReasonImageNotFound}, want: v1alpha1.ReasonImageNotFound, wantFinal: true},
		"another place":   {err: &registry.Error{Reason: v1alpha1.ReasonAddressNotAllowed}, want: v1alpha1.ReasonAddressNotAllowed, wantFinal: true},
		"unauthorized":    {err: &registry.Error{Reason: v1alpha1.ReasonUnauthorized}, want: v1alpha1.ReasonUnauthorized},
		"asked to wait":   {err: &registry.Error{Reason: v1alpha1.ReasonTooManyRequests, RetryAfter: time.Minute}, want: v1alpha1.ReasonTooManyRequests, wantRetry: time.Minute},
		"down":            {err: &registry.Error{Reason: v1alpha1.ReasonRegistryUnavailable}, want: v1alpha1.ReasonRegistryUnavailable},
		"a bomb":          {err: &sbom.Error{Reason: v1alpha1.ReasonLimitExceeded}, want: v1alpha1.ReasonLimitExceeded, wantFinal: true},
		"half an archive": {err: &sbom.Error{Reason: v1alpha1.ReasonTruncatedLayer}, want: v1alpha1.ReasonTruncatedLayer, wantFinal: true},
		"pending":         {err: &Error{Reason: v1alpha1.ReasonPending}, want: v1alpha1.ReasonPending},
		"a deadline":      {err: context.DeadlineExceeded, want: v1alpha1.ReasonLimitExceeded, wantFinal: true},
		"anything else":   {err: errDisk, want: v1alpha1.ReasonStoreFailed},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := errors.Join(errors.New("scan"), tc.err)
			reason, retry := Reason(err)
			if reason != tc.want || retry != tc.wantRetry || Final(err) != tc.wantFinal {
				t.Errorf("reason %s, retry after %s, final %t; want %+v", reason, retry, Final(err), tc)
			}
		})
	}
}

func asked(s testregistry.Stats) string {
	return strings.Join(slices.Sorted(maps.Keys(s.Repositories)), " ")
}
