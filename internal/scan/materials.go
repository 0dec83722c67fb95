package scan

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// addMaterials asks what the image was built from. A registry that does not
// answer to that is no reason to leave the image unscanned: it is noted, so that
// whoever wants to know may ask again. One that answers, but with nothing of
// use, would do so again.
func (s *Scanner) addMaterials(ctx context.Context, img *store.Image, manifest *registry.Manifest, from Candidate) {
	materials, err := s.Registry.Provenance(ctx, from.Reference, manifest, from.Keychain)
	img.MaterialsUnread = err != nil && !Final(err)
	for _, m := range materials {
		img.Materials = append(img.Materials, store.Material{Name: m.Name, Digest: m.Digest})
	}
}
