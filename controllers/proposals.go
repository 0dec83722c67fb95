package controllers

import (
	"sync"

	"github.com/plimsoll-dev/plimsoll/internal/edit"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// proposals remember what a look into repositories has shown. They are safe for
// concurrent use, and gone with the process.
type proposals struct {
	mu sync.Mutex
	// deployed are images that a repository deploys and does not build.
	deployed map[deployedImage]struct{}
	// edits that were found at a commit, so that its files are read once.
	edits map[editsKey]source.Edits
	// read are the images whose Dockerfiles were looked at.
	read map[inventory.ScanKey]struct{}
}

// maxEdits that are remembered.
const maxEdits = 256

// editsKey is all that edits of one change depend on.
type editsKey struct {
	repository, commit string
	change             edit.Change
	hints              string
}

type deployedImage struct{ source, repository string }

func newProposals() *proposals {
	return &proposals{deployed: map[deployedImage]struct{}{}, read: map[inventory.ScanKey]struct{}{}, edits: map[editsKey]source.Edits{}}
}

// deploy notes that the group's place names the images themselves, and not their base.
func (p *proposals) deploy(g *moving) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, img := range g.Images {
		p.deployed[deployedImage{g.ID.Source, img.Report.Repository}] = struct{}{}
	}
}

// onlyDeployed says whether that is known of an image's likeliest place.
func (p *proposals) onlyDeployed(img *movingImage) bool {
	if len(img.Places) == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.deployed[deployedImage{img.Places[0].Repository, img.Report.Repository}]
	return known
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
