package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha1" //nolint:gosec // Maven's index knows archives by it.
	"database/sql"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	_ "modernc.org/sqlite" // the driver

	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// namelessJar is an archive that does not say what it is.
func namelessJar(t testing.TB, class string) (body []byte, sum string) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"META-INF/MANIFEST.MF", class + ".class"} {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte("Manifest-Version: 1.0\r\n\r\n"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	digest := sha1.Sum(b.Bytes()) //nolint:gosec // as above
	return b.Bytes(), hex.EncodeToString(digest[:])
}

// javaDatabase returns the directory of one that knows one archive, as org.example:known 1.0.
func javaDatabase(t testing.TB, sum string) string {
	t.Helper()
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, "trivy-java.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
		CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT, license TEXT);
		CREATE UNIQUE INDEX artifacts_idx ON artifacts(artifact_id, group_id);
		CREATE INDEX indices_artifact_idx ON indices(artifact_id);
		CREATE UNIQUE INDEX indices_sha1_idx ON indices(sha1);
		INSERT INTO artifacts VALUES (1, 'org.example', 'known');
		INSERT INTO indices VALUES (1, '1.0', unhex(?), 'jar', '')`, sum)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "metadata.json"), []byte(`{"Version":1,"UpdatedAt":"2026-07-01T00:00:00Z"}`))
	return dir
}

// TestJavaDatabase: archives without a name are told of until a database names
// them, and a bill of materials keeps what is needed for that.
func TestJavaDatabase(t *testing.T) {
	known, sum := namelessJar(t, "Known")
	unknown, _ := namelessJar(t, "Unknown")
	layer, err := recipe.Layer(recipe.File{Path: "app/a.jar", Body: known}, recipe.File{Path: "app/b.jar", Body: unknown})
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(testImage(t, recipe.AMD64), layer)
	if err != nil {
		t.Fatal(err)
	}
	db := filepath.Join(t.TempDir(), "db")
	if err := database.Build(db, database.Spec{Built: built, Facts: []recipe.Fact{
		fact("debian 12", "other", "CVE-2026-0008", "LOW", `{}`),
		fact("maven::GitHub Security Advisory Maven", "org.example:known", "CVE-2026-0009", "HIGH", `{"VulnerableVersions":["<2.0"],"PatchedVersions":["2.0"]}`),
	}}); err != nil {
		t.Fatal(err)
	}
	javaDB := javaDatabase(t, sum)
	saved := savedTar(t, map[string]v1.Image{"registry.example.com/shop/api:1": img})
	inputs := map[string][]string{"archive": {"--archive", saved}}
	for _, format := range []string{"cyclonedx", "spdx"} {
		bom := filepath.Join(t.TempDir(), format+".json")
		if r := scanned(t, "--archive", saved, "--db", db, "--format", format, "-o", bom); r.code != 0 {
			t.Fatal(r.stderr)
		}
		inputs[format] = []string{"--sbom", bom}
	}
	for name, args := range inputs {
		t.Run(name, func(t *testing.T) {
			args = append(args, "--db", db, "--format", "json")
			without := scanned(t, args...).document(t, 0)
			if got := strings.Join(without.Problems, "; "); len(without.Findings) != 0 || !strings.HasPrefix(got, "2 Java archives do not say their group: ") {
				t.Errorf("without a Java database: problems %q, findings:\n%s", got, summary(without))
			}
			with := scanned(t, append(args, "--java-db", javaDB)...).document(t, 0)
			if want := "CVE-2026-0009 org.example:known 1.0 2.0 High app/a.jar\n"; summary(with) != want {
				t.Errorf("with a Java database: %s, want %s", summary(with), want)
			}
			if got := strings.Join(with.Problems, "; "); !strings.HasPrefix(got, "1 Java archives do not say their group, and are not in the Java database") {
				t.Errorf("with a Java database: problems %q", got)
			}
		})
	}
	if r := scanned(t, "--archive", saved, "--db", db, "--java-db", t.TempDir()); r.code != exitError || !strings.Contains(r.stderr, "metadata.json") {
		t.Errorf("a directory without a Java database: %+v", r)
	}
}
