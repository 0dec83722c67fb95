package controllers

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// chosen is where a group of images is to move, and what else was looked at.
type chosen struct {
	baseimage.Choice
	// Looked says that the repository's tags are known, and what the candidates among them hold.
	Looked bool
	// Seen are the candidates with the time of our first sight of each.
	Seen    []v1alpha1.UpdateCandidate
	Smaller *v1alpha1.SmallerBase
}

// facts of an image that is scanned and judged, whoever asked for it; false until it is.
func (s *shared) facts(key inventory.ScanKey, images imageStore) (policy.Facts, bool, error) {
	state, _ := s.catalogue.get(key)
	state = s.judged(state)
	if !state.scanned() || state.Reason != v1alpha1.ReasonScanned && state.Reason != "" && state.Reason != v1alpha1.ReasonPartiallyScanned {
		return policy.Facts{}, false, nil
	}
	judgement, ok := s.fleet.Judgement(state.Manifest)
	if !ok || slices.ContainsFunc(judgement.Problems, match.Blind) {
		return policy.Facts{}, false, nil
	}
	content, err := images.Image(state.Manifest)
	if errors.Is(err, store.ErrNotFound) {
		return policy.Facts{}, false, nil
	}
	if err != nil {
		return policy.Facts{}, false, fmt.Errorf("read image %s from the store: %w", state.Manifest, err)
	}
	facts := scan.Facts(&content.Content, judgement.Findings)
	facts.Scanned = scan.State{Reason: state.Reason, Message: state.Message}.Report(&content.Content, judgement.Problems).Done
	return facts, facts.Scanned, nil
}

// choose decides where a group is to move. before is the update's status as it was.
func (r *updateReconciler) choose(g moving, p remediated, before v1alpha1.ImageUpdateStatus) (chosen, error) {
	var c chosen
	s := g.subject(p.majors())
	current, ok := baseimage.ParseTag(g.ID.Base.Repository, g.ID.Base.Tag)
	if !ok {
		return c, nil
	}
	from, ok, err := r.facts(inventory.ScanKey{Digest: g.From, Platform: g.Platform}, r.store)
	if err != nil || !ok {
		return c, err
	}
	found, looked := r.watched.of(g.ID.Base.Repository, s)
	if !looked {
		return c, nil
	}
	for _, o := range found.Candidates {
		if _, settled := r.catalogue.get(inventory.ScanKey{Digest: o.Digest, Platform: g.Platform}); !settled {
			// Its scan comes back to this: until then a larger step might be taken for want of a smaller one.
			return c, nil
		}
	}
	c.Looked = true
	in := baseimage.ChooseInput{
		Current: baseimage.Version{Tag: current, Digest: g.From, Created: from.Config.Created},
		MinAge:  time.Duration(*p.Remediation.MinReleaseAgeDays) * 24 * time.Hour,
	}
	for _, o := range found.Candidates {
		if o.Digest == g.From {
			continue
		}
		e, err := r.evaluate(g, p, from.Findings, o, before)
		if err != nil {
			return c, err
		}
		in.Candidates = append(in.Candidates, e)
	}
	in.Now = r.now() // Not before what is seen just now.
	c.Choice = baseimage.Choose(in)
	if g.Deployed && !r.pinned(&g, before.To) {
		c.Choice = byTag(c.Choice, in)
	}
	c.Choice = refused(c.Choice, in.Candidates)
	c.Seen = seenCandidates(in.Candidates, c.Choice)
	c.Smaller = r.smaller(g, from.Findings, found.Smaller)
	return c, nil
}

// byTag prefers a larger step to another digest of the same tag if it does as much: files that name the tag alone can
// be brought to a newer tag, while of the digest they say nothing.
func byTag(choice baseimage.Choice, in baseimage.ChooseInput) baseimage.Choice {
	refresh := choice.Taken
	if refresh == nil || refresh.Step != (baseimage.Step{}) {
		return choice
	}
	in.Candidates = slices.DeleteFunc(slices.Clone(in.Candidates), func(e baseimage.Evaluated) bool { return e.Step == refresh.Step })
	larger := baseimage.Choose(in)
	if larger.Taken == nil || gain(larger.Taken.Delta) < gain(refresh.Delta) {
		return choice
	}
	larger.Passed = append(larger.Passed, baseimage.Passed{
		Tag: refresh.Tag, Digest: refresh.Digest, Reason: v1alpha1.PassedSameTag, Message: "the files name the tag alone, and " + larger.Taken.Tag.String() + " does as much",
	})
	return larger
}

// gain is how many findings less there are after a move.
func gain(d baseimage.Delta) int { return len(d.Fixes) - len(d.Adds) }

