package controllers

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// artifacts lets databases be fetched by the same client, and so through the
// same guard, as images.
type artifacts struct {
	client   *registry.Client
	keychain registry.Keychain
}

var _ vulndb.Registry = artifacts{}

// ResolveArtifact implements vulndb.Registry.
func (a artifacts) ResolveArtifact(ctx context.Context, ref image.Reference) (image.Digest, error) {
	return a.client.Digest(ctx, ref, a.keychain)
}

// FetchArtifact implements vulndb.Registry.
func (a artifacts) FetchArtifact(ctx context.Context, ref image.Reference) (vulndb.Artifact, error) {
	fetched, err := a.client.Artifact(ctx, ref, a.keychain)
	if err != nil {
		return vulndb.Artifact{}, err
	}
	artifact := vulndb.Artifact{Layers: make([]vulndb.Layer, 0, len(fetched.Layers))}
	for _, blob := range fetched.Layers {
		artifact.Layers = append(artifact.Layers, vulndb.Layer{MediaType: blob.MediaType, Digest: blob.Digest, Size: blob.Size, Open: blob.Open})
	}
	return artifact, nil
}
