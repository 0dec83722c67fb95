package registry

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

// putArtifact uploads a manifest with an empty configuration and one blob.
func putArtifact(t *testing.T, r *testregistry.Registry, blob []byte, change func(*document)) image.Reference {
	t.Helper()
	putBlob(t, r, "db/trivy", blob)
	config := descriptorOf(types.OCIEmptyJSON, []byte("{}"))
	layer := descriptorOf("application/vnd.example.db+gzip", blob)
	layer.Annotations = map[string]string{"org.opencontainers.image.title": "db.tar.gz"}
	d := document{SchemaVersion: 2, ArtifactType: "application/vnd.example", Config: &config, Layers: []v1.Descriptor{layer}, Annotations: map[string]string{"a": "b"}}
	if change != nil {
		change(&d)
	}
	ref, _ := putManifest(t, r, "db/trivy", "2", d)
	return ref
}

func TestArtifact(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	blob := []byte(noise(100))
	ref := putArtifact(t, r, blob, nil)
	for name, asked := range map[string]image.Reference{
		"tag":    {Repository: ref.Repository, Tag: "2"},
		"digest": ref.WithDigest(ref.Digest),
	} {
		a, err := newClient().Artifact(t.Context(), asked, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a.Digest != ref.Digest || a.Type != "application/vnd.example" || a.Annotations["a"] != "b" || len(a.Layers) != 1 {
			t.Fatalf("%s: %+v", name, a)
		}
		layer := a.Layers[0]
		if layer.MediaType != "application/vnd.example.db+gzip" || layer.Size != int64(len(blob)) || layer.Digest != digestOf(blob) || layer.Annotations["org.opencontainers.image.title"] != "db.tar.gz" {
			t.Errorf("%s: layer %+v", name, layer)
		}
		if got, err := readAll(t.Context(), layer.Open); err != nil || !bytes.Equal(got, blob) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestArtifactReasons(t *testing.T) {
	const manifests, blobs = "/v2/db/trivy/manifests/", "/v2/db/trivy/blobs/"
	cases := map[string]struct {
		change func(*document)
		path   string
		fault  testregistry.Fault
		want   string
	}{
		"not found":      {path: manifests, fault: testregistry.Fault{Status: 404}, want: v1alpha1.ReasonImageNotFound},
		"limited":        {path: manifests, fault: testregistry.Fault{Status: 429}, want: v1alpha1.ReasonTooManyRequests},
		"another":        {path: manifests, fault: testregistry.Fault{Replace: []byte("{}")}, want: v1alpha1.ReasonDigestMismatch},
		"blob corrupt":   {path: blobs, fault: testregistry.Fault{Corrupt: true}, want: v1alpha1.ReasonDigestMismatch},
		"blob cut":       {path: blobs, fault: testregistry.Fault{Truncate: true}, want: v1alpha1.ReasonRegistryUnavailable},
		"blob lost":      {path: blobs, fault: testregistry.Fault{Status: 404}, want: v1alpha1.ReasonImageNotFound},
		"an index":       {change: func(d *document) { d.Config, d.Manifests = nil, []v1.Descriptor{} }, want: v1alpha1.ReasonNotAnImage},
		"negative size":  {change: func(d *document) { d.Layers[0].Size = -7 }, want: v1alpha1.ReasonNotAnImage},
		"SHA-512":        {change: func(d *document) { d.Layers[0].Digest = sha512 }, want: v1alpha1.ReasonNotAnImage},
		"too many blobs": {change: func(d *document) { d.Layers = manyLayers(d.Layers[0]) }, want: v1alpha1.ReasonLimitExceeded},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := startRegistry(t, testregistry.Options{})
			ref := putArtifact(t, r, []byte(noise(100)), c.change)
			if c.path != "" {
				r.Fail(c.path, c.fault)
			}
			a, err := newClient().Artifact(t.Context(), ref, nil)
			if err == nil {
				_, err = readAll(t.Context(), a.Layers[0].Open)
			}
			wantFailure(t, err, c.want)
		})
	}
}

// An unchanged tag costs one HEAD request and no byte.
func TestDigestIsCheap(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref := putArtifact(t, r, []byte("database"), nil)
	r.ResetStats()
	got, err := newClient().Digest(t.Context(), image.Reference{Repository: ref.Repository, Tag: "2"}, nil)
	if err != nil || got != ref.Digest {
		t.Errorf("%s, %v; want %s", got, err, ref.Digest)
	}
	want := map[string]testregistry.RepositoryStats{"db/trivy": {Manifests: testregistry.Count{Heads: 1}}}
	if diff := cmp.Diff(want, r.Stats().Repositories); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	r.Fail("/v2/db/", testregistry.Fault{Status: 404})
	_, err = newClient().Digest(t.Context(), ref, nil)
	wantFailure(t, err, v1alpha1.ReasonImageNotFound, "look up", "db/trivy")
}

// Where HEAD tells no digest, the manifest is fetched for it.
func TestDigestWithoutItsHeader(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref := putArtifact(t, r, []byte("database"), nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		recorder := httptest.NewRecorder()
		r.ServeHTTP(recorder, req)
		w.WriteHeader(recorder.Code)
		io.Copy(w, recorder.Body)
	}))
	defer server.Close()
	host := server.Listener.Addr().String()
	got, err := newClient().Digest(t.Context(), image.Reference{Repository: host + "/db/trivy", Tag: "2"}, nil)
	if err != nil || got != ref.Digest {
		t.Errorf("%s, %v; want %s", got, err, ref.Digest)
	}
}

func TestTrivyDatabase(t *testing.T) {
	dir := "../../../shared/data/trivy-db/oci-old"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no vulnerability database at ../shared/data beside the repository")
	}
	r := startRegistry(t, testregistry.Options{})
	ref, err := r.Pusher().PushLayout(t.Context(), "aquasecurity/trivy-db:2", dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newClient().Artifact(t.Context(), ref, nil)
	if err != nil || len(a.Layers) != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	got, err := readAll(t.Context(), a.Layers[0].Open)
	if err != nil || int64(len(got)) != a.Layers[0].Size {
		t.Errorf("%d bytes, %v; want %d", len(got), err, a.Layers[0].Size)
	}
	_, err = newClient().Manifest(t.Context(), ref, amd64, nil)
	wantFailure(t, err, v1alpha1.ReasonNotAnImage)
}
