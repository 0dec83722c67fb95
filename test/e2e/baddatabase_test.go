package e2e

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/registry"
)

// A source whose database cannot be used is named with its reason, and what was
// in use stays so.
func TestBadDatabases(t *testing.T) {
	for name, test := range map[string]struct {
		// layout writes the artifact; nil: the one in use, sent with the fault.
		layout func(t *testing.T, dir string)
		on     string
		fault  registry.Fault
		reason string
	}{
		"truncated layer":   {layout: halfOfADatabase, reason: v1alpha1.ReasonInvalidArtifact},
		"two layers":        {layout: twoDatabases, reason: v1alpha1.ReasonInvalidArtifact},
		"no database":       {layout: noDatabase, reason: v1alpha1.ReasonInvalidArtifact},
		"another type":      {layout: otherType, reason: v1alpha1.ReasonInvalidArtifact},
		"another schema":    {layout: otherSchema, reason: v1alpha1.ReasonUnsupportedSchema},
		"older":             {layout: olderDatabase, reason: v1alpha1.ReasonOlderDatabase},
		"corrupt transfer":  {on: "blobs", fault: registry.Fault{Corrupt: true}, reason: v1alpha1.ReasonInvalidArtifact},
		"broken connection": {on: "blobs", fault: registry.Fault{Truncate: true}, reason: v1alpha1.ReasonSourceUnavailable},
		"absent":            {on: "manifests", fault: registry.Fault{Status: http.StatusNotFound}, reason: v1alpha1.ReasonSourceUnavailable},
		"server error":      {on: "manifests", fault: registry.Fault{Status: http.StatusInternalServerError}, reason: v1alpha1.ReasonSourceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			ns := namespace(t, nil)
			ref := push(t, "database/"+path.Base(ns)+":1", bake(t, "checkout"))
			create(t, pod(ns, "checkout", ref))
			before := awaitReport(t, ns, ref.Repository, scanned).Status.Summary
			used := inUse(t).Status
			failures := counters(t, "plimsoll_database_failures_total")[test.reason]

			source := "bad-database/" + strings.ReplaceAll(name, " ", "-")
			if test.layout == nil {
				test.layout = damaged
			}
			layout := filepath.Join(t.TempDir(), "oci")
			test.layout(t, layout)
			if _, err := world.registry.Pusher().PushLayout(t.Context(), source+":2", layout); err != nil {
				t.Fatal(err)
			}
			if test.on != "" {
				world.registry.Fail("/v2/"+source+"/"+test.on+"/", test.fault)
				t.Cleanup(world.registry.Heal)
			}
			keepSources(t)
			setSources(t, v1alpha1.DatabaseSource{Reference: world.registry.Addr + "/" + source + ":2"})

			got := awaitDatabase(t, databaseCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, test.reason))
			if missing := databaseCondition(v1alpha1.ConditionFresh, metav1.ConditionFalse, test.reason)(got); missing != "" {
				t.Error(missing)
			}
			if got.Status.Revision != used.Revision || !got.Status.BuiltTime.Equal(used.BuiltTime) || got.Status.Source != used.Source {
				t.Errorf("the database in use is %s of %s, built %s, and was %s of %s", got.Status.Revision, got.Status.Source, got.Status.BuiltTime, used.Revision, used.Source)
			}
			if n := counters(t, "plimsoll_database_failures_total")[test.reason]; n <= failures {
				t.Errorf("plimsoll_database_failures_total{reason=%q} is %d, and was %d before", test.reason, n, failures)
			}
			if diff := cmp.Diff(before, report(t.Context(), t, ns, ref.Repository).Status.Summary); diff != "" {
				t.Errorf("the report changed (-want +got):\n%s", diff)
			}
		})
	}
}

// buildDatabase writes a database of no advisories, and returns its folder.
func buildDatabase(t *testing.T, built time.Time) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "db")
	if err := database.Build(dir, database.Spec{Built: built}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func builtTime(t *testing.T) time.Time {
	t.Helper()
	spec, err := database.Older()
	if err != nil {
		t.Fatal(err)
	}
	return spec.Built
}

// sameAge is another database than the one in use, and no older.
func sameAge(t *testing.T) string { return buildDatabase(t, builtTime(t)) }

func writeLayout(t *testing.T, built, layout string) {
	t.Helper()
	if _, err := database.Layout(built, layout); err != nil {
		t.Fatal(err)
	}
}

func olderDatabase(t *testing.T, layout string) {
	t.Helper()
	writeLayout(t, buildDatabase(t, builtTime(t).Add(-time.Hour)), layout)
}

// damaged is a good one, which is to be damaged on its way.
func damaged(t *testing.T, layout string) {
	t.Helper()
	writeLayout(t, sameAge(t), layout)
}

func otherSchema(t *testing.T, layout string) {
	t.Helper()
	dir := sameAge(t)
	name := filepath.Join(dir, "metadata.json")
	metadata := map[string]any{}
	raw, err := os.ReadFile(name)
	if err := errors.Join(err, json.Unmarshal(raw, &metadata)); err != nil {
		t.Fatal(err)
	}
	metadata["Version"] = 3
	if raw, err = json.Marshal(metadata); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	writeLayout(t, dir, layout)
}

// writeLayers makes an artifact of layers with the contents.
func writeLayers(t *testing.T, layout, mediaType string, contents ...[]byte) {
	t.Helper()
	var layers []database.Descriptor
	for _, content := range contents {
		described, err := database.WriteBlob(layout, mediaType, content)
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, described)
	}
	if _, err := database.WriteArtifact(layout, layers...); err != nil {
		t.Fatal(err)
	}
}

// databaseLayer is the layer of a good artifact.
func databaseLayer(t *testing.T) []byte {
	t.Helper()
	blobs, err := filepath.Glob(filepath.Join(world.older, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var largest []byte
	for _, blob := range blobs {
		content, err := os.ReadFile(blob)
		if err != nil {
			t.Fatal(err)
		}
		if len(content) > len(largest) {
			largest = content
		}
	}
	return largest
}

func halfOfADatabase(t *testing.T, layout string) {
	t.Helper()
	whole := databaseLayer(t)
	writeLayers(t, layout, database.LayerType, whole[:len(whole)/2])
}

func twoDatabases(t *testing.T, layout string) {
	t.Helper()
	writeLayers(t, layout, database.LayerType, databaseLayer(t), databaseLayer(t))
}

func noDatabase(t *testing.T, layout string) {
	t.Helper()
	writeLayers(t, layout, database.LayerType, []byte("this is no archive"))
}

func otherType(t *testing.T, layout string) {
	t.Helper()
	writeLayers(t, layout, "application/vnd.oci.image.layer.v1.tar+gzip", databaseLayer(t))
}
