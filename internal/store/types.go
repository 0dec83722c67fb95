package store

import (
	"errors"
	"fmt"

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
