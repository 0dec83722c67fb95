package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

// act has what the round found proposed or built, and takes back what is over. A
// forge that fails is told in the update's status, and keeps no other update waiting.
func (r *updateReconciler) act(ctx context.Context, round *round) {
	for _, s := range round.steps {
		if over(s) && !round.partial() && !round.shared(s) {
			r.withdraw(ctx, round, s)
		}
	}
	open, today := round.opened()
	for _, bundle := range round.bundles() {
		before := bundle.pullRequest()
		r.propose(ctx, round, bundle, r.mayOpen(round, open, today))
		if after := bundle.pullRequest(); before == nil && after != nil {
			open, today = open+1, today+1
		}
	}
	for _, s := range round.steps {
		if isOpen(s.statusBefore().PullRequest) && !isOpen(s.status.PullRequest) {
			// What waits for maxOpen has its turn.
			s.comeBack(time.Second)
		}
	}
}

func isOpen(pr *v1alpha1.PullRequest) bool { return pr != nil && pr.State == v1alpha1.PullRequestOpen }

// over says whether an open pull request has lost its purpose.
func over(s *step) bool {
	if !isOpen(s.status.PullRequest) {
		return false
	}
	return s.group == nil || slices.Contains([]v1alpha1.UpdatePhase{v1alpha1.UpdateRolledOut, v1alpha1.UpdateNone, v1alpha1.UpdateIgnored}, s.status.Phase)
}

// partial says that what shares a pull request is not wholly known. Until it is, nothing is written of it: what is missing would be taken back.
func (r *round) partial() bool {
	return !r.settled && r.policy.Remediation.Grouping == v1alpha1.GroupingRepository
}

// shared says whether other updates still need the pull request.
func (r *round) shared(s *step) bool {
	if r.policy.Remediation.Grouping != v1alpha1.GroupingRepository {
		return false
	}
	return slices.ContainsFunc(r.steps, func(other *step) bool {
		return other != s && other.id.Source == s.id.Source && other.wanted()
	}) || slices.ContainsFunc(r.updates, func(u v1alpha1.ImageUpdate) bool {
		// One of which too little is known for now may need it.
		return u.Spec.SourceRepository == s.id.Source && isOpen(u.Status.PullRequest) && !r.judges(u.Name)
	})
}

// judges says whether an update that was there before is one of the round's steps.
func (r *round) judges(name string) bool {
	return slices.ContainsFunc(r.steps, func(s *step) bool { return s.before != nil && s.before.Name == name })
}

// kept are the bases of a repository that are wanted to move, also where it is not known at present to what.
func (r *round) kept(repository string) []string {
	var bases []string
	for _, s := range r.steps {
		if s.id.Source == repository && s.wanted() {
			bases = append(bases, s.id.Base.String())
		}
	}
	return bases
}

// wanted says that an update is under way and not yet in the repository, and that it changes files, or did so before.
func (s *step) wanted() bool {
	if s.group == nil || s.status.To == nil || !underWay(s.status.Phase) || s.status.Phase == v1alpha1.UpdateMerged {
		return false
	}
	return len(s.edits.Files) > 0 || isOpen(s.status.PullRequest) || !s.choice.Looked
}

// bundle is what one pull request proposes: one update, or all those of a repository.
type bundle []*step

// bundles of the updates that have something to move to.
func (r *round) bundles() []bundle {
	var bundles []bundle
	at := map[string]int{}
	for _, s := range r.taken() {
		if r.policy.Remediation.Grouping != v1alpha1.GroupingRepository || s.id.Source == "" {
			bundles = append(bundles, bundle{s})
			continue
		}
		if i, ok := at[s.id.Source]; ok {
			bundles[i] = append(bundles[i], s)
			continue
		}
		at[s.id.Source] = len(bundles)
		bundles = append(bundles, bundle{s})
	}
	return bundles
}

func (b bundle) pullRequest() *v1alpha1.PullRequest {
	for _, s := range b {
		if isOpen(s.status.PullRequest) {
			return s.status.PullRequest
		}
	}
	return nil
}

func (b bundle) tell(status metav1.ConditionStatus, reason, message string, now time.Time) {
	for _, s := range b {
		s.condition(v1alpha1.ConditionProposed, status, reason, message, now)
	}
}

// opened counts the policy's pull requests that are open, and those of the last day.
func (r *round) opened() (open, today int) {
	seen := map[string]bool{}
	for i := range r.updates {
		pr := r.updates[i].Status.PullRequest
		if pr == nil || seen[pr.URL] {
			continue
		}
		seen[pr.URL] = true
		if pr.State == v1alpha1.PullRequestOpen {
			open++
		}
		if pr.CreatedTime != nil && r.now.Sub(pr.CreatedTime.Time) < 24*time.Hour {
			today++
		}
	}
	return open, today
}

// permission says whether a new pull request may be opened now.
type permission struct {
	reason, message string
	// again is when it may be, if the time alone decides.
	again time.Duration
}

