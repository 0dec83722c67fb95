package controllers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
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

// target is what an update moves to, as a reference.
func (s *step) target() string {
	return image.Reference{Repository: s.id.Base.Repository, Tag: s.status.To.Tag, Digest: image.Digest(s.status.To.Digest)}.String()
}

// proposal of the updates of a bundle.
func (r *updateReconciler) proposal(round *round, b bundle, repository pullrequest.Repository, may permission) pullrequest.Proposal {
	p := round.policy.Remediation
	var candidates []string
	for _, s := range b {
		candidates = append(candidates, s.target())
	}
	return pullrequest.Proposal{
		Branch: branchOf(round.policy, b[0]), Title: title(b), Body: r.body(round, b, repository),
		Candidate: strings.Join(candidates, " "), Labels: p.Labels, Reviewers: p.Reviewers, Assignees: p.Assignees,
		Draft: p.Draft == v1alpha1.DraftAlways, AutoMerge: p.AutoMerge == v1alpha1.AutoMergeWhenChecksPass,
		Cluster: r.cluster, Hold: may.reason,
	}
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
func (r *updateReconciler) body(round *round, b bundle, repository pullrequest.Repository) string {
	return "body"
}
