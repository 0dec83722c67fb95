package controllers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/edit"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/rebuild"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// proposals remember what a look into repositories has shown. They are safe for
// concurrent use, and gone with the process.
type proposals struct {
	mu sync.Mutex
	// deployed says of images whether a repository deploys them and does not build them.
	deployed map[deployedImage]deployedAt
	// edits that were found at a commit, so that its files are read once.
	edits map[editsKey]source.Edits
	// sent are the triggers that were accepted.
	sent map[sentKey]rebuild.Result
	// read are the images whose Dockerfiles were looked at.
	read map[readKey]struct{}
}

const (
	// maxEdits and maxSent are how many are remembered.
	maxEdits = 256
	maxSent  = 4096
)

// editsKey is all that edits of one change depend on.
type editsKey struct {
	repository, commit string
	change             edit.Change
	hints              string
}

// sentKey is a trigger of a policy by its idempotency key, which another policy's trigger at another pipeline may share.
type sentKey struct {
	policy policyKey
	key    string
}

// readKey is an image whose Dockerfile was looked at with a policy's credentials: another's may see more.
type readKey struct {
	policy policyKey
	image  inventory.ScanKey
}

// deployedImage is an image whose base its place does not name.
type deployedImage struct {
	source, repository string
	base               image.Reference
}

type deployedAt struct {
	commit string
	yes    bool
}

func newProposals() *proposals {
	return &proposals{deployed: map[deployedImage]deployedAt{}, read: map[readKey]struct{}{}, edits: map[editsKey]source.Edits{}, sent: map[sentKey]rebuild.Result{}}
}

// deploys notes whether a place names the image itself, and not its base, at a commit.
func (p *proposals) deploys(img deployedImage, commit string, yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deployed[img] = deployedAt{commit, yes}
}

// lookedAt says whether that is known at the commit.
func (p *proposals) lookedAt(img deployedImage, commit string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deployed[img].commit == commit
}

// onlyDeployed says whether that is known of an image's likeliest place.
func (p *proposals) onlyDeployed(img *movingImage) bool {
	if len(img.Places) == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deployed[deployedImage{img.Places[0].Repository, img.Report.Repository, img.Base.Reference}].yes
}

// deployedHere finds out whether a repository deploys images rather than builds them: no Dockerfile is known to name their base, and manifests
// name them. Once that is known, the images move themselves.
func (r *updateReconciler) deployedHere(ctx context.Context, p remediated, s *step, tree source.Tree, head string, edits source.Edits) error {
	built := edits.Current || slices.ContainsFunc(edits.Refused, func(r edit.Refusal) bool {
		return r.Reason != edit.ReasonNotFound && r.Reason != edit.ReasonInterpolated
	})
	if built || s.group.Deployed || s.group.builtHere() {
		return nil
	}
	hints := source.HintsOf(s.group.Places, p.Remediation.Files)
	hints.Kind = source.Manifests
	for _, img := range s.group.Images {
		key := deployedImage{s.id.Source, img.Report.Repository, s.id.Base}
		if r.proposals.lookedAt(key, head) {
			continue
		}
		found, err := source.Locate(ctx, tree, head, hints, image.Reference{Repository: img.Report.Repository, Tag: img.Tag, Digest: img.Report.Digest})
		if err != nil {
			return fmt.Errorf("look for %s in %s: %w", img.Report.Repository, s.id.Source, err)
		}
		r.proposals.deploys(key, head, len(found.Places) > 0)
		if len(found.Places) > 0 {
			s.comeBack(time.Second)
		}
	}
	return nil
}

// known returns the edits that were found before.
func (p *proposals) known(key editsKey) (source.Edits, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	edits, ok := p.edits[key]
	return edits, ok
}

func (p *proposals) keep(key editsKey, edits source.Edits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.edits) >= maxEdits {
		clear(p.edits)
	}
	p.edits[key] = edits
}

// delivered says whether a trigger was accepted, and what came of it.
func (p *proposals) delivered(key sentKey) (rebuild.Result, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	result, ok := p.sent[key]
	return result, ok
}

func (p *proposals) deliver(key sentKey, result rebuild.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) >= maxSent {
		clear(p.sent)
	}
	p.sent[key] = result
}
