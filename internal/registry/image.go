package registry

import (
	"context"
	"encoding/json"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Manifest returns the platform's image that ref names, by digest where it has
// one, else by tag. An index is followed to the platform's manifest; a manifest
// named directly is taken whatever its platform, for it is what runs.
// The error is an *Error, or wraps context.Canceled.
func (c *Client) Manifest(ctx context.Context, ref image.Reference, platform image.Platform, keys Keychain) (*Manifest, error) {
	var m *Manifest
	err := c.try(ctx, ref, keys, func(s *session) error {
		found, err := s.find(ctx, ref, platform)
		if err != nil {
			return err
		}
		m, err = c.load(ctx, s, found, keys)
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// foundImage is an image's manifest, of which only the digest is verified yet.
type foundImage struct {
	ref    image.Reference
	digest image.Digest
	doc    *document
	// index is the first one that was followed, "" where there is none.
	index image.Digest
	// described are the annotations of the manifest's entry in its index.
	described map[string]string
	// attestations are the index's entries about the manifest.
	attestations []v1.Descriptor
	// platform to be confirmed by the configuration. nil: it is known, or does not matter.
	platform *image.Platform
}

// find follows indexes from ref to the platform's manifest.
func (s *session) find(ctx context.Context, ref image.Reference, platform image.Platform) (*foundImage, error) {
	found := &foundImage{ref: ref}
	size := int64(-1)
	for range maxIndexDepth + 1 {
		doing := "read manifest " + found.ref.String()
		raw, digest, err := s.manifest(ctx, found.ref)
		if err != nil {
			return nil, err
		}
		if size >= 0 && int64(len(raw)) != size {
			return nil, failf(v1alpha1.ReasonDigestMismatch, "%s: it has %d bytes, and its index says %d", doing, len(raw), size)
		}
		doc, failure := parseManifest(raw)
		if failure != nil {
			return nil, failure.while(doing)
		}
		found.digest, found.doc = digest, doc
		if !doc.isIndex() {
			return found, nil
		}
		if found.index == "" {
			found.index = digest
		}
		if size, failure = found.descend(platform); failure != nil {
			return nil, failure.while(doing)
		}
	}
	return nil, failf(v1alpha1.ReasonLimitExceeded, "read manifest %s: more than %d indexes lie between it and an image", ref, maxIndexDepth)
}

// descend makes the platform's entry of the index what is to be read next, and returns its size.
func (f *foundImage) descend(platform image.Platform) (int64, *Error) {
	entry, sure, failure := f.doc.choose(platform)
	if failure != nil {
		return 0, failure
	}
	digest, failure := digestIn(entry)
	if failure != nil {
		return 0, failure
	}
	f.ref, f.platform, f.described = f.ref.WithDigest(digest), nil, entry.Annotations
	f.attestations = attestationsOf(f.doc, digest)
	if !sure {
		f.platform = &platform
	}
	return entry.Size, nil
}

// load reads the image's configuration and joins it with the manifest's layers.
func (c *Client) load(ctx context.Context, s *session, found *foundImage, keys Keychain) (*Manifest, error) {
	doing := "read image " + found.ref.WithDigest(found.digest).String()
	if failure := found.doc.checkImage(); failure != nil {
		return nil, failure.while(doing)
	}
	configDigest, failure := digestIn(*found.doc.Config)
	if failure != nil {
		return nil, failure.while(doing)
	}
	config, err := s.document(ctx, configDigest, found.doc.Config.Size)
	if err != nil {
		return nil, err
	}
	diffIDs, failure := readConfig(config, found)
	if failure != nil {
		return nil, failure.while(doing)
	}
	m := &Manifest{
		Digest: found.digest, ConfigDigest: configDigest, Config: config,
		Index: found.index, Annotations: baseAnnotations(found.described, found.doc.Annotations),
		attestations: found.attestations,
	}
	for i, descriptor := range found.doc.Layers {
		layer, failure := c.layer(s, found.ref, keys, descriptor, diffIDs[i])
		if failure != nil {
			return nil, failure.while(doing)
		}
		m.Layers = append(m.Layers, layer)
	}
	return m, nil
}

// readConfig returns the configuration's diff IDs, one per layer of the manifest.
func readConfig(raw []byte, found *foundImage) ([]image.Digest, *Error) {
	var config struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
		RootFS       struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, failf(v1alpha1.ReasonNotAnImage, "its configuration is not that of an image")
	}
	if want := found.platform; want != nil {
		got := normal(image.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant})
		if !runs(*want, got) {
			return nil, failf(v1alpha1.ReasonPlatformNotFound, "it is for %s and not for %s", quoted(got.String()), want)
		}
	}
	if got, want := len(config.RootFS.DiffIDs), len(found.doc.Layers); got != want {
		return nil, failf(v1alpha1.ReasonNotAnImage, "its manifest has %d layers and its configuration %d", want, got)
	}
	diffIDs := make([]image.Digest, 0, len(config.RootFS.DiffIDs))
	for _, text := range config.RootFS.DiffIDs {
		id, err := image.ParseDigest(text)
		if err != nil {
			return nil, failf(v1alpha1.ReasonNotAnImage, "its configuration has a diff ID that is not a SHA-256 digest")
		}
		diffIDs = append(diffIDs, id)
	}
	return diffIDs, nil
}

func (c *Client) layer(s *session, ref image.Reference, keys Keychain, d v1.Descriptor, diffID image.Digest) (Layer, *Error) {
	digest, failure := digestIn(d)
	if failure != nil {
		return Layer{}, failure
	}
	if d.Size < 0 {
		return Layer{}, failf(v1alpha1.ReasonNotAnImage, "its layer %s has a negative size", digest)
	}
	// The registry alone is asked, by digest: the URLs of a foreign layer are never followed.
	blob := c.opener(s, ref, keys, digest, d.Size)
	open := func(ctx context.Context) (io.ReadCloser, error) {
		compressed, err := blob(ctx)
		if err != nil {
			return nil, err
		}
		layer, err := newLayerReader(compressed, diffID)
		if err != nil {
			return nil, err
		}
		return layer, nil
	}
	return Layer{Digest: digest, DiffID: diffID, Size: d.Size, open: open}, nil
}
