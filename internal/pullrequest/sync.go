package pullrequest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const (
	maxTries = 3
	// maxStacked is how many commits are put on top of each other before the branch starts anew.
	maxStacked = 20
)

// Sync makes the pull request say what the proposal says: it opens one, joins one that another proposer has opened, updates it in
// place, or leaves it alone. It writes nothing where all is said already. Where somebody else is faster, it
// looks again, up to three times. Beside an error, the outcome says what is known of the pull request.
func Sync(ctx context.Context, forge Forge, p Proposal) (Outcome, error) {
	if err := p.validate(); err != nil {
		return Outcome{}, err
	}
	return retried(func() (Outcome, error) { return syncOnce(ctx, forge, p) })
}

// retried tries again after a conflict. Changed tells of all tries.
func retried(try func() (Outcome, error)) (Outcome, error) {
	changed := false
	for i := 1; ; i++ {
		outcome, err := try()
		changed = changed || outcome.Changed
		var failure *Error
		if i == maxTries || !errors.As(err, &failure) || !failure.Conflict {
			outcome.Changed = changed
			return outcome, err
		}
	}
}

// run is one look at the forge and what follows from it.
type run struct {
	*view
	p        Proposal
	archived bool
}

func syncOnce(ctx context.Context, forge Forge, p Proposal) (Outcome, error) {
	repository, err := forge.Repository(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if p.Target == "" {
		p.Target = repository.DefaultBranch
	}
	v, err := look(ctx, forge, p.Branch)
	if err != nil {
		return Outcome{}, err
	}
	r := &run{view: v, p: p, archived: repository.Archived}
	ended, err := r.ended(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if open := r.open(); open != nil {
		return r.update(ctx, *open, ended)
	}
	if decided := r.decided(history{}, nil, ended); len(decided) > 0 {
		return r.divided(decided), nil
	}
	return r.create(ctx)
}

// ended returns the newest pull request in which people have decided about each change: they merged or closed
// it. What we have closed ourselves is no decision.
func (r *run) ended(ctx context.Context) (map[Change]*PullRequest, error) {
	ended := map[Change]*PullRequest{}
	for i := range r.pulls {
		pull := &r.pulls[i]
		d := parseDocument(pull.Body)
		if pull.State == Open || pull.State == Closed && d.marker.withdrawn || len(ended) == len(r.p.Changes) {
			continue
		}
		candidates := d.marker.candidates
		if len(candidates) == 0 {
			h, err := r.history(ctx, r.p.Target, pull.HeadSHA)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return nil, err
			}
			candidates = h.keys()
		}
		for _, c := range r.p.Changes {
			if ended[c] == nil && slices.Contains(candidates, c.key()) {
				ended[c] = pull
			}
		}
	}
	return ended, nil
}

// decided is what became of changes that are not to be proposed, by base: people have decided about them, or the branch,
// whose history is h, has gone on to a newer candidate.
func (r *run) decided(h history, open *PullRequest, ended map[Change]*PullRequest) map[string]Outcome {
	decided := map[string]Outcome{}
	for _, c := range r.p.Changes {
		was := ended[c]
		switch {
		case h.makes(c):
		case moves(h.changes, baseKey(c.Base)) && (was != nil || slices.Contains(h.superseded, c.key())):
			newer := standing(open)
			newer.Message = "it proposes another candidate, which came after this one"
			decided[c.Base] = newer
		case was != nil:
			decided[c.Base] = standing(was)
		}
	}
	return decided
}

// divided is the outcome where some changes are decided.
func (r *run) divided(decided map[string]Outcome) Outcome {
	if len(r.p.Changes) == 1 {
		return decided[r.p.Changes[0].Base]
	}
	return Outcome{State: Divided, Decided: decided}
}

// standing is the outcome where nothing is to be done about a pull request.
func standing(pull *PullRequest) Outcome {
	reason := map[State]string{Open: v1alpha1.ReasonOpen, Merged: v1alpha1.ReasonMerged, Closed: v1alpha1.ReasonClosed}[pull.State]
	return Outcome{State: pull.State, PullRequest: pull, Reason: reason}
}

func foreign(pull *PullRequest) Outcome {
	return Outcome{State: Foreign, PullRequest: pull, Reason: v1alpha1.ReasonForeignCommits, Message: "the branch has commits of others"}
}

// create opens a pull request, and makes its branch unless an earlier try got that far.
func (r *run) create(ctx context.Context) (Outcome, error) {
	switch {
	case r.archived:
		return Outcome{State: Held, Reason: v1alpha1.ReasonForgeRefused, Message: "the repository is archived"}, nil
	case r.p.Hold != "":
		return Outcome{State: Held, Reason: r.p.Hold}, nil
	}
	head, h, err := r.left(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if h.foreign && !r.mergedAt(head) {
		return foreign(nil), nil
	}
	next := r.alone(nil)
	committed := h.foreign || !slices.Equal(h.changes, next.changes)
	if committed {
		if head, err = r.commit(ctx, head, r.p.Base, r.p.Files, next); err != nil {
			return Outcome{}, err
		}
	}
	outcome, err := r.openNew(ctx, head, next)
	outcome.Changed = outcome.Changed || committed
	return outcome, err
}

// left is what an earlier pull request or try has left of the branch; "" where it is not there.
func (r *run) left(ctx context.Context) (string, history, error) {
	head, err := r.forge.Head(ctx, r.p.Branch)
	if errors.Is(err, ErrNotFound) {
		return "", history{}, nil
	}
	if err != nil {
		return "", history{}, err
	}
	h, err := r.history(ctx, r.p.Target, head)
	return head, h, err
}

// mergedAt says that people have merged all that the branch has.
func (r *run) mergedAt(head string) bool {
	return slices.ContainsFunc(r.pulls, func(pull PullRequest) bool { return pull.State == Merged && pull.HeadSHA == head })
}

func (r *run) openNew(ctx context.Context, head string, h history) (Outcome, error) {
	d := r.rewritten(document{}, h)
	pull, err := r.forge.Open(ctx, NewPullRequest{
		Branch: r.p.Branch, Target: r.p.Target, Title: oneLine(r.title(h)), Body: d.String(), Draft: r.p.Draft,
		Labels: r.p.Labels, Reviewers: r.p.Reviewers, Assignees: r.p.Assignees,
	})
	if err != nil {
		return Outcome{}, err
	}
	pull.HeadSHA = head
	outcome := standing(&pull)
	outcome.Changed = true
	return outcome, r.autoMerge(ctx, &outcome)
}

// autoMerge asks the forge to merge by itself, once for each push: the text notes that it agreed, so that a person may undo it.
// Drafts are left out, which forges do not merge.
func (r *run) autoMerge(ctx context.Context, outcome *Outcome) error {
	pull := outcome.PullRequest
	d := parseDocument(pull.Body)
	if !r.p.AutoMerge || r.p.Draft || pull.State != Open || d.marker.autoMerge {
		return nil
	}
	outcome.Changed = true
	if outcome.AutoMerge = r.forge.AutoMerge(ctx, pull.Number); outcome.AutoMerge != nil {
		return nil
	}
	d.marker.autoMerge = true
	if err := r.forge.Edit(ctx, pull.Number, pull.Title, d.String()); err != nil {
		return err
	}
	pull.Body = d.String()
	return nil
}

// alone is the history of a branch that has our changes and no others, after earlier ones.
func (r *run) alone(superseded []string) history {
	changes := sorted(r.p.Changes)
	return history{
		changes: changes, superseded: supersededBy(changes, superseded), owner: r.p.By.key(), files: r.p.filesKey(), base: r.p.Base,
	}
}

func sorted(changes []Change) []Change {
	changes = slices.Clone(changes)
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Base, b.Base) })
	return changes
}

// commit writes files as the branch's newest commit, after which its history is as h tells. With another parent than its head it starts
// anew: then it must still be where it was when all its commits were ours.
func (r *run) commit(ctx context.Context, head, parent string, files map[string][]byte, h history) (string, error) {
	reset := head != "" && parent != head
	if reset {
		now, err := r.forge.Head(ctx, r.p.Branch)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return "", err
		}
		if now != head {
			return "", &Error{Reason: v1alpha1.ReasonForgeRefused, Conflict: true, Err: fmt.Errorf("start %s anew: somebody has pushed to it", r.p.Branch)}
		}
	}
	return r.forge.Commit(ctx, NewCommit{Branch: r.p.Branch, Parent: parent, Reset: reset, Message: r.p.message(h), Files: files})
}
