package javadb_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/javadb"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

const (
	metadata = `{"Version":1,"NextUpdate":"2026-07-04T00:00:00Z","UpdatedAt":"2026-07-01T00:00:00Z","DownloadedAt":"0001-01-01T00:00:00Z"}`
	schema   = `CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
		CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT, license TEXT, FOREIGN KEY (artifact_id) REFERENCES artifacts(id));
		CREATE UNIQUE INDEX artifacts_idx ON artifacts(artifact_id, group_id);
		CREATE INDEX indices_artifact_idx ON indices(artifact_id);
		CREATE UNIQUE INDEX indices_sha1_idx ON indices(sha1);`
	rows = `INSERT INTO artifacts VALUES (1, 'jstl', 'jstl'), (2, 'javax.servlet', 'jstl'), (3, 'a.tie', 'tied'), (4, 'b.tie', 'tied'), (5, 'bad group', 'bad');
		INSERT INTO indices VALUES (1, '1.0', x'01', 'jar', ''), (1, '1.1', x'02', 'jar', ''), (1, '1.2', x'03', 'jar', ''), (1, '1.5', x'0a', 'jar', ''),
			(2, '1.1', x'04', 'jar', ''), (2, '1.3', x'05', 'jar', ''), (2, '1.4', x'06', 'aar', ''),
			(3, '1.0', x'07', 'jar', ''), (4, '1.0', x'08', 'jar', ''), (5, '1.0', x'09', 'jar', '');`
)

// build makes a database of statements.
func build(t testing.TB, metadata string, statements ...string) string {
	t.Helper()
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, "trivy-java.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := errors.Join(db.Close(), os.WriteFile(filepath.Join(dir, "metadata.json"), []byte(metadata), 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, dir string) *javadb.DB {
	t.Helper()
	db, err := javadb.Open(dir)
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

func TestResolve(t *testing.T) {
	jar := func(name, version string, evidence sbom.Jar) sbom.Package {
		return sbom.Package{Type: sbom.TypeJar, Name: name, Version: version, Path: "app/" + name + ".jar", Jar: evidence}
	}
	tests := map[string]struct {
		in   sbom.Package
		want string
	}{
		"by its sum":                          {jar("renamed", "", sbom.Jar{SHA1: "02"}), "jstl:jstl 1.1"},
		"its sum beats its name":              {jar("jstl", "9", sbom.Jar{SHA1: "05", Named: true}), "javax.servlet:jstl 1.3"},
		"by its manifest":                     {jar("x", "", sbom.Jar{SHA1: "02", Group: "javax.servlet", Artifact: "jstl", Version: "7"}), "javax.servlet:jstl 7"},
		"a manifest that no index knows":      {jar("x", "", sbom.Jar{SHA1: "02", Group: "javax.servlet", Artifact: "JSTL API", Version: "7"}), "jstl:jstl 1.1"},
		"by its name, of most versions":       {jar("jstl", "1.1", sbom.Jar{SHA1: "ff", Named: true}), "jstl:jstl 1.1"},
		"by its name, of the version":         {jar("jstl", "1.3", sbom.Jar{SHA1: "ff", Named: true}), "javax.servlet:jstl 1.3"},
		"by its name, of equally many":        {jar("tied", "1.0", sbom.Jar{SHA1: "ff", Named: true}), "a.tie:tied 1.0"},
		"a version that was never a jar":      {jar("jstl", "1.4", sbom.Jar{SHA1: "ff", Named: true}), "jstl 1.4"},
		"a name that no index knows":          {jar("mine", "1.0", sbom.Jar{SHA1: "ff", Named: true}), "mine 1.0"},
		"a version that is not of the name":   {jar("jstl", "1.1", sbom.Jar{SHA1: "ff"}), "jstl 1.1"},
		"a group that is none":                {jar("bad", "1.0", sbom.Jar{SHA1: "09", Named: true}), "bad 1.0"},
		"described by itself":                 {jar("g:jstl", "1.1", sbom.Jar{}), "g:jstl 1.1"},
		"no jar":                              {sbom.Package{Type: sbom.TypeNode, Name: "jstl", Version: "1.1", Jar: sbom.Jar{SHA1: "02"}}, "jstl 1.1"},
		"a manifest and no sum, which is new": {jar("x", "1", sbom.Jar{Group: "jstl", Artifact: "jstl", Version: "1"}), "x 1"},
	}
	db := open(t, build(t, metadata, schema, rows))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			given := []sbom.Package{test.in}
			got, err := db.Resolve(t.Context(), given)
			if err != nil {
				t.Fatal(err)
			}
			if line := got[0].Name + " " + got[0].Version; line != test.want {
				t.Errorf("got %s, want %s", line, test.want)
			}
			if diff := cmp.Diff([]sbom.Package{test.in}, given); diff != "" {
				t.Errorf("the given packages changed (-before +after):\n%s", diff)
			}
			if strings.Contains(got[0].Name, ":") && got[0].Jar != (sbom.Jar{}) {
				t.Errorf("it has a name, and still the evidence %+v", got[0].Jar)
			}
			if rest := got[0]; rest.Path != test.in.Path || rest.Type != test.in.Type {
				t.Errorf("path %s of type %s", rest.Path, rest.Type)
			}
		})
	}
}

