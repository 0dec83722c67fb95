package controllers

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/delivery"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/report"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// maxWorkloads that an update names.
const maxWorkloads = 32

// step is one update of a policy in one round: as it was, and as it is to be.
type step struct {
	id     updateID
	before *v1alpha1.ImageUpdate
	// group is nil where nothing runs on the version any more.
	group  *moving
	choice chosen
	status v1alpha1.ImageUpdateStatus
	// missing are workloads of the update of which it is not known what they run, and sure says that there is none, nor will be.
	missing []string
	sure    bool
	// again is when to come back for this update; 0: not for its sake.
	again time.Duration
	// edits that propose it.
	edits source.Edits
}

// round is all that one reconciliation of a policy knows and decides.
type round struct {
	policy remediated
	steps  []*step
	// updates are all that the policy had before, also those of which this round knows too little to be steps.
	updates []v1alpha1.ImageUpdate
	now     time.Time
	// settled says that all images of the policy are known.
	settled bool
}

// round judges every group, and every update that was there before.
func (r *updateReconciler) round(p remediated, found selection, groups []moving, updates []v1alpha1.ImageUpdate) (*round, error) {
	out := &round{policy: p, updates: updates, now: r.now().Truncate(time.Second), settled: found.settled}
	seen := map[string]bool{}
	for i := range groups {
		s := &step{id: groups[i].ID, group: &groups[i], before: updateNamed(updates, updateName(p.key, groups[i].ID))}
		s.miss(found)
		seen[updateName(p.key, s.id)] = true
		arrived := s.arrive(r.reached(s, p.majors()))
		var err error
		if s.choice, err = r.choose(groups[i], p, s.statusBefore()); err != nil {
			return nil, err
		}
		if s.before == nil && len(s.choice.Seen) == 0 {
			continue
		}
		s.judge(arrived, out.now)
		out.steps = append(out.steps, s)
	}
	for i := range updates {
		s := &step{id: idOf(&updates[i]), before: &updates[i]}
		s.miss(found)
		if seen[updates[i].Name] || !s.sure {
			continue
		}
		s.end(r.runsOn(groups, s.statusBefore(), s.id), out.now)
		out.steps = append(out.steps, s)
	}
	return out, nil
}

// miss notes what is not known of what the update is about: it may be on any version, so that until then the update
// neither ends nor arrives.
func (s *step) miss(found selection) {
	before := s.statusBefore().Workloads
	s.missing = slices.DeleteFunc(before, func(name string) bool { return !found.unknown[name] })
	// Of a full list, others may be missing.
	s.sure = found.settled && len(s.missing) == 0 && (len(before) < maxWorkloads || len(found.unknown) == 0)
}

func idOf(u *v1alpha1.ImageUpdate) updateID {
	id := updateID{Source: u.Spec.SourceRepository}
	// It was written from a reference; one that somebody else made names nothing that runs.
	if ref, err := image.ParseReference(u.Spec.Base); err == nil {
		id.Base = ref
	}
	return id
}

func updateNamed(updates []v1alpha1.ImageUpdate, name string) *v1alpha1.ImageUpdate {
	for i := range updates {
		if updates[i].Name == name {
			return &updates[i]
		}
	}
	return nil
}

// updateName is the same for the same policy, source repository and base.
func updateName(key policyKey, id updateID) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{key.Kind, key.Name, id.Source, id.Base.String()}, "\n")))
	base := id.Base.Repository[strings.LastIndexByte(id.Base.Repository, '/')+1:] + "-" + id.Base.Tag
	base = strings.Trim(strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '-'
	}, base), "-")
	return strings.Trim(base[:min(len(base), 50)], "-") + "-" + hex.EncodeToString(sum[:5])
}

func (s *step) statusBefore() v1alpha1.ImageUpdateStatus {
	if s.before == nil {
		return v1alpha1.ImageUpdateStatus{}
	}
	return *s.before.Status.DeepCopy()
}

