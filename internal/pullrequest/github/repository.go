package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	gogithub "github.com/google/go-github/v88/github"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const (
	maxFile    = 1 << 20
	maxFiles   = 100_000
	maxCommits = 100
)

// Repository implements pullrequest.Forge.
func (f *forge) Repository(ctx context.Context) (pullrequest.Repository, error) {
	r, _, err := f.client.Repositories.Get(ctx, f.owner, f.name)
	if err == nil && r.GetDefaultBranch() == "" {
		err = errIncomplete
	}
	if err != nil {
		return pullrequest.Repository{}, f.fail(ctx, "read the repository", err, pullrequest.ErrNotFound)
	}
	return pullrequest.Repository{
		DefaultBranch: r.GetDefaultBranch(),
		// Enterprise knows internal repositories, which are not private but not for everybody either.
		Public:   !r.GetPrivate() && cmp.Or(r.GetVisibility(), "public") == "public",
		Archived: r.GetArchived(),
	}, nil
}

// Head implements pullrequest.Forge.
func (f *forge) Head(ctx context.Context, branch string) (string, error) {
	ref, _, err := f.client.Git.GetRef(ctx, f.owner, f.name, "heads/"+branch)
	if a, ok := answerOf(err); ok && a.Status == http.StatusConflict {
		return "", refusedf(v1alpha1.ReasonForgeRefused, "read branch %s in %s: the repository is empty: %w", branch, f.repository, pullrequest.ErrNotFound)
	}
	if err == nil && ref.GetObject().GetSHA() == "" {
		err = errIncomplete
	}
	if err != nil {
		return "", f.fail(ctx, "read branch "+branch, err, pullrequest.ErrNotFound)
	}
	return ref.GetObject().GetSHA(), nil
}

// Files implements pullrequest.Forge. Where GitHub lists only a part, the error wraps ErrTruncated.
func (f *forge) Files(ctx context.Context, commit string) ([]pullrequest.File, error) {
	doing := "list files at " + commit
	tree, _, err := f.client.Git.GetTree(ctx, f.owner, f.name, commit, true)
	if err == nil && tree.GetSHA() == "" {
		err = errIncomplete
	}
	if err != nil {
		return nil, f.fail(ctx, doing, err, pullrequest.ErrNotFound)
	}
	if tree.GetTruncated() || len(tree.Entries) > maxFiles {
		return nil, refusedf(v1alpha1.ReasonForgeRefused, "%s in %s: %w", doing, f.repository, ErrTruncated)
	}
	var files []pullrequest.File
	for _, entry := range tree.Entries {
		// Regular files: not symbolic links, submodules and folders.
		if entry.GetType() != "blob" || !strings.HasPrefix(entry.GetMode(), "100") {
			continue
		}
		file := pullrequest.File{Path: entry.GetPath(), Size: -1}
		if entry.Size != nil {
			file.Size = int64(entry.GetSize())
		}
		files = append(files, file)
	}
	return files, nil
}

// Read implements pullrequest.Forge.
func (f *forge) Read(ctx context.Context, commit, path string) ([]byte, error) {
	doing := fmt.Sprintf("read %s at %s", path, commit)
	file, _, _, err := f.client.Repositories.GetContents(ctx, f.owner, f.name, path, &gogithub.RepositoryContentGetOptions{Ref: commit})
	switch {
	case errors.Is(err, gogithub.ErrPathForbidden):
		return nil, refusedf(v1alpha1.ReasonForgeRefused, "%s in %s: %w", doing, f.repository, pullrequest.ErrNotFound)
	case err != nil:
		return nil, f.fail(ctx, doing, err, pullrequest.ErrNotFound)
	case file == nil || file.GetType() != "file":
		return nil, refusedf(v1alpha1.ReasonForgeRefused, "%s in %s: not a regular file: %w", doing, f.repository, pullrequest.ErrNotFound)
	case file.GetSize() > maxFile:
		return nil, refusedf(v1alpha1.ReasonForgeRefused, "%s in %s: the file has %d bytes, of which at most %d are read", doing, f.repository, file.GetSize(), maxFile)
	}
	content, err := file.GetContent()
	if err != nil || len(content) > maxFile {
		return nil, refusedf(v1alpha1.ReasonForgeRefused, "%s in %s: the forge gives no content of the file", doing, f.repository)
	}
	return []byte(content), nil
}

// Commits implements pullrequest.Forge.
func (f *forge) Commits(ctx context.Context, base, head string) ([]pullrequest.Commit, error) {
	page := &gogithub.ListOptions{PerPage: maxCommits}
	comparison, err := f.compare(ctx, base, head, page)
	if err != nil {
		return nil, err
	}
	// GitHub tells the oldest first.
	listed := comparison.Commits
	if total := comparison.GetTotalCommits(); total > maxCommits {
		page.Page = (total + maxCommits - 1) / maxCommits
		last, err := f.compare(ctx, base, head, page)
		if err != nil {
			return nil, err
		}
		if page.Page--; page.Page > 1 && len(last.Commits) < maxCommits {
			before, err := f.compare(ctx, base, head, page)
			if err != nil {
				return nil, err
			}
			listed = before.Commits
		}
		listed = append(listed, last.Commits...)
	}
	listed = listed[max(0, len(listed)-maxCommits):]
	var commits []pullrequest.Commit
	for _, c := range slices.Backward(listed) {
		commits = append(commits, pullrequest.Commit{
			SHA: c.GetSHA(), Message: c.GetCommit().GetMessage(),
			AuthorEmail:    strings.ToLower(c.GetCommit().GetAuthor().GetEmail()),
			CommitterEmail: strings.ToLower(c.GetCommit().GetCommitter().GetEmail()),
		})
	}
	return commits, nil
}

func (f *forge) compare(ctx context.Context, base, head string, page *gogithub.ListOptions) (*gogithub.CommitsComparison, error) {
	comparison, _, err := f.client.Repositories.CompareCommits(ctx, f.owner, f.name, base, head, page)
	if err == nil && (comparison == nil || comparison.TotalCommits == nil || slices.ContainsFunc(comparison.Commits, unnamed)) {
		err = errIncomplete
	}
	if err != nil {
		return nil, f.fail(ctx, fmt.Sprintf("compare %s with %s", base, head), err, pullrequest.ErrNotFound)
	}
	return comparison, nil
}

func unnamed(c *gogithub.RepositoryCommit) bool { return c.GetSHA() == "" }
