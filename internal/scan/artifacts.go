package scan

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// Artifacts lets databases be fetched by the same client, and so through the
// same guard, as images.
type Artifacts struct {
	Client   *registry.Client
	Keychain registry.Keychain
}

var _ vulndb.Registry = Artifacts{}

// ResolveArtifact implements vulndb.Registry.
func (a Artifacts) ResolveArtifact(ctx context.Context, ref image.Reference) (image.Digest, error) {
	return a.Client.Digest(ctx, ref, a.Keychain)
}

// FetchArtifact implements vulndb.Registry.
func (a Artifacts) FetchArtifact(ctx context.Context, ref image.Reference) (vulndb.Artifact, error) {
	fetched, err := a.Client.Artifact(ctx, ref, a.Keychain)
	if err != nil {
		return vulndb.Artifact{}, err
	}
	artifact := vulndb.Artifact{Layers: make([]vulndb.Layer, 0, len(fetched.Layers))}
	for _, blob := range fetched.Layers {
		artifact.Layers = append(artifact.Layers, vulndb.Layer{MediaType: blob.MediaType, Digest: blob.Digest, Size: blob.Size, Open: blob.Open})
	}
	return artifact, nil
}