// arrive says whether all that moved under one tag runs what it was to move to. While only some does, the others are
// what the group is about.
func (s *step) arrive(reached func(image.Digest) bool) bool {
	before := s.statusBefore()
	if before.To == nil || !underWay(before.Phase) {
		return false
	}
	behind := moving{Digests: maps.Clone(s.group.Digests)}
	maps.DeleteFunc(behind.Digests, func(digest image.Digest, _ int) bool { return reached(digest) })
	if rest := behind.most(""); rest != "" {
		s.group.From = rest
		return false
	}
	return true
}

func underWay(phase v1alpha1.UpdatePhase) bool {
	switch phase {
	case v1alpha1.UpdateAvailable, v1alpha1.UpdateDryRun, v1alpha1.UpdateProposed, v1alpha1.UpdateMerged:
		return true
	}
	return false
}

// judge says what is known of a group without asking a forge.
func (s *step) judge(arrived bool, now time.Time) {
	s.status = s.statusBefore()
	if arrived && s.sure {
		s.rollOut(now)
	}
	s.status.From = &v1alpha1.ImageVersion{Tag: s.id.Base.Tag, Digest: string(s.group.From)}
	s.status.ImageCount = int32(len(s.group.Images))
	workloads := append(s.group.workloads(), s.missing...)
	slices.Sort(workloads)
	workloads = slices.Compact(workloads)
	s.status.Workloads = workloads[:min(len(workloads), maxWorkloads)]
	if !s.choice.Looked && meta.IsStatusConditionTrue(s.status.Conditions, v1alpha1.ConditionReady) {
		// What was said before holds until there is more to say: so it is after each start.
		return
	}
	if !s.choice.Looked {
		s.condition(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonProgressing, "The tags of "+s.id.Base.Repository+" are not known yet, or candidates among them are still to be scanned", now)
		return
	}
	s.condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "The newest candidates were looked at", now)
	s.status.Candidates = s.choice.Seen[:min(len(s.choice.Seen), 32)]
	s.status.Smaller = s.choice.Smaller
	if !s.choice.Until.IsZero() {
		s.again = max(s.choice.Until.Sub(now), time.Second)
	}
	if s.status.Phase == v1alpha1.UpdateMerged {
		// What was merged is on its way, for as long as the repository names it. Something newer comes once that runs.
		return
	}
	s.decide(now)
}

// decide what the update moves to.
func (s *step) decide(now time.Time) {
	switch {
	case s.choice.Taken != nil:
		s.take(now)
	case underWay(s.status.Phase) && (s.unscanned() || !s.sure):
		// What was proposed, or what it is for, cannot be judged for now. That is no reason to take it back.
	default:
		s.none(now)
	}
}

// unscanned says that what the update moves to is not known at present.
func (s *step) unscanned() bool {
	return s.status.To != nil && slices.ContainsFunc(s.choice.Seen, func(c v1alpha1.UpdateCandidate) bool {
		return c.Tag == s.status.To.Tag && c.Digest == s.status.To.Digest && c.PassedOver == v1alpha1.PassedNotScanned
	})
}

// none says that there is nothing to move to.
func (s *step) none(now time.Time) {
	message := "No candidate is better than what runs"
	for _, c := range s.choice.Seen {
		message += fmt.Sprintf("; %s: %s", c.Tag, c.PassedOver)
	}
	s.condition(v1alpha1.ConditionProposed, metav1.ConditionFalse, v1alpha1.ReasonNoUpdate, message, now)
	if s.status.Phase == v1alpha1.UpdateRolledOut {
		return
	}
	s.status.Phase = v1alpha1.UpdateNone
	if slices.ContainsFunc(s.choice.Seen, func(c v1alpha1.UpdateCandidate) bool { return c.PassedOver == v1alpha1.PassedIgnored }) {
		s.status.Phase = v1alpha1.UpdateIgnored
	}
	s.status.Step, s.status.To, s.status.Fixes, s.status.Adds, s.status.AvailableTime, s.status.SupersededTime = "", nil, nil, nil, nil, nil
}

