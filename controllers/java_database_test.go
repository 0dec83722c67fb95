package controllers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
)

var (
	logback = database.Jar{Group: "ch.qos.logback", Artifact: "logback-core", Version: "1.0", SHA1: "aa"}
	gson    = database.Jar{Group: "com.google.code.gson", Artifact: "gson", Version: "2.0", SHA1: "bb"}
)

// mavenAdvisories are a database: one Critical for each artifact.
type mavenAdvisories map[string]string

func (a mavenAdvisories) Fingerprint(key match.Key) (uint64, error) {
	return uint64(len(a[key.Name])), nil
}

func (a mavenAdvisories) Records(key match.Key) ([]match.Record, error) {
	id, ok := a[key.Name]
	if !ok {
		return nil, nil
	}
	return []match.Record{{
		Bucket: "maven::GitHub Security Advisory Maven", Source: match.DataSource{ID: "ghsa"},
		Advisories: []match.Advisory{{ID: id, VulnerableVersions: []string{"<9"}, Detail: &match.Detail{Severity: match.SeverityCritical}}},
	}}, nil
}

// javaWorld has three images in its fleet: of two archives that do not say what they are, and of none.
type javaWorld struct {
	*world
	java   *javaDatabase
	stored storedImages
	// source is the directory that the database comes from.
	source string
}

func newJavaWorld(t *testing.T) *javaWorld {
	t.Helper()
	w := &javaWorld{world: newReportWorld(t), stored: storedImages{}, source: t.TempDir()}
	w.fleet = fleet.New(match.Judge)
	if _, err := w.fleet.Swap(mavenAdvisories{"ch.qos.logback:logback-core": "CVE-1", "com.google.code.gson:gson": "CVE-22"}, "r1"); err != nil {
		t.Fatal(err)
	}
	w.java = &javaDatabase{
		shared: w.shared, archives: &archives{stored: w.stored}, sources: []vulndb.Source{{Directory: w.source}},
		dir: filepath.Join(t.TempDir(), "java"), renamed: map[image.Digest]struct{}{},
	}
	t.Cleanup(func() {
		if err := w.java.archives.use(nil); err != nil {
			t.Error(err)
		}
	})
	w.hold("1", sbom.Package{Type: sbom.TypeJar, Name: "a", Path: "a.jar", Jar: sbom.Jar{SHA1: "aa"}})
	w.hold("2", sbom.Package{Type: sbom.TypeJar, Name: "b", Path: "b.jar", Jar: sbom.Jar{SHA1: "bb"}})
	w.hold("3", sbom.Package{Type: sbom.TypeJar, Name: "g:c", Version: "1", Path: "c.jar"})
	return w
}

// hold stores an image, and has a pod run it.
func (w *javaWorld) hold(hex string, packages ...sbom.Package) {
	w.t.Helper()
	img := &store.Image{ManifestDigest: digest(hex), Content: sbom.Image{Packages: packages}}
	w.stored[img.ManifestDigest] = img
	pod := apiPod
	pod.Name, pod.Uses = hex, []inventory.Use{apiPod.Uses[0]}
	pod.Uses[0].Digest = digest(hex)
	w.inventory.Set(pod)
	r := &scanReconciler{shared: w.shared, archives: w.java.archives}
	held, release, err := r.archives.hold(w.t.Context(), img)
	if err != nil {
		w.t.Fatal(err)
	}
	defer release()
	s := fleet.Summarise(held.Content.Packages, match.Components(&held.Content, start))
	if _, err := r.hold(scanKey(hex), s, scanState{Manifest: img.ManifestDigest, Reason: v1alpha1.ReasonScanned}); err != nil {
		w.t.Fatal(err)
	}
}

// publish makes a database the newest of the source.
func (w *javaWorld) publish(jars ...database.Jar) {
	w.t.Helper()
	if err := errors.Join(os.RemoveAll(w.source), database.BuildJava(w.source, start, jars...)); err != nil {
		w.t.Fatal(err)
	}
}

