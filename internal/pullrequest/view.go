package pullrequest

import (
	"context"
)

// view is what is known of a branch and its pull requests.
type view struct {
	forge  Forge
	pulls  []PullRequest // newest first
	emails []string
}

func look(ctx context.Context, forge Forge, branch string) (*view, error) {
	pulls, err := forge.PullRequests(ctx, branch)
	if err != nil {
		return nil, err
	}
	v := &view{forge: forge, pulls: pulls}
	if known, ok := forge.(Identified); ok {
		v.emails, err = known.Emails(ctx)
	}
	return v, err
}

// open returns the open pull request, or nil.
func (v *view) open() *PullRequest {
	for i := range v.pulls {
		if v.pulls[i].State == Open {
			return &v.pulls[i]
		}
	}
	return nil
}

// history of what a commit has and the target has not.
func (v *view) history(ctx context.Context, target, head string) (history, error) {
	base, err := v.forge.Head(ctx, target)
	if err != nil {
		return history{}, err
	}
	commits, err := v.forge.Commits(ctx, base, head)
	if err != nil {
		return history{}, err
	}
	return readHistory(commits, v.emails), nil
}
