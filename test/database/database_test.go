package database_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

func TestBuildWritesWhatTrivyReads(t *testing.T) {
	published := time.Date(2023, 10, 11, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	err := database.Build(dir, database.Spec{
		Built: time.Date(2026, 7, 20, 12, 0, 0, 0, time.UTC),
		Facts: []recipe.Fact{{
			Bucket: "wolfi", Package: "curl", ID: "CVE-2023-38545", Advisory: json.RawMessage(`{"FixedVersion":"8.4.0-r0"}`),
			Severity: "CRITICAL", Published: published,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Init(dir, db.WithBoltOptions(&bbolt.Options{ReadOnly: true})); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	got, err := db.Config{}.GetAdvisories("wolfi", "curl")
	if err != nil {
		t.Fatal(err)
	}
	want := []types.Advisory{{
		VulnerabilityID: "CVE-2023-38545", FixedVersion: "8.4.0-r0",
		DataSource: &types.DataSource{ID: "wolfi", Name: "Wolfi Secdb", URL: "https://packages.wolfi.dev/os/security.json"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("advisories (-want +got):\n%s", diff)
	}
	detail, err := db.Config{}.GetVulnerability("CVE-2023-38545")
	if err != nil || detail.Severity != "CRITICAL" || !detail.PublishedDate.Equal(published) { //nolint:staticcheck // schema version 2 has it, and Trivy reads it
		t.Errorf("vulnerability = %+v, %v", detail, err)
	}
}

func TestNewerDiffersFromOlder(t *testing.T) {
	older, err := database.Older()
	if err != nil {
		t.Fatal(err)
	}
	newer, err := database.Newer()
	if err != nil {
		t.Fatal(err)
	}
	if !newer.Built.After(older.Built) {
		t.Errorf("newer was built %s, older %s", newer.Built, older.Built)
	}
	before := map[[3]string]recipe.Fact{}
	for _, fact := range older.Facts {
		before[[3]string{fact.Bucket, fact.Package, fact.ID}] = fact
	}
	var added, severities int
	for _, fact := range newer.Facts {
		key := [3]string{fact.Bucket, fact.Package, fact.ID}
		was, ok := before[key]
		delete(before, key)
		switch {
		case !ok:
			added++
		case was.Severity != fact.Severity:
			severities++
		}
	}
	if added == 0 || severities == 0 || len(before) == 0 {
		t.Errorf("added %d, changed severities %d, removed %d; want some of each", added, severities, len(before))
	}
}

func TestLayoutRoundTrip(t *testing.T) {
	built, layout, unpacked := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "db")
	spec, err := database.Older()
	if err != nil {
		t.Fatal(err)
	}
	if err := database.Build(built, spec); err != nil {
		t.Fatal(err)
	}
	digest, err := database.Layout(built, layout)
	if err != nil {
		t.Fatal(err)
	}
	again, err := database.Layout(built, t.TempDir())
	if err != nil || again != digest {
		t.Errorf("second layout has digest %s, %v, want %s", again, err, digest)
	}
	if err := database.Unpack(layout, unpacked); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"trivy.db", "metadata.json"} {
		want, err := os.ReadFile(filepath.Join(built, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(unpacked, name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s differs after the round trip (%v)", name, err)
		}
	}
}
