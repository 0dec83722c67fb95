package recipe

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// build bakes a recipe, and skips where it needs a tool that is absent.
func build(t *testing.T, r Recipe) Artifact {
	t.Helper()
	artifact, err := r.Build(t.Context())
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return artifact
}

func recipeNamed(t *testing.T, name string) Recipe {
	t.Helper()
	for _, r := range append(Demo(), Hostile()...) {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no recipe %s", name)
	return Recipe{}
}

func digest(t *testing.T, a Artifact) string {
	t.Helper()
	d, err := a.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func TestRecipesHaveValidReferences(t *testing.T) {
	names := map[string]bool{}
	for _, r := range append(Demo(), Hostile()...) {
		if names[r.Name] {
			t.Errorf("two recipes are called %s", r.Name)
		}
		names[r.Name] = true
		reference, err := image.ParseReference("registry.example.com/" + r.Repository + ":" + r.Tag)
		if err != nil {
			t.Fatal(err)
		}
		if reference.Path() != r.Repository || reference.Tag != r.Tag {
			t.Errorf("%s is read as %s", r.Name, reference)
		}
	}
}

func TestDemo(t *testing.T) {
	for _, r := range Demo() {
		t.Run(r.Name, func(t *testing.T) {
			artifact := build(t, r)
			var got []image.Platform
			switch a := artifact.(type) {
			case v1.Image:
				if err := validate.Image(a); err != nil {
					t.Error(err)
				}
				got = append(got, platformOf(t, a))
			case v1.ImageIndex:
				if err := validate.Index(a); err != nil {
					t.Error(err)
				}
				for _, img := range images(t, a) {
					got = append(got, platformOf(t, img))
				}
			}
			if diff := cmp.Diff(r.Platforms, got); diff != "" {
				t.Errorf("platforms (-want +got):\n%s", diff)
			}
			if first, second := digest(t, artifact), digest(t, build(t, r)); first != second {
				t.Errorf("built as %s, then as %s", first, second)
			}
		})
	}
}

func images(t *testing.T, index v1.ImageIndex) []v1.Image {
	t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var all []v1.Image
	for _, m := range manifest.Manifests {
		img, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, img)
	}
	return all
}

func platformOf(t *testing.T, img v1.Image) image.Platform {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return image.Platform{OS: file.OS, Architecture: file.Architecture, Variant: file.Variant}
}

func TestDemoSharesLayers(t *testing.T) {
	base := map[string]string{"checkout": "debian", "builder": "debian", "recommendations": "debian", "storefront": "alpine"}
	for name, below := range base {
		t.Run(name, func(t *testing.T) {
			upper := layers(t, build(t, recipeNamed(t, name)).(v1.Image))
			lower := layers(t, build(t, recipeNamed(t, below)).(v1.Image))
			if len(upper) <= len(lower) {
				t.Fatalf("%d layers on %d", len(upper), len(lower))
			}
			if diff := cmp.Diff(lower, upper[:len(lower)]); diff != "" {
				t.Errorf("layers (-want +got):\n%s", diff)
			}
		})
	}
}

func layers(t *testing.T, img v1.Image) []string {
	t.Helper()
	all, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var digests []string
	for _, l := range all {
		d, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, d.String())
	}
	return digests
}

func TestEmptyHasNoLayers(t *testing.T) {
	if got := layers(t, build(t, recipeNamed(t, "empty")).(v1.Image)); len(got) != 0 {
		t.Errorf("layers are %v", got)
	}
}

func TestEveryListedPackageIsInAnImage(t *testing.T) {
	img := build(t, recipeNamed(t, "checkout")).(v1.Image)
	all, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	_, lower := entries(t, all[0])
	_, upper := entries(t, all[1])
	for _, d := range Debs("debian-12", "base", "amd64") {
		name := "var/lib/dpkg/info/" + d.listName() + ".list"
		if _, ok := lower[name]; !ok {
			t.Errorf("%s is not in the base layer", name)
		}
		if _, ok := upper[name]; ok {
			t.Errorf("%s is written again by the upper layer", name)
		}
	}
}
