package controllers

import (
	"context"
	"errors"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/edit"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// maxDockerfiles of a repository that are read to find a base.
const maxDockerfiles = 16

// readDockerfiles looks for the bases of images that name none, in the Dockerfiles
// of the commits that they were built from. What it finds is a claim, which the layers confirm or not.
// It returns when to come back for what could not be read; 0: there is no such.
func (r *updateReconciler) readDockerfiles(ctx context.Context, p remediated, images []movingImage) (again time.Duration) {
	if p.Remediation == nil || p.Remediation.ForgeRef == nil {
		return 0
	}
	for _, img := range images {
		at := slices.IndexFunc(img.Places, func(l source.Location) bool { return l.Kind == source.Dockerfile && l.Revision != "" })
		if img.Base.Found || at < 0 {
			continue
		}
		if wait := r.readOnce(ctx, p, img, img.Places[at]); wait > 0 && (again == 0 || wait < again) {
			again = wait
		}
	}
	return again
}

// readOnce reads the Dockerfiles of an image unless that was done, and returns how long to wait where it failed.
func (r *updateReconciler) readOnce(ctx context.Context, p remediated, img movingImage, at source.Location) time.Duration {
	key := p.key.String() + " Dockerfile " + string(img.Report.Digest) + " " + img.Report.Platform.String()
	with := r.configured(ctx, p, p.Remediation.ForgeRef)
	if wait, _ := r.attempts.due(key, with, r.now()); wait > 0 {
		return wait
	}
	read := readKey{policy: p.key, image: img.Report.Scan()}
	if !r.proposals.unread(read) {
		return 0
	}
	if err := r.readDockerfile(ctx, p, img, at); err != nil {
		r.forges.pause(p.forgeSecret(), err)
		r.proposals.forgetRead(read)
		log.FromContext(ctx).Info("The Dockerfile of an image cannot be read", "repository", at.Repository, "error", err.Error())
		return r.attempts.failed(key, with, err, retryAfter(err), r.now())
	}
	r.attempts.succeeded(key)
	return 0
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
	read := 0
	var failure error
	for _, f := range files {
		if !edit.IsDockerfile(f.Path) || read == maxDockerfiles {
			continue
		}
		read++
		content, err := forge.Read(ctx, at.Revision, f.Path)
		if err != nil {
			return err
		}
		if base, ok := source.FinalBase(content, ""); ok {
			failure = errors.Join(failure, r.claimBase(ctx, img, base))
		}
	}
	return failure
}

// claimBase has an image looked at for a base that a Dockerfile names. One that the registry does not have is none.
func (r *updateReconciler) claimBase(ctx context.Context, img movingImage, base image.Reference) error {
	digest, name := base.Digest, image.Reference{Repository: base.Repository, Tag: base.Tag}
	if digest == "" {
		var err error
		digest, err = r.registry.Digest(ctx, base, keychain{reader: r.reader, secrets: r.secrets, pulls: img.Pulls})
		if reason, _ := scan.Reason(err); err != nil && reason == v1alpha1.ReasonImageNotFound {
			return nil
		}
		if err != nil {
			return err
		}
	}
	state, _ := r.catalogue.get(img.Report.Scan())
	if r.bases.claim(state.Manifest, baseimage.Claim{Source: v1alpha1.BaseDockerfile, Name: name, Digest: digest}) {
		r.baseQueue.addPriority(ctx, priorityNormal, img.Report.Scan())
	}
	return nil
}

// unread says, once, that an image's Dockerfile was not read yet.
func (p *proposals) unread(key readKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, read := p.read[key]
	p.read[key] = struct{}{}
	return !read
}

func (p *proposals) forgetRead(key readKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.read, key)
}
