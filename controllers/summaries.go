package controllers

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// summary is what a start needs of an image that was scanned before.
type summary struct {
	State  scan.State    `json:"state"`
	Fleet  fleet.Summary `json:"fleet"`
	Origin origin        `json:"origin"`
}

// summaryStore keeps summaries beside images. What it lacks is an error.
type summaryStore interface {
	Resolution(digest image.Digest, platform image.Platform) (image.Digest, error)
	Summary(manifest image.Digest, rules string) ([]byte, error)
	PutSummary(manifest image.Digest, rules string, summary []byte) error
}

// summaries of scanned images, so that a start reads no image's whole content.
type summaries struct {
	store summaryStore
	// program is the checksum of the one that runs: of what another has made,
	// nothing is known.
	program string
}

// load returns what was kept of an image, and false where it has to be scanned,
// or read from the store.
func (s summaries) load(key inventory.ScanKey) (manifest image.Digest, kept summary, ok bool) {
	manifest, err := s.store.Resolution(key.Digest, key.Platform)
	if err != nil {
		return "", summary{}, false
	}
	text, err := s.store.Summary(manifest, s.program)
	if err != nil || json.Unmarshal(text, &kept) != nil {
		return "", summary{}, false
	}
	return manifest, kept, true
}

// keep stores the summary of an image, unless it may not hold at the next start: neither must the image
// have archives that a Java database names.
func (s summaries) keep(img *store.Image, kept summary, now time.Time) error {
	if !fleet.Lasting(&img.Content, now) {
		return nil
	}
	text, err := json.Marshal(kept)
	if err != nil {
		// The image has a package that no summary can name. It is read in full at each start.
		return nil //nolint:nilerr // Nothing is lost.
	}
	if err := s.store.PutSummary(img.ManifestDigest, s.program, text); err != nil {
		return fmt.Errorf("keep the summary of image %s: %w", img.ManifestDigest, err)
	}
	return nil
}
