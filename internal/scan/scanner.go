package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// Registry is where images come from.
type Registry interface {
	Manifest(ctx context.Context, ref image.Reference, platform image.Platform, keychain registry.Keychain) (*registry.Manifest, error)
	Provenance(ctx context.Context, ref image.Reference, manifest *registry.Manifest, keychain registry.Keychain) ([]registry.Material, error)
}

// Store is where extracted images are kept. What it lacks, or cannot read, is
// an error that wraps store.ErrNotFound.
type Store interface {
	Resolution(digest image.Digest, platform image.Platform) (image.Digest, error)
	PutResolution(digest image.Digest, platform image.Platform, manifest image.Digest) error
	Image(manifest image.Digest) (*store.Image, error)
	PutImage(*store.Image) error
	Layer(diffID image.Digest) (*sbom.Layer, error)
	PutLayer(*sbom.Layer) error
}

// Target is an image to scan.
type Target struct {
	// Digest of an index or a manifest or, if Bare, of a configuration.
	Digest   image.Digest
	Bare     bool
	Platform image.Platform
	// Candidates are tried in order; the first that yields the image is used.
	Candidates []Candidate
}

// Candidate is a place from which the image may be pulled.
type Candidate struct {
	// Reference as the workload writes it.
	Reference image.Reference
	Keychain  registry.Keychain
}

// Scanner extracts images. It is safe for concurrent use: a layer that two
// images share is read once, also where both are scanned at the same time.
type Scanner struct {
	Registry Registry
	Store    Store
	Limits   sbom.Limits
	// Timeout of one layer's fetch and extraction.
	Timeout time.Duration
	// OnLayer, if set, is told before each layer which one of how many it is.
	OnLayer func(n, of int)

	layers singleflight.Group
}

// Stored returns the image if the store has it, without any request.
func (s *Scanner) Stored(target Target) (*store.Image, error) {
	manifest, err := s.Store.Resolution(target.Digest, target.Platform)
	if err != nil {
		return nil, err
	}
	return s.Store.Image(manifest)
}

// Scan returns the image, from the store or else from the first candidate that
// yields it. Its errors carry a reason: *registry.Error, *sbom.Error or *Error.
func (s *Scanner) Scan(ctx context.Context, target Target) (*store.Image, error) {
	img, err := s.Stored(target)
	if !errors.Is(err, store.ErrNotFound) {
		return img, stored(err)
	}
	if len(target.Candidates) == 0 {
		return nil, &Error{Reason: v1alpha1.ReasonPending, Err: fmt.Errorf("scan %s: no workload names a repository for it", target.Digest)}
	}
	var failure error
	for _, candidate := range target.Candidates {
		img, err := s.pull(ctx, target, candidate)
		if err == nil {
			return img, nil
		}
		// A failure that may pass says more of what to do than a final one.
		if failure == nil || (Final(failure) && !Final(err)) {
			failure = err
		}
	}
	return nil, failure
}

func (s *Scanner) pull(ctx context.Context, target Target, candidate Candidate) (*store.Image, error) {
	manifest, err := s.resolve(ctx, target, candidate)
	if err != nil {
		return nil, err
	}
	img, err := s.image(ctx, manifest, func(img *store.Image) { s.addMaterials(ctx, img, manifest, candidate) })
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", candidate.Reference.WithDigest(manifest.Digest), err)
	}
	return img, stored(s.Store.PutResolution(target.Digest, target.Platform, manifest.Digest))
}

// Image returns what the image of a manifest contains, from the store or else
// from its layers. Its errors are those of Scan.
func (s *Scanner) Image(ctx context.Context, manifest *registry.Manifest) (*store.Image, error) {
	return s.image(ctx, manifest, func(*store.Image) {})
}

// image calls complete before it stores what it extracted.
func (s *Scanner) image(ctx context.Context, manifest *registry.Manifest, complete func(*store.Image)) (*store.Image, error) {
	img, err := s.Store.Image(manifest.Digest)
	if !errors.Is(err, store.ErrNotFound) {
		return img, stored(err)
	}
	img, err = s.extract(ctx, manifest)
	if err != nil {
		return nil, err
	}
	complete(img)
	return img, stored(s.Store.PutImage(img))
}

