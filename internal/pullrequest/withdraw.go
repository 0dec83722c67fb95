package pullrequest

import (
	"context"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Withdraw takes a proposer's section out of the open pull request of a branch. The last one closes it with a comment, and
// deletes the branch. It writes nothing where the branch has commits of others. A later Sync may open a new one.
func Withdraw(ctx context.Context, forge Forge, branch string, by Proposer, comment string) (Outcome, error) {
	return retried(func() (Outcome, error) { return withdrawOnce(ctx, forge, branch, by, comment) })
}

func withdrawOnce(ctx context.Context, forge Forge, branch string, by Proposer, comment string) (Outcome, error) {
	v, err := look(ctx, forge, branch)
	if err != nil {
		return Outcome{}, err
	}
	pull := v.open()
	outcome := v.stands()
	ours, exists, err := v.onlyOurs(ctx, branch, outcome.PullRequest)
	if err != nil {
		return Outcome{}, err
	}
	if exists && !ours {
		if pull == nil {
			return outcome, nil
		}
		return foreign(pull), nil
	}
	if pull != nil {
		if left, changed, err := v.leave(ctx, pull, by); left || err != nil {
			return Outcome{State: Absent, Changed: changed}, err
		}
		outcome.Changed = true
		if err := v.close(ctx, pull, comment); err != nil {
			return outcome, ended(ctx, forge, branch, err)
		}
		outcome.State, outcome.Reason = Closed, v1alpha1.ReasonNoUpdate
	}
	if exists {
		outcome.Changed = true
		return outcome, forge.DeleteBranch(ctx, branch)
	}
	return outcome, nil
}

// onlyOurs looks at the commits of a branch, if it is there.
func (v *view) onlyOurs(ctx context.Context, branch string, pull *PullRequest) (ours, exists bool, err error) {
	head, err := v.forge.Head(ctx, branch)
	if errors.Is(err, ErrNotFound) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	target := ""
	if pull != nil {
		target = pull.Target
	} else {
		repository, err := v.forge.Repository(ctx)
		if err != nil {
			return false, true, err
		}
		target = repository.DefaultBranch
	}
	h, err := v.history(ctx, target, head)
	return !h.foreign, true, err
}

// Stands is how the open pull request of a branch stands, or else the newest one. It writes nothing.
func Stands(ctx context.Context, forge Forge, branch string) (Outcome, error) {
	v, err := look(ctx, forge, branch)
	if err != nil {
		return Outcome{}, err
	}
	return v.stands(), nil
}

// stands is how the open pull request stands, or else the newest one.
func (v *view) stands() Outcome {
	switch pull := v.open(); {
	case pull != nil:
		return standing(pull)
	case len(v.pulls) > 0:
		return standing(&v.pulls[0])
	}
	return Outcome{State: Absent}
}

// leave takes a proposer's section away, where there are others who want the pull request.
func (v *view) leave(ctx context.Context, pull *PullRequest, by Proposer) (left, changed bool, err error) {
	d := parseDocument(pull.Body)
	all := len(d.sections)
	d.leave(by)
	if len(d.sections) == 0 {
		return false, false, nil
	}
	if len(d.sections) == all {
		return true, false, nil
	}
	return true, true, v.forge.Edit(ctx, pull.Number, pull.Title, d.String())
}

// close marks the pull request as closed by us before it closes it. The comment comes last: a try that is cut short
// leaves none rather than two.
func (v *view) close(ctx context.Context, pull *PullRequest, comment string) error {
	d := parseDocument(pull.Body)
	if !d.marker.withdrawn {
		d.marker.withdrawn = true
		if err := v.forge.Edit(ctx, pull.Number, pull.Title, d.String()); err != nil {
			return err
		}
		pull.Body = d.String()
	}
	if err := v.forge.Close(ctx, pull.Number); err != nil {
		return err
	}
	pull.State = Closed
	if comment == "" {
		return nil
	}
	return v.forge.Comment(ctx, pull.Number, comment)
}

// ended makes a conflict of a refusal to change the open pull request of a branch that somebody else has merged or closed in the same moment.
func ended(ctx context.Context, forge Forge, branch string, err error) error {
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Reason != v1alpha1.ReasonForgeRefused {
		return err
	}
	if v, unseen := look(ctx, forge, branch); unseen != nil || v.open() != nil {
		return err
	}
	return &Error{Reason: refusal.Reason, Conflict: true, Err: err}
}

// gone makes a conflict of a branch that is not there although it was a moment ago.
func gone(err error, branch string) error {
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return &Error{Reason: v1alpha1.ReasonForgeRefused, Conflict: true, Err: fmt.Errorf("the branch %s of an open pull request: %w", branch, err)}
}
