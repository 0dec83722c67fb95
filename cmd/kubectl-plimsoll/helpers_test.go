package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/report/export"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

var built = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func fact(bucket, name, id, severity, advisory string) recipe.Fact {
	return recipe.Fact{Bucket: bucket, Package: name, ID: id, Severity: severity, Advisory: json.RawMessage(advisory)}
}

// buildDatabase returns a directory of a database in which openssl and lodash are vulnerable.
func buildDatabase(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "db")
	spec := database.Spec{Built: built, Facts: []recipe.Fact{
		fact("debian 12", "openssl", "CVE-2026-0001", "CRITICAL", `{"FixedVersion":"3.0.16-1"}`),
		fact("debian 12", "openssl", "CVE-2026-0002", "LOW", `{}`),
		fact("npm::Node", "lodash", "CVE-2026-0003", "HIGH", `{"VulnerableVersions":["<4.17.21"],"PatchedVersions":["4.17.21"]}`),
	}}
	if err := database.Build(dir, spec); err != nil {
		t.Fatal(err)
	}
	return dir
}

func testLayers(t testing.TB) []v1.Layer {
	t.Helper()
	var layers []v1.Layer
	for _, files := range [][]recipe.File{
		append(recipe.DebianRelease("12", "12.12"), recipe.Dpkg(recipe.Deb{Name: "openssl", Version: "3.0.15-1", Arch: "amd64"})...),
		recipe.Node("app", recipe.Module{Name: "lodash", Version: "4.17.20"}),
	} {
		layer, err := recipe.Layer(files...)
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, layer)
	}
	return layers
}

func testImage(t testing.TB, platform image.Platform) v1.Image {
	t.Helper()
	img, err := recipe.Image(platform, v1.Config{User: "65532"}, testLayers(t)...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// savedTar writes what docker save writes.
func savedTar(t testing.TB, images map[string]v1.Image) string {
	t.Helper()
	named := map[name.Tag]v1.Image{}
	for text, img := range images {
		tag, err := name.NewTag(text)
		if err != nil {
			t.Fatal(err)
		}
		named[tag] = img
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.MultiWriteToFile(file, named); err != nil {
		t.Fatal(err)
	}
	return file
}

// layoutDir writes an OCI layout that lists the images and indexes.
func layoutDir(t testing.TB, artifacts ...mutate.Appendable) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	index := v1.ImageIndex(empty.Index)
	for _, artifact := range artifacts {
		add := mutate.IndexAddendum{Add: artifact}
		if img, ok := artifact.(v1.Image); ok {
			config, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			add.Platform = config.Platform()
			add.Annotations = map[string]string{"org.opencontainers.image.ref.name": "registry.example.com/shop/api:1"}
		}
		index = mutate.AppendManifests(index, add)
	}
	if _, err := layout.Write(dir, index); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tarOf packs a directory.
func tarOf(t testing.TB, dir string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "layout.tar")
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, file, packed.Bytes())
	return file
}

func zipped(t testing.TB, file string) string {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(read(t, file)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, file+".gz", packed.Bytes())
	return file + ".gz"
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func write(t testing.TB, file string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// file writes a file of its own.
func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	write(t, path, []byte(text))
	return path
}

type result struct {
	code           int
	stdout, stderr string
}

// scanned runs a scan, with a cache of its own unless args name one.
func scanned(t testing.TB, args ...string) result {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	var stdout, stderr strings.Builder
	code := execute(t.Context(), append([]string{"scan", "--cache-dir", t.TempDir()}, args...), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// document returns the result as JSON. It fails unless the code is want.
func (r result) document(t testing.TB, want int) export.Document {
	t.Helper()
	if r.code != want {
		t.Fatalf("exit code %d, want %d: %s", r.code, want, r.stderr)
	}
	var d export.Document
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	return d
}

// summary is what the findings say, in short.
func summary(d export.Document) string {
	var b strings.Builder
	for _, f := range d.Findings {
		b.WriteString(strings.Join([]string{f.VulnerabilityID, f.Package, f.InstalledVersion, f.FixedVersion, string(f.Severity), f.Path}, " ") + "\n")
	}
	return b.String()
}

const wantFindings = `CVE-2026-0001 openssl 3.0.15-1 3.0.16-1 Critical 
CVE-2026-0003 lodash 4.17.20 4.17.21 High app/node_modules/lodash/package.json
CVE-2026-0002 openssl 3.0.15-1  Low 
`
