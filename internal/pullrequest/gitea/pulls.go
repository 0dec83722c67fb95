package gitea

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const (
	maxPulls     = 100
	maxPullPages = 40 // 2,000 pull requests: Gitea cannot list those of one branch
	// draftPrefix before a title makes a draft, in the default configuration of both forges.
	draftPrefix = "WIP: "

	autoMergeTries = 20
	autoMergePause = 500 * time.Millisecond

	settleTries = 5
	settlePause = 500 * time.Millisecond
)

// PullRequests returns those whose head is the branch of this repository itself, of every state, newest first, at most 100. It
// looks at the newest 2,000 of the repository.
func (c *Client) PullRequests(ctx context.Context, branch string) ([]pullrequest.PullRequest, error) {
	var result []pullrequest.PullRequest
	for page := 1; page <= maxPullPages && len(result) < maxPulls; page++ {
		found, response, err := c.api(ctx).ListRepoPullRequests(c.owner, c.repository, gitea.ListPullRequestsOptions{
			ListOptions: gitea.ListOptions{Page: page, PageSize: pageSize}, State: gitea.StateAll,
		})
		if err != nil {
			return nil, c.fail(ctx, "list the pull requests", response, err)
		}
		for _, pull := range found {
			if !ofBranch(pull, branch) {
				continue
			}
			if pull, err = c.settled(ctx, pull); err != nil {
				return nil, err
			}
			result = append(result, convertPull(pull))
		}
		if response.NextPage == 0 || len(found) == 0 {
			break
		}
	}
	slices.SortFunc(result, func(a, b pullrequest.PullRequest) int { return int(b.Number - a.Number) })
	return result[:min(len(result), maxPulls)], nil
}

// ofBranch looks at the head's name: its ref is another one once the branch is gone.
func ofBranch(pull *gitea.PullRequest, branch string) bool {
	return pull.Head != nil && pull.Base != nil && pull.Head.Name == branch && pull.Head.RepoID == pull.Base.RepoID
}

func convertPull(pull *gitea.PullRequest) pullrequest.PullRequest {
	result := pullrequest.PullRequest{Number: pull.Index, URL: pull.HTMLURL, State: pullrequest.Open, Title: pull.Title, Body: pull.Body}
	if pull.Draft {
		result.Title = strings.TrimPrefix(result.Title, draftPrefix)
	}
	if pull.Base != nil {
		result.Target = pull.Base.Name
	}
	if pull.Head != nil {
		result.HeadSHA = pull.Head.Sha
	}
	if pull.Poster != nil {
		result.Author = pull.Poster.UserName
	}
	if pull.Created != nil {
		result.Created = *pull.Created
	}
	switch {
	case pull.HasMerged:
		result.State, result.Ended = pullrequest.Merged, timeOf(pull.Merged)
		if pull.MergedCommitID != nil {
			result.MergeCommit = *pull.MergedCommitID
		}
	case pull.State == gitea.StateClosed:
		result.State, result.Ended = pullrequest.Closed, timeOf(pull.Closed)
	default:
		result.Conflicted = conflicted(pull)
	}
	return result
}

// settled looks again at a pull request that seems to be conflicted: Gitea says the same of one that it still
// checks, which takes it a moment after each push.
func (c *Client) settled(ctx context.Context, pull *gitea.PullRequest) (*gitea.PullRequest, error) {
	tick := time.NewTicker(settlePause)
	defer tick.Stop()
	for try := 1; try <= settleTries && pull.State == gitea.StateOpen && conflicted(pull); try++ {
		select {
		case <-ctx.Done():
			return nil, c.explain("look up the pull request", nil, ctx.Err())
		case <-tick.C:
		}
		var response *gitea.Response
		var err error
		if pull, response, err = c.api(ctx).GetPullRequest(c.owner, c.repository, pull.Index); err != nil {
			return nil, c.fail(ctx, "look up the pull request", response, err)
		}
	}
	return pull, nil
}

