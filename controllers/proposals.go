package controllers

import (
	"sync"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// proposals remember what a look into repositories has shown. They are safe for
// concurrent use, and gone with the process.
type proposals struct {
	mu sync.Mutex
	// deployed are images that a repository deploys and does not build. False: at the commit that was looked at it does not.
	deployed map[deployedImage]deployedAt
	// read are the images whose Dockerfiles were looked at.
	read map[inventory.ScanKey]struct{}
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
	return &proposals{deployed: map[deployedImage]deployedAt{}, read: map[inventory.ScanKey]struct{}{}}
}

// deploys notes whether a place names the image itself, and not its base.
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