// take makes a candidate the one to move to.
func (s *step) take(now time.Time) {
	taken := s.choice.Taken
	to := &v1alpha1.ImageVersion{Tag: taken.Tag.String(), Digest: string(taken.Digest)}
	if s.status.To == nil || *s.status.To != *to || !underWay(s.status.Phase) {
		if s.status.AvailableTime == nil || s.status.Phase == v1alpha1.UpdateRolledOut {
			s.status.AvailableTime = &metav1.Time{Time: now}
		}
		s.status.Phase = v1alpha1.UpdateAvailable
		s.status.MergedTime, s.status.RolledOutTime, s.status.SupersededTime, s.status.Rebuild = nil, nil, nil, nil
		if s.status.PullRequest != nil && s.status.PullRequest.State != v1alpha1.PullRequestOpen {
			s.status.PullRequest = nil
		}
	}
	s.status.To, s.status.Step = to, taken.Step.UpdateStep()
	fixes, adds := report.Summarize(taken.Delta.Fixes), report.Summarize(taken.Delta.Adds)
	s.status.Fixes, s.status.Adds = &fixes, &adds
}

// end says how an update ended that nothing needs any more: what ran the version
// runs the new one, or is gone.
func (s *step) end(rolledOut bool, now time.Time) {
	s.status = s.statusBefore()
	s.status.ImageCount, s.status.Workloads = 0, nil
	switch {
	case s.status.Phase == v1alpha1.UpdateRolledOut:
		return
	case rolledOut && (s.status.Phase != v1alpha1.UpdateSuperseded || s.status.MergedTime != nil):
		// Also of what was merged and seemed to be gone: between the old pods and the new ones there may be none.
		s.rollOut(now)
	default:
		s.status.Phase = v1alpha1.UpdateSuperseded
		if s.status.SupersededTime == nil {
			s.status.SupersededTime = &metav1.Time{Time: now}
		}
	}
}

func (s *step) rollOut(now time.Time) {
	s.status.Phase = v1alpha1.UpdateRolledOut
	s.status.RolledOutTime, s.status.SupersededTime = &metav1.Time{Time: now}, nil
	if meta.FindStatusCondition(s.status.Conditions, v1alpha1.ConditionRebuilt) != nil {
		s.condition(v1alpha1.ConditionRebuilt, metav1.ConditionTrue, v1alpha1.ReasonRebuilt, "A digest on the new base runs", now)
	}
}

// runsOn says whether anything of the update's source runs on what it moves to, or on something newer.
func (r *updateReconciler) runsOn(groups []moving, status v1alpha1.ImageUpdateStatus, id updateID) bool {
	if status.To == nil {
		return false
	}
	return slices.ContainsFunc(groups, func(g moving) bool {
		if g.ID.Source != id.Source || g.ID.Base.Repository != id.Base.Repository {
			return false
		}
		return g.ID.Base.Tag == status.To.Tag || string(g.From) == status.To.Digest || newerTag(id.Base.Repository, status.To.Tag, g.ID.Base.Tag)
	})
}

func newerTag(repository, from, to string) bool {
	a, ok := baseimage.ParseTag(repository, from)
	b, also := baseimage.ParseTag(repository, to)
	return ok && also && slices.ContainsFunc(baseimage.Candidates(a, []baseimage.Tag{b}, true), func(c baseimage.Candidate) bool {
		return c.Tag.String() != from
	})
}

func (s *step) condition(kind string, status metav1.ConditionStatus, reason, message string, now time.Time) {
	meta.SetStatusCondition(&s.status.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: delivery.Clip(message, 1024),
		ObservedGeneration: 1, LastTransitionTime: metav1.NewTime(now),
	})
}

// taken are the steps that have something to move to and are not on their way, by
// their place in Git.
func (r *round) taken() []*step {
	var taken []*step
	for _, s := range r.steps {
		if s.group != nil && s.choice.Taken != nil && s.status.Phase != v1alpha1.UpdateMerged {
			taken = append(taken, s)
		}
	}
	slices.SortStableFunc(taken, func(a, b *step) int {
		return cmp.Or(worstFirst(a.choice.Taken.Delta.Fixes, b.choice.Taken.Delta.Fixes), cmp.Compare(updateName(r.policy.key, a.id), updateName(r.policy.key, b.id)))
	})
	return taken
}

// worstFirst has what fixes the worst come first where there is a limit.
func worstFirst(a, b []policy.Finding) int {
	if len(a) == 0 || len(b) == 0 {
		return cmp.Compare(len(b), len(a))
	}
	return policy.Compare(a[0], b[0])
}
