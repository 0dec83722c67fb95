package baseimage

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// digest of a word.
func digest(word string) image.Digest {
	return image.Digest(fmt.Sprintf("sha256:%064x", word))
}

// layers are named by letters.
func layers(letters string) []image.Digest {
	var list []image.Digest
	for _, letter := range letters {
		list = append(list, digest(string(letter)))
	}
	return list
}

// base is known as name, and has a digest and a manifest of that name.
func base(name, letters string) Known {
	repository, tag, _ := strings.Cut(name, ":")
	return Known{
		Reference: image.Reference{Repository: repository, Tag: tag}, Digest: digest(name), Manifest: digest("m" + name), DiffIDs: layers(letters),
	}
}

func claim(source v1alpha1.BaseImageSource, name string) Claim {
	c := Claim{Source: source, Digest: digest(name)}
	c.Name.Repository, c.Name.Tag, _ = strings.Cut(name, ":")
	return c
}

func tagOnly(source v1alpha1.BaseImageSource, name string) Claim {
	c := claim(source, name)
	c.Digest = ""
	return c
}

func TestFind(t *testing.T) {
	const (
		annotation = v1alpha1.BaseAnnotation
		provenance = v1alpha1.BaseProvenance
		byLayers   = v1alpha1.BaseLayers
		dockerfile = v1alpha1.BaseDockerfile
	)
	debian, node, golang := base("debian:12", "ab"), base("node:20", "abc"), base("golang:1", "xyz")
	renamed := claim(annotation, "debian:12")
	renamed.Name.Repository, renamed.Name.Tag = "mirror/debian", "bookworm"
	mirrored := debian
	mirrored.Reference = image.Reference{Repository: "mirror/debian"}
	bare := claim(annotation, "debian:12")
	bare.Name = image.Reference{}
	untagged := claim(annotation, "debian:12")
	untagged.Name.Tag = ""
	for name, c := range map[string]struct {
		layers  string
		claims  []Claim
		known   []Known
		indexed []Known
		// want as source, reference, number of layers and whether it is confirmed.
		want string
	}{
		"nothing":                             {layers: "abcd"},
		"an annotation that is confirmed":     {layers: "abcd", claims: []Claim{claim(annotation, "debian:12")}, known: []Known{debian}, want: "Annotation debian:12 2 true"},
		"an inherited annotation":             {layers: "xabcd", claims: []Claim{claim(annotation, "debian:12")}, known: []Known{debian}},
		"more layers than the image":          {layers: "a", claims: []Claim{claim(annotation, "debian:12")}, known: []Known{debian}},
		"an image that adds no layer":         {layers: "ab", claims: []Claim{claim(annotation, "debian:12")}, known: []Known{debian}, want: "Annotation debian:12 2 true"},
		"a base without layers":               {layers: "ab", claims: []Claim{claim(annotation, "scratch:1")}, known: []Known{base("scratch:1", "")}},
		"an annotation that nothing confirms": {layers: "abcd", claims: []Claim{claim(annotation, "debian:12")}, want: "Annotation debian:12 0 false"},
		"a name that nobody confirms":         {layers: "abcd", claims: []Claim{renamed}, known: []Known{debian}, want: "Annotation mirror/debian:bookworm 2 false"},
		"the name of a mirror that has it":    {layers: "abcd", claims: []Claim{renamed}, known: []Known{mirrored}, want: "Annotation mirror/debian:bookworm 2 true"},
		"the name of a mirror whose tag is known": {
			layers: "abcd", claims: []Claim{renamed}, known: []Known{debian}, indexed: []Known{base("mirror/debian:bookworm", "ab")}, want: "Annotation mirror/debian:bookworm 2 true",
		},
		"the name under which it is known": {
			layers: "abcd", claims: []Claim{renamed}, known: []Known{debian}, indexed: []Known{debian}, want: "Layers debian:12 2 true",
		},
		"a digest without a name": {layers: "abcd", claims: []Claim{bare}, known: []Known{debian}, want: "Annotation debian:12 2 true"},
		"nothing but a digest":    {layers: "abcd", claims: []Claim{bare}},
		"a name without a tag":    {layers: "abcd", claims: []Claim{untagged}, known: []Known{debian}, want: "Annotation debian:12 2 true"},
		"the stage with the longest prefix": {
			layers: "abcd", claims: []Claim{claim(provenance, "golang:1"), claim(provenance, "debian:12"), claim(provenance, "node:20")},
			known: []Known{golang, debian, node}, want: "Provenance node:20 3 true",
		},
		"stages of which one is not at hand": {
			layers: "abcd", claims: []Claim{claim(provenance, "golang:1"), claim(provenance, "node:20")}, known: []Known{golang}, want: "Provenance node:20 0 false",
		},
		"stages that are not at hand":    {layers: "abcd", claims: []Claim{claim(provenance, "golang:1"), claim(provenance, "node:20")}},
		"annotation before provenance":   {layers: "abcd", claims: []Claim{claim(provenance, "debian:12"), claim(annotation, "debian:12")}, known: []Known{debian}, want: "Annotation debian:12 2 true"},
		"confirmed before not confirmed": {layers: "abcd", claims: []Claim{claim(annotation, "alpine:3"), claim(provenance, "debian:12")}, known: []Known{debian}, want: "Provenance debian:12 2 true"},
		"an inherited label that names the base beneath": {
			layers: "abcd", claims: []Claim{claim(annotation, "debian:12")}, known: []Known{debian}, indexed: []Known{debian, node}, want: "Layers node:20 3 true",
		},
		"annotation before layers":             {layers: "abcd", claims: []Claim{claim(annotation, "debian:12")}, known: []Known{debian}, indexed: []Known{debian}, want: "Annotation debian:12 2 true"},
		"layers alone":                         {layers: "abcd", indexed: []Known{debian, golang}, want: "Layers debian:12 2 true"},
		"layers before what is only claimed":   {layers: "abcd", claims: []Claim{claim(annotation, "alpine:3")}, indexed: []Known{debian}, want: "Layers debian:12 2 true"},
		"no image is its own base":             {layers: "ab", indexed: []Known{debian}},
		"nor that of its sibling":              {layers: "abc", indexed: []Known{debian, node}, want: "Layers debian:12 2 true"},
		"a tag that is known by another build": {layers: "abcd", claims: []Claim{tagOnly(annotation, "debian:12")}, indexed: []Known{debian}, want: "Annotation debian:12 2 true"},
		"a sibling that the Dockerfile names": {
			layers: "abcd", claims: []Claim{tagOnly(dockerfile, "debian:12")}, indexed: []Known{base("debian:12.5", "ab"), debian}, want: "Layers debian:12 2 true",
		},
		"the Dockerfile last": {layers: "abcd", claims: []Claim{claim(dockerfile, "debian:12"), claim(annotation, "alpine:3")}, want: "Annotation alpine:3 0 false"},
		"the Dockerfile":      {layers: "abcd", claims: []Claim{tagOnly(dockerfile, "debian:12")}, want: "Dockerfile debian:12 0 false"},
	} {
		t.Run(name, func(t *testing.T) {
			var index *Index
			if c.indexed != nil {
				index = &Index{}
			}
			for _, k := range c.indexed {
				index.Add(k)
			}
			known := func(claim Claim) (Known, bool) {
				i := slices.IndexFunc(c.known, func(k Known) bool { return k.Digest == claim.Digest || k.Manifest == claim.Digest })
				if i < 0 {
					return Known{}, false
				}
				return c.known[i], true
			}
			got := ""
			if b, ok := Find(layers(c.layers), c.claims, known, index); ok {
				got = fmt.Sprintf("%s %s %d %v", b.Source, b.Reference, b.Layers, b.Confirmed)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestIndexTakesTheMostSpecificSibling(t *testing.T) {
	old, young := base("a/debian:12.5", "ab"), base("a/debian:12.5", "ab")
	young.Manifest, young.Created = digest("young"), time.Unix(1, 0)
	for name, c := range map[string]struct {
		siblings []Known
		want     Known
	}{
		"more numbers":                  {[]Known{base("debian:12", "ab"), base("debian:12.5", "ab"), base("debian:latest", "ab"), base("debian:bookworm", "ab")}, base("debian:12.5", "ab")},
		"more words":                    {[]Known{base("python:3.12-slim", "ab"), base("python:3.12-slim-bookworm", "ab")}, base("python:3.12-slim-bookworm", "ab")},
		"a day":                         {[]Known{base("debian:bookworm", "ab"), base("debian:bookworm-20240612", "ab")}, base("debian:bookworm-20240612", "ab")},
		"no prerelease":                 {[]Known{base("python:3.13.0-rc1", "ab"), base("python:3.13-rc", "ab"), base("python:3", "ab")}, base("python:3", "ab")},
		"the newest build":              {[]Known{old, young}, young},
		"else the first of the names":   {[]Known{base("b/debian:12", "ab"), base("a/debian:12", "ab")}, base("a/debian:12", "ab")},
		"the longest before the tag":    {[]Known{base("debian:12.5.1", "a"), base("debian:12", "ab")}, base("debian:12", "ab")},
		"known twice":                   {[]Known{base("debian:12", "ab"), base("debian:12", "ab")}, base("debian:12", "ab")},
		"one that is not below another": {[]Known{base("debian:12", "ab"), base("debian:13", "ba")}, base("debian:12", "ab")},
	} {
		t.Run(name, func(t *testing.T) {
			for _, order := range [][]Known{c.siblings, reversed(c.siblings)} {
				var index Index
				for _, k := range order {
					index.Add(k)
				}
				got, ok := Find(layers("abc"), nil, nil, &index)
				if diff := cmp.Diff(c.want, got.Known); !ok || diff != "" {
					t.Errorf("found %v (-want +got):\n%s", ok, diff)
				}
			}
		})
	}
}

func reversed(list []Known) []Known {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

func TestIndexForgets(t *testing.T) {
	var index Index
	index.Add(base("debian:12", "ab"))
	index.Add(base("debian:11", "a"))
	index.Add(base("mirror/debian:12", "ab"))
	for _, step := range []struct{ remove, want string }{{"alpine", "debian:12"}, {"debian", "mirror/debian:12"}, {"mirror/debian", ""}} {
		index.Remove(step.remove)
		got, _ := Find(layers("abc"), nil, nil, &index)
		if got.Reference.String() != step.want && (step.want != "" || got.Layers != 0) {
			t.Errorf("without %s: %s, want %q", step.remove, got.Reference, step.want)
		}
	}
	if len(index.bases) != 0 {
		t.Errorf("%d bases are left", len(index.bases))
	}
}

// Many may ask and tell at once.
func TestIndexIsSafe(t *testing.T) {
	var index Index
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				index.Add(base(fmt.Sprintf("r%d:1", i), "ab"))
				Find(layers("abc"), []Claim{tagOnly(v1alpha1.BaseDockerfile, "r0:1")}, nil, &index)
				index.Remove(fmt.Sprintf("r%d", i))
			}
		})
	}
	all.Wait()
	if _, ok := Find(layers("abc"), nil, nil, &index); ok {
		t.Error("something is left")
	}
}