// refused takes a choice back that is a larger step than one that a person
// refused: who does not want the small one is not asked for the large one.
func refused(choice baseimage.Choice, candidates []baseimage.Evaluated) baseimage.Choice {
	for _, e := range candidates {
		if choice.Taken == nil || e.Digest == choice.Taken.Digest && e.Tag.String() == choice.Taken.Tag.String() {
			return choice
		}
		if e.Ignored {
			choice.Passed = append(choice.Passed, baseimage.Passed{
				Tag: choice.Taken.Tag, Digest: choice.Taken.Digest, Reason: v1alpha1.PassedLargerStep, Message: "the smaller step to " + e.Tag.String() + " was refused",
			})
			choice.Taken = nil
		}
	}
	return choice
}

// evaluate says what a move to an offer would change.
func (r *updateReconciler) evaluate(g moving, p remediated, from []policy.Finding, o offer, before v1alpha1.ImageUpdateStatus) (baseimage.Evaluated, error) {
	e := baseimage.Evaluated{
		Candidate: o.Candidate, Digest: o.Digest, Unreleased: o.Unreleased, FirstSeen: r.now(),
		Ignored: slices.Contains(before.Ignored, candidateName(g.ID.Base.Repository, o)),
	}
	for _, seen := range before.Candidates {
		// A tag that is built again and again would never be old enough by its digest.
		again := o.Step.Level == baseimage.Same && !o.Step.Variant
		if seen.Tag == o.Tag.String() && (seen.Digest == string(o.Digest) || again) {
			e.FirstSeen = seen.FirstSeenTime.Time
		}
	}
	facts, ok, err := r.facts(inventory.ScanKey{Digest: o.Digest, Platform: g.Platform}, r.store)
	if err != nil || !ok {
		return e, err
	}
	e.Scanned, e.Created = true, facts.Config.Created
	e.Delta = baseimage.Compare(from, facts.Findings)
	facts.Repository, facts.Tags, facts.Digest = g.ID.Base.Repository, []string{o.Tag.String()}, string(o.Digest)
	facts.Base = &policy.Base{Name: g.ID.Base.Repository + ":" + o.Tag.String(), Digest: string(o.Digest)}
	e.FailsPolicy = failsPolicy(p.policy, facts, g.Deployed, r.now())
	return e, nil
}

// candidateName is how a status names what was ignored.
func candidateName(repository string, o offer) string {
	return image.Reference{Repository: repository, Tag: o.Tag.String(), Digest: o.Digest}.String()
}

// failsPolicy names the first rule of the policy that an image to move to would violate,
// empty where none. A base is judged by the rules on what it brings, an image that is deployed also
// by those on itself; how it would run is not known.
func failsPolicy(p policy.Policy, facts policy.Facts, deployed bool, now time.Time) string {
	p.Spec.Selector = v1alpha1.PolicySelector{}
	p.Spec.Rules = slices.DeleteFunc(slices.Clone(p.Spec.Rules), func(rule v1alpha1.Rule) bool {
		switch rule.Type {
		case v1alpha1.RuleVulnerabilities, v1alpha1.RulePackages:
			return false
		case v1alpha1.RuleBaseImage:
			return deployed
		case v1alpha1.RuleRegistries, v1alpha1.RuleImage:
			return !deployed
		}
		return true
	})
	for _, verdict := range policy.Judge(facts, []policy.Policy{p}, nil, now).Verdicts {
		for _, violation := range verdict.Violations {
			return violation.Rule
		}
	}
	return ""
}

func seenCandidates(candidates []baseimage.Evaluated, choice baseimage.Choice) []v1alpha1.UpdateCandidate {
	seen := make([]v1alpha1.UpdateCandidate, 0, len(candidates))
	for _, e := range candidates {
		c := v1alpha1.UpdateCandidate{Tag: e.Tag.String(), Digest: string(e.Digest), FirstSeenTime: seconds(e.FirstSeen)}
		for _, passed := range choice.Passed {
			if passed.Tag.String() == c.Tag && passed.Digest == e.Digest {
				c.PassedOver, c.Message = passed.Reason, passed.Message
			}
		}
		seen = append(seen, c)
	}
	return seen
}

// smaller is the base of another family that would leave the fewest findings.
func (r *updateReconciler) smaller(g moving, from []policy.Finding, candidates []offer) *v1alpha1.SmallerBase {
	var best *v1alpha1.SmallerBase
	for _, o := range candidates {
		facts, ok, err := r.facts(inventory.ScanKey{Digest: o.Digest, Platform: g.Platform}, r.store)
		if err != nil || !ok {
			continue
		}
		delta := baseimage.Compare(from, facts.Findings)
		if !delta.Better() || best != nil && int(best.Fixes-best.Adds) >= len(delta.Fixes)-len(delta.Adds) {
			continue
		}
		best = &v1alpha1.SmallerBase{
			Reference: g.ID.Base.Repository + ":" + o.Tag.String(), Fixes: int32(len(delta.Fixes)), Adds: int32(len(delta.Adds)),
		}
	}
	return best
}
