package recipe

import (
	"bytes"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	chartConfigType  types.MediaType = "application/vnd.cncf.helm.config.v1+json"
	chartContentType types.MediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

	chartConfig = `{"name":"shop","version":"1.0.0","description":"A shop","apiVersion":"v2"}`
)

// Chart is a Helm chart as OCI registries hold it: a manifest like an image's,
// that is no image.
func Chart() (v1.Image, error) {
	packed, err := Layer(Text("shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"))
	if err != nil {
		return nil, err
	}
	content := static.NewLayer(packed.(*layer).compressed, chartContentType)
	manifest := &v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	if manifest.Config, err = descriptor(static.NewLayer([]byte(chartConfig), chartConfigType)); err != nil {
		return nil, err
	}
	described, err := descriptor(content)
	if err != nil {
		return nil, err
	}
	manifest.Layers = []v1.Descriptor{described}
	return partial.CompressedToImage(&chart{manifest: manifest, content: content})
}

func descriptor(l v1.Layer) (v1.Descriptor, error) {
	d, err := partial.Descriptor(l)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("describe part of chart: %w", err)
	}
	return *d, nil
}

type chart struct {
	manifest *v1.Manifest
	content  partial.CompressedLayer
}

var _ partial.CompressedImageCore = (*chart)(nil)

func (c *chart) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (c *chart) RawConfigFile() ([]byte, error)      { return []byte(chartConfig), nil }
func (c *chart) RawManifest() ([]byte, error)        { return partial.RawManifest(c) }
func (c *chart) Manifest() (*v1.Manifest, error)     { return c.manifest, nil }

func (c *chart) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h == c.manifest.Config.Digest {
		return static.NewLayer(bytes.Clone([]byte(chartConfig)), chartConfigType), nil
	}
	if h != c.manifest.Layers[0].Digest {
		return nil, fmt.Errorf("find layer %s: a chart has one layer", h)
	}
	return c.content, nil
}
