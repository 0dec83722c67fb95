package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/notify"
)

// updateRetention is how long an update that ended is kept.
const updateRetention = 30 * 24 * time.Hour

// publish writes what the round decided, has the reports show it, and returns when to come back. One update that cannot be
// written keeps no other from being so: what was done for it would be done again.
func (r *updateReconciler) publish(ctx context.Context, round *round) (time.Duration, error) {
	var next time.Duration
	var errs []error
	projected := map[inventory.ReportKey]projection{}
	for _, s := range round.steps {
		err := r.record(ctx, round, s)
		switch {
		case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err):
			// The cache had not seen our last write. It soon will.
			s.comeBack(debounce)
		case err != nil:
			errs = append(errs, err)
		}
		if s.again > 0 && (next == 0 || s.again < next) {
			next = s.again
		}
		if s.group != nil {
			for _, img := range s.group.Images {
				projected[img.Report] = projection{summaryOf(s), s.status.Step}
			}
		}
	}
	r.project(ctx, round.policy.key, projected, round.settled)
	return next, errors.Join(append(errs, r.count(ctx))...)
}

// record writes what was decided of one update, or deletes it once it was kept long enough.
func (r *updateReconciler) record(ctx context.Context, round *round, s *step) error {
	if !s.outlived(round.now) {
		return r.write(ctx, round.policy, s)
	}
	s.again = 0
	if err := client.IgnoreNotFound(r.client.Delete(ctx, s.before)); err != nil {
		return fmt.Errorf("delete update %s/%s: %w", s.before.Namespace, s.before.Name, err)
	}
	return nil
}

// count the updates of all policies by their phase.
func (r *updateReconciler) count(ctx context.Context) error {
	var all v1alpha1.ImageUpdateList
	if err := r.client.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list all updates: %w", err)
	}
	phases := map[v1alpha1.UpdatePhase]float64{}
	for i := range all.Items {
		phases[all.Items[i].Status.Phase]++
	}
	for phase := range phaseRank {
		updatesByPhase.WithLabelValues(string(phase)).Set(phases[phase])
	}
	return nil
}

// outlived says whether an update that ended has been kept long enough. One whose pull request is open still has to take that back.
func (s *step) outlived(now time.Time) bool {
	switch {
	case s.group != nil || s.before == nil || isOpen(s.status.PullRequest):
		return false
	case s.status.To == nil && s.status.PullRequest == nil:
		// There never was anything to move to.
		return true
	case s.status.RolledOutTime != nil:
		return now.Sub(s.status.RolledOutTime.Time) > updateRetention
	}
	return s.status.SupersededTime != nil && now.Sub(s.status.SupersededTime.Time) > updateRetention
}

// write makes the object say what the step decided, if it does not already.
func (r *updateReconciler) write(ctx context.Context, p remediated, s *step) error {
	object := &v1alpha1.ImageUpdate{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: updateName(p.key, s.id), Labels: map[string]string{managedByLabel: managedBy}},
		Spec: v1alpha1.ImageUpdateSpec{
			PolicyKind: p.key.Kind, PolicyName: p.key.Name, SourceRepository: s.id.Source, Base: s.id.Base.String(),
		},
	}
	s.status.ObservedGeneration = 1
	switch {
	case s.before == nil:
		if err := controllerutil.SetOwnerReference(p.object, object, r.client.Scheme()); err != nil {
			return fmt.Errorf("make the policy own update %s/%s: %w", object.Namespace, object.Name, err)
		}
		if err := r.client.Create(ctx, object, fieldOwner); err != nil {
			return fmt.Errorf("create update %s/%s: %w", object.Namespace, object.Name, err)
		}
	case reflect.DeepEqual(s.before.Status, s.status):
		return nil
	default:
		object.ResourceVersion = s.before.ResourceVersion
	}
	object.Status = s.status
	if err := r.notifications.Tell(ctx, p.key, s.news(object)...); err != nil {
		return err
	}
	if err := applyStatus(ctx, r.client, object); err != nil {
		return fmt.Errorf("write the status of update %s/%s: %w", object.Namespace, object.Name, err)
	}
	r.observe(s)
	return nil
}

// news of an update for those who are notified. They are told before its status says so: a crash in between has it
// found and told again, under the same keys.
func (s *step) news(object *v1alpha1.ImageUpdate) []notify.Event {
	before := s.statusBefore()
	// The files may tell of a merge before the forge does.
	ended := isMerged(s.status.PullRequest) && !isMerged(before.PullRequest)
	if before.Phase == s.status.Phase && reflect.DeepEqual(before.To, s.status.To) && !ended {
		return nil
	}
	switch s.status.Phase {
	case v1alpha1.UpdateAvailable, v1alpha1.UpdateDryRun:
		return []notify.Event{notify.FromUpdate(notify.UpdateAvailable, object)}
	case v1alpha1.UpdateProposed:
		return []notify.Event{notify.FromUpdate(notify.PullRequestOpened, object)}
	case v1alpha1.UpdateMerged:
		if !isMerged(s.status.PullRequest) {
			return nil // The files name the new version without one.
		}
		return []notify.Event{notify.FromUpdate(notify.PullRequestMerged, object)}
	}
	return nil
}

