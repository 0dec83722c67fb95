package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// revisit looks whether the repositories of what was merged name the old version again. It is not on its way then, and
// proposed anew, unless people have decided about that.
func (r *updateReconciler) revisit(ctx context.Context, round *round) {
	p := round.policy
	for _, s := range round.steps {
		if s.group == nil || s.status.Phase != v1alpha1.UpdateMerged || !s.group.Allowed || p.Remediation.Updates == v1alpha1.UpdatesDryRun {
			continue
		}
		s.comeBack(r.forgeEvery)
		if err := r.review(ctx, round, s); err != nil {
			// What was merged stays so until the repository says otherwise.
			r.forges.pause(p.forgeSecret(), err)
			log.FromContext(ctx).Info("Merged update cannot be looked at", "repository", s.id.Source, "base", s.id.Base.String(), "error", err.Error())
		}
	}
}

func (r *updateReconciler) review(ctx context.Context, round *round, s *step) error {
	p := round.policy
	forge, err := r.forges.forge(ctx, p.forgeSecret(), s.id.Source)
	if err != nil {
		return err
	}
	old, err := r.namesOld(ctx, p, s, forge)
	switch {
	case err != nil:
		return err
	case old && s.choice.Looked:
		s.status.Phase, s.status.MergedTime = v1alpha1.UpdateAvailable, nil
		s.decide(round.now)
	case !old && isOpen(s.status.PullRequest) && !round.partial():
		// It could not be looked at when the files were.
		if err := r.settle(ctx, round, bundle{s}, forge); err != nil {
			return err
		}
		s.merged(round.now, round.now)
	}
	return nil
}

// namesOld says whether files name what runs, and not what the update moves to.
func (r *updateReconciler) namesOld(ctx context.Context, p remediated, s *step, forge pullrequest.Forge) (bool, error) {
	to, err := s.destination(ctx, forge)
	if err != nil {
		return false, err
	}
	edits, err := r.editsOf(ctx, p, s, source.NewWorkspace(forgeTree{forge}), to.head, true)
	if err != nil {
		return false, fmt.Errorf("look for %s in %s: %w", s.id.Base, s.id.Source, err)
	}
	return len(edits.Files) > 0, nil
}

// proposed says whether a pull request has proposed what the update moves to.
func (s *step) proposed() bool {
	before := s.statusBefore()
	return before.Phase == v1alpha1.UpdateProposed && before.To != nil && *before.To == *s.status.To
}

// restart says that nothing can be merged: the files name the tag alone, and it leads to the new digest by now.
func (s *step) restart(now time.Time) {
	s.status.Phase, s.status.MergedTime = v1alpha1.UpdateAvailable, nil
	s.condition(v1alpha1.ConditionProposed, metav1.ConditionFalse, v1alpha1.ReasonRestartNeeded,
		"The files name the tag "+s.status.To.Tag+" already: the workloads have to be started again to pull its new build", now)
}

// reached says of a digest that the group runs whether it is what the update moves to, or a later build of that tag:
// who builds or pulls by the tag gets what it leads to by then.
func (r *updateReconciler) reached(s *step, majors bool) func(image.Digest) bool {
	before := s.statusBefore()
	if before.To == nil {
		return func(image.Digest) bool { return false }
	}
	target := image.Digest(before.To.Digest)
	var since time.Time
	if before.AvailableTime != nil {
		since = before.AvailableTime.Time
	}
	if known, ok := r.known(inventory.ScanKey{Digest: target, Platform: s.group.Platform}); ok && dated(known.Created) {
		since = known.Created
	}
	built := s.group.built()
	found, _ := r.watched.of(s.id.Base.Repository, s.group.subject(majors))
	return func(digest image.Digest) bool {
		switch {
		case digest == target:
			return true
		case before.To.Tag != s.id.Base.Tag:
			return false
		case !dated(built[digest]):
			return slices.ContainsFunc(found.Candidates, func(o offer) bool { return o.Digest == digest && o.Tag.String() == before.To.Tag })
		}
		return built[digest].After(since)
	}
}

// dated says whether a time of build is one: builds that are to be reproducible have none, or the epoch.
func dated(t time.Time) bool { return t.Unix() > 0 }

// built says when the digests that the group runs were built.
func (g *moving) built() map[image.Digest]time.Time {
	times := map[image.Digest]time.Time{}
	for _, img := range g.Images {
		if g.Deployed {
			times[img.Report.Digest] = img.Origin.Created
			continue
		}
		times[img.Base.Digest] = img.Base.Created
	}
	return times
}

// pinned says whether what runs is named by its digest beside the tag. While no pod runs, what was chosen before says so.
func (r *updateReconciler) pinned(g *moving, to *v1alpha1.ImageVersion) bool {
	running := false
	for _, img := range g.Images {
		runs, ok := r.inventory.Image(img.Report)
		if slices.ContainsFunc(runs.References, func(ref image.Reference) bool { return ref.Digest != "" }) {
			return true
		}
		running = running || ok
	}
	return !running && to != nil && to.Tag == g.ID.Base.Tag
}
