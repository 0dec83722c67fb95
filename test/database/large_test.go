package database_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
)

func openDB(t *testing.T, dir string) *vulndb.DB {
	t.Helper()
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

// What is generated is a database, the same each time, and its changes are
// those that were asked for.
func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	older, again, newer := filepath.Join(dir, "older"), filepath.Join(dir, "again"), filepath.Join(dir, "newer")
	for _, to := range []string{older, again} {
		if err := database.Generate(to, 500); err != nil {
			t.Fatal(err)
		}
	}
	if err := database.Change(older, newer, database.Changes{Advisories: 20, Severities: 5, Redated: 5}); err != nil {
		t.Fatal(err)
	}
	before, twin, after := openDB(t, older), openDB(t, again), openDB(t, newer)
	if !after.Metadata().Built.After(before.Metadata().Built) {
		t.Error("the changed database is not newer")
	}
	detail, ok, err := after.Detail("CVE-2010-00003")
	if err != nil || !ok || detail.Title == "" || len(detail.References) == 0 || len(detail.CVSS) == 0 {
		t.Errorf("detail: %+v, %t, %v", detail, ok, err)
	}
	changed := 0
	for _, key := range keys() {
		one, err := before.Fingerprint(key)
		if err != nil {
			t.Fatal(err)
		}
		if other, err := twin.Fingerprint(key); err != nil || other != one {
			t.Fatalf("two databases of the same size differ at %s in %s: %v", key.Name, key.Bucket, err)
		}
		old, err := before.Records(key)
		if err != nil {
			t.Fatal(err)
		}
		now, err := after.Records(key)
		if err != nil {
			t.Fatal(err)
		}
		for i := range old {
			for j, a := range old[i].Advisories {
				b := now[i].Advisories[j]
				a.Detail, b.Detail = nil, nil
				if !cmp.Equal(a, b) {
					changed++
				}
			}
		}
	}
	if changed != 20 {
		t.Errorf("%d advisories of fleets changed, want 20", changed)
	}
}

// keys of what fleets have.
func keys() []match.Key {
	var all []match.Key
	for _, name := range database.SystemPackages() {
		all = append(all, match.Key{Bucket: "debian 12", Name: name}, match.Key{Bucket: "alpine 3.21", Name: name})
	}
	for n := range database.Libraries {
		for _, bucket := range []string{"npm::", "pip::", "go::"} {
			all = append(all, match.Key{Bucket: bucket, Name: database.Library(n)})
		}
	}
	return all
}
