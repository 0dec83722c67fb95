package scale

import (
	"fmt"
	"math/rand/v2"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// modules of an application, in versions that real advisories are about.
var modules = []string{"lodash", "minimist", "express", "qs", "debug", "ms", "moment", "handlebars", "marked", "ws"}

// push uploads the images: a few real bases, each under many applications.
func (w *world) push() []image.Reference {
	w.t.Helper()
	bases := w.bases()
	random := rand.New(rand.NewPCG(3, 4))
	refs := make([]image.Reference, 0, *pods/(replicas*spread))
	for i := range cap(refs) {
		installed := []recipe.Module{{Name: fmt.Sprint("app-", i), Version: "1.0.0"}}
		for _, name := range modules {
			if random.IntN(2) == 0 {
				installed = append(installed, recipe.Module{Name: name, Version: fmt.Sprintf("%d.%d.0", random.IntN(4), random.IntN(8))})
			}
		}
		own := w.layer(recipe.Node("app", installed...))
		img, err := recipe.Image(recipe.AMD64, v1.Config{Cmd: []string{"/app/run"}, User: "10001"}, bases[i%len(bases)], own)
		if err != nil {
			w.t.Fatal(err)
		}
		ref, err := w.registry.Push(fmt.Sprintf("team-%d/app-%d:1.0.0", i%10, i), img)
		if err != nil {
			w.t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	return refs
}

// bases are Debian 12 and Alpine 3.21, with the packages of an application's base and without.
func (w *world) bases() []v1.Layer {
	debian, alpine := recipe.Debs("debian-12", "base", "amd64"), recipe.APKs("alpine-3.21", "base", "x86_64")
	large := append(debian[:len(debian):len(debian)], recipe.Debs("debian-12", "app", "amd64")...)
	return []v1.Layer{
		w.layer(append(recipe.DebianRelease("12", "12.12"), recipe.Dpkg(debian...)...)),
		w.layer(append(recipe.DebianRelease("12", "12.12"), recipe.Dpkg(large...)...)),
		w.layer(append(recipe.AlpineRelease("3.21.0", "v3.21"), recipe.Apk(alpine...)...)),
	}
}

func (w *world) layer(files []recipe.File) v1.Layer {
	w.t.Helper()
	layer, err := recipe.Layer(files...)
	if err != nil {
		w.t.Fatal(err)
	}
	return layer
}
