package gitea

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const maxBranchPages = 20 // of branches that are looked through for one at a commit

// Commit writes files as one commit and returns it. Gitea makes a commit on top of a branch only, and pushes it to that
// branch or another one: so a commit that is to follow another than the branch's head is made on
// a branch that points there, which nearly always is the target's.
func (c *Client) Commit(ctx context.Context, n pullrequest.NewCommit) (string, error) {
	head, err := c.Head(ctx, n.Branch)
	exists := err == nil
	if err != nil && !errors.Is(err, pullrequest.ErrNotFound) {
		return "", err
	}
	if exists && head == n.Parent {
		return c.change(ctx, n, n.Branch, false)
	}
	if exists && !n.Reset {
		return "", c.moved(n, head)
	}
	from, err := c.branchAt(ctx, n.Parent)
	if err != nil {
		return "", err
	}
	if from != "" {
		return c.change(ctx, n, from, exists)
	}
	return c.changeFromParent(ctx, n, exists)
}

func (c *Client) moved(n pullrequest.NewCommit, head string) *pullrequest.Error {
	moved := c.refused("commit to "+n.Branch, fmt.Errorf("it is at %s, not at %s", head, n.Parent))
	moved.Conflict = true
	return moved
}

// branchAt returns a branch that points to a commit, the default one if it does, or "".
func (c *Client) branchAt(ctx context.Context, commit string) (string, error) {
	repository, err := c.describe(ctx)
	if err != nil {
		return "", err
	}
	head, err := c.Head(ctx, repository.DefaultBranch)
	if err == nil && head == commit {
		return repository.DefaultBranch, nil
	}
	for page := 1; page <= maxBranchPages; page++ {
		branches, response, err := c.api(ctx).ListRepoBranches(c.owner, c.repository, gitea.ListRepoBranchesOptions{
			ListOptions: gitea.ListOptions{Page: page, PageSize: pageSize},
		})
		if err != nil {
			return "", c.fail(ctx, "list the branches", response, err)
		}
		for _, branch := range branches {
			if branch.Commit != nil && branch.Commit.ID == commit {
				return branch.Name, nil
			}
		}
		if response.NextPage == 0 || len(branches) == 0 {
			break
		}
	}
	return "", nil
}

// changeFromParent makes the commit where no branch points to its parent any more: from a branch made for it.
func (c *Client) changeFromParent(ctx context.Context, n pullrequest.NewCommit, exists bool) (string, error) {
	if !exists {
		if err := c.createBranch(ctx, n.Branch, n.Parent); err != nil {
			return "", err
		}
		return c.change(ctx, n, n.Branch, false)
	}
	temporary := n.Branch + ".base"
	if err := c.DeleteBranch(ctx, temporary); err != nil {
		return "", err
	}
	if err := c.createBranch(ctx, temporary, n.Parent); err != nil {
		return "", err
	}
	sha, err := c.change(ctx, n, temporary, true)
	return sha, errors.Join(err, c.DeleteBranch(ctx, temporary))
}

// createBranch makes a branch at a commit, for which the SDK has no field.
func (c *Client) createBranch(ctx context.Context, branch, commit string) error {
	doing := "create branch " + branch
	body, err := json.Marshal(map[string]string{"new_branch_name": branch, "old_ref_name": commit})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	address := fmt.Sprintf("%s/api/v1/repos/%s/%s/branches", c.base, url.PathEscape(c.owner), url.PathEscape(c.repository))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return c.explain(doing, nil, err)
	}
	request.Header.Set("Authorization", "token "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return c.explain(doing, nil, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusCreated {
		return nil
	}
	var answer struct{ Message string }
	// What is no JSON is not Gitea's own: it is left out.
	_ = json.NewDecoder(response.Body).Decode(&answer)
	return c.failWrite(ctx, doing, &gitea.Response{Response: response}, errors.New(answer.Message))
}

// change commits the files on top of a branch, and pushes that to n.Branch, by force if it is to be overwritten.
func (c *Client) change(ctx context.Context, n pullrequest.NewCommit, from string, force bool) (string, error) {
	options, err := c.changes(ctx, n)
	if err != nil {
		return "", err
	}
	options.Branch, options.ForcePush = from, force
	if from != n.Branch {
		options.NewBranch = n.Branch
	}
	result, response, err := c.api(ctx).ChangeFiles(c.owner, c.repository, options)
	if err != nil {
		return "", c.failWrite(ctx, "commit to "+n.Branch, response, err)
	}
	if result.Commit == nil {
		return "", c.explain("commit to "+n.Branch, nil, errors.New("the answer names no commit"))
	}
	// Somebody may have pushed to the branch since it was looked at.
	if parents := result.Commit.Parents; len(parents) != 1 || parents[0].SHA != n.Parent {
		return "", c.moved(n, "another commit")
	}
	return result.Commit.SHA, nil
}

// changes carries the blobs that the files have at the parent, so that Gitea refuses where one differs by now.
func (c *Client) changes(ctx context.Context, n pullrequest.NewCommit) (gitea.ChangeFilesOptions, error) {
	me, err := c.account(ctx)
	if err != nil {
		return gitea.ChangeFilesOptions{}, err
	}
	identity := gitea.Identity{Name: me.UserName, Email: me.Email}
	options := gitea.ChangeFilesOptions{Message: n.Message, Author: identity, Committer: identity}
	for _, path := range slices.Sorted(maps.Keys(n.Files)) {
		present, response, err := c.api(ctx).GetContents(c.owner, c.repository, n.Parent, path)
		if err != nil {
			return gitea.ChangeFilesOptions{}, c.fail(ctx, "look up "+path+" at "+n.Parent, response, err)
		}
		options.Files = append(options.Files, &gitea.ChangeFileOperation{
			Operation: "update", Path: path, SHA: present.SHA, Content: base64.StdEncoding.EncodeToString(n.Files[path]),
		})
	}
	return options, nil
}
