package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

const (
	javaRepository = "security/trivy-java-db"
	javaFinding    = "CVE-2026-60001"
)

// anonymous is an archive that names neither its group nor its version.
func anonymous(t *testing.T) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	for name, body := range map[string]string{"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\n\r\n", "A.class": fmt.Sprint(t.Name(), serial.Add(1))} {
		member, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := member.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// publishJava pushes a Java database that knows the archive, and returns its reference.
func publishJava(t *testing.T, archive []byte) string {
	t.Helper()
	built, layout := t.TempDir(), t.TempDir()
	jar := database.Jar{Group: "org.example", Artifact: "anonymous", Version: "1.0", SHA1: fmt.Sprintf("%x", sha1.Sum(archive))}
	if err := database.BuildJava(built, time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), jar); err != nil {
		t.Fatal(err)
	}
	if _, err := database.JavaLayout(built, layout); err != nil {
		t.Fatal(err)
	}
	ref, err := world.registry.Pusher().PushLayout(t.Context(), javaRepository+":1", layout)
	if err != nil {
		t.Fatal(err)
	}
	return ref.Repository + ":1"
}

// tells is a check of whether the report has the archive's finding.
func tells(want bool) func(*v1alpha1.ImageReport) string {
	return func(r *v1alpha1.ImageReport) string {
		has := r.Status.Vulnerabilities != nil && slices.ContainsFunc(r.Status.Vulnerabilities.Items, func(v v1alpha1.Vulnerability) bool { return v.ID == javaFinding })
		if r.Status.Summary == nil || has != want {
			return fmt.Sprintf("finding %t, want %t: %+v", has, want, r.Status.Vulnerabilities)
		}
		return ""
	}
}

// What an archive is comes to be known from a Java database, without a pull of the image.
func TestJavaDatabase(t *testing.T) {
	older := factsOf(t, database.Older)
	publishFacts(t, append(slices.Clone(older), recipe.Fact{
		Bucket: "maven::GitHub Security Advisory Maven", Package: "org.example:anonymous", ID: javaFinding, Severity: "CRITICAL",
		Advisory: []byte(`{"PatchedVersions":["1.1"],"VulnerableVersions":["<1.1"]}`),
	}))
	defer publishFacts(t, older)
	ns := namespace(t, nil)
	archive := anonymous(t)
	files := append(debian(t), recipe.File{Path: "app/lib/something.jar", Body: archive})
	ref := push(t, "java/"+path.Base(ns)+":1", compose(t, files))
	create(t, pod(ns, "java", ref))
	awaitReport(t, ns, ref.Repository, tells(false))
	if c := meta.FindStatusCondition(vulnerabilityDatabase(t.Context(), t).Status.Conditions, v1alpha1.ConditionJavaDatabase); c != nil {
		t.Errorf("without a Java database there is a condition: %+v", c)
	}

	flag := "--java-database=" + publishJava(t, archive)
	world.registry.ResetStats()
	restartOperator(t, flag)
	awaitReport(t, ns, ref.Repository, tells(true))
	awaitDatabase(t, databaseCondition(v1alpha1.ConditionJavaDatabase, metav1.ConditionTrue, v1alpha1.ReasonUpToDate))
	stats := world.registry.Stats().Repositories
	if java := stats[javaRepository]; java.Blobs.Gets == 0 {
		t.Errorf("nothing was read of the Java database: %+v", java)
	}
	checkUnpulled(t, ref.Repository)

	settle(t)
	written := report(t.Context(), t, ns, ref.Repository).ResourceVersion
	world.registry.ResetStats()
	swapOperator(t.Context(), t, flag)
	await(t, "the Java database to be asked for again", func(context.Context) (string, error) {
		java := world.registry.Stats().Repositories[javaRepository]
		return missingUnless(java.Manifests.Heads+java.Manifests.Gets > 0, "no request"), nil
	})
	settle(t)
	if java := world.registry.Stats().Repositories[javaRepository]; java.Blobs.Gets > 0 {
		t.Errorf("the same Java database was read again: %+v", java)
	}
	checkUnpulled(t, ref.Repository)
	if got := report(t.Context(), t, ns, ref.Repository); got.ResourceVersion != written {
		t.Errorf("a restart writes the report again: %+v", got.Status)
	}

	swapOperator(t.Context(), t)
	awaitReport(t, ns, ref.Repository, tells(false))
	awaitDatabase(t, func(vdb *v1alpha1.VulnerabilityDatabase) string {
		return missingUnless(meta.FindStatusCondition(vdb.Status.Conditions, v1alpha1.ConditionJavaDatabase) == nil, "the condition is there still")
	})
	checkUnpulled(t, ref.Repository)
}

// checkUnpulled: nothing was asked for in the image's repository since the counters were reset.
func checkUnpulled(t *testing.T, repository string) {
	t.Helper()
	name := strings.TrimPrefix(repository, world.registry.Addr+"/")
	if stats, ok := world.registry.Stats().Repositories[name]; ok {
		t.Errorf("%s was asked for: %+v", name, stats)
	}
}