func isMerged(pr *v1alpha1.PullRequest) bool {
	return pr != nil && pr.State == v1alpha1.PullRequestMerged
}

// observe counts the ends of updates.
func (r *updateReconciler) observe(s *step) {
	before := s.statusBefore().Phase
	if before == s.status.Phase {
		return
	}
	updateTransitions.WithLabelValues(string(s.status.Phase)).Inc()
	if s.status.Phase == v1alpha1.UpdateRolledOut && s.status.AvailableTime != nil {
		remediationSeconds.Observe(s.status.RolledOutTime.Sub(s.status.AvailableTime.Time).Seconds())
	}
}

// summaryOf is what the reports of an update's images show of it.
func summaryOf(s *step) v1alpha1.UpdateSummary {
	summary := v1alpha1.UpdateSummary{State: s.status.Phase}
	if s.status.To != nil {
		summary.Candidate = s.target().String()
	}
	if s.status.Fixes != nil {
		summary.Fixes = s.status.Fixes.Total
	}
	if s.status.Adds != nil {
		summary.Adds = s.status.Adds.Total
	}
	if pr := s.status.PullRequest; pr != nil {
		summary.URL = pr.URL
	} else if s.status.Rebuild != nil {
		summary.URL = s.status.Rebuild.URL
	}
	return summary
}

// projection is what a report shows of an update.
type projection struct {
	v1alpha1.UpdateSummary
	step v1alpha1.UpdateStep
}

// projections are what reports show of the updates of their images, by policy.
// They are safe for concurrent use.
type projections struct {
	mu sync.RWMutex
	by map[policyKey]map[inventory.ReportKey]projection
	// heard are the policies that have told of all their images once.
	heard map[policyKey]bool
}

func newProjections() *projections {
	return &projections{by: map[policyKey]map[inventory.ReportKey]projection{}, heard: map[policyKey]bool{}}
}

// of returns what a report shows: of several policies' updates the one that is
// furthest. known is false while a policy that selects the report has not been heard.
func (p *projections) of(key inventory.ReportKey, policies []policyKey) (summary *v1alpha1.UpdateSummary, step v1alpha1.UpdateStep, known bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, policy := range policies {
		u, ok := p.by[policy][key]
		if !ok && !p.heard[policy] {
			return nil, "", false
		}
		if ok && (summary == nil || phaseRank[u.State] > phaseRank[summary.State]) {
			summary, step = &u.UpdateSummary, u.step
		}
	}
	return summary, step, true
}

var phaseRank = map[v1alpha1.UpdatePhase]int{
	v1alpha1.UpdateNone: 0, v1alpha1.UpdateSuperseded: 1, v1alpha1.UpdateIgnored: 2, v1alpha1.UpdateRolledOut: 3,
	v1alpha1.UpdateDryRun: 4, v1alpha1.UpdateAvailable: 5, v1alpha1.UpdateProposed: 6, v1alpha1.UpdateMerged: 7,
}

// set returns the reports that show something else by this. While not all of a policy's images are settled, what is not
// projected stays as it was. first says that they are for the first time.
func (p *projections) set(
	policy policyKey, projected map[inventory.ReportKey]projection, settled bool,
) (changed []inventory.ReportKey, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, next := p.by[policy], map[inventory.ReportKey]projection{}
	if !settled {
		maps.Copy(next, before)
	}
	maps.Copy(next, projected)
	for key, summary := range next {
		if before[key] != summary {
			changed = append(changed, key)
		}
	}
	for key := range before {
		if _, still := next[key]; !still {
			changed = append(changed, key)
		}
	}
	first = settled && !p.heard[policy]
	p.by[policy], p.heard[policy] = next, settled || p.heard[policy]
	return changed, first
}

// project has the reports of a policy's images show their updates.
func (r *updateReconciler) project(ctx context.Context, key policyKey, projected map[inventory.ReportKey]projection, settled bool) {
	changed, first := r.projections.set(key, projected, settled)
	if first {
		// What they have shown since before this process is confirmed or withdrawn now.
		changed = append(changed, r.showing(ctx)...)
	}
	r.reports.addPriority(ctx, priorityNormal, unique(changed)...)
}

// showing are the reports that show an update.
func (r *updateReconciler) showing(ctx context.Context) []inventory.ReportKey {
	objects, err := r.allReportObjects(ctx)
	if err != nil {
		return nil
	}
	var keys []inventory.ReportKey
	for i := range objects {
		if key, err := reportKey(&objects[i]); err == nil && objects[i].Status.Update != nil {
			keys = append(keys, key)
		}
	}
	return keys
}
