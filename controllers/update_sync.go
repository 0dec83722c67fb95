package controllers

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/edit"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// sync makes the forge as the bundle says.
func (r *updateReconciler) sync(ctx context.Context, round *round, b bundle, may permission) error {
	p, first := round.policy, b[0]
	forge, err := r.forges.forge(ctx, p.forgeSecret(), first.id.Source)
	if err != nil {
		return err
	}
	to, err := first.destination(ctx, forge)
	if err != nil {
		return err
	}
	proposed, files, err := r.edit(ctx, p, b, forge, to.head, round.now)
	if err != nil {
		return err
	}
	if err := r.settle(ctx, round, b, forge); err != nil {
		return err
	}
	for len(proposed) > 0 {
		proposal := r.proposal(round, proposed, to.repository, may)
		proposal.Target, proposal.Base, proposal.Files = to.branch, to.head, files
		outcome, err := r.syncProposal(ctx, p, first.id.Source, forge, proposal)
		// Also beside an error: a pull request that is open counts.
		rest := proposed.took(outcome, may, r.forgeEvery, round.now)
		if err != nil || len(rest) == 0 {
			return err
		}
		if proposed, files, err = r.edit(ctx, p, rest, forge, to.head, round.now); err != nil {
			return err
		}
	}
	return nil
}

// destination is the branch that pull requests are merged to.
type destination struct {
	repository   pullrequest.Repository
	branch, head string
}

func (s *step) destination(ctx context.Context, forge pullrequest.Forge) (destination, error) {
	repository, err := forge.Repository(ctx)
	if err != nil {
		return destination{}, err
	}
	branch := cmp.Or(s.group.branch(), repository.DefaultBranch)
	head, err := forge.Head(ctx, branch)
	if err != nil {
		return destination{}, fmt.Errorf("find branch %s of %s: %w", branch, s.id.Source, err)
	}
	return destination{repository: repository, branch: branch, head: head}, nil
}

// syncProposal spaces out how often a forge is asked to merge by itself where it refuses that.
func (r *updateReconciler) syncProposal(
	ctx context.Context, p remediated, repository string, forge pullrequest.Forge, proposal pullrequest.Proposal,
) (pullrequest.Outcome, error) {
	key := p.key.String() + " auto-merge " + repository + " " + proposal.Branch
	with := r.configured(ctx, p, p.Remediation.ForgeRef) + fmt.Sprint(" ", proposal.Changes)
	wait, refusal := r.attempts.due(key, with, r.now())
	refused := proposal.AutoMerge && wait > 0
	proposal.AutoMerge = proposal.AutoMerge && !refused
	outcome, err := pullrequest.Sync(ctx, forge, proposal)
	switch {
	case outcome.AutoMerge != nil:
		r.forges.pause(p.forgeSecret(), outcome.AutoMerge)
		r.attempts.failed(key, with, outcome.AutoMerge, retryAfter(outcome.AutoMerge), r.now())
	case refused:
		outcome.AutoMerge = refusal
	case err == nil:
		r.attempts.succeeded(key)
	}
	return outcome, err
}

// settle looks at the pull requests of updates whose new version the repository names by now: they were merged, or
// nobody needs them any more. One that others still need stays as it is.
func (r *updateReconciler) settle(ctx context.Context, round *round, b bundle, forge pullrequest.Forge) error {
	for _, s := range b {
		pr := s.status.PullRequest
		if s.status.Phase != v1alpha1.UpdateMerged || pr == nil || pr.State == v1alpha1.PullRequestClosed {
			continue
		}
		branch, shared := branchOf(round.policy, s), round.shared(s)
		var outcome pullrequest.Outcome
		var err error
		if shared {
			outcome, err = pullrequest.Stands(ctx, forge, branch)
		} else {
			outcome, err = pullrequest.Withdraw(ctx, forge, branch, r.proposer(round.policy), "The repository names the new version already.")
		}
		if err != nil {
			return err
		}
		s.status.PullRequest = nil
		if pull := outcome.PullRequest; pull != nil && (!shared || pull.State != pullrequest.Open) {
			s.status.PullRequest = pullRequestStatus(pull)
			if pull.State == pullrequest.Merged && !pull.Ended.IsZero() {
				s.status.MergedTime = &metav1.Time{Time: pull.Ended.UTC().Truncate(time.Second)}
			}
		}
	}
	return nil
}

// edit returns the updates of the bundle that change files, with the files. Those
// that change none need a rebuild, or cannot be proposed, and their status says so.
func (r *updateReconciler) edit(
	ctx context.Context, p remediated, b bundle, forge pullrequest.Forge, head string, now time.Time,
) (proposed bundle, files map[string][]byte, err error) {
	files = map[string][]byte{}
	tree := source.NewWorkspace(forgeTree{forge})
	for _, s := range b {
		edits, err := r.editsOf(ctx, p, s, tree, head, len(b) == 1)
		if err != nil {
			return nil, nil, fmt.Errorf("look for %s in %s: %w", s.id.Base, s.id.Source, err)
		}
		s.status.Files = positions(edits)
		if len(edits.Files) > 0 {
			tree.Write(edits.Files)
			maps.Copy(files, edits.Files)
			s.edits = edits
			proposed = append(proposed, s)
			continue
		}
		if err := r.deployedHere(ctx, p, s, tree, head, edits); err != nil {
			return nil, nil, err
		}
		r.unedited(ctx, p, s, edits, now)
	}
	return proposed, files, nil
}