// conflicted reads Gitea's "mergeable", which is false for drafts and while it still checks, too. There is no
// conflict where the target has not moved.
func conflicted(pull *gitea.PullRequest) bool {
	return !pull.Mergeable && !pull.Draft && pull.Base != nil && pull.MergeBase != pull.Base.Sha
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// Open opens a pull request. Where there is one for the branch already, that one is the result. People whom Gitea does not
// take as reviewers or assignees are left out, as is a label that cannot be created.
func (c *Client) Open(ctx context.Context, n pullrequest.NewPullRequest) (pullrequest.PullRequest, error) {
	options := gitea.CreatePullRequestOption{Head: n.Branch, Base: n.Target, Title: n.Title, Body: n.Body, Assignees: n.Assignees, Reviewers: n.Reviewers}
	if n.Draft {
		options.Title = draftPrefix + n.Title
	}
	var err error
	if options.Labels, err = c.labels(ctx, n.Labels); err != nil {
		return pullrequest.PullRequest{}, err
	}
	pull, response, err := c.api(ctx).CreatePullRequest(c.owner, c.repository, options)
	if err != nil && badPeople(response) && len(n.Assignees)+len(n.Reviewers) > 0 {
		options.Assignees, options.Reviewers = c.knownPeople(ctx, n)
		pull, response, err = c.api(ctx).CreatePullRequest(c.owner, c.repository, options)
	}
	if err == nil {
		return convertPull(pull), nil
	}
	failure := c.fail(ctx, "open a pull request for "+n.Branch, response, err)
	if code := status(response); code != http.StatusConflict && code != http.StatusUnprocessableEntity {
		return pullrequest.PullRequest{}, failure
	}
	return c.alreadyOpen(ctx, n.Branch, failure)
}

func (c *Client) alreadyOpen(ctx context.Context, branch string, failure error) (pullrequest.PullRequest, error) {
	all, err := c.PullRequests(ctx, branch)
	if err != nil {
		return pullrequest.PullRequest{}, err
	}
	for _, pull := range all {
		if pull.State == pullrequest.Open {
			return pull, nil
		}
	}
	return pullrequest.PullRequest{}, failure
}

// knownPeople are those of the proposal that Gitea lets be assigned and review; none where it does not say.
func (c *Client) knownPeople(ctx context.Context, n pullrequest.NewPullRequest) (assignees, reviewers []string) {
	among := func(names []string, users []*gitea.User, err error) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			return err != nil || !slices.ContainsFunc(users, func(u *gitea.User) bool { return strings.EqualFold(u.UserName, name) })
		})
	}
	assignable, _, err := c.api(ctx).GetAssignees(c.owner, c.repository)
	assignees = among(n.Assignees, assignable, err)
	reviewing, _, err := c.api(ctx).GetReviewers(c.owner, c.repository)
	return assignees, among(n.Reviewers, reviewing, err)
}

// badPeople is true for the answers to names that are not there or may not do this.
func badPeople(response *gitea.Response) bool {
	return status(response) == http.StatusUnprocessableEntity || status(response) == http.StatusNotFound
}

// Edit changes title and body of an open pull request. A draft stays one.
func (c *Client) Edit(ctx context.Context, number int64, title, body string) error {
	pull, response, err := c.api(ctx).GetPullRequest(c.owner, c.repository, number)
	if err != nil {
		return c.fail(ctx, "look up the pull request", response, err)
	}
	if pull.Draft {
		title = draftPrefix + title
	}
	_, response, err = c.api(ctx).EditPullRequest(c.owner, c.repository, number, gitea.EditPullRequestOption{Title: title, Body: &body})
	if err != nil {
		return c.fail(ctx, "edit the pull request", response, err)
	}
	return nil
}

// Close closes a pull request without merging it.
func (c *Client) Close(ctx context.Context, number int64) error {
	closed := gitea.StateClosed
	if _, response, err := c.api(ctx).EditPullRequest(c.owner, c.repository, number, gitea.EditPullRequestOption{State: &closed}); err != nil {
		return c.fail(ctx, "close the pull request", response, err)
	}
	return nil
}

// Comment adds a comment.
func (c *Client) Comment(ctx context.Context, number int64, body string) error {
	if _, response, err := c.api(ctx).CreateIssueComment(c.owner, c.repository, number, gitea.CreateIssueCommentOption{Body: body}); err != nil {
		const doing = "comment on the pull request"
		if status(response) == http.StatusInternalServerError {
			// Gitea takes a comment on nothing for a fault of its own.
			if _, response, err := c.api(ctx).GetPullRequest(c.owner, c.repository, number); status(response) == http.StatusNotFound {
				return c.fail(ctx, doing, response, err)
			}
		}
		return c.fail(ctx, doing, response, err)
	}
	return nil
}

// AutoMerge asks the forge to merge once all checks pass. A pull request that Gitea has just seen changed is
// refused until Gitea has checked it for conflicts, so this asks again for ten seconds.
func (c *Client) AutoMerge(ctx context.Context, number int64) error {
	repository, err := c.describe(ctx)
	if err != nil {
		return err
	}
	options := gitea.MergePullRequestOption{Style: repository.DefaultMergeStyle, MergeWhenChecksSucceed: true}
	if options.Style == "" {
		options.Style = gitea.MergeStyleMerge
	}
	tick := time.NewTicker(autoMergePause)
	defer tick.Stop()
	for try := 1; ; try++ {
		tooEarly, failure := c.mergeLater(ctx, number, options)
		if failure == nil || !tooEarly || try == autoMergeTries {
			return failure
		}
		select {
		case <-ctx.Done():
			return c.explain("schedule the merge", nil, ctx.Err())
		case <-tick.C:
		}
	}
}

// mergeLater asks once. It is no failure where the merge is scheduled already.
func (c *Client) mergeLater(ctx context.Context, number int64, options gitea.MergePullRequestOption) (tooEarly bool, failure error) {
	done, response, err := c.api(ctx).MergePullRequest(c.owner, c.repository, number, options)
	if err != nil {
		return false, c.fail(ctx, "schedule the merge", response, err)
	}
	if done || response.StatusCode == http.StatusConflict {
		return false, nil
	}
	return response.StatusCode == http.StatusMethodNotAllowed, c.fail(ctx, "schedule the merge", response, nil)
}
