package recipe

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// topLayer of a recipe's only image.
func topLayer(t *testing.T, name string) v1.Layer {
	t.Helper()
	all, err := build(t, recipeNamed(t, name)).(v1.Image).Layers()
	if err != nil {
		t.Fatal(err)
	}
	return all[len(all)-1]
}

func TestBomb(t *testing.T) {
	tests := map[string]struct {
		size, want int64
	}{
		"one byte is rounded up": {zeros + 1, 2 * zeros},
		"exact":                  {zeros, zeros},
		"nothing":                {0, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := Bomb("srv/zero", tc.size)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Layer(l); err != nil {
				t.Error(err)
			}
			content, err := l.Uncompressed()
			if err != nil {
				t.Fatal(err)
			}
			r := tar.NewReader(content)
			header, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.Copy(io.Discard, r); header.Name != "srv/zero" || got != tc.want || err != nil {
				t.Errorf("%s has %d bytes, want %d: %v", header.Name, got, tc.want, err)
			}
			if _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("after the bomb: %v, want the end", err)
			}
		})
	}
}

func TestBombsAreSmallAndLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("sums 4 GiB")
	}
	for name, path := range map[string]string{"zero-bomb": "srv/zero", "record-bomb": "var/lib/dpkg/status"} {
		t.Run(name, func(t *testing.T) {
			l := topLayer(t, name)
			if size, err := l.Size(); err != nil || size > 4<<20 {
				t.Errorf("%d bytes compressed: %v", size, err)
			}
			content, err := l.Uncompressed()
			if err != nil {
				t.Fatal(err)
			}
			header, err := tar.NewReader(content).Next()
			if err != nil {
				t.Fatal(err)
			}
			if header.Name != path || header.Size != 2<<30 {
				t.Errorf("%s of %d bytes", header.Name, header.Size)
			}
		})
	}
}

func TestManyEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("packs 200,000 files")
	}
	content, err := topLayer(t, "many-entries").Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for r := tar.NewReader(content); ; count++ {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if count != 200_000 {
		t.Errorf("%d entries", count)
	}
}

func TestTruncated(t *testing.T) {
	l := topLayer(t, "truncated")
	blob, err := l.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	want, err := l.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := v1.SHA256(blob); err != nil || got != want {
		t.Errorf("digest is %s, of the blob %s: a registry refuses it (%v)", want, got, err)
	}
	content, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, content); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reading ends with %v, want an unexpected end", err)
	}
	whole, err := mustLayer(t, debianBase()...).DiffID()
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := l.DiffID(); got != whole {
		t.Errorf("diff ID is %s, want %s of the whole", got, whole)
	}
}

func TestLinkLoops(t *testing.T) {
	headers, _ := entries(t, topLayer(t, "link-loops"))
	targets := map[string]string{}
	for _, h := range headers {
		targets[h.Name] = h.Linkname
	}
	if targets["srv/a"] != "b" || targets["srv/b"] != "a" || targets["srv/self"] != "self" {
		t.Errorf("links are %v", targets)
	}
	// The base links etc/os-release to where this layer links back.
	if targets["usr/lib/os-release"] != "../../etc/os-release" || targets["var/lib/dpkg/status"] != "status" {
		t.Errorf("records' links are %v", targets)
	}
}

func TestTraversal(t *testing.T) {
	_, bodies := entries(t, topLayer(t, "traversal"))
	outside := 0
	for name := range bodies {
		if strings.HasPrefix(name, "/") || strings.Contains(name, "..") {
			outside++
		}
	}
	if outside < 3 {
		t.Errorf("%d entries point outside of the image: %v", outside, bodies)
	}
}

func TestUnreadableRecords(t *testing.T) {
	for name, file := range map[string]string{"corrupt-dpkg": "var/lib/dpkg/status", "corrupt-apk": "lib/apk/db/installed"} {
		t.Run(name, func(t *testing.T) {
			_, bodies := entries(t, topLayer(t, name))
			if body, ok := bodies[file]; !ok || strings.Contains(body, ":") {
				t.Errorf("%s is %q", file, body)
			}
			if _, ok := bodies["usr/lib/os-release"]; !ok {
				t.Error("the operating system is unknown too")
			}
		})
	}
}

func TestUnknownSystems(t *testing.T) {
	_, fedora := entries(t, topLayer(t, "unknown-os"))
	if !strings.Contains(fedora["usr/lib/os-release"], "ID=fedora\n") {
		t.Errorf("os-release is %q", fedora["usr/lib/os-release"])
	}
	_, none := entries(t, topLayer(t, "no-os"))
	for name := range none {
		if strings.HasPrefix(name, "etc/") || strings.Contains(name, "os-release") {
			t.Errorf("no-os has %s", name)
		}
	}
	if none["var/lib/dpkg/status"] == "" {
		t.Error("no-os has no packages")
	}
}

func TestManyFindings(t *testing.T) {
	_, bodies := entries(t, topLayer(t, "many-findings"))
	records := strings.Count(bodies["var/lib/dpkg/status"], "Source: tar\nVersion: 1.34+dfsg-1.2\n")
	for _, older := range []bool{true, false} {
		each := 0
		for _, f := range mustFacts(t, older) {
			if f.Bucket == "debian 12" && f.Package == "tar" {
				each++
			}
		}
		if records*each != 5000 {
			t.Errorf("%d records with %d findings each", records, each)
		}
	}
}

func TestChartIsNoImage(t *testing.T) {
	artifact := build(t, recipeNamed(t, "chart"))
	manifest, err := artifact.(v1.Image).Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != chartConfigType || manifest.Layers[0].MediaType != chartContentType {
		t.Errorf("manifest is %+v", manifest)
	}
	config, err := artifact.(v1.Image).RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := v1.SHA256(strings.NewReader(string(config))); err != nil || got != manifest.Config.Digest {
		t.Errorf("configuration's digest is %s, want %s: %v", got, manifest.Config.Digest, err)
	}
	var parsed struct{ Name, APIVersion string }
	if err := json.Unmarshal(config, &parsed); err != nil || parsed.Name != "shop" {
		t.Errorf("configuration is %s: %v", config, err)
	}
	l, err := artifact.(v1.Image).LayerByDigest(manifest.Layers[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := l.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(blob)
	if err != nil {
		t.Fatal(err)
	}
	if header, err := tar.NewReader(unzipped).Next(); err != nil || header.Name != "shop/Chart.yaml" {
		t.Errorf("chart holds %v: %v", header, err)
	}
	if _, err := artifact.(v1.Image).LayerByDigest(v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}); err == nil {
		t.Error("no error for a layer that it does not have")
	}
}

func TestHostileDigestsAreStable(t *testing.T) {
	for _, r := range Hostile() {
		if r.Name == "zero-bomb" || r.Name == "record-bomb" || r.Name == "many-entries" {
			continue // dear to build, and made of the same parts
		}
		t.Run(r.Name, func(t *testing.T) {
			if first, second := digest(t, build(t, r)), digest(t, build(t, r)); first != second {
				t.Errorf("built as %s, then as %s", first, second)
			}
		})
	}
}
