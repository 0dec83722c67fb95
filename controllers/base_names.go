package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
)

// digestRegistry is where repositories are asked for what they have.
type digestRegistry interface {
	Digest(ctx context.Context, ref image.Reference, keys registry.Keychain) (image.Digest, error)
}

// baseNames are the digests that repositories were seen to have. An image's author may write any name beside the digest of
// its base, and only the repository of that name knows better. They are for one worker, and gone with the process.
type baseNames struct {
	registry digestRegistry
	now      func() time.Time
	held     map[image.Reference]struct{}
	// absent is what a repository said not to have, and is not asked for until then: a list of bases wakes all images.
	absent map[image.Reference]time.Time
	// silent hosts did not answer, and are left alone until then.
	silent map[string]time.Time
}

func newBaseNames(registry digestRegistry, now func() time.Time) *baseNames {
	return &baseNames{registry: registry, now: now, held: map[image.Reference]struct{}{}, absent: map[image.Reference]time.Time{}, silent: map[string]time.Time{}}
}

const (
	// maxHeld bounds how many are remembered, and absence how long it is that a repository has none.
	maxHeld = 10_000
	absence = time.Hour
	// maxAsk is how long the repositories of one image may take, and silence how long a host that does not answer is left
	// alone: other images wait.
	maxAsk  = 15 * time.Second
	silence = 5 * time.Minute
)

// errSilent says that a registry did not answer a while ago.
var errSilent = errors.New("its registry did not answer, and is asked again later")

// ask has the repository of each claim say whether it has the digest. The error is of those that could not be asked now.
func (n *baseNames) ask(ctx context.Context, claims []baseimage.Claim, keys registry.Keychain) error {
	ctx, cancel := context.WithTimeout(ctx, maxAsk)
	defer cancel()
	var failures []error
	for _, claim := range claims {
		if n.holds(claim) {
			continue
		}
		ref := held(claim)
		if err := n.askFor(ctx, ref, keys); err != nil {
			failures = append(failures, fmt.Errorf("ask for the base image %s: %w", ref, err))
		}
	}
	return errors.Join(failures...)
}

func (n *baseNames) askFor(ctx context.Context, ref image.Reference, keys registry.Keychain) error {
	if n.now().Before(n.silent[ref.Host()]) {
		return errSilent
	}
	if n.now().Before(n.absent[ref]) {
		return nil
	}
	digest, err := n.registry.Digest(ctx, ref, keys)
	switch {
	case err == nil && digest == ref.Digest:
		n.hold(ref)
	case err != nil && !scan.Final(err):
		n.silent[ref.Host()] = n.now().Add(silence)
		return err
	case err != nil:
		// Not so where access is refused: another image may bring other credentials.
		if reason, _ := scan.Reason(err); reason == v1alpha1.ReasonImageNotFound {
			if len(n.absent) >= maxHeld {
				clear(n.absent)
			}
			n.absent[ref] = n.now().Add(absence)
		}
	}
	return nil
}

// hold remembers that a repository has a digest.
func (n *baseNames) hold(ref image.Reference) {
	if len(n.held) >= maxHeld {
		clear(n.held)
	}
	n.held[ref] = struct{}{}
}

func held(claim baseimage.Claim) image.Reference {
	return image.Reference{Repository: claim.Name.Repository, Digest: claim.Digest}
}

func (n *baseNames) holds(claim baseimage.Claim) bool {
	_, ok := n.held[held(claim)]
	return ok
}

// scannedClaims are those whose images are known, so that nothing but their names is left to confirm.
func (s *shared) scannedClaims(claims []baseimage.Claim, platform image.Platform) []baseimage.Claim {
	var known []baseimage.Claim
	for _, claim := range claims {
		if _, ok := s.known(inventory.ScanKey{Digest: claim.Digest, Platform: platform}); ok {
			known = append(known, claim)
		}
	}
	return known
}
