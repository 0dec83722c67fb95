package baseimage

import (
	"cmp"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Claim is what something says of an image's base.
type Claim struct {
	// Source is Annotation, Provenance or Dockerfile.
	Source v1alpha1.BaseImageSource
	// Name of the base, with its tag where that is said. Digest of an index or a
	// manifest. Either may be empty.
	Name   image.Reference
	Digest image.Digest
}

// Known is an image that others may be built on, for one platform.
type Known struct {
	// Reference with its tag, and the digest that the tag led to: of an index or a manifest. The repository was seen to
	// have the digest; the reference is empty where none was.
	Reference image.Reference
	Digest    image.Digest
	// Manifest of the platform.
	Manifest image.Digest
	Platform image.Platform
	// DiffIDs of the layers, lowest first.
	DiffIDs []image.Digest
	// Created is zero where the image does not say.
	Created time.Time
}

// Base of an image.
type Base struct {
	// Known is complete where the image's layers are those of the base; else it has
	// the reference and the digest that were claimed, and nothing more.
	Known
	Source v1alpha1.BaseImageSource
	// Confirmed says that the image's lowest layers are those of the base, and that
	// the base is in the repository that its reference names.
	Confirmed bool
	// Layers is how many of the image's layers are the base's; 0 where that is not known.
	Layers int
}

// sourceOrder is the order in which sources are believed.
var sourceOrder = []v1alpha1.BaseImageSource{
	v1alpha1.BaseAnnotation, v1alpha1.BaseProvenance, v1alpha1.BaseLayers, v1alpha1.BaseDockerfile,
}

// Find returns the base of the image that has these layers. known looks up the
// image that a claim is about, by its digest and for the image's platform; index may be nil.
//
// A claim whose layers are at hand and are not the image's lowest ones is
// rejected, for labels are inherited. Of bases that are confirmed, the one with
// the most layers counts: it is the nearest, and a label that is inherited from
// it names but the base beneath. Of equals, the first is one whose name is
// confirmed, too: anybody may write any name beside a digest. Then the order is
// annotation, provenance, layers, Dockerfile. What cannot be confirmed is returned only where nothing is
// confirmed and where it is the only word on the matter: a provenance lists the
// images of all stages.
func Find(diffIDs []image.Digest, claims []Claim, known func(Claim) (Known, bool), index *Index) (Base, bool) {
	var (
		found []Base
		open  []Claim
	)
	for _, claim := range claims {
		base, verdict := claim.check(diffIDs, known, index)
		switch verdict {
		case confirmed:
			found = append(found, base)
		case undecided:
			open = append(open, claim)
		}
	}
	if k, ok := index.longest(diffIDs, claims); ok {
		found = append(found, confirm(k, v1alpha1.BaseLayers))
	}
	if len(found) == 0 {
		return unconfirmed(open)
	}
	return slices.MinFunc(found, func(a, b Base) int {
		return cmp.Or(
			cmp.Compare(b.Layers, a.Layers),
			compareConfirmed(a, b),
			cmp.Compare(slices.Index(sourceOrder, a.Source), slices.Index(sourceOrder, b.Source)),
		)
	}), true
}

func confirm(k Known, source v1alpha1.BaseImageSource) Base {
	return Base{Known: k, Source: source, Confirmed: true, Layers: len(k.DiffIDs)}
}

func compareConfirmed(a, b Base) int {
	switch {
	case a.Confirmed == b.Confirmed:
		return 0
	case a.Confirmed:
		return -1
	}
	return 1
}

// verdict on a claim.
type verdict int

const (
	undecided verdict = iota
	rejected
	confirmed
)

func (c Claim) check(diffIDs []image.Digest, known func(Claim) (Known, bool), index *Index) (Base, verdict) {
	k, ok := Known{}, false
	if c.Digest != "" {
		k, ok = known(c)
	}
	if ok && !isPrefix(k.DiffIDs, diffIDs) {
		return Base{}, rejected
	}
	base := confirm(c.named(k), c.Source)
	base.Confirmed = base.Reference.Repository == k.Reference.Repository
	if ok && base.Confirmed {
		return base, confirmed
	}
	// Another build of the tag with the same layers is the same base.
	if k, ok := index.tagged(c.Name, diffIDs); ok {
		return confirm(k, c.Source), confirmed
	}
	if ok {
		return base, confirmed
	}
	return Base{}, undecided
}

// named gives what is known the name that the claim has for it: it is what
// the image's author wrote.
func (c Claim) named(k Known) Known {
	switch {
	case c.Name.Repository == "":
		return k
	case c.Name.Tag == "" && c.Name.Repository == k.Reference.Repository && k.Reference.Tag != "":
		return k
	}
	k.Reference = image.Reference{Repository: c.Name.Repository, Tag: c.Name.Tag}
	return k
}

// unconfirmed returns the first source's claim, if that source makes but one.
func unconfirmed(open []Claim) (Base, bool) {
	for _, source := range sourceOrder {
		var claims []Claim
		for _, c := range open {
			if c.Source == source && c.Name.Repository != "" && !slices.Contains(claims, c) {
				claims = append(claims, c)
			}
		}
		if len(claims) == 1 {
			c := claims[0]
			name := image.Reference{Repository: c.Name.Repository, Tag: c.Name.Tag}
			return Base{Known: Known{Reference: name, Digest: c.Digest}, Source: source}, true
		}
	}
	return Base{}, false
}

// isPrefix says whether the layers are the lowest of an image's. No layers are
// no base.
func isPrefix(layers, of []image.Digest) bool {
	return len(layers) > 0 && len(layers) <= len(of) && slices.Equal(layers, of[:len(layers)])
}
