package baseimage

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Index finds known bases by their layers. The zero value is empty, and so is
// nil, which nothing can be added to. It is safe for concurrent use.
type Index struct {
	mu    sync.RWMutex
	bases map[chain][]Known
}

// chain is a hash of a sequence of layers.
type chain [sha256.Size]byte

// next is the chain with one more layer on top.
func (c chain) next(layer image.Digest) chain {
	return sha256.Sum256(append(c[:], layer...))
}

func chainOf(layers []image.Digest) chain {
	var c chain
	for _, layer := range layers {
		c = c.next(layer)
	}
	return c
}

// Add makes a base known. It replaces one of the same reference and manifest;
// older builds of a tag stay, because images stand on them. A base without
// layers is ignored: everything stands on nothing.
func (x *Index) Add(k Known) {
	if len(k.DiffIDs) == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.bases == nil {
		x.bases = map[chain][]Known{}
	}
	at := chainOf(k.DiffIDs)
	kept := slices.DeleteFunc(slices.Clone(x.bases[at]), func(other Known) bool {
		return other.Reference == k.Reference && other.Manifest == k.Manifest
	})
	kept = append(kept, k)
	slices.SortFunc(kept, compareSiblings)
	x.bases[at] = kept
}

// Remove forgets all bases of a repository.
func (x *Index) Remove(repository string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for at, siblings := range x.bases {
		kept := slices.DeleteFunc(slices.Clone(siblings), func(k Known) bool { return k.Reference.Repository == repository })
		if len(kept) == 0 {
			delete(x.bases, at)
			continue
		}
		x.bases[at] = kept
	}
}

// longest returns the base with the most layers that are the image's lowest, but
// not all of its layers: else an image would be its own base, or that of its
// sibling. Of bases with the same layers it takes one that a claim names, else
// the most specific tag.
func (x *Index) longest(diffIDs []image.Digest, claims []Claim) (Known, bool) {
	siblings := x.siblings(diffIDs)
	if len(siblings) == 0 {
		return Known{}, false
	}
	for _, claim := range claims {
		if i := slices.IndexFunc(siblings, claim.names); i >= 0 {
			return siblings[i], true
		}
	}
	return siblings[0], true
}

// names says whether the claim is about the base's repository and tag.
func (c Claim) names(k Known) bool {
	return c.Name.Repository == k.Reference.Repository && c.Name.Tag != "" && c.Name.Tag == k.Reference.Tag
}

func (x *Index) siblings(diffIDs []image.Digest) []Known {
	if x == nil {
		return nil
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	var (
		at   chain
		best []Known
	)
	for n, layer := range diffIDs {
		at = at.next(layer)
		if found := x.bases[at]; len(found) > 0 && n+1 < len(diffIDs) {
			best = found
		}
	}
	return best
}

// tagged returns the base with the most layers among those of a tag that are the image's lowest.
func (x *Index) tagged(name image.Reference, diffIDs []image.Digest) (Known, bool) {
	if x == nil || name.Tag == "" {
		return Known{}, false
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	var (
		at   chain
		best Known
		ok   bool
	)
	claim := Claim{Name: name}
	for _, layer := range diffIDs {
		at = at.next(layer)
		if i := slices.IndexFunc(x.bases[at], claim.names); i >= 0 {
			best, ok = x.bases[at][i], true
		}
	}
	return best, ok
}

// compareSiblings orders bases that have the same layers: the most specific tag
// first, then the newest build.
func compareSiblings(a, b Known) int {
	return cmp.Or(
		slices.Compare(specificity(b.Reference), specificity(a.Reference)),
		b.Created.Compare(a.Created),
		strings.Compare(a.Reference.String(), b.Reference.String()),
		strings.Compare(string(a.Manifest), string(b.Manifest)),
	)
}

// specificity of a tag: whether it is released, how many numbers its version
// has, and of how many words its variant is.
func specificity(ref image.Reference) []int {
	tag, ok := ParseTag(ref.Repository, ref.Tag)
	if !ok {
		return []int{-1}
	}
	released := 1
	if tag.Prerelease() {
		released = 0
	}
	return []int{released, len(tag.numbers), len(tag.variant)}
}