func (r *updateReconciler) mayOpen(round *round, open, today int) permission {
	policy := round.policy.Remediation
	if policy.MaxOpen != nil && open >= int(*policy.MaxOpen) {
		return permission{reason: v1alpha1.ReasonLimitReached, message: fmt.Sprintf("%d pull requests of the policy are open, and maxOpen is %d", open, *policy.MaxOpen)}
	}
	if policy.MaxPerDay != nil && today >= int(*policy.MaxPerDay) {
		return permission{
			reason:  v1alpha1.ReasonLimitReached,
			message: fmt.Sprintf("%d pull requests of the policy were opened in 24 hours, and maxPerDay is %d", today, *policy.MaxPerDay),
			again:   time.Hour,
		}
	}
	if policy.Schedule == nil {
		return permission{}
	}
	inWindow, next, err := pullrequest.InWindow(*policy.Schedule, round.now)
	switch {
	case err != nil:
		return permission{reason: v1alpha1.ReasonOutsideSchedule, message: err.Error()}
	case !inWindow:
		return permission{
			reason: v1alpha1.ReasonOutsideSchedule, message: "The next window begins " + next.UTC().Format(time.RFC3339), again: next.Sub(round.now),
		}
	}
	return permission{}
}

// propose has a bundle proposed, or says why it is not.
func (r *updateReconciler) propose(ctx context.Context, round *round, b bundle, may permission) {
	p, first := round.policy, b[0]
	if p.Remediation.Updates == v1alpha1.UpdatesDryRun {
		for _, s := range b {
			s.status.Phase = v1alpha1.UpdateDryRun
		}
		b.tell(metav1.ConditionFalse, v1alpha1.ReasonDryRun, "The policy asks for no pull requests", round.now)
		return
	}
	switch {
	case first.id.Source == "":
		b.tell(metav1.ConditionFalse, v1alpha1.ReasonSourceUnknown, sourceUnknown(first.group.Hints), round.now)
		r.rebuildAll(ctx, p, b, round.now)
		return
	case !first.group.Allowed:
		b.tell(metav1.ConditionFalse, v1alpha1.ReasonRepositoryNotAllowed, "The policy's repositories do not name "+first.id.Source, round.now)
		r.rebuildAll(ctx, p, b, round.now)
		return
	case round.partial():
		return
	}
	key := p.key.String() + " " + updateName(p.key, first.id)
	with := r.configured(ctx, p, p.Remediation.ForgeRef)
	if wait, err := r.attempts.due(key, with, r.now()); wait > 0 {
		b.failed(err, round.now)
		first.retry(wait, reasonOf(err))
		return
	}
	if err := r.sync(ctx, round, b, may); err != nil {
		if ctx.Err() != nil {
			return
		}
		r.forges.pause(p.forgeSecret(), err)
		log.FromContext(ctx).Info("Update cannot be proposed", "repository", first.id.Source, "base", first.id.Base.String(), "error", err.Error())
		b.failed(err, round.now)
		first.retry(r.attempts.failed(key, with, err, retryAfter(err), r.now()), reasonOf(err))
		return
	}
	r.attempts.succeeded(key)
}

func sourceUnknown(hints []string) string {
	if len(hints) == 0 {
		return "Neither the policy's repositories, nor labels of the image, Argo CD or Flux say where the image is named"
	}
	return strings.Join(hints, "; ")
}

// configured is what a try at a service depends on beside the service: once it changes, another is due.
func (r *updateReconciler) configured(ctx context.Context, p remediated, ref *v1alpha1.LocalKeyReference) string {
	version := ""
	if ref != nil {
		if secret, err := r.forges.secret(ctx, types.NamespacedName{Namespace: p.namespace, Name: ref.Name}); err == nil {
			version = secret.ResourceVersion
		}
	}
	return fmt.Sprintf("%d %s", p.object.GetGeneration(), version)
}

// retry after a while. Where only another Secret can help, that is looked for meanwhile, as Secrets are not watched.
func (s *step) retry(wait time.Duration, reason string) {
	switch reason {
	case v1alpha1.ReasonForgeUnauthorized, v1alpha1.ReasonForgeSecretInvalid, v1alpha1.ReasonTriggerSecretInvalid:
		wait = min(wait, recheckEvery)
	}
	s.comeBack(wait)
}

func reasonOf(err error) string {
	var e *pullrequest.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return v1alpha1.ReasonForgeUnavailable
}

func (b bundle) failed(err error, now time.Time) {
	reason := reasonOf(err)
	b.tell(metav1.ConditionFalse, reason, err.Error(), now)
	pullRequestFailures.WithLabelValues(reason).Inc()
}

func retryAfter(err error) time.Duration {
	var e *pullrequest.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

func (r *updateReconciler) rebuildAll(ctx context.Context, p remediated, b bundle, now time.Time) {
	for _, s := range b {
		if s.status.Step == v1alpha1.StepRefresh {
			r.rebuild(ctx, p, s, now)
		}
	}
}
