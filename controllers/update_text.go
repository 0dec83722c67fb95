package controllers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// branchPrefix of all branches of ours.
const branchPrefix = "plimsoll/"

// branch of an update's pull request: the same for every cluster and policy that
// proposes to move the same base in a repository.
func branchOf(p remediated, s *step) string {
	if p.Remediation.Grouping == v1alpha1.GroupingRepository {
		return branchPrefix + "images"
	}
	sum := sha256.Sum256([]byte(s.id.Base.String()))
	name := s.id.Base.Repository[strings.LastIndexByte(s.id.Base.Repository, '/')+1:] + "-" + s.id.Base.Tag
	return branchPrefix + strings.ReplaceAll(name, "..", "-") + "-" + hex.EncodeToString(sum[:4])
}

// target is what an update moves to.
func (s *step) target() image.Reference {
	return image.Reference{Repository: s.id.Base.Repository, Tag: s.status.To.Tag, Digest: image.Digest(s.status.To.Digest)}
}

// proposal of the updates of a bundle.
func (r *updateReconciler) proposal(round *round, b bundle, repository pullrequest.Repository, may permission) pullrequest.Proposal {
	p := round.policy.Remediation
	var changes []pullrequest.Change
	for _, s := range b {
		changes = append(changes, pullrequest.Change{Base: s.id.Base.String(), Candidate: s.target().String()})
	}
	return pullrequest.Proposal{
		Branch: branchOf(round.policy, b[0]), Title: title(b), Body: r.body(round.policy, b, repository),
		Changes: changes, Keep: round.kept(b[0].id.Source), Labels: p.Labels, Reviewers: p.Reviewers, Assignees: p.Assignees,
		Draft: p.Draft == v1alpha1.DraftAlways, AutoMerge: p.AutoMerge == v1alpha1.AutoMergeWhenChecksPass,
		By: r.proposer(round.policy), Hold: may.reason,
	}
}

// proposer is how a policy is told from others that share its pull requests.
func (r *updateReconciler) proposer(p remediated) pullrequest.Proposer {
	return pullrequest.Proposer{Cluster: r.cluster, Policy: p.key.String()}
}

func title(b bundle) string {
	if len(b) > 1 {
		return fmt.Sprintf("Update %d images", len(b))
	}
	s := b[0]
	name := s.id.Base.Repository[strings.LastIndexByte(s.id.Base.Repository, '/')+1:]
	if s.status.Step == v1alpha1.StepRefresh {
		return fmt.Sprintf("Update %s:%s to its newest build", name, s.status.To.Tag)
	}
	return fmt.Sprintf("Update %s from %s to %s", name, s.id.Base.Tag, s.status.To.Tag)
}

// body tells what the updates change, by the scans of both versions of each.
func (r *updateReconciler) body(p remediated, b bundle, repository pullrequest.Repository) string {
	in := pullrequest.BodyInput{By: r.proposer(p), Public: repository.Public}
	for _, s := range b {
		taken := s.choice.Taken
		change := pullrequest.BaseChange{
			Repository: s.id.Base.Repository,
			From:       pullrequest.BaseVersion{Tag: s.id.Base.Tag, Digest: string(s.group.From)},
			To:         pullrequest.BaseVersion{Tag: s.status.To.Tag, Digest: s.status.To.Digest},
			Fixes:      bodyFindings(taken.Delta.Fixes), Adds: bodyFindings(taken.Delta.Adds),
			Files: bodyPositions(s.edits.Positions), Exposed: bodyPositions(s.edits.Reached),
			Workloads: s.group.workloads(), Unpredicted: s.group.beside(),
		}
		before := s.statusBefore().To
		for _, c := range s.choice.Seen {
			// What was proposed before is looked at for the last time: the text would change once it is not any more.
			proposed := before != nil && c.Tag == before.Tag
			if c.PassedOver != "" && c.PassedOver != v1alpha1.PassedLargerStep && !proposed {
				change.PassedOver = append(change.PassedOver, pullrequest.PassedOver{Tag: c.Tag, Why: string(c.PassedOver)})
			}
		}
		if smaller := s.choice.Smaller; smaller != nil {
			change.Smaller = &pullrequest.SmallerBase{Reference: smaller.Reference, Fixes: int(smaller.Fixes), Adds: int(smaller.Adds)}
		}
		in.Bases = append(in.Bases, change)
	}
	return pullrequest.Body(in)
}

func bodyFindings(findings []policy.Finding) []pullrequest.Finding {
	list := make([]pullrequest.Finding, 0, len(findings))
	for _, f := range findings {
		list = append(list, pullrequest.Finding{
			ID: f.ID, Package: f.Package, Severity: string(f.Severity),
			InstalledVersion: f.InstalledVersion, FixedVersion: f.FixedVersion, KnownExploited: f.KnownExploited,
		})
	}
	return list
}

func bodyPositions(positions []source.Position) []pullrequest.Position {
	list := make([]pullrequest.Position, 0, len(positions))
	for _, p := range positions {
		list = append(list, pullrequest.Position(p))
	}
	return list
}
