package controllers

import (
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/source"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// origin is what an image says of where it comes from.
type origin struct {
	DiffIDs []image.Digest    `json:"d,omitempty"`
	Created time.Time         `json:"t,omitzero"`
	Claims  []baseimage.Claim `json:"c,omitempty"`
	// Source and Revision of the repository that it was built from, by its labels.
	Source   string `json:"s,omitempty"`
	Revision string `json:"r,omitempty"`
}

func originOf(img *store.Image) origin {
	config := img.Content.Config
	o := origin{
		DiffIDs: config.DiffIDs, Created: config.Created,
		Source: config.Labels[source.LabelSource], Revision: config.Labels[source.LabelRevision],
	}
	for _, said := range []map[string]string{img.Annotations, config.Labels} {
		o.claim(v1alpha1.BaseAnnotation, said[registry.AnnotationBaseName], said[registry.AnnotationBaseDigest])
	}
	for _, m := range img.Materials {
		o.claim(v1alpha1.BaseProvenance, m.Name, string(m.Digest))
	}
	return o
}

// claim adds what can be followed: a name that parses, and a digest.
func (o *origin) claim(by v1alpha1.BaseImageSource, name, digest string) {
	ref, err := image.ParseReference(name)
	if name == "" || err != nil {
		return
	}
	if d, err := image.ParseDigest(digest); err == nil {
		ref.Digest = d
	}
	if ref.Digest == "" {
		return
	}
	c := baseimage.Claim{Source: by, Name: image.Reference{Repository: ref.Repository, Tag: ref.Tag}, Digest: ref.Digest}
	if !slices.Contains(o.Claims, c) {
		o.Claims = append(o.Claims, c)
	}
}

// foundBase is what is known of an image's base.
type foundBase struct {
	baseimage.Base
	// Found is false where the image has none that is known.
	Found bool
}

// bases are the origins of all scanned images, and the bases that were found for
// them. They are safe for concurrent use, and gone with the process.
type bases struct {
	mu      sync.RWMutex
	origins map[image.Digest]origin
	found   map[image.Digest]foundBase
	// index knows base images by their layers, as they were listed for each repository.
	index  *baseimage.Index
	listed map[string][]baseimage.Known
}

func newBases() *bases {
	return &bases{origins: map[image.Digest]origin{}, found: map[image.Digest]foundBase{}, index: &baseimage.Index{}, listed: map[string][]baseimage.Known{}}
}

func (b *bases) put(manifest image.Digest, o origin) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.origins[manifest]
	for _, c := range before.Claims {
		if c.Source == v1alpha1.BaseDockerfile && !slices.Contains(o.Claims, c) {
			o.Claims = append(o.Claims, c)
		}
	}
	b.origins[manifest] = o
}

// claim adds what was learned of an image's base later, and says whether that is news.
func (b *bases) claim(manifest image.Digest, c baseimage.Claim) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.origins[manifest]
	if !ok || slices.Contains(o.Claims, c) {
		return false
	}
	o.Claims = append(slices.Clone(o.Claims), c)
	b.origins[manifest] = o
	return true
}

func (b *bases) forget(manifest image.Digest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.origins, manifest)
	delete(b.found, manifest)
}

func (b *bases) origin(manifest image.Digest) (origin, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	o, ok := b.origins[manifest]
	return o, ok
}

// get returns an image's base; false while that is not settled.
func (b *bases) get(manifest image.Digest) (foundBase, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	base, ok := b.found[manifest]
	return base, ok
}

// set records a base and says whether it differs from the one before.
func (b *bases) set(manifest image.Digest, base foundBase) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, known := b.found[manifest]
	b.found[manifest] = base
	return !known || before.Found != base.Found || before.Source != base.Source || before.Digest != base.Digest ||
		before.Reference != base.Reference || before.Layers != base.Layers || before.Confirmed != base.Confirmed
}

// find looks for the base of an image by what it says and by its layers.
func (b *bases) find(manifest image.Digest, known func(baseimage.Claim) (baseimage.Known, bool)) foundBase {
	b.mu.RLock()
	defer b.mu.RUnlock()
	o := b.origins[manifest]
	base, found := baseimage.Find(o.DiffIDs, o.Claims, known, b.index)
	return foundBase{Base: base, Found: found}
}

// lists says whether the bases of a repository are known by their layers.
func (b *bases) lists(repository string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.listed[repository]) > 0
}

// list makes the bases of a repository known by their layers, in the place of those
// before, and says whether they differ.
func (b *bases) list(repository string, known []baseimage.Known) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.EqualFunc(b.listed[repository], known, func(a, b baseimage.Known) bool {
		return a.Reference == b.Reference && a.Digest == b.Digest && a.Platform == b.Platform
	}) {
		return false
	}
	b.index.Remove(repository)
	for _, k := range known {
		b.index.Add(k)
	}
	for manifest, base := range b.found {
		if !base.Found {
			// It may turn out to be built on one of these.
			delete(b.found, manifest)
		}
	}
	b.listed[repository] = known
	if len(known) == 0 {
		delete(b.listed, repository)
	}
	return true
}
