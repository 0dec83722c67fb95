package recipe_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// realDatabase opens one of the two real databases, "old" or "new".
func realDatabase(t *testing.T, which string) *vulndb.DB {
	t.Helper()
	blobs, err := filepath.Glob("../../../shared/data/trivy-db/oci-" + which + "/blobs/sha256/*")
	if err != nil || len(blobs) == 0 {
		t.Skip("the real databases are not at ../shared/data from the repository's root")
	}
	dir := t.TempDir()
	for _, blob := range blobs {
		unpack(t, dir, blob)
	}
	db, err := vulndb.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// unpack a blob into dir if it is a layer.
func unpack(t *testing.T, dir, blob string) {
	t.Helper()
	file, err := os.Open(blob)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := gzip.NewReader(file)
	if err != nil {
		return // a manifest or a configuration
	}
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(header.Name)), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// images of a recipe: one, or those of its index.
func images(t *testing.T, r recipe.Recipe) []v1.Image {
	t.Helper()
	artifact, err := r.Build(t.Context())
	if errors.Is(err, recipe.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	index, ok := artifact.(v1.ImageIndex)
	if !ok {
		return []v1.Image{artifact.(v1.Image)}
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var all []v1.Image
	for _, m := range manifest.Manifests {
		img, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, img)
	}
	return all
}

// extract reads an image as the operator does.
func extract(t *testing.T, img v1.Image) *sbom.Image {
	t.Helper()
	raw, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config, err := sbom.ParseConfig(raw)
	if err != nil {
		t.Fatal(err)
	}
	all, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var read []*sbom.Layer
	for i, l := range all {
		content, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		layer, err := sbom.Read(t.Context(), config.DiffIDs[i], content, sbom.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, layer)
	}
	extracted, err := sbom.Squash(config, read)
	if err != nil {
		t.Fatal(err)
	}
	return extracted
}

// count returns how many findings the image has. The standard library's depend
// on the toolchain that is at hand, so they do not count.
func count(t *testing.T, db *vulndb.DB, img *sbom.Image) int {
	t.Helper()
	total := 0
	for _, c := range match.Components(img, recipe.Created) {
		if c.Subject.Key.Name == "stdlib" {
			continue
		}
		records, err := db.Records(c.Subject.Key)
		if err != nil {
			t.Fatal(err)
		}
		matches, problems := match.Judge(c.Subject, records)
		for _, p := range problems {
			t.Log(p)
		}
		total += len(matches) * len(c.Packages)
	}
	return total
}

// What Demo promises of the two real databases.
func TestRealDatabasesJudgeTheDemo(t *testing.T) {
	older, newer := realDatabase(t, "old"), realDatabase(t, "new")
	want := map[string]struct {
		os           sbom.OS
		older, newer int
	}{
		"debian":          {os: sbom.OS{Family: "debian", Release: "12.12"}, older: 45, newer: 45},
		"checkout":        {os: sbom.OS{Family: "debian", Release: "12.12"}, older: 47, newer: 50},
		"builder":         {os: sbom.OS{Family: "debian", Release: "12.12"}, older: 45, newer: 606},
		"alpine":          {os: sbom.OS{Family: "alpine", Release: "3.21.0"}},
		"web":             {os: sbom.OS{Family: "alpine", Release: "3.21.0"}, older: 6, newer: 8},
		"storefront":      {os: sbom.OS{Family: "alpine", Release: "3.21.0"}, older: 15, newer: 15},
		"recommendations": {os: sbom.OS{Family: "debian", Release: "12.12"}, older: 51, newer: 54},
		"ledger":          {os: sbom.OS{Family: "debian", Release: "12"}, older: 79, newer: 80},
		"api":             {older: 8, newer: 10},
		"billing":         {os: sbom.OS{Family: "ubuntu", Release: "22.04"}},
		"search":          {os: sbom.OS{Family: "wolfi", Release: "20230201"}},
		"empty":           {},
		"many-findings":   {os: sbom.OS{Family: "debian", Release: "12.12"}, older: 5000, newer: 5000},
	}
	for _, r := range append(recipe.Demo(), recipe.Hostile()...) {
		want, ok := want[r.Name]
		if !ok {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			for _, img := range images(t, r) {
				extracted := extract(t, img)
				if extracted.OS.Family != want.os.Family || extracted.OS.Release != want.os.Release {
					t.Errorf("operating system is %+v, want %+v", extracted.OS, want.os)
				}
				if len(extracted.Unread) > 0 {
					t.Errorf("unread: %+v", extracted.Unread)
				}
				before, after := count(t, older, extracted), count(t, newer, extracted)
				if before != want.older || after != want.newer {
					t.Errorf("%d findings under the older database and %d under the newer, want %d and %d", before, after, want.older, want.newer)
				}
			}
		})
	}
}

// The facts are those of the databases, for the buckets that these have.
func TestFactsAreTrue(t *testing.T) {
	for which, older := range map[string]bool{"old": true, "new": false} {
		db := realDatabase(t, which)
		facts, err := recipe.Facts(older)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range facts {
			if f.Bucket == "ubuntu 22.04" || f.Bucket == "wolfi" {
				continue
			}
			if !holds(t, db, f) {
				t.Errorf("%s has no %s of %s with severity %s", which, f.ID, f.Package, f.Severity)
			}
		}
	}
}

func holds(t *testing.T, db *vulndb.DB, f recipe.Fact) bool {
	t.Helper()
	records, err := db.Records(match.Key{Bucket: f.Bucket, Name: f.Package})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		for _, a := range r.Advisories {
			if a.ID == f.ID && a.Detail != nil && severities[a.Detail.Severity] == f.Severity {
				return true
			}
		}
	}
	return false
}

var severities = map[match.Severity]string{
	match.SeverityUnknown: "UNKNOWN", match.SeverityLow: "LOW", match.SeverityMedium: "MEDIUM",
	match.SeverityHigh: "HIGH", match.SeverityCritical: "CRITICAL",
}