// editsOf one update. Those of an update alone depend on the commit, which is read once.
func (r *updateReconciler) editsOf(
	ctx context.Context, p remediated, s *step, tree source.Tree, head string, alone bool,
) (source.Edits, error) {
	hints := source.HintsOf(s.group.Places, p.Remediation.Files)
	hints.Kind = kindOf(s.group)
	key := editsKey{repository: s.id.Source, commit: head, change: s.change(), hints: fmt.Sprintf("%#v", hints)}
	if edits, ok := r.proposals.known(key); ok && alone {
		return edits, nil
	}
	edits, err := source.Propose(ctx, tree, head, hints, key.change)
	if err == nil && alone {
		r.proposals.keep(key, edits)
	}
	return edits, err
}

// change is what the files are to say.
func (s *step) change() edit.Change {
	return edit.Change{
		From: image.Reference{Repository: s.id.Base.Repository, Tag: s.id.Base.Tag, Digest: s.group.From},
		To:   s.target(),
	}
}

// unedited says why no file changes for an update, and what else is done for it.
func (r *updateReconciler) unedited(ctx context.Context, p remediated, s *step, edits source.Edits, now time.Time) {
	switch {
	case edits.Current && s.proposed():
		s.merged(now, now)
	case s.status.Step == v1alpha1.StepRefresh && !s.group.Deployed && (edits.Current || onlyTagged(edits)):
		s.condition(v1alpha1.ConditionProposed, metav1.ConditionFalse, v1alpha1.ReasonNoUpdate, "The files name the tag alone: a rebuild is enough", now)
		r.rebuild(ctx, p, s, now)
	case s.status.Step == v1alpha1.StepRefresh && edits.Already && !edits.Pinned:
		s.restart(now)
		s.comeBack(r.forgeEvery)
	case edits.Already, edits.Current && s.status.PullRequest != nil:
		s.merged(now, now)
	default:
		s.condition(v1alpha1.ConditionProposed, metav1.ConditionFalse, v1alpha1.ReasonEditRefused, refusal(s, edits), now)
		s.comeBack(r.forgeEvery)
	}
}

// onlyTagged says that files name the tag without a digest.
func onlyTagged(edits source.Edits) bool {
	return slices.ContainsFunc(edits.Refused, func(r edit.Refusal) bool { return r.Reason == edit.ReasonUnchanged })
}

// forgeTree is the tree of files of a repository at a forge.
type forgeTree struct{ pullrequest.Forge }

// Files implements source.Tree.
func (t forgeTree) Files(ctx context.Context, commit string) ([]source.File, error) {
	list, err := t.Forge.Files(ctx, commit)
	files := make([]source.File, 0, len(list))
	for _, f := range list {
		files = append(files, source.File(f))
	}
	return files, err
}

func kindOf(g *moving) source.Kind {
	if g.Deployed {
		return source.Manifests
	}
	return source.Dockerfile
}

func refusal(s *step, edits source.Edits) string {
	if len(edits.Refused) == 0 {
		return "No file of " + s.id.Source + " names " + s.id.Base.String()
	}
	var texts []string
	for _, refused := range edits.Refused[:min(len(edits.Refused), 5)] {
		texts = append(texts, refused.Error())
	}
	return strings.Join(texts, "; ")
}

func positions(edits source.Edits) []v1alpha1.FilePosition {
	var list []v1alpha1.FilePosition
	for _, p := range edits.Positions[:min(len(edits.Positions), 32)] {
		list = append(list, v1alpha1.FilePosition{Path: p.Path, Line: int32(p.Line)})
	}
	return list
}

// mergeSeen is how long after a merge the files may still have been read as they were before it.
const mergeSeen = 5 * time.Minute

// merged says that the new version is in the repository, and on its way to what runs.
func (s *step) merged(at, now time.Time) {
	s.status.Phase = v1alpha1.UpdateMerged
	if s.status.MergedTime == nil {
		s.status.MergedTime = &metav1.Time{Time: at.UTC().Truncate(time.Second)}
	}
	s.condition(v1alpha1.ConditionProposed, metav1.ConditionTrue, v1alpha1.ReasonMerged, "The repository names the new version", now)
	s.comeBack(mergeSeen)
}

// unnamed says that the pull request was merged, and that files of its branch name the old version: they were read before, or
// people have taken it back, or name the old version in a file more. Nobody is asked twice.
func (s *step) unnamed(pull *pullrequest.PullRequest, now time.Time) {
	if now.Sub(pull.Ended) <= mergeSeen {
		s.merged(pull.Ended, now)
		return
	}
	s.status.Phase, s.status.MergedTime = v1alpha1.UpdateAvailable, nil
	s.condition(v1alpha1.ConditionProposed, metav1.ConditionFalse, v1alpha1.ReasonReverted,
		"The pull request was merged, and the files name the old version again; a newer candidate will be proposed", now)
}

