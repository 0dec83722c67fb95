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

// Each case changes a healthy image of two layers.
func TestImageManifests(t *testing.T) {
	layers := []testLayer{layerOf(gzipped, "one"), layerOf(stored, "two")}
	cases := map[string]struct {
		change func(*document)
		// raw, if set, is the manifest instead.
		raw   string
		want  string
		words []string
	}{
		"OCI":                      {change: func(*document) {}},
		"OCI without a media type": {change: func(d *document) { d.MediaType = "" }},
		"Docker": {change: func(d *document) {
			d.MediaType, d.Config.MediaType = types.DockerManifestSchema2, types.DockerConfigJSON
			d.Layers[0].MediaType, d.Layers[1].MediaType = types.DockerLayer, types.DockerForeignLayer
		}},
		"zstd by Docker":        {change: func(d *document) { d.Layers[0].MediaType = dockerZstdLayer }},
		"typed, but an image":   {change: func(d *document) { d.ArtifactType = "application/vnd.example" }},
		"Helm chart":            {change: func(d *document) { d.Config.MediaType = "application/vnd.cncf.helm.config.v1+json" }, want: v1alpha1.ReasonNotAnImage, words: []string{"application/vnd.cncf.helm.config.v1+json"}},
		"artifact":              {change: func(d *document) { d.ArtifactType, d.Config.MediaType = "application/vnd.example", types.OCIEmptyJSON }, want: v1alpha1.ReasonNotAnImage, words: []string{"application/vnd.example"}},
		"unprintable artifact":  {change: func(d *document) { d.Config.MediaType = "\x1b[31m red" }, want: v1alpha1.ReasonNotAnImage, words: []string{"unprintable"}},
		"layer of no files":     {change: func(d *document) { d.Layers[1].MediaType = "application/vnd.in-toto+json" }, want: v1alpha1.ReasonNotAnImage, words: []string{"application/vnd.in-toto+json"}},
		"encrypted layer":       {change: func(d *document) { d.Layers[1].MediaType += "+encrypted" }, want: v1alpha1.ReasonNotAnImage},
		"schema 1":              {raw: `{"schemaVersion":1,"name":"x","fsLayers":[{"blobSum":"x"}]}`, want: v1alpha1.ReasonNotAnImage, words: []string{"schema 1"}},
		"schema 1 in disguise":  {raw: `{"schemaVersion":2,"fsLayers":[{"blobSum":"x"}],"config":{},"layers":[]}`, want: v1alpha1.ReasonNotAnImage, words: []string{"schema 1"}},
		"image and index":       {change: func(d *document) { d.Manifests = []v1.Descriptor{{Digest: d.Config.Digest}} }, want: v1alpha1.ReasonNotAnImage, words: []string{"could be taken"}},
		"image called an index": {change: func(d *document) { d.MediaType = types.OCIImageIndex }, want: v1alpha1.ReasonNotAnImage, words: []string{"could be taken"}},
		"index called an image": {raw: `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}`, want: v1alpha1.ReasonNotAnImage, words: []string{"could be taken"}},
		"neither":               {raw: `{"schemaVersion":2}`, want: v1alpha1.ReasonNotAnImage, words: []string{"neither"}},
		"not JSON":              {raw: `<html>`, want: v1alpha1.ReasonNotAnImage},
		"too many layers":       {change: func(d *document) { d.Layers = manyLayers(d.Layers[0]) }, want: v1alpha1.ReasonLimitExceeded},
		"one layer too few":     {change: func(d *document) { d.Layers = d.Layers[:1] }, want: v1alpha1.ReasonNotAnImage, words: []string{"1 layers and its configuration 2"}},
		"layers swapped":        {change: func(d *document) { d.Layers[0], d.Layers[1] = d.Layers[1], d.Layers[0] }, want: v1alpha1.ReasonDigestMismatch},
		"negative size":         {change: func(d *document) { d.Layers[0].Size = -1 }, want: v1alpha1.ReasonNotAnImage},
		"size too small":        {change: func(d *document) { d.Layers[0].Size-- }, want: v1alpha1.ReasonDigestMismatch},
		"size too large":        {change: func(d *document) { d.Layers[0].Size++ }, want: v1alpha1.ReasonTruncatedLayer},
		"huge configuration":    {change: func(d *document) { d.Config.Size = maxDocument + 1 }, want: v1alpha1.ReasonLimitExceeded},
		"negative config":       {change: func(d *document) { d.Config.Size = -1 }, want: v1alpha1.ReasonLimitExceeded},
		"layer as config":       {change: func(d *document) { d.Config.Digest, d.Config.Size = d.Layers[1].Digest, d.Layers[1].Size }, want: v1alpha1.ReasonNotAnImage, words: []string{"configuration"}},
		"SHA-512 layer":         {change: func(d *document) { d.Layers[0].Digest = sha512 }, want: v1alpha1.ReasonNotAnImage, words: []string{"SHA-256"}},
		"SHA-512 configuration": {change: func(d *document) { d.Config.Digest = sha512 }, want: v1alpha1.ReasonNotAnImage, words: []string{"SHA-256"}},
	}
	r := startRegistry(t, testregistry.Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var ref image.Reference
			if c.raw != "" {
				ref, _ = putManifest(t, r, "shop/api", "", []byte(c.raw))
			} else {
				ref, _ = testImage{layers: layers, change: c.change}.put(t, r, "shop/api", "")
			}
			_, err := pull(t.Context(), newClient(), ref, amd64, nil)
			if c.want != "" {
				wantFailure(t, err, c.want, append(c.words, "shop/api")...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

var sha512 = v1.Hash{Algorithm: "sha512", Hex: strings.Repeat("0", 128)}

func manyLayers(d v1.Descriptor) []v1.Descriptor {
	list := make([]v1.Descriptor, maxLayers+1)
	for i := range list {
		list[i] = d
	}
	return list
}

func TestImageWithoutLayers(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref, _ := testImage{}.put(t, r, "shop/scratch", "1")
	m, err := pull(t.Context(), newClient(), ref, amd64, nil)
	if err != nil || len(m.Layers) != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestBadDiffID(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	layer := layerOf(gzipped, "one")
	layer.diffID = "md5:abc"
	ref, _ := testImage{layers: []testLayer{layer}}.put(t, r, "shop/api", "1")
	_, err := pull(t.Context(), newClient(), ref, amd64, nil)
	wantFailure(t, err, v1alpha1.ReasonNotAnImage, "diff ID")
}

func TestPreferred(t *testing.T) {
	cases := map[string]string{
		"linux/amd64":    "linux/amd64/v1 linux/386",
		"linux/x86_64":   "linux/amd64/v1 linux/386",
		"linux/amd64/v3": "linux/amd64/v3 linux/amd64/v2 linux/amd64/v1 linux/386",
		"linux/arm64":    "linux/arm64/v8 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5",
		"linux/arm64/8":  "linux/arm64/v8 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5",
		"linux/aarch64":  "linux/arm64/v8 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5",
		"linux/arm64/v9": "linux/arm64/v9 linux/arm64/v8 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5",
		"linux/arm":      "linux/arm/v7 linux/arm/v6 linux/arm/v5",
		"linux/arm/v6":   "linux/arm/v6 linux/arm/v5",
		"linux/arm/5":    "linux/arm/v5",
		"Linux/S390X":    "linux/s390x",
		"linux/riscv64":  "linux/riscv64",
		"windows/amd64":  "windows/amd64/v1 windows/386",
	}
	for text, want := range cases {
		p, err := image.ParsePlatform(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, candidate := range preferred(p) {
			got = append(got, candidate.String())
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestChoose(t *testing.T) {
	cases := map[string]struct {
		// entries are platforms; "-" is one that names none, "!" in front one of another media type.
		entries  string
		platform string
		want     int
		sure     bool
	}{
		"exact":                    {entries: "linux/amd64 linux/arm64", platform: "linux/arm64", want: 1, sure: true},
		"variant spelled out":      {entries: "linux/amd64 linux/arm64/v8", platform: "linux/arm64", want: 1, sure: true},
		"variant left out":         {entries: "linux/amd64 linux/arm64", platform: "linux/arm64/v8", want: 1, sure: true},
		"best variant":             {entries: "linux/arm/v5 linux/arm/v6 linux/arm/v7", platform: "linux/arm/v6", want: 1, sure: true},
		"older variant":            {entries: "linux/arm/v5 linux/amd64", platform: "linux/arm/v7", want: 0, sure: true},
		"no newer variant":         {entries: "linux/arm/v7", platform: "linux/arm/v6", want: -1},
		"newest for amd64":         {entries: "linux/amd64 linux/amd64/v2 linux/amd64/v4", platform: "linux/amd64/v3", want: 1, sure: true},
		"arm on arm64":             {entries: "linux/amd64 linux/arm/v7", platform: "linux/arm64", want: 1, sure: true},
		"arm64 before arm":         {entries: "linux/arm/v7 linux/arm64", platform: "linux/arm64", want: 1, sure: true},
		"386 on amd64":             {entries: "linux/386", platform: "linux/amd64", want: 0, sure: true},
		"another OS":               {entries: "windows/amd64", platform: "linux/amd64", want: -1},
		"first of equals":          {entries: "linux/amd64 linux/amd64", platform: "linux/amd64", want: 0, sure: true},
		"unnamed last":             {entries: "- linux/amd64", platform: "linux/amd64", want: 1, sure: true},
		"unnamed at all":           {entries: "linux/arm64 -", platform: "linux/amd64", want: 1},
		"other media type skipped": {entries: "!linux/amd64 linux/amd64", platform: "linux/amd64", want: 1, sure: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var d document
			for i, text := range strings.Fields(c.entries) {
				entry := v1.Descriptor{MediaType: types.OCIManifestSchema1, Size: int64(i)}
				if rest, ok := strings.CutPrefix(text, "!"); ok {
					text, entry.MediaType = rest, "application/vnd.example"
				}
				if p, err := image.ParsePlatform(text); err == nil {
					entry.Platform = &v1.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
				}
				d.Manifests = append(d.Manifests, entry)
			}
			platform, err := image.ParsePlatform(c.platform)
			if err != nil {
				t.Fatal(err)
			}
			entry, sure, failure := d.choose(platform)
			if c.want < 0 {
				if failure == nil || failure.Reason != v1alpha1.ReasonPlatformNotFound {
					t.Errorf("entry %d, %v", entry.Size, failure)
				}
				return
			}
			if failure != nil || entry.Size != int64(c.want) || sure != c.sure {
				t.Errorf("entry %d, sure %v, %v; want %d, %v", entry.Size, sure, failure, c.want, c.sure)
			}
		})
	}
}

func FuzzManifest(f *testing.F) {
	hash := `"digest":"sha256:` + strings.Repeat("a", 64) + `","size":2`
	f.Add([]byte(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",`+hash+`},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",`+hash+`}]}`),
		[]byte(`{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:`+strings.Repeat("b", 64)+`"]}}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",`+hash+`,"platform":{"os":"linux","architecture":"arm64"}}]}`), []byte(`{}`))
	f.Add([]byte(`{"schemaVersion":1,"fsLayers":[{}]}`), []byte(`null`))
	f.Add([]byte(`{"config":null,"manifests":null}`), []byte(`[]`))
	client := newClient()
	f.Fuzz(func(t *testing.T, manifest, config []byte) {
		d, failure := parseManifest(manifest)
		if failure != nil {
			if failure.Reason == "" || failure.Error() == "" {
				t.Errorf("a failure without reason or text: %+v", failure)
			}
			return
		}
		found := &foundImage{doc: d, platform: &amd64}
		if d.isIndex() {
			if _, failure := found.descend(amd64); failure == nil && found.ref.Digest == "" {
				t.Error("an entry without a digest")
			}
			return
		}
		if d.checkImage() != nil {
			return
		}
		diffIDs, failure := readConfig(config, found)
		if failure != nil {
			return
		}
		for i, descriptor := range d.Layers {
			layer, failure := client.layer(nil, image.Reference{}, nil, descriptor, diffIDs[i])
			if failure == nil && (layer.Size < 0 || layer.Digest == "" || layer.DiffID == "") {
				t.Errorf("layer %+v", layer)
			}
		}
	})
}
