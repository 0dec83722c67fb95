package vulndb_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// registry serves one artifact under every reference to its host.
type registry struct {
	artifacts map[string]served
	// fetched counts artifacts, by host.
	fetched map[string]int
}

type served struct {
	digest image.Digest
	layers []vulndb.Layer
	err    error
}

var _ vulndb.Registry = (*registry)(nil)

func (r *registry) ResolveArtifact(_ context.Context, ref image.Reference) (image.Digest, error) {
	a, ok := r.artifacts[ref.Host()]
	if !ok {
		return "", errors.New("connection refused")
	}
	return a.digest, nil
}

func (r *registry) FetchArtifact(_ context.Context, ref image.Reference) (vulndb.Artifact, error) {
	a := r.artifacts[ref.Host()]
	if ref.Digest != a.digest {
		return vulndb.Artifact{}, errors.New("manifest unknown")
	}
	r.fetched[ref.Host()]++
	return vulndb.Artifact{Layers: a.layers}, a.err
}

func (r *registry) serve(host string, layers ...vulndb.Layer) {
	hash := sha256.New()
	for _, l := range layers {
		_, _ = hash.Write([]byte(l.Digest))
	}
	r.artifacts[host] = served{digest: image.Digest("sha256:" + hex.EncodeToString(hash.Sum(nil))), layers: layers}
}

func newRegistry() *registry {
	return &registry{artifacts: map[string]served{}, fetched: map[string]int{}}
}