// took writes down what came of a proposal, and returns the updates that are to be proposed without the others.
func (b bundle) took(outcome pullrequest.Outcome, may permission, every time.Duration, now time.Time) (rest bundle) {
	for _, s := range b {
		mine := outcome
		if outcome.State == pullrequest.Divided {
			decided, ok := outcome.Decided[s.id.Base.String()]
			if !ok {
				rest = append(rest, s)
				continue
			}
			mine = decided
		}
		s.took(mine, may, every, now)
	}
	return rest
}

func (s *step) took(outcome pullrequest.Outcome, may permission, every time.Duration, now time.Time) {
	if outcome.PullRequest != nil {
		s.status.PullRequest = pullRequestStatus(outcome.PullRequest)
	}
	switch outcome.State {
	case pullrequest.Open:
		s.status.Phase = v1alpha1.UpdateProposed
		s.condition(v1alpha1.ConditionProposed, metav1.ConditionTrue, v1alpha1.ReasonOpen, opened(outcome), now)
		s.comeBack(every)
	case pullrequest.Merged:
		s.unnamed(outcome.PullRequest, now)
		s.comeBack(every)
	case pullrequest.Closed:
		s.ignore(now)
	case pullrequest.Foreign:
		s.status.Phase = v1alpha1.UpdateProposed
		s.condition(v1alpha1.ConditionProposed, metav1.ConditionFalse, v1alpha1.ReasonForeignCommits,
			"The branch has commits of others, so that nothing more is pushed to it", now)
		s.comeBack(every)
	case pullrequest.Held:
		s.status.Phase = v1alpha1.UpdateAvailable
		s.held(outcome, may, every, now)
	}
}

// held says why no pull request is opened: the policy's limits, or what the forge says.
func (s *step) held(outcome pullrequest.Outcome, may permission, every time.Duration, now time.Time) {
	if outcome.Reason == may.reason {
		outcome.Message, every = may.message, may.again
	}
	s.condition(v1alpha1.ConditionProposed, metav1.ConditionFalse, outcome.Reason, outcome.Message, now)
	if every > 0 {
		s.comeBack(every)
	}
}

// opened tells of an open pull request, and of what is not as the policy asks.
func opened(outcome pullrequest.Outcome) string {
	text := "The pull request is open: " + outcome.PullRequest.URL
	if outcome.Message != "" {
		text += "; " + outcome.Message
	}
	if outcome.AutoMerge != nil {
		text += "; the forge does not merge it by itself: " + outcome.AutoMerge.Error()
	}
	return text
}

// ignore respects that a person closed the pull request: this candidate is not proposed again.
func (s *step) ignore(now time.Time) {
	s.status.Phase = v1alpha1.UpdateIgnored
	candidate := s.target().String()
	if !slices.Contains(s.status.Ignored, candidate) {
		s.status.Ignored = append(s.status.Ignored, candidate)
		s.status.Ignored = s.status.Ignored[max(0, len(s.status.Ignored)-64):]
	}
	s.condition(v1alpha1.ConditionProposed, metav1.ConditionFalse, v1alpha1.ReasonClosed, "The pull request was closed; a newer candidate will be proposed", now)
}

func pullRequestStatus(pr *pullrequest.PullRequest) *v1alpha1.PullRequest {
	status := &v1alpha1.PullRequest{Number: pr.Number, URL: pr.URL, HeadSHA: pr.HeadSHA, State: v1alpha1.PullRequestState(pr.State)}
	if !pr.Created.IsZero() {
		status.CreatedTime = &metav1.Time{Time: pr.Created.UTC().Truncate(time.Second)}
	}
	return status
}

// withdraw closes a pull request that has lost its purpose.
func (r *updateReconciler) withdraw(ctx context.Context, round *round, s *step) {
	p := round.policy
	if p.Remediation.ForgeRef == nil {
		return
	}
	comment := "Nothing that runs needs this update any more."
	if s.status.Phase == v1alpha1.UpdateRolledOut {
		comment = "What runs is on the new version already."
	} else if s.group != nil {
		comment = "This version is not better any more than the one that runs."
	}
	err := func() error {
		forge, err := r.forges.forge(ctx, p.forgeSecret(), s.id.Source)
		if err != nil {
			return err
		}
		outcome, err := pullrequest.Withdraw(ctx, forge, branchOf(p, s), r.proposer(p), comment)
		if err != nil {
			return err
		}
		s.status.PullRequest = nil // Others may need it still.
		if outcome.PullRequest != nil {
			s.status.PullRequest = pullRequestStatus(outcome.PullRequest)
		}
		return nil
	}()
	if err != nil {
		r.forges.pause(p.forgeSecret(), err)
		bundle{s}.failed(err, round.now)
		s.comeBack(max(time.Minute, retryAfter(err)))
	}
	if isOpen(s.status.PullRequest) {
		// People have taken it over, and it counts until they end it.
		s.comeBack(r.forgeEvery)
	}
}
