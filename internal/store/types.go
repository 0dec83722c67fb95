package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

var (
	// ErrNotFound says that the store does not have what was asked for.
	ErrNotFound = errors.New("not in the store")
	// ErrCorrupt says that the store had it damaged, and has removed it. Such
	// an error is an ErrNotFound too: what is to be done is the same.
	ErrCorrupt = fmt.Errorf("%w any more: the entry was damaged and is removed", ErrNotFound)
)

// Image is what was extracted of one manifest.
type Image struct {
	ManifestDigest image.Digest
	ConfigDigest   image.Digest
	Content        sbom.Image
	// Annotations are what the manifest, or its entry in an index, says of the base.
	Annotations map[string]string `json:",omitempty"`
	// Materials are the images that it says it was built from.
	Materials []Material `json:",omitempty"`
	// MaterialsUnread says that the registry did not answer when it was asked for
	// the materials, so that there may be some.
	MaterialsUnread bool `json:",omitempty"`
}

// Material is an image that another was built from, by the word of its builder.
type Material struct {
	// Name as a full reference, with its tag if the build named one.
	Name string
	// Digest of an index or a manifest.
	Digest image.Digest
}

// Base is a build of an image that others may be built on.
type Base struct {
	Tag string
	// Digest that the tag led to, of an index or a manifest, and the platform's manifest.
	Digest   image.Digest
	Manifest image.Digest
	Platform image.Platform
	// DiffIDs of its layers, lowest first.
	DiffIDs []image.Digest
	// Created is zero where the image does not say.
	Created time.Time `json:",omitzero"`
}

// bases of one repository.
type bases struct {
	Repository string
	Bases      []Base
}

// Options of a store.
type Options struct {
	// Extractor is the version of what makes the entries. A store whose
	// entries another version made starts empty.
	Extractor string
	// MaxEntryBytes bounds an entry before compression; 0 is 256 MiB. A larger
	// one is refused when it is put, and is damaged when it is read.
	MaxEntryBytes int
}

// resolution says which manifest a digest that a kubelet reports leads to.
type resolution struct {
	Digest   image.Digest
	Platform image.Platform
	Manifest image.Digest
}
