package controllers

import (
	"sync"

	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// proposals remember what a look into repositories has shown. They are safe for
// concurrent use, and gone with the process.
type proposals struct {
	mu sync.Mutex
	// deployed are images that a repository deploys and does not build.
	deployed map[deployedImage]struct{}
	// read are the images whose Dockerfiles were looked at.
	read map[inventory.ScanKey]struct{}
}

type deployedImage struct{ source, repository string }

func newProposals() *proposals {
	return &proposals{deployed: map[deployedImage]struct{}{}, read: map[inventory.ScanKey]struct{}{}}
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
