package recipe

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Artifact is a v1.Image or a v1.ImageIndex.
type Artifact interface {
	partial.Describable
	RawManifest() ([]byte, error)
}

// Recipe is an image that can be baked.
type Recipe struct {
	// Name of the recipe, unique among all.
	Name string
	// Repository within a registry, without the registry's host.
	Repository string
	Tag        string
	// Platforms of the image: of an index where there are several, of none
	// where it is no image that could run.
	Platforms []image.Platform
	// Build bakes a v1.ImageIndex where there are several platforms, else a
	// v1.Image. Its error wraps ErrUnavailable where a tool is absent.
	Build func(context.Context) (Artifact, error)
}

// bake returns a Build for an image of one platform made of layers of files.
func bake(platform image.Platform, config v1.Config, layers ...[]File) func(context.Context) (Artifact, error) {
	return func(context.Context) (Artifact, error) { return assemble(platform, config, layers...) }
}

func assemble(platform image.Platform, config v1.Config, layers ...[]File) (v1.Image, error) {
	var packed []v1.Layer
	for _, files := range layers {
		l, err := Layer(files...)
		if err != nil {
			return nil, err
		}
		packed = append(packed, l)
	}
	return Image(platform, config, packed...)
}

func one(p image.Platform) []image.Platform { return []image.Platform{p} }
