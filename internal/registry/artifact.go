package registry

import (
	"context"
	"io"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Digest returns the digest that ref's tag has now, of an index or a manifest
// alike. It costs one HEAD request, so that who knows the digest already
// fetches nothing more. It is the registry's word: only what is then got by it is verified.
func (c *Client) Digest(ctx context.Context, ref image.Reference, keys Keychain) (image.Digest, error) {
	var digest image.Digest
	err := c.try(ctx, ref, keys, func(s *session) (err error) {
		if digest, err = s.head(ctx, ref); err != nil || digest != "" {
			return err
		}
		_, digest, err = s.manifest(ctx, ref)
		return err
	})
	return digest, err
}

// Artifact returns the artifact that ref names, by digest where it has one, else by tag.
func (c *Client) Artifact(ctx context.Context, ref image.Reference, keys Keychain) (*Artifact, error) {
	var a *Artifact
	err := c.try(ctx, ref, keys, func(s *session) error {
		raw, digest, err := s.manifest(ctx, ref)
		if err != nil {
			return err
		}
		doc, failure := parseManifest(raw)
		if failure == nil && doc.isIndex() {
			failure = failf(v1alpha1.ReasonNotAnImage, "it is an index, not an artifact")
		}
		if failure == nil {
			a, failure = c.artifact(s, ref, keys, digest, doc)
		}
		if failure != nil {
			return failure.while("read artifact " + ref.String())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (c *Client) artifact(s *session, ref image.Reference, keys Keychain, digest image.Digest, doc *document) (*Artifact, *Error) {
	a := &Artifact{Digest: digest, Type: doc.artifactType(), Annotations: doc.Annotations}
	for _, layer := range doc.Layers {
		layerDigest, failure := digestIn(layer)
		if failure != nil {
			return nil, failure
		}
		if layer.Size < 0 {
			return nil, failf(v1alpha1.ReasonNotAnImage, "its layer %s has a negative size", layerDigest)
		}
		blob := c.opener(s, ref, keys, layerDigest, layer.Size)
		open := func(ctx context.Context) (io.ReadCloser, error) {
			verified, err := blob(ctx)
			if err != nil {
				return nil, err
			}
			return verified, nil
		}
		a.Layers = append(a.Layers, Blob{
			MediaType:   string(layer.MediaType),
			Digest:      layerDigest,
			Size:        layer.Size,
			Annotations: layer.Annotations,
			open:        open,
		})
	}
	return a, nil
}
