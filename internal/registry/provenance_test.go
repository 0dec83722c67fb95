package registry

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

var digestOne, digestTwo = digestOf([]byte("one")), digestOf([]byte("two"))

// attested uploads an image with an attestation as BuildKit does, and returns the index.
func attested(t *testing.T, r *testregistry.Registry, predicate, statement string, change ...func(*document)) image.Reference {
	t.Helper()
	_, manifest := testImage{layers: []testLayer{layerOf(gzipped, "one")}}.put(t, r, "shop/api", "")
	putBlob(t, r, "shop/api", []byte(statement))
	putBlob(t, r, "shop/api", []byte("{}"))
	config, layer := descriptorOf(types.OCIConfigJSON, []byte("{}")), descriptorOf(statementType, []byte(statement))
	layer.Annotations = map[string]string{predicateType: predicate}
	attestation := document{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: &config, Layers: []v1.Descriptor{layer}}
	for _, f := range change {
		f(&attestation)
	}
	_, raw := putManifest(t, r, "shop/api", "", attestation)
	about := descriptorOf(types.OCIManifestSchema1, raw)
	about.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	about.Annotations = map[string]string{referenceType: attestationType, referenceDigest: string(digestOf(manifest))}
	other := about
	other.Annotations = map[string]string{referenceType: attestationType, referenceDigest: string(digestOne)}
	other.Digest.Hex = digestTwo.Hex() // Of another platform: it must not even be asked for.
	entry := descriptorOf(types.OCIManifestSchema1, manifest)
	entry.Platform = &v1.Platform{OS: "linux", Architecture: "amd64"}
	ref, _ := putManifest(t, r, "shop/api", "1", document{
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{other, entry, about},
	})
	return ref
}

