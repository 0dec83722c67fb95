package controllers

import (
	"context"
	"errors"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/edit"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// maxDockerfiles of a repository that are read to find a base.
const maxDockerfiles = 16

// readDockerfiles looks for the bases of images that name none, in the Dockerfiles
// of the commits that they were built from. What it finds is a claim, which the layers confirm or not.
func (r *updateReconciler) readDockerfiles(ctx context.Context, p remediated, images []movingImage) {
	if p.Remediation == nil || p.Remediation.ForgeRef == nil {
		return
	}
	for _, img := range images {
		if img.Base.Found || img.Origin.Revision == "" || !r.proposals.unread(img.Report.Scan()) {
			continue
		}
		at := slices.IndexFunc(img.Places, func(l source.Location) bool { return l.Kind == source.Dockerfile && l.Revision != "" })
		if at < 0 {
			continue
		}
		if err := r.readDockerfile(ctx, p, img, img.Places[at]); err != nil {
			r.forges.pause(p.forgeSecret(), err)
			r.proposals.forgetRead(img.Report.Scan())
			log.FromContext(ctx).Info("The Dockerfile of an image cannot be read", "repository", img.Places[at].Repository, "error", err.Error())
		}
	}
}

func (r *updateReconciler) readDockerfile(ctx context.Context, p remediated, img movingImage, at source.Location) error {
	forge, err := r.forges.forge(ctx, p.forgeSecret(), at.Repository)
	if err != nil {
		return err
	}
	files, err := forge.Files(ctx, at.Revision)
	if errors.Is(err, pullrequest.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	state, _ := r.catalogue.get(img.Report.Scan())
	read := 0
	for _, f := range files {
		if !edit.IsDockerfile(f.Path) || read == maxDockerfiles {
			continue
		}
		read++
		content, err := forge.Read(ctx, at.Revision, f.Path)
		if err != nil {
			return err
		}
		base, ok := source.FinalBase(content, "")
		if !ok {
			continue
		}
		if base.Digest == "" {
			if base.Digest, err = r.registry.Digest(ctx, base, keychain{reader: r.reader, secrets: r.secrets, pulls: img.Pulls}); err != nil {
				continue
			}
		}
		digest := base.Digest
		base.Digest = ""
		if r.bases.claim(state.Manifest, baseimage.Claim{Source: v1alpha1.BaseDockerfile, Name: base, Digest: digest}) {
			r.baseQueue.addPriority(ctx, priorityNormal, img.Report.Scan())
		}
	}
	return nil
}

// unread says, once, that an image's Dockerfile was not read yet.
func (p *proposals) unread(key inventory.ScanKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, read := p.read[key]
	p.read[key] = struct{}{}
	return !read
}

func (p *proposals) forgetRead(key inventory.ScanKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.read, key)
}
