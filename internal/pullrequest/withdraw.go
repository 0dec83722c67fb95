package pullrequest

import (
	"context"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Withdraw closes the open pull request of a branch with a comment, where it is not needed any more, and deletes the branch. It
// writes nothing where the branch has commits of others. A later Sync may open a new one.
func Withdraw(ctx context.Context, forge Forge, branch, comment string) (Outcome, error) {
	return retried(func() (Outcome, error) { return withdrawOnce(ctx, forge, branch, comment) })
}

func withdrawOnce(ctx context.Context, forge Forge, branch, comment string) (Outcome, error) {
	v, err := look(ctx, forge, branch)
	if err != nil {
		return Outcome{}, err
	}
	outcome := Outcome{State: Absent}
	pull := v.open()
	switch {
	case pull != nil:
		outcome = standing(pull)
	case len(v.pulls) > 0:
		outcome = standing(&v.pulls[0])
	}
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
		outcome.Changed = true
		if err := v.close(ctx, pull, comment); err != nil {
			return outcome, err
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

// gone makes a conflict of a branch that is not there although it was a moment ago.
func gone(err error, branch string) error {
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return &Error{Reason: v1alpha1.ReasonForgeRefused, Conflict: true, Err: fmt.Errorf("the branch %s of an open pull request: %w", branch, err)}
}
