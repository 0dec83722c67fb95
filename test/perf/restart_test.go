package perf

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// rules is the version that the benchmark's summaries are of.
const rules = "benchmark"

// BenchmarkRestart fills a fleet from the store as a start does: from
// summaries, and for comparison from the images themselves, as the first start
// of another version does.
func BenchmarkRestart(b *testing.B) {
	dir := b.TempDir()
	s, err := store.Open(dir, store.Options{Extractor: sbom.ExtractorVersion})
	if err != nil {
		b.Fatal(err)
	}
	digests := keep(b, s)
	for b.Loop() {
		var summaries, images []float64
		for range rounds {
			summaries = append(summaries, timed(b, func() { restore(b, digests, s, fromSummary) }))
		}
		images = append(images, timed(b, func() { restore(b, digests, s, fromImage) }))
		record(b, "restart of 10,000 images, from summaries", median(summaries), 0, "CPU s")
		record(b, "restart of 10,000 images, from images", median(images), 0, "CPU s")
		record(b, "bytes read from summaries", size(b, filepath.Join(dir, "summaries")), 0, "MiB")
		record(b, "bytes read from images", size(b, filepath.Join(dir, "images")), 0, "MiB")
	}
}

// keep stores the fleet's images with their summaries.
func keep(b *testing.B, s *store.Store) []image.Digest {
	b.Helper()
	g := mustGenerate(b, company)
	digests := make([]image.Digest, fleetImages)
	for n := range digests {
		img := g.image(n)
		digests[n] = img.ManifestDigest
		if err := s.PutImage(img); err != nil {
			b.Fatal(err)
		}
		text, err := json.Marshal(fleet.Summarise(img.Content.Packages, match.Components(&img.Content, built)))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.PutSummary(img.ManifestDigest, rules, text); err != nil {
			b.Fatal(err)
		}
	}
	return digests
}

func restore(b *testing.B, digests []image.Digest, s *store.Store, add func(*fleet.Fleet, *store.Store, image.Digest) error) {
	b.Helper()
	f := fleet.New(match.Judge)
	for _, d := range digests {
		if err := add(f, s, d); err != nil {
			b.Fatal(err)
		}
	}
	if f.Len() != len(digests) {
		b.Fatalf("%d of %d images are back", f.Len(), len(digests))
	}
}

func fromSummary(f *fleet.Fleet, s *store.Store, d image.Digest) error {
	text, err := s.Summary(d, rules)
	if err != nil {
		return err
	}
	var summary fleet.Summary
	if err := json.Unmarshal(text, &summary); err != nil {
		return err
	}
	return f.AddSummary(d, summary)
}

func fromImage(f *fleet.Fleet, s *store.Store, d image.Digest) error {
	img, err := s.Image(d)
	if err != nil {
		return err
	}
	return f.Add(d, img.Content.Packages, match.Components(&img.Content, built))
}

func size(b *testing.B, dir string) float64 {
	b.Helper()
	total := int64(0)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		info, err := os.Stat(path)
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return float64(total) / mebibyte
}
