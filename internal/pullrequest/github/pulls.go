package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	gogithub "github.com/google/go-github/v88/github"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const maxPullRequests = 100

var errNoPull = errors.New("there is no such pull request, or the credentials may not change it")

// PullRequests implements pullrequest.Forge.
func (f *forge) PullRequests(ctx context.Context, branch string) ([]pullrequest.PullRequest, error) {
	doing := "list pull requests of branch " + branch
	listed, _, err := f.client.PullRequests.List(ctx, f.owner, f.name, &gogithub.PullRequestListOptions{
		State: "all", Head: f.owner + ":" + branch, Sort: "created", Direction: "desc",
		ListOptions: gogithub.ListOptions{PerPage: maxPullRequests},
	})
	if err != nil {
		return nil, f.fail(ctx, doing, err, pullrequest.ErrNotFound)
	}
	var pulls []pullrequest.PullRequest
	for _, p := range listed[:min(len(listed), maxPullRequests)] {
		// An owner may have forks of its own repository.
		if p.GetHead().GetRef() != branch || !strings.EqualFold(p.GetHead().GetRepo().GetFullName(), p.GetBase().GetRepo().GetFullName()) {
			continue
		}
		if p.GetState() == "open" {
			// Only a single one is told whether it can be merged.
			if p, err = f.get(ctx, int64(p.GetNumber())); err != nil {
				return nil, f.fail(ctx, doing, err, errNoPull)
			}
		}
		pulls = append(pulls, convert(p))
	}
	return pulls, nil
}

func (f *forge) get(ctx context.Context, number int64) (*gogithub.PullRequest, error) {
	p, _, err := f.client.PullRequests.Get(ctx, f.owner, f.name, int(number))
	if err == nil && p.GetNumber() == 0 {
		err = errIncomplete
	}
	return p, err
}

func convert(p *gogithub.PullRequest) pullrequest.PullRequest {
	out := pullrequest.PullRequest{
		Number: int64(p.GetNumber()), URL: p.GetHTMLURL(), State: pullrequest.Open,
		Title: p.GetTitle(), Body: p.GetBody(), Target: p.GetBase().GetRef(),
		HeadSHA: p.GetHead().GetSHA(), Author: p.GetUser().GetLogin(), Created: p.GetCreatedAt().Time,
		// Absent while GitHub has not computed it.
		Conflicted: p.Mergeable != nil && !*p.Mergeable && p.GetState() == "open",
	}
	switch {
	case p.MergedAt != nil:
		out.State, out.Ended, out.MergeCommit = pullrequest.Merged, p.GetMergedAt().Time, p.GetMergeCommitSHA()
	case p.GetState() == "closed":
		out.State, out.Ended = pullrequest.Closed, p.GetClosedAt().Time
	}
	return out
}

// Open implements pullrequest.Forge. Where labels, reviewers or assignees fail,
// the pull request is there and is returned along with the error.
func (f *forge) Open(ctx context.Context, n pullrequest.NewPullRequest) (pullrequest.PullRequest, error) {
	doing := fmt.Sprintf("open a pull request from %s to %s", n.Branch, n.Target)
	p, _, err := f.client.PullRequests.Create(ctx, f.owner, f.name, &gogithub.NewPullRequest{
		Title: &n.Title, Head: &n.Branch, Base: &n.Target, Body: &n.Body, Draft: &n.Draft,
	})
	if refuses(err, "already exists") {
		return f.existing(ctx, doing, n)
	}
	if err == nil && p.GetNumber() == 0 {
		err = errIncomplete
	}
	if err != nil {
		return pullrequest.PullRequest{}, f.fail(ctx, doing, err, errNoBranch)
	}
	return convert(p), f.decorate(ctx, p.GetNumber(), n)
}

// existing returns the open pull request that keeps another from being opened.
func (f *forge) existing(ctx context.Context, doing string, n pullrequest.NewPullRequest) (pullrequest.PullRequest, error) {
	pulls, err := f.PullRequests(ctx, n.Branch)
	if err != nil {
		return pullrequest.PullRequest{}, err
	}
	i := slices.IndexFunc(pulls, func(p pullrequest.PullRequest) bool {
		return p.State == pullrequest.Open && p.Target == n.Target
	})
	if i < 0 {
		return pullrequest.PullRequest{}, conflictf("%s in %s: there was one already, which is not open any more", doing, f.repository)
	}
	return pulls[i], nil
}

func (f *forge) decorate(ctx context.Context, number int, n pullrequest.NewPullRequest) error {
	doing := fmt.Sprintf("pull request %d", number)
	if len(n.Labels) > 0 {
		if _, _, err := f.client.Issues.AddLabelsToIssue(ctx, f.owner, f.name, number, n.Labels); err != nil {
			return f.fail(ctx, "label "+doing, err, errNoPull)
		}
	}
	if len(n.Assignees) > 0 {
		// GitHub leaves out whoever cannot be assigned.
		if _, _, err := f.client.Issues.AddAssignees(ctx, f.owner, f.name, number, n.Assignees); err != nil {
			return f.fail(ctx, "assign "+doing, err, errNoPull)
		}
	}
	// One by one: GitHub refuses all where one is no collaborator, or is the author.
	for _, reviewer := range n.Reviewers {
		request := gogithub.ReviewersRequest{Reviewers: []string{reviewer}}
		if _, team, found := strings.Cut(reviewer, "/"); found {
			request = gogithub.ReviewersRequest{TeamReviewers: []string{team}}
		}
		_, _, err := f.client.PullRequests.RequestReviewers(ctx, f.owner, f.name, number, request)
		if err != nil && !refuses(err, "") {
			return f.fail(ctx, "request a review of "+doing, err, errNoPull)
		}
	}
	return nil
}

// Edit implements pullrequest.Forge.
func (f *forge) Edit(ctx context.Context, number int64, title, body string) error {
	_, _, err := f.client.PullRequests.Edit(ctx, f.owner, f.name, int(number), &gogithub.PullRequest{Title: &title, Body: &body})
	if err != nil {
		return f.fail(ctx, fmt.Sprintf("edit pull request %d", number), err, errNoPull)
	}
	return nil
}

// Close implements pullrequest.Forge.
func (f *forge) Close(ctx context.Context, number int64) error {
	_, _, err := f.client.PullRequests.Edit(ctx, f.owner, f.name, int(number), &gogithub.PullRequest{State: gogithub.Ptr("closed")})
	if err != nil {
		return f.fail(ctx, fmt.Sprintf("close pull request %d", number), err, errNoPull)
	}
	return nil
}

// Comment implements pullrequest.Forge.
func (f *forge) Comment(ctx context.Context, number int64, body string) error {
	_, _, err := f.client.Issues.CreateComment(ctx, f.owner, f.name, int(number), &gogithub.IssueComment{Body: &body})
	if err != nil {
		return f.fail(ctx, fmt.Sprintf("comment on pull request %d", number), err, errNoPull)
	}
	return nil
}
