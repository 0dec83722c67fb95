package gitlab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	gogitlab "gitlab.com/gitlab-org/api/client-go"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const (
	maxPullRequests = 100
	draftPrefix     = "Draft: "
)

var errNoPull = errors.New("there is no such merge request, or the credentials may not change it")

// PullRequests implements pullrequest.Forge.
func (f *forge) PullRequests(ctx context.Context, branch string) ([]pullrequest.PullRequest, error) {
	listed, err := f.list(ctx, branch)
	if err != nil {
		return nil, f.fail(ctx, "list merge requests of branch "+branch, err, pullrequest.ErrNotFound)
	}
	var pulls []pullrequest.PullRequest
	for _, m := range listed[:min(len(listed), maxPullRequests)] {
		// Forks may have a branch of the same name.
		if m != nil && m.SourceBranch == branch && m.SourceProjectID == m.TargetProjectID {
			pulls = append(pulls, convert(m))
		}
	}
	// Those of one second are told in any order.
	slices.SortStableFunc(pulls, func(a, b pullrequest.PullRequest) int { return cmp.Compare(b.Number, a.Number) })
	return pulls, nil
}

// list does what ListProjectMergeRequests of the library does, which panics where an entry is null.
func (f *forge) list(ctx context.Context, branch string) ([]*gogitlab.BasicMergeRequest, error) {
	req, err := f.client.NewRequest(http.MethodGet, "projects/"+gogitlab.PathEscape(f.project)+"/merge_requests", &gogitlab.ListProjectMergeRequestsOptions{
		ListOptions:  gogitlab.ListOptions{PerPage: maxPullRequests},
		SourceBranch: &branch, State: gogitlab.Ptr("all"), OrderBy: gogitlab.Ptr("created_at"), Sort: gogitlab.Ptr("desc"),
		WithMergeStatusRecheck: gogitlab.Ptr(true),
	}, []gogitlab.RequestOptionFunc{gogitlab.WithContext(ctx)})
	if err != nil {
		return nil, err
	}
	var listed []*gogitlab.BasicMergeRequest
	_, err = f.client.Do(req, &listed)
	return listed, err
}

func convert(m *gogitlab.BasicMergeRequest) pullrequest.PullRequest {
	out := pullrequest.PullRequest{
		Number: m.IID, URL: m.WebURL, State: pullrequest.Open, Title: title(m), Body: m.Description,
		Target: m.TargetBranch, HeadSHA: m.SHA, Created: at(m.CreatedAt),
	}
	if m.Author != nil {
		out.Author = m.Author.Username
	}
	switch m.State {
	case "merged":
		out.State, out.Ended = pullrequest.Merged, at(m.MergedAt)
		// A merge without a merge commit leaves that of the squash, or the branch's own head.
		out.MergeCommit = cmp.Or(m.MergeCommitSHA, m.SquashCommitSHA, m.SHA)
	case "closed":
		out.State, out.Ended = pullrequest.Closed, at(m.ClosedAt)
	default:
		// Also locked: while it is being merged.
		out.Conflicted = m.HasConflicts
	}
	return out
}

// title without what says that it is a draft.
func title(m *gogitlab.BasicMergeRequest) string {
	if m.Draft {
		return strings.TrimPrefix(m.Title, draftPrefix)
	}
	return m.Title
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// Open implements pullrequest.Forge. GitLab leaves out reviewers and assignees who
// are no members, and, in its free edition, all but the first of each.
func (f *forge) Open(ctx context.Context, n pullrequest.NewPullRequest) (pullrequest.PullRequest, error) {
	doing := fmt.Sprintf("open a merge request from %s to %s", n.Branch, n.Target)
	reviewers, err := f.users(ctx, n.Reviewers)
	if err != nil {
		return pullrequest.PullRequest{}, err
	}
	assignees, err := f.users(ctx, n.Assignees)
	if err != nil {
		return pullrequest.PullRequest{}, err
	}
	if n.Draft {
		n.Title = draftPrefix + n.Title
	}
	options := &gogitlab.CreateMergeRequestOptions{
		Title: &n.Title, Description: &n.Body, SourceBranch: &n.Branch, TargetBranch: &n.Target,
		ReviewerIDs: reviewers, AssigneeIDs: assignees,
	}
	if len(n.Labels) > 0 {
		options.Labels = (*gogitlab.LabelOptions)(&n.Labels)
	}
	m, _, err := f.client.MergeRequests.CreateMergeRequest(f.project, options, gogitlab.WithContext(ctx))
	if refuses(err, http.StatusConflict, "already exists") {
		return f.existing(ctx, doing, n)
	}
	if err == nil && (m == nil || m.IID == 0) {
		err = errIncomplete
	}
	if err != nil {
		return pullrequest.PullRequest{}, f.fail(ctx, doing, err, errNoBranch)
	}
	return convert(&m.BasicMergeRequest), nil
}

// existing returns the open merge request that keeps another from being opened.
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

// users returns the numbers of those names that GitLab knows.
func (f *forge) users(ctx context.Context, names []string) (*[]int64, error) {
	var ids []int64
	for _, name := range names {
		found, _, err := f.client.Users.ListUsers(&gogitlab.ListUsersOptions{Username: &name}, gogitlab.WithContext(ctx))
		if err != nil {
			return nil, f.fail(ctx, "look for user "+name, err, errNoPull)
		}
		for _, user := range found {
			if user != nil && strings.EqualFold(user.Username, name) {
				ids = append(ids, user.ID)
			}
		}
	}
	if ids == nil {
		return nil, nil
	}
	return &ids, nil
}
