package store

import (
	"errors"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// ErrNotFound says that the store does not have what was asked for.
var ErrNotFound = errors.New("not in the store")

// Image is what was extracted of one manifest.
type Image struct {
	ManifestDigest image.Digest
	ConfigDigest   image.Digest
	Content        sbom.Image
}
