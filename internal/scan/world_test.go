package scan

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

// world is a scanner with a registry of its own, over HTTP, and a store on disk.
type world struct {
	*Scanner
	t        *testing.T
	registry *testregistry.Registry
	dir      string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	r, err := testregistry.Start(testregistry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	w := &world{t: t, registry: r, dir: t.TempDir(), Scanner: &Scanner{Timeout: time.Minute}}
	stored, err := store.Open(w.dir, store.Options{Extractor: sbom.ExtractorVersion})
	if err != nil {
		t.Fatal(err)
	}
	w.Store = stored
	w.Registry = client(10 * time.Second)
	return w
}

func client(timeout time.Duration) *registry.Client {
	return registry.New(registry.Options{
		AllowedAddresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, UserAgent: "plimsoll-test", Now: time.Now, Timeout: timeout,
	})
}

var (
	base = mustLayer(append(recipe.DebianRelease("12", "12.12"), recipe.Dpkg(recipe.Deb{Name: "openssl", Version: "3.0.15-1", Arch: "amd64"})...)...)
	app  = mustLayer(recipe.Node("app", recipe.Module{Name: "lodash", Version: "4.17.20"})...)
)

func mustLayer(files ...recipe.File) v1.Layer {
	layer, err := recipe.Layer(files...)
	if err != nil {
		panic(err)
	}
	return layer
}

func imageOf(t *testing.T, platform image.Platform, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := recipe.Image(platform, v1.Config{}, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// lying returns the image with a configuration that names another content of
// its last layer than it has.
func lying(t *testing.T, img v1.Image) v1.Image {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.RootFS.DiffIDs[len(config.RootFS.DiffIDs)-1] = v1.Hash{Algorithm: "sha256", Hex: falseDiffID.Hex()}
	img, err = mutate.ConfigFile(img, config)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

var falseDiffID = image.Digest("sha256:" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

func (w *world) push(name string, m testregistry.Manifest) image.Reference {
	w.t.Helper()
	ref, err := w.registry.Push(name, m)
	if err != nil {
		w.t.Fatal(err)
	}
	return ref
}

// fail makes the requests of a repository's blobs of a layer go wrong.
func (w *world) fail(repository string, layer v1.Layer, f testregistry.Fault) {
	w.t.Helper()
	digest, err := layer.Digest()
	if err != nil {
		w.t.Fatal(err)
	}
	w.registry.Fail("/v2/"+repository+"/blobs/"+digest.String(), f)
}

func diffID(t *testing.T, layer v1.Layer) image.Digest {
	t.Helper()
	hash, err := layer.DiffID()
	if err != nil {
		t.Fatal(err)
	}
	return image.Digest(hash.String())
}

func target(refs ...image.Reference) Target {
	t := Target{Digest: refs[0].Digest, Platform: recipe.AMD64}
	for _, ref := range refs {
		t.Candidates = append(t.Candidates, Candidate{Reference: image.Reference{Repository: ref.Repository, Tag: ref.Tag}, Keychain: anonymous{}})
	}
	return t
}

type anonymous struct{}

func (anonymous) Credentials(context.Context, string) ([]registry.Credential, error) { return nil, nil }

func (w *world) scan(target Target) *store.Image {
	w.t.Helper()
	img, err := w.Scan(w.t.Context(), target)
	if err != nil {
		w.t.Fatal(err)
	}
	return img
}

func (w *world) wantReason(target Target, reason string) error {
	w.t.Helper()
	img, err := w.Scan(w.t.Context(), target)
	if img != nil || err == nil {
		w.t.Fatalf("got %v, error %v; want reason %s", img, err, reason)
	}
	if got, _ := Reason(err); got != reason {
		w.t.Errorf("reason %s, want %s: %v", got, reason, err)
	}
	return err
}

func (w *world) wantNotStored(target Target, layers ...image.Digest) {
	w.t.Helper()
	if _, err := w.Stored(target); !errors.Is(err, store.ErrNotFound) {
		w.t.Errorf("the image is stored: %v", err)
	}
	for _, layer := range layers {
		if _, err := w.Store.Layer(layer); !errors.Is(err, store.ErrNotFound) {
			w.t.Errorf("layer %s is stored: %v", layer, err)
		}
	}
}

func names(img *store.Image) string {
	var b strings.Builder
	for _, p := range img.Content.Packages {
		b.WriteString(p.Name + "@" + p.Version + " ")
	}
	return b.String()
}
