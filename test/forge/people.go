package forge

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"code.gitea.io/sdk/gitea"
)

// Repository to be created. It belongs to Person, and Bot may write to it.
type Repository struct {
	Name    string
	Private bool
	// Files by path, all in the first commit of the branch main.
	Files map[string]string
}

// RepositoryURL for cloning.
func (f *Forge) RepositoryURL(name string) string { return f.URL + "/" + Person + "/" + name + ".git" }

// CreateRepository creates a repository.
func (f *Forge) CreateRepository(ctx context.Context, r Repository) error {
	c := f.person(ctx)
	_, _, err := c.CreateRepo(gitea.CreateRepoOption{Name: r.Name, Private: r.Private, AutoInit: len(r.Files) == 0, DefaultBranch: "main"})
	if err != nil {
		return fmt.Errorf("create repository %s: %w", r.Name, err)
	}
	write := gitea.AccessModeWrite
	if _, err := c.AddCollaborator(Person, r.Name, Bot, gitea.AddCollaboratorOption{Permission: &write}); err != nil {
		return fmt.Errorf("let %s write to %s: %w", Bot, r.Name, err)
	}
	if len(r.Files) == 0 {
		return nil
	}
	_, err = f.Push(ctx, r.Name, "main", r.Files)
	return err
}

// Push makes a commit of the person on an existing branch, and returns it. Files by path, with their whole content.
func (f *Forge) Push(ctx context.Context, repository, branch string, files map[string]string) (string, error) {
	options := gitea.ChangeFilesOptions{Branch: branch, Message: "Work of a person"}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		change := &gitea.ChangeFileOperation{Operation: "create", Path: path, Content: base64.StdEncoding.EncodeToString([]byte(files[path]))}
		present, response, err := f.person(ctx).GetContents(Person, repository, branch, path)
		switch {
		case err == nil:
			change.Operation, change.SHA = "update", present.SHA
		case response == nil || response.StatusCode != 404:
			return "", fmt.Errorf("push to %s of %s: %w", branch, repository, err)
		}
		options.Files = append(options.Files, change)
	}
	result, _, err := f.person(ctx).ChangeFiles(Person, repository, options)
	if err != nil {
		return "", fmt.Errorf("push to %s of %s: %w", branch, repository, err)
	}
	return result.Commit.SHA, nil
}

// ReadFile returns a file at a branch.
func (f *Forge) ReadFile(ctx context.Context, repository, branch, path string) (string, error) {
	content, _, err := f.person(ctx).GetFile(Person, repository, branch, path)
	if err != nil {
		return "", fmt.Errorf("read %s at %s of %s: %w", path, branch, repository, err)
	}
	return string(content), nil
}

// PullRequests of every state, newest first, at most 50.
func (f *Forge) PullRequests(ctx context.Context, repository string) ([]*gitea.PullRequest, error) {
	found, _, err := f.person(ctx).ListRepoPullRequests(Person, repository, gitea.ListPullRequestsOptions{State: gitea.StateAll, ListOptions: gitea.ListOptions{PageSize: 50}})
	if err != nil {
		return nil, fmt.Errorf("list the pull requests of %s: %w", repository, err)
	}
	return found, nil
}

// Merge merges a pull request as the person. Gitea answers with 405 while it still
// checks for conflicts, so that this asks until the context ends.
func (f *Forge) Merge(ctx context.Context, repository string, number int64) error {
	var last error
	return poll(ctx, func() (bool, error) {
		merged, response, err := f.person(ctx).MergePullRequest(Person, repository, number, gitea.MergePullRequestOption{Style: gitea.MergeStyleMerge})
		switch {
		case err != nil:
			last = err
		case merged:
			return true, nil
		default:
			last = errors.New(response.Status)
		}
		return false, fmt.Errorf("merge pull request %d of %s: %w", number, repository, last)
	})
}

// ClosePullRequest closes a pull request as the person, without merging it.
func (f *Forge) ClosePullRequest(ctx context.Context, repository string, number int64) error {
	return f.setState(ctx, repository, number, gitea.StateClosed)
}

// ReopenPullRequest opens a closed pull request as the person.
func (f *Forge) ReopenPullRequest(ctx context.Context, repository string, number int64) error {
	return f.setState(ctx, repository, number, gitea.StateOpen)
}

func (f *Forge) setState(ctx context.Context, repository string, number int64, state gitea.StateType) error {
	_, _, err := f.person(ctx).EditPullRequest(Person, repository, number, gitea.EditPullRequestOption{State: &state})
	if err != nil {
		return fmt.Errorf("make pull request %d of %s %s: %w", number, repository, state, err)
	}
	return nil
}

// UpdateBranch merges the target into a pull request's branch as the person, as the forge's button does.
func (f *Forge) UpdateBranch(ctx context.Context, repository string, number int64) error {
	if _, err := f.person(ctx).UpdatePullRequest(Person, repository, number); err != nil {
		return fmt.Errorf("update the branch of pull request %d of %s: %w", number, repository, err)
	}
	return nil
}

// Protect lets nobody push to the branches that a rule matches, such as main or plimsoll/**.
func (f *Forge) Protect(ctx context.Context, repository, rule string) error {
	_, _, err := f.person(ctx).CreateBranchProtection(Person, repository, gitea.CreateBranchProtectionOption{RuleName: rule, BlockAdminMergeOverride: true})
	if err != nil {
		return fmt.Errorf("protect %s of %s: %w", rule, repository, err)
	}
	return nil
}

// Archive makes a repository take no more changes.
func (f *Forge) Archive(ctx context.Context, repository string) error {
	archived := true
	if _, _, err := f.person(ctx).EditRepo(Person, repository, gitea.EditRepoOption{Archived: &archived}); err != nil {
		return fmt.Errorf("archive %s: %w", repository, err)
	}
	return nil
}

// RevokeBotToken makes BotToken worth nothing.
func (f *Forge) RevokeBotToken(ctx context.Context) error {
	if _, err := f.withPassword(ctx, Bot).DeleteAccessToken(f.botToken); err != nil {
		return fmt.Errorf("revoke the token of %s: %w", Bot, err)
	}
	return nil
}

// RenewBotToken sets BotToken to a new one.
func (f *Forge) RenewBotToken(ctx context.Context) error {
	token, err := f.newToken(ctx, Bot)
	if err != nil {
		return err
	}
	f.BotToken, f.botToken = token.Token, token.ID
	return nil
}
