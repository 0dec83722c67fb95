package recipe

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Platforms of the recipes.
var (
	AMD64 = image.Platform{OS: "linux", Architecture: "amd64"}
	ARM64 = image.Platform{OS: "linux", Architecture: "arm64"}
)

// Image puts the layers, lowest first, under a configuration for one platform.
func Image(platform image.Platform, config v1.Config, layers ...v1.Layer) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	configured, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS:           platform.OS,
		Architecture: platform.Architecture,
		Variant:      platform.Variant,
		Created:      v1.Time{Time: Created},
		Config:       config,
		RootFS:       v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, fmt.Errorf("configure image for %s: %w", platform, err)
	}
	img, err := mutate.AppendLayers(configured, layers...)
	if err != nil {
		return nil, fmt.Errorf("add layers to image for %s: %w", platform, err)
	}
	return img, nil
}

// Index lists the images, each under the platform of its own configuration.
func Index(images ...v1.Image) (v1.ImageIndex, error) {
	var entries []mutate.IndexAddendum
	for _, img := range images {
		config, err := img.ConfigFile()
		if err != nil {
			return nil, fmt.Errorf("read configuration of image for index: %w", err)
		}
		entries = append(entries, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: config.Platform()}})
	}
	return mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), entries...), nil
}
