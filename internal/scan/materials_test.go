package scan

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	statement   = `{"predicateType":"https://slsa.dev/provenance/v0.2","predicate":{"materials":[{"uri":"pkg:docker/debian@12?platform=linux%2Famd64","digest":{"sha256":"` +
		`0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}]}}`
)

type object map[string]any

// attest pushes the image as BuildKit does: in an index, with a statement of what it was built from.
func (w *world) attest(repository string) (index image.Reference, attestation image.Digest) {
	w.t.Helper()
	built := w.push(repository, imageOf(w.t, recipe.AMD64, base, app))
	blob := func(content string) object {
		digest, err := w.registry.Pusher().PutBlob(w.t.Context(), repository, strings.NewReader(content))
		if err != nil {
			w.t.Fatal(err)
		}
		return object{"digest": digest, "size": len(content)}
	}
	config, layer := blob("{}"), blob(statement)
	config["mediaType"] = "application/vnd.oci.image.config.v1+json"
	layer["mediaType"], layer["annotations"] = "application/vnd.in-toto+json", object{"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}
	about, size := w.put(repository, "", ociManifest, object{"schemaVersion": 2, "mediaType": ociManifest, "config": config, "layers": []object{layer}})
	index, _ = w.put(repository, "1", ociIndex, object{"schemaVersion": 2, "mediaType": ociIndex, "manifests": []object{
		{
			"mediaType": ociManifest, "digest": built.Digest, "size": w.sizeOf(built), "platform": object{"os": "linux", "architecture": "amd64"},
			"annotations": object{registry.AnnotationBaseName: "debian:12"},
		},
		{
			"mediaType": ociManifest, "digest": about.Digest, "size": size, "platform": object{"os": "unknown", "architecture": "unknown"},
			"annotations": object{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": built.Digest},
		},
	}})
	return index, about.Digest
}

func (w *world) put(repository, tag, mediaType string, content object) (image.Reference, int) {
	w.t.Helper()
	raw, err := json.Marshal(content)
	if err != nil {
		w.t.Fatal(err)
	}
	ref, err := w.registry.Pusher().PutManifest(w.t.Context(), repository, tag, mediaType, raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return ref, len(raw)
}

// sizeOf a manifest that was pushed.
func (w *world) sizeOf(ref image.Reference) int {
	w.t.Helper()
	resp, err := http.Get("http://" + ref.Host() + "/v2/" + ref.Path() + "/manifests/" + string(ref.Digest))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		w.t.Fatal(err)
	}
	return b.Len()
}

func TestWhatAnImageSaysOfItsBaseIsStored(t *testing.T) {
	materials := []store.Material{{Name: "docker.io/library/debian:12", Digest: falseDiffID}}
	for name, c := range map[string]struct {
		fault  *testregistry.Fault
		want   []store.Material
		unread bool
	}{
		"healthy":                 {want: materials},
		"the registry fails":      {fault: &testregistry.Fault{Status: http.StatusInternalServerError}, unread: true},
		"it limits requests":      {fault: &testregistry.Fault{Status: http.StatusTooManyRequests}, unread: true},
		"the attestation is gone": {fault: &testregistry.Fault{Status: http.StatusNotFound}},
		"it is something else":    {fault: &testregistry.Fault{Corrupt: true}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ref, attestation := w.attest("shop/api")
			if c.fault != nil {
				w.registry.Fail("/v2/shop/api/manifests/"+string(attestation), *c.fault)
			}
			todo := target(ref)
			first := w.scan(todo)
			kept, err := w.Stored(todo)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(first); got != wantNames {
				t.Errorf("packages %s, want %s", got, wantNames)
			}
			for what, img := range map[string]*store.Image{"read": first, "stored": kept} {
				if diff := cmp.Diff(c.want, img.Materials); diff != "" || img.MaterialsUnread != c.unread {
					t.Errorf("%s: unread %v, materials (-want +got):\n%s", what, img.MaterialsUnread, diff)
				}
				if diff := cmp.Diff(map[string]string{registry.AnnotationBaseName: "debian:12"}, img.Annotations); diff != "" {
					t.Errorf("%s: annotations (-want +got):\n%s", what, diff)
				}
			}
			w.registry.ResetStats()
			w.scan(todo)
			if n := w.registry.Stats().Requests(); n != 0 {
				t.Errorf("%d requests for an image that is stored", n)
			}
		})
	}
}
