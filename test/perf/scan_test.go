package perf

import (
	"fmt"
	"io"
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

// BenchmarkScan scans a large archive from its file to its findings, as
// the command line does, against what nobody can do without.
func BenchmarkScan(b *testing.B) {
	archive, size := largeArchive(b)
	older, _, _ := databases(b)
	db := open(b, older)
	defer db.Close()
	for b.Loop() {
		walked := timed(b, func() { walkArchive(b, archive) })
		scanned := timed(b, func() { scanArchive(b, archive, db) })
		what := fmt.Sprintf("scan of an archive of %d MiB", size>>20)
		record(b, what+", to its findings, against the gunzip and walk of its layers", scanned/walked, 1.5, "times")
		record(b, what, scanned, 0, "CPU s")
		record(b, "peak heap, "+what, peak(func() { scanArchive(b, archive, db) }), 256, "MiB")
	}
}

// largeArchive is what docker save writes of an image of four layers, one of them with packages.
// Its size is that of their files.
func largeArchive(b *testing.B) (file string, size int) {
	b.Helper()
	files := realFiles(b, 200<<20)
	// As many bytes again under other names: the toolchain alone is not enough.
	for _, f := range files {
		files = append(files, recipe.File{Path: "copy/" + f.Path, Body: f.Body, Mode: f.Mode})
	}
	for _, f := range files {
		size += len(f.Body)
	}
	quarter := len(files) / 4
	layers := []v1.Layer{layerOf(b, files[:quarter])}
	for n := 1; n < 4; n++ {
		layer, err := recipe.Layer(files[n*quarter : (n+1)*quarter]...)
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
	file = filepath.Join(b.TempDir(), "large.tar")
	if err := tarball.WriteToFile(file, tag, img); err != nil {
		b.Fatal(err)
	}
	return file, size
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
