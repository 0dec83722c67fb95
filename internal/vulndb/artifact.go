package vulndb

import (
	"context"
	"fmt"
	"io"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Format of an artifact that holds a database: a layer with two files.
type Format struct {
	// LayerType is the layer's media type.
	LayerType string
	// File is the database's name. metadata.json is beside it.
	File string
}

var trivyDB = Format{LayerType: "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip", File: dbFile}

// Limits of a database's size, in bytes.
type Limits struct {
	// Compressed is the size of the artifact's layer.
	Compressed int64
	// Unpacked is the size of the database file.
	Unpacked int64
}

// DefaultLimits leave the published database, about 90 MiB compressed and 1 GiB
// unpacked, room to grow several times.
var DefaultLimits = Limits{Compressed: 1 << 30, Unpacked: 8 << 30}

// Artifact is what a source has under a reference.
type Artifact struct {
	Layers []Layer
}

// Layer of an artifact.
type Layer struct {
	MediaType string
	Digest    image.Digest
	// Size as stored, in bytes.
	Size int64
	// Open streams the layer as stored.
	Open func(context.Context) (io.ReadCloser, error)
}

// layer returns the only layer of an artifact that holds a database.
func (f Format) layer(a Artifact, limits Limits) (Layer, error) {
	if len(a.Layers) != 1 {
		return Layer{}, invalidf("artifact has %d layers, want 1", len(a.Layers))
	}
	l := a.Layers[0]
	if l.MediaType != f.LayerType {
		return Layer{}, invalidf("layer is of type %.100q, want %s", l.MediaType, f.LayerType)
	}
	if l.Size < 0 || l.Size > limits.Compressed {
		return Layer{}, tooLarge("layer", limits.Compressed)
	}
	return l, nil
}

func tooLarge(what string, limit int64) error {
	return &Error{
		Reason: v1alpha1.ReasonArtifactTooLarge,
		Err:    fmt.Errorf("%s is larger than the limit of %d bytes", what, limit),
	}
}