// layerOf returns the layer that holds content.
func layerOf(content []byte) vulndb.Layer {
	sum := sha256.Sum256(content)
	return vulndb.Layer{
		MediaType: database.LayerType, Digest: image.Digest("sha256:" + hex.EncodeToString(sum[:])), Size: int64(len(content)),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

func digestOf(text string) image.Digest {
	sum := sha256.Sum256([]byte(text))
	return image.Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// packed returns the layer of a database with one advisory, built at a time.
func packed(t *testing.T, at time.Time, advisory string) vulndb.Layer {
	t.Helper()
	return packedDir(t, build(t, database.Spec{Built: at, Facts: []recipe.Fact{fact("wolfi", "curl", "CVE-1", advisory)}}))
}

// packedSchema returns the layer of a database of a schema version.
func packedSchema(t *testing.T, version int) vulndb.Layer {
	t.Helper()
	dir := build(t, database.Spec{})
	metadata := fmt.Sprintf(`{"Version":%d,"UpdatedAt":"2026-07-20T12:00:00Z"}`, version)
	if err := os.WriteFile(filepath.Join(dir, "metadata.json"), []byte(metadata), 0o600); err != nil {
		t.Fatal(err)
	}
	return packedDir(t, dir)
}

func packedDir(t *testing.T, dir string) vulndb.Layer {
	t.Helper()
	content := map[string][]byte{}
	for _, name := range []string{"trivy.db", "metadata.json"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		content[name] = raw
	}
	return layerOf(archive(t, regular("trivy.db", content["trivy.db"]), regular("metadata.json", content["metadata.json"])))
}

func sources(references ...string) []vulndb.Source {
	var list []vulndb.Source
	for _, reference := range references {
		list = append(list, vulndb.Source{Reference: reference})
	}
	return list
}

const (
	firstRef  = "first.example.com/trivy-db:2"
	secondRef = "second.example.com/trivy-db:2"
	firstHost = "first.example.com"
)

func newUpdater(t *testing.T, dir string, r vulndb.Registry) *vulndb.Updater {
	t.Helper()
	u, err := vulndb.NewUpdater(dir, r, vulndb.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// mustOffer returns what Update does.
func mustOffer(t *testing.T, u *vulndb.Updater, from []vulndb.Source) *vulndb.Current {
	t.Helper()
	current, err := u.Update(t.Context(), from, false)
	if err != nil {
		t.Fatal(err)
	}
	return current
}

// mustUpdate also confirms it, as a caller does who could use it.
func mustUpdate(t *testing.T, u *vulndb.Updater, from []vulndb.Source) *vulndb.Current {
	t.Helper()
	current := mustOffer(t, u, from)
	if err := u.Confirm(current); err != nil {
		t.Fatal(err)
	}
	return current
}

// fixedIn returns the fixed version that tells the tests' databases apart.
func fixedIn(t *testing.T, d *vulndb.DB) string {
	t.Helper()
	records, err := d.Records(match.Key{Bucket: "wolfi", Name: "curl"})
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 1 {
		t.Fatalf("%d records, want 1", len(records))
	}
	return records[0].Advisories[0].FixedVersion
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return strings.Join(list, " ")
}

func TestUpdateSwaps(t *testing.T) {
	dir, r := t.TempDir(), newRegistry()
	u := newUpdater(t, dir, r)
	r.serve(firstHost, packed(t, built, `{"FixedVersion":"1"}`))
	first := mustUpdate(t, u, sources(firstRef))
	if first.Revision != r.artifacts[firstHost].digest || first.Source != firstRef || !first.DB.Metadata().Built.Equal(built) {
		t.Errorf("first = %+v", first)
	}
	if again := mustUpdate(t, u, sources(firstRef)); again != first || r.fetched[firstHost] != 1 {
		t.Errorf("an unchanged artifact was fetched %d times, want once", r.fetched[firstHost])
	}

	r.serve(firstHost, packed(t, built.Add(time.Hour), `{"FixedVersion":"2"}`))
	second := mustUpdate(t, u, sources(firstRef))
	if second == first || fixedIn(t, second.DB) != "2" {
		t.Error("the newer database is not in use")
	}
	if got := fixedIn(t, first.DB); got != "1" {
		t.Errorf("the former database gives %q, want 1 until it is closed", got)
	}
	if got, want := names(t, dir), second.Revision.Hex()+" current.json"; got != want {
		t.Errorf("directory holds %q, want %q", got, want)
	}
	for _, c := range []*vulndb.Current{first, second} {
		if err := c.DB.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestUpdateRefusesOlder(t *testing.T) {
	r := newRegistry()
	u := newUpdater(t, t.TempDir(), r)
	r.serve(firstHost, packed(t, built, `{"FixedVersion":"2"}`))
	newer := mustUpdate(t, u, sources(firstRef))
	r.serve(firstHost, packed(t, built.Add(-time.Second), `{"FixedVersion":"1"}`))

	_, err := u.Update(t.Context(), sources(firstRef), false)
	checkReason(t, err, v1alpha1.ReasonOlderDatabase)
	if kept, err := u.Reopen(); err != nil || kept != newer {
		t.Errorf("the newer database is not in use any more: %v", err)
	}
	older, err := u.Update(t.Context(), sources(firstRef), true)
	if err != nil || fixedIn(t, older.DB) != "1" {
		t.Errorf("rollback: %v", err)
	}
}

func TestUpdateTriesSourcesInOrder(t *testing.T) {
	good, other := packed(t, built, `{"FixedVersion":"1"}`), packed(t, built, `{"FixedVersion":"2"}`)
	cases := map[string]struct {
		first, second []vulndb.Layer // nil: does not answer
		want          string
		reason        string
	}{
		"the first that is good":      {first: []vulndb.Layer{good}, second: []vulndb.Layer{other}, want: firstRef},
		"the next after no answer":    {second: []vulndb.Layer{other}, want: secondRef},
		"the next after a broken one": {first: []vulndb.Layer{good, good}, second: []vulndb.Layer{other}, want: secondRef},
		"none answers":                {reason: v1alpha1.ReasonSourceUnavailable},
		"the reason of one that answers": {
			second: []vulndb.Layer{good, good}, reason: v1alpha1.ReasonInvalidArtifact,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRegistry()
			if tc.first != nil {
				r.serve(firstHost, tc.first...)
			}
			if tc.second != nil {
				r.serve("second.example.com", tc.second...)
			}
			current, err := newUpdater(t, t.TempDir(), r).Update(t.Context(), sources(firstRef, secondRef), false)
			if tc.want != "" {
				if err != nil || current.Source != tc.want {
					t.Errorf("Update = %+v, %v, want source %s", current, err, tc.want)
				}
				return
			}
			checkReason(t, err, tc.reason)
			if !strings.Contains(err.Error(), firstRef) || !strings.Contains(err.Error(), secondRef) {
				t.Errorf("error %q does not name both sources", err)
			}
		})
	}
	_, err := newUpdater(t, t.TempDir(), newRegistry()).Update(t.Context(), nil, false)
	checkReason(t, err, v1alpha1.ReasonSourceUnavailable)
	_, err = newUpdater(t, t.TempDir(), newRegistry()).Update(t.Context(), sources("not a reference"), false)
	checkReason(t, err, v1alpha1.ReasonSourceUnavailable)
}

// A database that cannot be used may pass all checks. What the caller has not
// confirmed must not be all that a restart finds.
func TestTheFormerStaysUntilTheNextIsConfirmed(t *testing.T) {
	dir, r := t.TempDir(), newRegistry()
	u := newUpdater(t, dir, r)
	r.serve(firstHost, packed(t, built, `{"FixedVersion":"1"}`))
	first := mustOffer(t, u, sources(firstRef))
	if again, err := newUpdater(t, t.TempDir(), r).Reopen(); again != nil || err != nil {
		t.Errorf("reopened %+v, %v before any was confirmed", again, err)
	}
	if err := u.Confirm(first); err != nil {
		t.Fatal(err)
	}

	r.serve(firstHost, packed(t, built.Add(time.Hour), `{"FixedVersion":"2"}`))
	second := mustOffer(t, u, sources(firstRef))
	if again := mustOffer(t, u, sources(firstRef)); again != second || r.fetched[firstHost] != 2 {
		t.Errorf("what is offered was fetched %d times in all, want 2", r.fetched[firstHost])
	}
	if kept, err := u.Reopen(); kept != first || err != nil {
		t.Errorf("the first is not in use any more: %v", err)
	}
	requireReopened(t, copyOf(t, dir), first.Revision, "1")

	if err := u.Confirm(second); err != nil {
		t.Fatal(err)
	}
	if err := u.Confirm(second); err != nil {
		t.Errorf("confirmed twice: %v", err)
	}
	if err := u.Confirm(first); err == nil {
		t.Error("the former one was confirmed again")
	}
	requireReopened(t, dir, second.Revision, "2")
}

// copyOf returns a copy of the directory: what a process that starts now would find.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

// requireReopened takes the directory as the next process does.
func requireReopened(t *testing.T, dir string, revision image.Digest, version string) {
	t.Helper()
	current, err := newUpdater(t, dir, nil).Reopen()
	if err != nil {
		t.Fatal(err)
	}
	if current.Revision != revision || fixedIn(t, current.DB) != version {
		t.Errorf("reopened %s, want %s", current.Revision, revision)
	}
	if got, want := names(t, dir), revision.Hex()+" current.json"; got != want {
		t.Errorf("directory holds %q, want %q", got, want)
	}
}

func TestWhatIsNotConfirmedGivesWay(t *testing.T) {
	good, bad := packed(t, built, `{"FixedVersion":"1"}`), packed(t, built.Add(2*time.Hour), `{"FixedVersion":"2"}`)
	better := packed(t, built.Add(time.Hour), `{"FixedVersion":"3"}`)
	for name, next := range map[string]vulndb.Layer{"to one that is older, and newer than that in use": better, "to the one in use": good} {
		t.Run(name, func(t *testing.T) {
			dir, r := t.TempDir(), newRegistry()
			u := newUpdater(t, dir, r)
			r.serve(firstHost, good)
			first := mustUpdate(t, u, sources(firstRef))
			r.serve(firstHost, bad)
			offered := mustOffer(t, u, sources(firstRef))
			r.serve(firstHost, next)
			last := mustOffer(t, u, sources(firstRef))
			if _, err := offered.DB.HasBucket("wolfi"); err == nil {
				t.Error("what nobody uses is still open")
			}
			if err := u.Confirm(offered); err == nil {
				t.Error("it was confirmed afterwards")
			}
			if strings.Contains(names(t, dir), offered.Revision.Hex()) {
				t.Error("what nobody uses is still there")
			}
			if fixedIn(t, first.DB) != "1" {
				t.Error("the one in use cannot be read")
			}
			if err := u.Confirm(last); err != nil {
				t.Fatal(err)
			}
			requireReopened(t, dir, last.Revision, fixedIn(t, last.DB))
		})
	}
}

func TestConfirmThatCannotBeWrittenKeepsTheFormer(t *testing.T) {
	dir, r := t.TempDir(), newRegistry()
	u := newUpdater(t, dir, r)
	r.serve(firstHost, packed(t, built, `{"FixedVersion":"1"}`))
	first := mustUpdate(t, u, sources(firstRef))
	r.serve(firstHost, packed(t, built.Add(time.Hour), `{"FixedVersion":"2"}`))
	second := mustOffer(t, u, sources(firstRef))
	obstacle := filepath.Join(dir, "current.json.new")
	if err := os.Mkdir(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := u.Confirm(second); err == nil {
		t.Error("no error")
	}
	if kept, err := u.Reopen(); kept != second || err != nil {
		t.Errorf("the confirmed one is not in use: %v", err)
	}
	requireReopened(t, dir, first.Revision, "1")
}

func TestWhatWasRefusedIsNotFetchedAgain(t *testing.T) {
	good := packed(t, built, `{"FixedVersion":"1"}`)
	huge := good
	huge.Size = vulndb.DefaultLimits.Compressed + 1
	broken := layerOf([]byte("no archive"))
	lost := good
	lost.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("connection reset") }
	cases := map[string]struct {
		layer vulndb.Layer
		want  string
		// fetched in three checks
		fetched int
	}{
		"older":       {packed(t, built.Add(-time.Hour), `{"FixedVersion":"0"}`), v1alpha1.ReasonOlderDatabase, 1},
		"too large":   {huge, v1alpha1.ReasonArtifactTooLarge, 1},
		"invalid":     {broken, v1alpha1.ReasonInvalidArtifact, 3},
		"schema":      {packedSchema(t, 3), v1alpha1.ReasonUnsupportedSchema, 1},
		"unavailable": {lost, v1alpha1.ReasonSourceUnavailable, 3},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRegistry()
			u := newUpdater(t, t.TempDir(), r)
			r.serve("second.example.com", good)
			mustUpdate(t, u, sources(secondRef))
			// Not of the layer's digest: that of one too large is the good one's.
			r.artifacts[firstHost] = served{digest: digestOf(name), layers: []vulndb.Layer{tc.layer}}
			var first string
			for range 3 {
				_, err := u.Update(t.Context(), sources(firstRef), false)
				checkReason(t, err, tc.want)
				if first == "" {
					first = err.Error()
				}
				if err.Error() != first {
					t.Errorf("error %q, and at first %q", err, first)
				}
			}
			if r.fetched[firstHost] != tc.fetched {
				t.Errorf("fetched %d times, want %d", r.fetched[firstHost], tc.fetched)
			}
			r.serve(firstHost, packed(t, built.Add(time.Hour), `{"FixedVersion":"2"}`))
			if next := mustUpdate(t, u, sources(firstRef)); fixedIn(t, next.DB) != "2" {
				t.Error("the source's next one is not in use")
			}
		})
	}
}

func TestRefusalOfAnOlderOneEndsWhereThatInUseChanges(t *testing.T) {
	r := newRegistry()
	u := newUpdater(t, t.TempDir(), r)
	r.serve("second.example.com", packed(t, built.Add(2*time.Hour), `{"FixedVersion":"2"}`))
	mustUpdate(t, u, sources(secondRef))
	r.serve(firstHost, packed(t, built.Add(time.Hour), `{"FixedVersion":"1"}`))
	_, err := u.Update(t.Context(), sources(firstRef), false)
	checkReason(t, err, v1alpha1.ReasonOlderDatabase)

	r.serve("second.example.com", packed(t, built, `{"FixedVersion":"0"}`))
	rolledBack, err := u.Update(t.Context(), sources(secondRef), true)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Confirm(rolledBack); err != nil {
		t.Fatal(err)
	}
	if next := mustUpdate(t, u, sources(firstRef)); fixedIn(t, next.DB) != "1" {
		t.Error("what is newer now is not in use")
	}
}

func TestReopen(t *testing.T) {
	dir, r := t.TempDir(), newRegistry()
	if current, err := newUpdater(t, dir, r).Reopen(); current != nil || err != nil {
		t.Fatalf("Reopen of nothing = %v, %v", current, err)
	}
	r.serve(firstHost, packed(t, built, `{"FixedVersion":"1"}`))
	before := mustUpdate(t, newUpdater(t, dir, r), sources(firstRef))

	// What a crash in the middle of an update leaves.
	for _, left := range []string{"incoming", strings.Repeat("a", 64)} {
		if err := os.Mkdir(filepath.Join(dir, left), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	u := newUpdater(t, dir, nil)
	after, err := u.Reopen()
	if err != nil {
		t.Fatal(err)
	}
	if after.Revision != before.Revision || after.Source != firstRef || fixedIn(t, after.DB) != "1" {
		t.Errorf("reopened %+v, want %+v", after, before)
	}
	if got, want := names(t, dir), before.Revision.Hex()+" current.json"; got != want {
		t.Errorf("directory holds %q, want %q", got, want)
	}
}

func TestReopenDamaged(t *testing.T) {
	damage := map[string]func(dir string) error{
		"database": func(dir string) error {
			files, err := filepath.Glob(filepath.Join(dir, "*", "trivy.db"))
			if err != nil || len(files) != 1 {
				return errors.Join(err, errors.New("no database"))
			}
			return os.Truncate(files[0], 5000)
		},
		"pointer": func(dir string) error { return os.WriteFile(filepath.Join(dir, "current.json"), []byte("{"), 0o600) },
		"pointer's digest": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "current.json"), []byte(`{"revision":"../x"}`), 0o600)
		},
	}
	for name, damage := range damage {
		t.Run(name, func(t *testing.T) {
			dir, r := t.TempDir(), newRegistry()
			r.serve(firstHost, packed(t, built, `{"FixedVersion":"1"}`))
			before := mustUpdate(t, newUpdater(t, dir, r), sources(firstRef))
			if err := before.DB.Close(); err != nil {
				t.Fatal(err)
			}
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			u := newUpdater(t, dir, r)
			_, err := u.Reopen()
			checkReason(t, err, v1alpha1.ReasonInvalidArtifact)
			if repaired := mustUpdate(t, u, sources(firstRef)); fixedIn(t, repaired.DB) != "1" {
				t.Error("the update did not repair the database")
			}
		})
	}
}

func TestUpdateFromDirectory(t *testing.T) {
	source := build(t, database.Spec{Facts: []recipe.Fact{fact("wolfi", "curl", "CVE-1", `{"FixedVersion":"1"}`)}})
	from := []vulndb.Source{{Directory: source}}
	u := newUpdater(t, t.TempDir(), nil)
	first := mustUpdate(t, u, from)
	if first.Source != source || fixedIn(t, first.DB) != "1" {
		t.Errorf("first = %+v", first)
	}
	if mustUpdate(t, u, from) != first {
		t.Error("an unchanged directory gave another database")
	}
	// The source's file is not the one in use.
	if err := os.Truncate(filepath.Join(source, "trivy.db"), 0); err != nil {
		t.Fatal(err)
	}
	if got := fixedIn(t, first.DB); got != "1" {
		t.Errorf("the database in use gives %q, want 1", got)
	}
	_, err := u.Update(t.Context(), from, false)
	checkReason(t, err, v1alpha1.ReasonInvalidArtifact)

	if err := os.RemoveAll(source); err != nil {
		t.Fatal(err)
	}
	_, err = u.Update(t.Context(), from, false)
	checkReason(t, err, v1alpha1.ReasonSourceUnavailable)
	spec := database.Spec{Built: built.Add(time.Hour), Facts: []recipe.Fact{fact("wolfi", "curl", "CVE-1", `{"FixedVersion":"2"}`)}}
	if err := database.Build(source, spec); err != nil {
		t.Fatal(err)
	}
	second := mustUpdate(t, u, from)
	if second.Revision == first.Revision || fixedIn(t, second.DB) != "2" {
		t.Error("the changed directory is not in use")
	}
}

func TestUpdateFromLayout(t *testing.T) {
	dir := build(t, database.Spec{Facts: []recipe.Fact{fact("wolfi", "curl", "CVE-1", `{"FixedVersion":"1"}`)}})
	good := func(t *testing.T) string {
		layout := t.TempDir()
		if _, err := database.Layout(dir, layout); err != nil {
			t.Fatal(err)
		}
		return layout
	}
	layout := good(t)
	digest, err := database.Layout(dir, layout)
	if err != nil {
		t.Fatal(err)
	}
	u := newUpdater(t, t.TempDir(), nil)
	current := mustUpdate(t, u, []vulndb.Source{{Directory: layout}})
	if current.Revision.String() != digest || fixedIn(t, current.DB) != "1" {
		t.Errorf("current = %+v, want revision %s", current, digest)
	}
	manifest := func(layout string) string {
		return filepath.Join(layout, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
	}
	cases := map[string]struct {
		damage func(layout string) error
		want   string
	}{
		"manifest of another digest": {func(l string) error { return os.WriteFile(manifest(l), []byte("{}"), 0o600) }, v1alpha1.ReasonInvalidArtifact},
		"no manifest":                {func(l string) error { return os.Remove(manifest(l)) }, v1alpha1.ReasonSourceUnavailable},
		"no index":                   {func(l string) error { return os.Remove(filepath.Join(l, "index.json")) }, v1alpha1.ReasonSourceUnavailable},
		"broken index":               {func(l string) error { return os.WriteFile(filepath.Join(l, "index.json"), []byte("{"), 0o600) }, v1alpha1.ReasonSourceUnavailable},
		"huge index": {func(l string) error {
			return os.WriteFile(filepath.Join(l, "index.json"), bytes.Repeat([]byte(" "), 2<<20), 0o600)
		}, v1alpha1.ReasonSourceUnavailable},
		"two artifacts": {func(l string) error {
			one := `{"digest":"` + digest + `"}`
			return os.WriteFile(filepath.Join(l, "index.json"), []byte(`{"manifests":[`+one+`,`+one+`]}`), 0o600)
		}, v1alpha1.ReasonSourceUnavailable},
		"traversal in the index": {func(l string) error {
			return os.WriteFile(filepath.Join(l, "index.json"), []byte(`{"manifests":[{"digest":"sha256:../../x"}]}`), 0o600)
		}, v1alpha1.ReasonSourceUnavailable},
		"traversal in the manifest": {func(l string) error {
			_, err := database.WriteArtifact(l, database.Descriptor{MediaType: database.LayerType, Digest: "sha256:../../x"})
			return err
		}, v1alpha1.ReasonInvalidArtifact},
		"two layers": {func(l string) error {
			_, err := database.WriteArtifact(l, database.Descriptor{Digest: digest}, database.Descriptor{Digest: digest})
			return err
		}, v1alpha1.ReasonInvalidArtifact},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			layout := good(t)
			if err := tc.damage(layout); err != nil {
				t.Fatal(err)
			}
			_, err := newUpdater(t, t.TempDir(), nil).Update(t.Context(), []vulndb.Source{{Directory: layout}}, false)
			checkReason(t, err, tc.want)
		})
	}
}

func TestNewUpdaterNeedsADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := vulndb.NewUpdater(file, nil, vulndb.DefaultLimits); err == nil {
		t.Error("a file was taken as the directory of databases")
	}
}
