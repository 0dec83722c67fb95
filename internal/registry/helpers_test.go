package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

var (
	amd64    = image.Platform{OS: "linux", Architecture: "amd64"}
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
)

func startRegistry(t testing.TB, o testregistry.Options) *testregistry.Registry {
	t.Helper()
	r, err := testregistry.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// newClient returns a client that may connect to loopback addresses.
func newClient(change ...func(*Options)) *Client {
	o := Options{AllowedAddresses: loopback, UserAgent: "plimsoll-test", Now: time.Now, Timeout: 10 * time.Second}
	for _, f := range change {
		f(&o)
	}
	return New(o)
}

// keys is a keychain that gives the same credentials for every repository.
type keys []Credential

func (k keys) Credentials(context.Context, string) ([]Credential, error) { return k, nil }

func stored(plain []byte) []byte { return plain }

func gzipped(plain []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(plain)
	w.Close()
	return b.Bytes()
}

func zstandard(plain []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(plain, nil)
}

// archive returns a tar that holds one file.
func archive(content string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "file", Mode: 0o644, Size: int64(len(content))})
	io.WriteString(w, content)
	w.Close()
	return b.Bytes()
}

// noise is text that does not compress to nothing.
func noise(lines int) string {
	var b strings.Builder
	for i := range lines {
		fmt.Fprintf(&b, "%x\n", digestOf([]byte{byte(i), byte(i >> 8)}))
	}
	return b.String()
}

// testLayer is a layer as the manifest and the configuration describe it.
type testLayer struct {
	blob      []byte
	mediaType types.MediaType
	urls      []string
	diffID    image.Digest
	// absent layers are not uploaded.
	absent bool
}

func layerOf(compress func([]byte) []byte, content string) testLayer {
	plain := archive(content)
	return testLayer{blob: compress(plain), mediaType: types.OCILayer, diffID: digestOf(plain)}
}

// testImage is an image to be written by hand, right unless change says otherwise.
type testImage struct {
	platform image.Platform
	layers   []testLayer
	change   func(*document)
}

func descriptorOf(mediaType types.MediaType, raw []byte) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Size: int64(len(raw)), Digest: v1.Hash{Algorithm: "sha256", Hex: digestOf(raw).Hex()}}
}

// put uploads the image and returns its reference and manifest.
func (i testImage) put(t testing.TB, r *testregistry.Registry, repository, tag string) (image.Reference, []byte) {
	t.Helper()
	platform := i.platform
	if platform == (image.Platform{}) {
		platform = amd64
	}
	var diffIDs []string
	d := document{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: []v1.Descriptor{}}
	for _, layer := range i.layers {
		if !layer.absent {
			putBlob(t, r, repository, layer.blob)
		}
		descriptor := descriptorOf(layer.mediaType, layer.blob)
		descriptor.URLs = layer.urls
		d.Layers = append(d.Layers, descriptor)
		diffIDs = append(diffIDs, string(layer.diffID))
	}
	config := mustJSON(map[string]any{
		"os": platform.OS, "architecture": platform.Architecture, "variant": platform.Variant,
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	})
	putBlob(t, r, repository, config)
	descriptor := descriptorOf(types.OCIConfigJSON, config)
	d.Config = &descriptor
	if i.change != nil {
		i.change(&d)
	}
	return putManifest(t, r, repository, tag, d)
}

func putManifest(t testing.TB, r *testregistry.Registry, repository, tag string, content any) (image.Reference, []byte) {
	t.Helper()
	raw, ok := content.([]byte)
	if !ok {
		raw = mustJSON(content)
	}
	// Not said to be an index, so that the test registry asks for no children.
	ref, err := r.Pusher().PutManifest(t.Context(), repository, tag, string(types.OCIManifestSchema1), raw)
	if err != nil {
		t.Fatal(err)
	}
	return ref, raw
}

func putBlob(t testing.TB, r *testregistry.Registry, repository string, raw []byte) {
	t.Helper()
	if _, err := r.Pusher().PutBlob(t.Context(), repository, bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
}

func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// simpleImage uploads an image of two layers.
func simpleImage(t testing.TB, r *testregistry.Registry, repository, tag string) image.Reference {
	ref, _ := testImage{layers: []testLayer{layerOf(gzipped, noise(300)), layerOf(zstandard, noise(10))}}.put(t, r, repository, tag)
	return ref
}

// pull reads an image with all of its layers, as the scanner does.
func pull(ctx context.Context, c *Client, ref image.Reference, platform image.Platform, k Keychain) (*Manifest, error) {
	m, err := c.Manifest(ctx, ref, platform, k)
	if err != nil {
		return nil, err
	}
	for _, layer := range m.Layers {
		if _, err := readAll(ctx, layer.Open); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func readAll(ctx context.Context, open func(context.Context) (io.ReadCloser, error)) ([]byte, error) {
	r, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// wantFailure fails the test unless err has the reason and its text all the words.
func wantFailure(t *testing.T, err error, reason string, words ...string) {
	t.Helper()
	if got := reasonOf(err); got != reason {
		t.Fatalf("reason %q, want %q: %v", got, reason, err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}
