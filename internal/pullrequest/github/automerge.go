package github

import (
	"context"
	"fmt"

	gogithub "github.com/google/go-github/v88/github"
)

const enableAutoMerge = `mutation($input: EnablePullRequestAutoMergeInput!) { enablePullRequestAutoMerge(input: $input) { clientMutationId } }`

// AutoMerge implements pullrequest.Forge. GitHub refuses where the repository
// does not allow it, and where there is nothing to wait for: no check or review
// is required, or all have passed.
func (f *forge) AutoMerge(ctx context.Context, number int64) error {
	doing := fmt.Sprintf("ask to merge pull request %d once all checks pass", number)
	r, _, err := f.client.Repositories.Get(ctx, f.owner, f.name)
	if err == nil && r == nil {
		err = errIncomplete
	}
	if err != nil {
		return f.fail(ctx, doing, err, errNoPull)
	}
	p, err := f.get(ctx, number)
	if err != nil {
		return f.fail(ctx, doing, err, errNoPull)
	}
	input := map[string]any{"pullRequestId": p.GetNodeID(), "mergeMethod": mergeMethod(r), "expectedHeadOid": p.GetHead().GetSHA()}
	if err := f.mutate(ctx, enableAutoMerge, input, &struct{}{}); err != nil {
		return f.fail(ctx, doing, err, errNoPull)
	}
	return nil
}

// mergeMethod is the first of GitHub's that the repository allows, as far as it says so.
func mergeMethod(r *gogithub.Repository) string {
	switch {
	case r.AllowMergeCommit == nil || *r.AllowMergeCommit:
		return "MERGE"
	case r.GetAllowSquashMerge():
		return "SQUASH"
	}
	return "REBASE"
}
