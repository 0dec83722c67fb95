package gitea

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const (
	maxFiles   = 100_000
	maxPages   = 1000 // of a listing, where a forge gives few entries at a time
	maxCommits = 100
)

// Files lists the regular files at a commit, of at most 100,000 entries.
func (c *Client) Files(ctx context.Context, commit string) ([]pullrequest.File, error) {
	var files []pullrequest.File
	entries := 0
	for page := 1; page <= maxPages; page++ {
		tree, response, err := c.api(ctx).GetTrees(c.owner, c.repository, gitea.ListTreeOptions{
			ListOptions: gitea.ListOptions{Page: page}, Ref: commit, Recursive: true,
		})
		if err != nil {
			if response != nil && response.StatusCode == http.StatusBadRequest && strings.Contains(err.Error(), "sha not found") {
				return nil, c.refused("list the files at "+commit, pullrequest.ErrNotFound)
			}
			return nil, c.fail(ctx, "list the files at "+commit, response, err)
		}
		if entries += len(tree.Entries); entries > maxFiles {
			break
		}
		for _, entry := range tree.Entries {
			if entry.Type == "blob" && strings.HasPrefix(entry.Mode, "100") {
				files = append(files, pullrequest.File{Path: entry.Path, Size: entry.Size})
			}
		}
		if !tree.Truncated || len(tree.Entries) == 0 {
			return files, nil
		}
	}
	return nil, c.refused("list the files at "+commit, fmt.Errorf("there are more than %d", maxFiles))
}

// Read returns a file at a commit, of at most 1 MiB, or an ErrNotFound.
func (c *Client) Read(ctx context.Context, commit, path string) ([]byte, error) {
	doing := "read " + path + " at " + commit
	body, response, err := c.api(ctx).GetFileReader(c.owner, c.repository, commit, path)
	if err != nil {
		return nil, c.fail(ctx, doing, response, err)
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, maxContent+1))
	if err != nil {
		return nil, c.explain(doing, nil, err)
	}
	if len(content) > maxContent {
		return nil, c.refused(doing, fmt.Errorf("it is longer than %d bytes", maxContent))
	}
	return content, nil
}

// Commits returns those that head has and base has not, newest first, at most 100.
func (c *Client) Commits(ctx context.Context, base, head string) ([]pullrequest.Commit, error) {
	var commits []pullrequest.Commit
	for page := 1; len(commits) < maxCommits && page <= maxCommits; page++ {
		found, response, err := c.api(ctx).ListRepoCommits(c.owner, c.repository, gitea.ListCommitOptions{
			ListOptions: gitea.ListOptions{Page: page, PageSize: pageSize}, SHA: head, Not: base,
		})
		if err != nil {
			return nil, c.fail(ctx, "list the commits of "+head, response, err)
		}
		for _, commit := range found {
			commits = append(commits, convertCommit(commit))
		}
		if response.NextPage == 0 || len(found) == 0 {
			break
		}
	}
	return commits[:min(len(commits), maxCommits)], nil
}

func convertCommit(commit *gitea.Commit) pullrequest.Commit {
	var result pullrequest.Commit
	if commit.CommitMeta != nil {
		result.SHA = commit.SHA
	}
	if commit.RepoCommit == nil {
		return result
	}
	result.Message = commit.RepoCommit.Message
	if author := commit.RepoCommit.Author; author != nil {
		result.AuthorEmail = strings.ToLower(author.Email)
	}
	if committer := commit.RepoCommit.Committer; committer != nil {
		result.CommitterEmail = strings.ToLower(committer.Email)
	}
	return result
}