func TestProvenance(t *testing.T) {
	const v02, v1Type = slsaPrefix + "v0.2", slsaPrefix + "v1"
	material := func(uri string, digest image.Digest) string {
		return `{"uri":"` + uri + `","digest":{"sha256":"` + digest.Hex() + `"}}`
	}
	old := func(materials ...string) string {
		return `{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"` + v02 + `","predicate":{"builder":{"id":""},"materials":[` + strings.Join(materials, ",") + `]}}`
	}
	for name, c := range map[string]struct {
		predicate, statement string
		change               func(*document)
		want                 []Material
		reason               string
	}{
		"SLSA v0.2": {
			predicate: v02,
			statement: old(
				material("pkg:docker/golang@1.22?platform=linux%2Famd64", digestOne),
				material("pkg:docker/debian@12-slim?platform=linux%2Farm64%2Fv8", digestTwo),
				material("pkg:docker/debian@12-slim?platform=linux%2Farm64%2Fv8", digestTwo)),
			want: []Material{
				{Name: "docker.io/library/golang:1.22", Digest: digestOne, Platform: "linux/amd64"},
				{Name: "docker.io/library/debian:12-slim", Digest: digestTwo, Platform: "linux/arm64/v8"},
			},
		},
		"SLSA v1": {
			predicate: v1Type,
			statement: `{"predicateType":"` + v1Type + `","predicate":{"buildDefinition":{"resolvedDependencies":[` +
				material("pkg:docker/registry.example.com:5000/team/base@1", digestOne) + `]}}}`,
			want: []Material{{Name: "registry.example.com:5000/team/base:1", Digest: digestOne}},
		},
		"named by digest": {
			predicate: v02,
			statement: old(`{"uri":"pkg:docker/acme/base?digest=` + string(digestOne) + `&platform=linux%2Famd64"}`),
			want:      []Material{{Name: "docker.io/acme/base", Digest: digestOne, Platform: "linux/amd64"}},
		},
		"what is no image, or has no digest": {
			predicate: v02,
			statement: old(
				material("https://github.com/acme/api.git#refs/heads/main", digestOne), material("pkg:github/acme/api@1", digestOne),
				`{"uri":"pkg:docker/debian@12"}`, material("pkg:docker/DEBIAN%2f..@12", digestOne), material("pkg:docker/debian@"+strings.Repeat("x", 200), digestOne),
				material("pkg:docker/"+strings.Repeat("x", 3000)+"@12", digestOne), `{"uri":"pkg:docker/debian@12","digest":{"sha256":"beef"}}`),
		},
		"a platform that cannot be understood": {
			predicate: v02, statement: old(material("pkg:docker/debian@12?platform=%0a%1b", digestOne)),
			want: []Material{{Name: "docker.io/library/debian:12", Digest: digestOne}},
		},
		"another predicate":             {predicate: "https://spdx.dev/Document", statement: old(material("pkg:docker/debian@12", digestOne))},
		"another predicate in the blob": {predicate: v02, statement: `{"predicateType":"https://spdx.dev/Document","predicate":{"materials":[` + material("pkg:docker/debian@12", digestOne) + `]}}`},
		"not JSON":                      {predicate: v02, statement: "<html>", reason: v1alpha1.ReasonNotAnImage},
		"too large":                     {predicate: v02, statement: old(), change: func(d *document) { d.Layers[0].Size = maxStatement + 1 }, reason: v1alpha1.ReasonLimitExceeded},
		"another size":                  {predicate: v02, statement: old(), change: func(d *document) { d.Layers[0].Size++ }, reason: v1alpha1.ReasonTruncatedLayer},
		"no such blob":                  {predicate: v02, statement: old(), change: func(d *document) { d.Layers[0].Digest.Hex = digestOne.Hex() }, reason: v1alpha1.ReasonImageNotFound},
		"by another digest":             {predicate: v02, statement: old(), change: func(d *document) { d.Layers[0].Digest = sha512 }, reason: v1alpha1.ReasonNotAnImage},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRegistry(t, testregistry.Options{})
			ref := attested(t, r, c.predicate, c.statement, func(d *document) {
				if c.change != nil {
					c.change(d)
				}
			})
			client := newClient()
			m, err := client.Manifest(t.Context(), ref, amd64, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m.Index != ref.Digest {
				t.Errorf("the index is %q, want %s", m.Index, ref.Digest)
			}
			got, err := client.Provenance(t.Context(), ref, m, nil)
			if c.reason != "" {
				wantFailure(t, err, c.reason)
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("materials (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProvenanceIsBounded(t *testing.T) {
	var materials []string
	for i := range 2 * maxMaterials {
		materials = append(materials, `{"uri":"pkg:docker/base`+strings.Repeat("x", i%50)+`@1","digest":{"sha256":"`+digestOf([]byte{byte(i), byte(i >> 8)}).Hex()+`"}}`)
	}
	r := startRegistry(t, testregistry.Options{})
	ref := attested(t, r, slsaPrefix+"v1", `{"predicateType":"`+slsaPrefix+`v1","predicate":{"materials":[`+strings.Join(materials, ",")+`]}}`)
	client := newClient()
	m, err := client.Manifest(t.Context(), ref, amd64, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := client.Provenance(t.Context(), ref, m, nil); err != nil || len(got) != maxMaterials {
		t.Errorf("%d materials, %v", len(got), err)
	}
}

func TestNoProvenanceCostsNothing(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, r, "shop/api", "1")
	client := newClient()
	m, err := client.Manifest(t.Context(), ref, amd64, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.ResetStats()
	if got, err := client.Provenance(t.Context(), ref, m, nil); got != nil || err != nil || r.Stats().Requests() != 0 || m.Index != "" {
		t.Errorf("%v, %v, with %d requests", got, err, r.Stats().Requests())
	}
}

func TestAnnotations(t *testing.T) {
	const base = "debian:12-slim"
	for name, c := range map[string]struct{ manifest, entry, want map[string]string }{
		"none": {},
		"of the manifest": {
			manifest: map[string]string{AnnotationBaseName: base, AnnotationBaseDigest: string(digestOne), "other": "x"},
			want:     map[string]string{AnnotationBaseName: base, AnnotationBaseDigest: string(digestOne)},
		},
		"of the index": {entry: map[string]string{AnnotationBaseName: base}, want: map[string]string{AnnotationBaseName: base}},
		"of both": {
			manifest: map[string]string{AnnotationBaseName: base},
			entry:    map[string]string{AnnotationBaseName: "alpine:3", AnnotationBaseDigest: string(digestTwo)},
			want:     map[string]string{AnnotationBaseName: base, AnnotationBaseDigest: string(digestTwo)},
		},
		"of no use": {manifest: map[string]string{AnnotationBaseName: "\x1b[31m", AnnotationBaseDigest: "sha256:beef"}},
		"too long":  {manifest: map[string]string{AnnotationBaseName: "debian:" + strings.Repeat("x", maxReference)}},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRegistry(t, testregistry.Options{})
			i := testImage{layers: []testLayer{layerOf(gzipped, "one")}, change: func(d *document) { d.Annotations = c.manifest }}
			_, raw := i.put(t, r, "shop/api", "")
			entry := descriptorOf(types.OCIManifestSchema1, raw)
			entry.Platform, entry.Annotations = &v1.Platform{OS: "linux", Architecture: "amd64"}, c.entry
			ref, _ := putManifest(t, r, "shop/api", "1", document{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{entry}})
			m, err := newClient().Manifest(t.Context(), ref, amd64, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, m.Annotations); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
		})
	}
}

// What is kept of a statement can be asked of a registry.
func FuzzStatement(f *testing.F) {
	f.Add([]byte(`{"predicateType":"https://slsa.dev/provenance/v0.2","predicate":{"materials":[{"uri":"pkg:docker/debian@12?platform=linux%2Famd64","digest":{"sha256":"` + digestOne.Hex() + `"}}]}}`))
	f.Add([]byte(`{"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{"resolvedDependencies":[{"uri":"pkg:docker/a/b?digest=` + string(digestOne) + `"}]}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		materials, failure := parseStatement(raw)
		if failure != nil && materials != nil || len(materials) > maxMaterials {
			t.Errorf("%d materials, %v", len(materials), failure)
		}
		for _, m := range materials {
			ref, err := image.ParseReference(m.Name + "@" + string(m.Digest))
			if err != nil || ref.String() != m.Name+"@"+string(m.Digest) {
				t.Errorf("%q: %v", m.Name, err)
			}
			if _, err := image.ParsePlatform(m.Platform); m.Platform != "" && err != nil {
				t.Error(err)
			}
		}
	})
}
