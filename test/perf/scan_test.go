package perf

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// BenchmarkScan scans an archive of 400 MiB from its file to its findings, as
// the command line does, against what nobody can do without.
func BenchmarkScan(b *testing.B) {
	archive := largeArchive(b)
	older, _, _ := databases(b)
	db := open(b, older)
	defer db.Close()
	for b.Loop() {
		walked := timed(b, func() { walkArchive(b, archive) })
		scanned := timed(b, func() { scanArchive(b, archive, db) })
		record("scan of a 400 MiB archive, to its findings, against the gunzip and walk of its layers", scanned/walked, 1.5, "times")
		record("scan of a 400 MiB archive", scanned, 0, "CPU s")
		record("peak heap, scan of a 400 MiB archive", peak(func() { scanArchive(b, archive, db) }), 256, "MiB")
	}
}

// largeArchive is what docker save writes of an image of five layers, one of them with packages.
func largeArchive(b *testing.B) string {
	b.Helper()
	layers := []v1.Layer{layerOf(b)}
	random := rand.NewChaCha8([32]byte{2})
	for n := range 4 {
		var files []recipe.File
		for i := range 84 << 20 / (64 << 10) {
			body := make([]byte, 64<<10)
			_, _ = random.Read(body[:len(body)/2])
			files = append(files, recipe.File{Path: fmt.Sprintf("opt/%d/%d/%d", n, i%32, i), Body: body})
		}
		layer, err := recipe.Layer(files...)
		if err != nil {
			b.Fatal(err)
		}
		layers = append(layers, layer)
	}
	img, err := recipe.Image(recipe.AMD64, v1.Config{}, layers...)
	if err != nil {
		b.Fatal(err)
	}
	tag, err := name.NewTag("registry.example.com/shop/large:1")
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "large.tar")
	if err := tarball.WriteToFile(file, tag, img); err != nil {
		b.Fatal(err)
	}
	return file
}

func walkArchive(b *testing.B, file string) {
	b.Helper()
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		b.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		b.Fatal(err)
	}
	for _, layer := range layers {
		compressed, err := layer.Compressed()
		if err != nil {
			b.Fatal(err)
		}
		walk(b, io.NopCloser(compressed))
		compressed.Close()
	}
}

func scanArchive(b *testing.B, file string, db *vulndb.DB) {
	b.Helper()
	archive, err := registry.OpenArchive(b.Context(), file)
	if err != nil {
		b.Fatal(err)
	}
	defer archive.Close()
	manifest, _, err := archive.Image(b.Context(), image.Platform{})
	if err != nil {
		b.Fatal(err)
	}
	kept, err := store.Open(b.TempDir(), store.Options{Extractor: sbom.ExtractorVersion})
	if err != nil {
		b.Fatal(err)
	}
	img, err := (&scan.Scanner{Store: kept, Timeout: time.Hour}).Image(b.Context(), manifest)
	if err != nil {
		b.Fatal(err)
	}
	judged, err := scan.Judge(&img.Content, db, built)
	if err != nil || len(judged.Findings) == 0 {
		b.Fatalf("%d findings, error %v", len(judged.Findings), err)
	}
}
