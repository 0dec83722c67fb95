package controllers

import (
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// gatherBase tells the report on what the image is built, and what is done about
// that. A report that has said so waits until it is known again.
func (r *imageReportReconciler) gatherBase(s *reportScope) {
	if s.content == nil {
		return
	}
	base, settled := r.bases.get(s.content.ManifestDigest)
	s.gatherUpdate(r.projections)
	if !settled {
		said := s.object != nil && s.object.Status.ContentHash != ""
		s.ready = !said || s.object.Status.Base == nil && !asksForBase(s.policies)
		return
	}
	s.facts.Base = &policy.Base{}
	if base.Found {
		s.setBase(base)
		s.facts.Base = &policy.Base{
			Name: s.base.Name, Digest: s.base.Digest, Claimed: !base.Confirmed, NewerSince: r.newerSince(base, s.key.Platform),
		}
	}
}

func asksForBase(policies []policy.Policy) bool {
	return slices.ContainsFunc(policies, func(p policy.Policy) bool {
		return slices.ContainsFunc(p.Spec.Rules, func(rule v1alpha1.Rule) bool { return rule.Type == v1alpha1.RuleBaseImage })
	})
}

func (s *reportScope) setBase(base foundBase) {
	s.base = &v1alpha1.BaseImage{Name: base.Reference.String(), Digest: string(base.Digest), Source: base.Source, Trust: v1alpha1.BaseClaimed}
	if base.Confirmed {
		s.base.Trust = v1alpha1.BaseConfirmed
	}
	s.baseIDs = digestStrings(s.content.Content.Config.DiffIDs[:base.Layers])
}

func digestStrings(digests []image.Digest) []string {
	list := make([]string, 0, len(digests))
	for _, d := range digests {
		list = append(list, string(d))
	}
	return list
}

// gatherUpdate shows what the policies that select the report do about its image.
func (s *reportScope) gatherUpdate(projected *projections) {
	var policies []policyKey
	for _, p := range s.policies {
		policies = append(policies, policyKeyIn(s.key.Namespace, p.Kind, p.Name))
	}
	update, step, known := projected.of(s.key, policies)
	if !known && s.object != nil {
		update = s.object.Status.Update
	}
	s.update, s.stepSize = update, step
}

// newerSince is since when something newer than the base has been known: a build
// of its tag, or a tag to move to. What a build says of its own time counts.
func (s *shared) newerSince(base foundBase, platform image.Platform) time.Time {
	var since time.Time
	if !base.Found {
		return since
	}
	var candidates []offer
	for _, majors := range []bool{false, true} {
		found, _ := s.watched.of(base.Reference.Repository, subject{Tag: base.Reference.Tag, Platform: platform, Majors: majors})
		candidates = append(candidates, found.Candidates...)
	}
	for _, o := range candidates {
		newer, ok := s.known(inventory.ScanKey{Digest: o.Digest, Platform: platform})
		if !ok || o.Digest == base.Digest || !newer.Created.After(base.Created) {
			continue
		}
		if since.IsZero() || newer.Created.Before(since) {
			since = newer.Created
		}
	}
	return since
}