// found are the ids of the images' findings, by image.
func (w *javaWorld) found() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, hex := range []string{"1", "2", "3"} {
		judgement, ok := w.fleet.Judgement(digest(hex))
		if !ok {
			w.t.Fatalf("image %s is not judged", hex)
		}
		for _, f := range judgement.Findings {
			out[hex] += f.ID
		}
	}
	return out
}

// woken are the images whose reports were woken since the last look, of the 3.
func (w *javaWorld) woken(check func() error) (string, error) {
	w.t.Helper()
	reports := newTrigger[inventory.ReportKey](nil)
	queue := startQueue(w.t, reports)
	w.reports = reports
	err := check()
	var keys string
	for queue.Len() > 0 {
		key, _ := queue.Get()
		queue.Done(key)
		keys += strings.TrimPrefix(string(key.Digest), "sha256:")[:1]
	}
	return keys, err
}

func TestAJavaDatabaseNamesArchives(t *testing.T) {
	w := newJavaWorld(t)
	steps := []struct {
		name  string
		jars  []database.Jar
		woken string
		want  map[string]string
	}{
		{"the first database", []database.Jar{logback}, "1", map[string]string{"1": "CVE-1"}},
		{"the same again", []database.Jar{logback}, "", map[string]string{"1": "CVE-1"}},
		{"one that knows another archive, too", []database.Jar{logback, gson}, "2", map[string]string{"1": "CVE-1", "2": "CVE-22"}},
		{"one that has lost an archive", []database.Jar{gson}, "1", map[string]string{"2": "CVE-22"}},
	}
	for _, step := range steps {
		w.publish(step.jars...)
		woken, err := w.woken(func() error { return w.java.check(t.Context()) })
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if woken != step.woken {
			t.Errorf("%s: reports of %q are woken, want %q", step.name, woken, step.woken)
		}
		if diff := cmp.Diff(step.want, w.found()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	// Reports read the images under the names that they were judged by, and the store keeps what it had.
	img, err := w.java.archives.Image(digest("2"))
	if err != nil || img.Content.Packages[0].Name != "com.google.code.gson:gson" || img.Content.Packages[0].Version != "2.0" {
		t.Errorf("read %+v, error %v", img, err)
	}
	if name := w.stored[digest("2")].Content.Packages[0].Name; name != "b" {
		t.Errorf("the store has name %q", name)
	}
}

// An image that comes once a database is in use is held under its names at once.
func TestAnImageIsHeldUnderItsNames(t *testing.T) {
	w := newJavaWorld(t)
	w.publish(logback)
	if err := w.java.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.hold("4", sbom.Package{Type: sbom.TypeJar, Name: "d", Path: "d.jar", Jar: sbom.Jar{SHA1: "aa"}})
	if judgement, _ := w.fleet.Judgement(digest("4")); len(judgement.Findings) != 1 {
		t.Errorf("findings %v, want one", judgement.Findings)
	}
}

func TestAfterARestartNothingIsRenamed(t *testing.T) {
	w := newJavaWorld(t)
	w.publish(logback)
	if err := w.java.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := newJavaWorld(t)
	again.java.dir, again.java.sources = w.java.dir, w.java.sources
	if err := again.java.reopen(t.Context()); err != nil || again.java.archives.current() == nil {
		t.Fatalf("reopened %v, error %v", again.java.archives.current(), err)
	}
	woken, err := again.woken(func() error { return again.java.check(t.Context()) })
	if err != nil || woken != "" {
		t.Errorf("reports of %q are woken, error %v", woken, err)
	}
}

// A database that is damaged is fetched anew.
func TestADamagedJavaDatabaseIsNotReopened(t *testing.T) {
	w := newJavaWorld(t)
	w.publish(logback)
	if err := errors.Join(w.java.check(t.Context()), os.Truncate(filepath.Join(w.java.dir, "trivy-java.db"), 10)); err != nil {
		t.Fatal(err)
	}
	again := newJavaWorld(t)
	again.java.dir, again.java.sources = w.java.dir, w.java.sources
	if err := again.java.reopen(t.Context()); err != nil || again.java.archives.current() != nil {
		t.Fatalf("reopened %v, error %v", again.java.archives.current(), err)
	}
	if err := again.java.check(t.Context()); err != nil || again.found()["1"] != "CVE-1" {
		t.Errorf("found %v, error %v", again.found(), err)
	}
}

func TestAFailureKeepsTheJavaDatabase(t *testing.T) {
	w := newJavaWorld(t)
	w.publish(logback)
	if err := w.java.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := w.java.archives.current()
	if err := os.WriteFile(filepath.Join(w.source, "trivy-java.db"), []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.java.check(t.Context()); databaseReason(err) != v1alpha1.ReasonInvalidArtifact {
		t.Errorf("error %v", err)
	}
	if w.java.archives.current() != kept || w.found()["1"] != "CVE-1" {
		t.Errorf("found %v, want what the former database tells", w.found())
	}
}

// What could not be judged again is judged with the next try, though the database is known by then.
func TestRenamedImagesAreNotForgotten(t *testing.T) {
	w := newJavaWorld(t)
	w.publish(logback)
	if err := w.java.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.publish(logback, gson)
	w.java.archives.stored = failingImages{w.stored, digest("1")}
	if err := w.java.check(t.Context()); !errors.Is(err, errAway) || w.found()["2"] != "" {
		t.Fatalf("found %v, error %v", w.found(), err)
	}
	w.java.archives.stored = w.stored
	if err := w.java.check(t.Context()); err != nil || w.found()["2"] != "CVE-22" {
		t.Errorf("found %v, error %v", w.found(), err)
	}
	w.java.renamed[digest("2")] = struct{}{}
	w.java.sources = []vulndb.Source{{Directory: "/absent"}}
	if err := w.java.check(t.Context()); databaseReason(err) != v1alpha1.ReasonSourceUnavailable || len(w.java.renamed) != 0 {
		t.Errorf("without a source, %d images wait, error %v", len(w.java.renamed), err)
	}
}

// failingImages cannot read one of them.
type failingImages struct {
	storedImages
	fails image.Digest
}

func (i failingImages) Image(manifest image.Digest) (*store.Image, error) {
	if manifest == i.fails {
		return nil, errAway
	}
	return i.storedImages.Image(manifest)
}

func TestJavaDatabaseIsAskedForInItsTime(t *testing.T) {
	w := newJavaWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	var waits []time.Duration
	w.java.after = func(d time.Duration) <-chan time.Time {
		waits = append(waits, d)
		now := make(chan time.Time, 1)
		switch len(waits) {
		case 1:
			w.publish(logback)
			now <- start
		default:
			cancel()
		}
		return now
	}
	if err := w.java.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if len(waits) != 2 || waits[0] < javaRetry || waits[0] > javaRetry*11/10 || waits[1] < javaInterval || waits[1] > javaInterval*11/10 {
		t.Errorf("waits %v, want ten minutes after a failure, and then a day", waits)
	}
}

func TestConditionOfTheJavaDatabase(t *testing.T) {
	w := newJavaWorld(t)
	status := &v1alpha1.VulnerabilityDatabaseStatus{}
	want := func(name string, value metav1.ConditionStatus, reason, message string) {
		t.Helper()
		w.java.setCondition(status, 3)
		c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionJavaDatabase)
		if c == nil || c.Status != value || c.Reason != reason || !strings.Contains(c.Message, message) || c.ObservedGeneration != 3 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	try := func() { w.java.settle(t.Context(), w.java.check(t.Context())) }
	want("at first", metav1.ConditionUnknown, v1alpha1.ReasonLoading, "being asked")
	try()
	want("no source", metav1.ConditionFalse, v1alpha1.ReasonSourceUnavailable, w.source)
	w.publish(logback)
	try()
	want("a database", metav1.ConditionTrue, v1alpha1.ReasonUpToDate, "built on 2026-08-01")
	w.java.asked = false // A restart that has reopened it.
	want("after a restart", metav1.ConditionTrue, v1alpha1.ReasonUpToDate, "built on 2026-08-01")
	w.java.sources = nil
	w.java.setCondition(status, 3)
	if len(status.Conditions) != 0 {
		t.Errorf("not configured: %+v", status.Conditions)
	}
}
