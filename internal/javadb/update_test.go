package javadb_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/javadb"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

func TestUpdate(t *testing.T) {
	const layerType = "application/vnd.aquasec.trivy.javadb.layer.v1.tar+gzip"
	digest := func(n int) image.Digest { return image.Digest(fmt.Sprintf("sha256:%064x", n)) }
	registry := &one{digest: digest(1), layerType: layerType, layer: pack(t, build(t, metadata, schema, rows), "trivy-java.db", "metadata.json")}
	absent, good := vulndb.Source{Directory: "/absent"}, vulndb.Source{Reference: "registry.example.com/trivy-java-db:1"}
	dir := filepath.Join(t.TempDir(), "java")
	for _, step := range []struct {
		name    string
		before  func() error
		sources []vulndb.Source
		changed bool
		fetched int
		reason  string
	}{
		{"no source answers", nil, []vulndb.Source{absent}, false, 0, v1alpha1.ReasonSourceUnavailable},
		{"the second source", nil, []vulndb.Source{absent, good}, true, 1, ""},
		{"the same", nil, []vulndb.Source{good, absent}, false, 1, ""},
		{"another", func() error { registry.digest = digest(2); return nil }, []vulndb.Source{good}, true, 2, ""},
		{"one that is lost", func() error { return os.RemoveAll(dir) }, []vulndb.Source{good}, true, 3, ""},
		{"one whose revision is lost", func() error { return os.Remove(dir + ".revision") }, []vulndb.Source{good}, true, 4, ""},
	} {
		if step.before != nil {
			if err := step.before(); err != nil {
				t.Fatal(err)
			}
		}
		changed, err := javadb.Update(t.Context(), registry, step.sources, dir, javadb.DefaultLimits)
		if changed != step.changed || registry.fetched != step.fetched {
			t.Errorf("%s: changed %t, fetched %d times; want %t, %d", step.name, changed, registry.fetched, step.changed, step.fetched)
		}
		var own *vulndb.Error
		if (step.reason == "") != (err == nil) || err != nil && (!errors.As(err, &own) || own.Reason != step.reason) {
			t.Errorf("%s: error %v, want reason %q", step.name, err, step.reason)
		}
	}
	open(t, dir)
}

func TestUnnamed(t *testing.T) {
	packages := []sbom.Package{
		{Type: sbom.TypeJar, Name: "g:a"}, {Type: sbom.TypeJar, Name: "a", Jar: sbom.Jar{SHA1: "aa"}}, {Type: sbom.TypeNode, Name: "b", Jar: sbom.Jar{SHA1: "aa"}},
	}
	if n := javadb.Unnamed(packages); n != 1 {
		t.Errorf("%d archives have no name, want 1", n)
	}
}