func TestResolveFailures(t *testing.T) {
	db := open(t, build(t, metadata, schema, rows))
	for name, sum := range map[string]string{"no sum": "xyz"} {
		if _, err := db.Resolve(t.Context(), []sbom.Package{{Type: sbom.TypeJar, Path: "a.jar", Jar: sbom.Jar{SHA1: sum}}}); err == nil || !strings.Contains(err.Error(), `look up the archive "a.jar"`) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Resolve(ctx, []sbom.Package{{Type: sbom.TypeJar, Jar: sbom.Jar{SHA1: "02"}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	// One that failed leaves the database usable.
	if got, err := db.Resolve(t.Context(), []sbom.Package{{Type: sbom.TypeJar, Jar: sbom.Jar{SHA1: "02"}}}); err != nil || got[0].Name != "jstl:jstl" {
		t.Errorf("afterwards: %v, error %v", got, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := map[string]struct {
		metadata   string
		statements []string
		reason     string
		message    string
	}{
		"no tables":      {metadata, []string{`CREATE TABLE x(y)`}, v1alpha1.ReasonInvalidArtifact, "it has no table"},
		"another schema": {`{"Version":2}`, []string{schema}, v1alpha1.ReasonUnsupportedSchema, "schema version 2, want 1"},
		"no metadata":    {`{`, []string{schema}, v1alpha1.ReasonInvalidArtifact, "parse metadata.json"},
		"a view": {
			metadata, []string{
				schema, `DROP TABLE artifacts`,
				`CREATE VIEW artifacts AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, 'g' AS group_id, 'a' AS artifact_id FROM n`,
			},
			v1alpha1.ReasonInvalidArtifact, "it has no table artifacts",
		},
		"a computed column": {
			metadata, []string{schema, `DROP TABLE artifacts`, `CREATE TABLE artifacts(id INTEGER PRIMARY KEY, artifact_id TEXT, group_id TEXT AS (hex(zeroblob(1000000000))))`},
			v1alpha1.ReasonInvalidArtifact, "it has no plain column artifacts.group_id",
		},
		"a missing column": {
			metadata, []string{schema, `ALTER TABLE indices DROP COLUMN archive_type`},
			v1alpha1.ReasonInvalidArtifact, "it has no plain column indices.archive_type",
		},
		"tables in the place of functions": {
			metadata, []string{`CREATE TABLE artifacts(id)`, `CREATE TABLE indices(artifact_id)`, `CREATE TABLE pragma_table_list(schema, name, type)`},
			v1alpha1.ReasonInvalidArtifact, "it has no plain column",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db, err := javadb.Open(build(t, test.metadata, test.statements...))
			if err == nil {
				_ = db.Close()
			}
			wantReason(t, err, test.reason, test.message)
		})
	}
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	dir := build(t, metadata, schema)
	file := filepath.Join(dir, "trivy-java.db")
	for name, content := range map[string]string{"no SQLite": strings.Repeat("no database", 1000), "a header alone": "SQLite format 3\x00", "nothing": ""} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := javadb.Open(dir)
		t.Log(name)
		wantReason(t, err, v1alpha1.ReasonInvalidArtifact, "open Java database")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	_, err := javadb.Open(dir)
	wantReason(t, err, v1alpha1.ReasonInvalidArtifact, "no such file")
}

// A row beyond any measure is an error and takes no memory.
func TestResolveLargeValue(t *testing.T) {
	db := open(t, build(t, metadata, schema, rows, `INSERT INTO indices VALUES (1, printf('%.*c', 200000, 'x'), x'aa', 'jar', '')`))
	_, err := db.Resolve(t.Context(), []sbom.Package{{Type: sbom.TypeJar, Jar: sbom.Jar{SHA1: "aa"}}})
	if err == nil {
		t.Error("a version of 200,000 bytes is no error")
	}
}

func wantReason(t *testing.T, err error, reason, message string) {
	t.Helper()
	var own *vulndb.Error
	if !errors.As(err, &own) || own.Reason != reason || !strings.Contains(err.Error(), message) {
		t.Errorf("error %v, want one with reason %s and %q", err, reason, message)
	}
}

// one is a registry that has one artifact.
type one struct {
	digest    image.Digest
	layerType string
	layer     []byte
	fetched   int
}

func (o *one) ResolveArtifact(context.Context, image.Reference) (image.Digest, error) {
	return o.digest, nil
}

func (o *one) FetchArtifact(context.Context, image.Reference) (vulndb.Artifact, error) {
	o.fetched++
	sum := sha256.Sum256(o.layer)
	return vulndb.Artifact{Layers: []vulndb.Layer{{
		MediaType: o.layerType, Digest: image.Digest("sha256:" + hex.EncodeToString(sum[:])), Size: int64(len(o.layer)),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(o.layer)), nil },
	}}}, nil
}

func pack(t *testing.T, dir string, names ...string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	w := tar.NewWriter(zipped)
	for _, name := range names {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestFetch(t *testing.T) {
	const layerType = "application/vnd.aquasec.trivy.javadb.layer.v1.tar+gzip"
	built := build(t, metadata, schema, rows)
	dir := filepath.Join(t.TempDir(), "java")
	source := vulndb.Source{Reference: "registry.example.com/trivy-java-db:1"}
	digest := func(n int) image.Digest { return image.Digest(fmt.Sprintf("sha256:%064x", n)) }
	registry := &one{digest: digest(1), layerType: layerType, layer: pack(t, built, "trivy-java.db", "metadata.json")}

	got, err := javadb.Fetch(t.Context(), registry, source, "", dir, javadb.DefaultLimits)
	if err != nil || got != digest(1) {
		t.Fatalf("revision %s, error %v", got, err)
	}
	first := open(t, dir)
	if want := "2026-07-01"; first.Built().Format("2006-01-02") != want {
		t.Errorf("built %s, want %s", first.Built(), want)
	}
	if _, err := javadb.Fetch(t.Context(), registry, source, digest(1), dir, javadb.DefaultLimits); err != nil || registry.fetched != 1 {
		t.Errorf("known revision: fetched %d times, error %v", registry.fetched, err)
	}
	refused := map[string]*one{
		"another kind of artifact": {digest: digest(2), layerType: "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip", layer: registry.layer},
		"a file is missing":        {digest: digest(2), layerType: layerType, layer: pack(t, built, "trivy-java.db")},
		"no database":              {digest: digest(2), layerType: layerType, layer: pack(t, build(t, metadata, `CREATE TABLE x(y)`), "trivy-java.db", "metadata.json")},
	}
	for name, bad := range refused {
		_, err := javadb.Fetch(t.Context(), bad, source, digest(1), dir, javadb.DefaultLimits)
		t.Log(name)
		wantReason(t, err, v1alpha1.ReasonInvalidArtifact, "fetch Java database from registry.example.com")
	}
	small := vulndb.Limits{Compressed: 1 << 20, Unpacked: 100}
	_, err = javadb.Fetch(t.Context(), registry, source, "", dir, small)
	wantReason(t, err, v1alpha1.ReasonArtifactTooLarge, "trivy-java.db is larger than the limit of 100 bytes")
	open(t, dir) // What was there is there still.

	registry.digest = digest(3)
	if got, err := javadb.Fetch(t.Context(), registry, source, digest(1), dir, javadb.DefaultLimits); err != nil || got != digest(3) {
		t.Errorf("next revision: %s, error %v", got, err)
	}
	if _, err := first.Resolve(t.Context(), []sbom.Package{{Type: sbom.TypeJar, Jar: sbom.Jar{SHA1: "02"}}}); err != nil {
		t.Errorf("the former database, still open: %v", err)
	}
	if left, _ := filepath.Glob(dir + ".*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
	fromDirectory := filepath.Join(t.TempDir(), "java")
	if _, err := javadb.Fetch(t.Context(), nil, vulndb.Source{Directory: built}, "", fromDirectory, javadb.DefaultLimits); err != nil {
		t.Errorf("from a directory: %v", err)
	}
	open(t, fromDirectory)
}

// Whatever a file holds, it is refused, gives an error or gives an answer. (To fuzz
// does not do: instrumented, SQLite takes seconds to open a file.)
func TestDamagedFiles(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(build(t, metadata, `PRAGMA page_size = 512`, schema, rows), "trivy-java.db"))
	if err != nil {
		t.Fatal(err)
	}
	given := []sbom.Package{
		{Type: sbom.TypeJar, Name: "jstl", Version: "1.1", Jar: sbom.Jar{SHA1: "02", Named: true}},
		{Type: sbom.TypeJar, Name: "tied", Version: "1.0", Jar: sbom.Jar{SHA1: "ff", Named: true, Group: "jstl", Artifact: "jstl", Version: "1"}},
	}
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 200 {
		raw := bytes.Clone(whole)
		for range 1 + random.IntN(20) {
			raw[random.IntN(len(raw))] = byte(random.Uint32())
		}
		dir := t.TempDir()
		if err := errors.Join(
			os.WriteFile(filepath.Join(dir, "trivy-java.db"), raw, 0o600), os.WriteFile(filepath.Join(dir, "metadata.json"), []byte(metadata), 0o600),
		); err != nil {
			t.Fatal(err)
		}
		db, err := javadb.Open(dir)
		if err != nil {
			refused++
			continue
		}
		if got, err := db.Resolve(t.Context(), given); err == nil && len(got) != len(given) {
			t.Errorf("%d packages, want %d", len(got), len(given))
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if refused == 0 || refused == 200 {
		t.Errorf("%d of 200 are refused: they are not of different kinds", refused)
	}
}