// resolve fetches the manifest. A bare digest cannot be pulled: the spec's tag
// is, and is accepted only if it leads to that configuration.
func (s *Scanner) resolve(ctx context.Context, target Target, candidate Candidate) (*registry.Manifest, error) {
	if !target.Bare {
		return s.Registry.Manifest(ctx, candidate.Reference.WithDigest(target.Digest), target.Platform, candidate.Keychain)
	}
	manifest, err := s.Registry.Manifest(ctx, candidate.Reference, target.Platform, candidate.Keychain)
	if err != nil {
		return nil, err
	}
	if manifest.ConfigDigest != target.Digest {
		return nil, &Error{Reason: v1alpha1.ReasonDigestNotPullable, Err: fmt.Errorf(
			"resolve %s: the node runs configuration %s, which cannot be pulled, and the reference now leads to configuration %s",
			candidate.Reference, target.Digest, manifest.ConfigDigest)}
	}
	return manifest, nil
}

func (s *Scanner) extract(ctx context.Context, manifest *registry.Manifest) (*store.Image, error) {
	config, err := sbom.ParseConfig(manifest.Config)
	if err != nil {
		return nil, err
	}
	layers := make([]*sbom.Layer, 0, len(manifest.Layers))
	for i, layer := range manifest.Layers {
		if s.OnLayer != nil {
			s.OnLayer(i+1, len(manifest.Layers))
		}
		read, err := s.layer(ctx, layer)
		if err != nil {
			return nil, fmt.Errorf("layer %d of %d: %w", i+1, len(manifest.Layers), err)
		}
		layers = append(layers, read)
	}
	content, err := sbom.Squash(config, layers)
	if err != nil {
		return nil, err
	}
	return &store.Image{
		ManifestDigest: manifest.Digest, ConfigDigest: manifest.ConfigDigest, Content: *content, Annotations: manifest.Annotations,
	}, nil
}

// layer returns what a layer holds: stored, being read by another scan, or read now.
func (s *Scanner) layer(ctx context.Context, layer registry.Layer) (*sbom.Layer, error) {
	for {
		own := false
		read := s.layers.DoChan(string(layer.DiffID), func() (any, error) {
			own = true
			return s.known(ctx, layer)
		})
		select {
		case result := <-read:
			if result.Err == nil {
				return result.Val.(*sbom.Layer), nil
			}
			if own {
				return nil, result.Err
			}
			// Another scan's registry or credentials failed. One's own may not.
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// known returns a layer from the store or else reads it. Others may wait for
// that, so that it must outlive the scan that began it.
func (s *Scanner) known(ctx context.Context, layer registry.Layer) (*sbom.Layer, error) {
	known, err := s.Store.Layer(layer.DiffID)
	if !errors.Is(err, store.ErrNotFound) {
		return known, stored(err)
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.Timeout, s.tooSlow(layer))
	defer cancel()
	return s.read(ctx, layer)
}

// read stores what the layer holds, once its digests are verified: that is at
// the very end of the stream, to which sbom reads.
func (s *Scanner) read(ctx context.Context, layer registry.Layer) (*sbom.Layer, error) {
	read, err := s.stream(ctx, layer)
	if err != nil && ctx.Err() != nil {
		// Whatever failed, it failed because time was up.
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return read, stored(s.Store.PutLayer(read))
}

func (s *Scanner) stream(ctx context.Context, layer registry.Layer) (*sbom.Layer, error) {
	tar, err := layer.Open(ctx)
	if err != nil {
		return nil, err
	}
	read, err := sbom.Read(ctx, layer.DiffID, tar, s.Limits)
	// Nothing that matters is left to fail in closing a body that was only read.
	_ = tar.Close()
	return read, err
}

func (s *Scanner) tooSlow(layer registry.Layer) error {
	return &Error{Reason: v1alpha1.ReasonLimitExceeded, Err: fmt.Errorf("read layer %s: not done within %s", layer.DiffID, s.Timeout)}
}
