package github

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v88/github"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const (
	createCommit = `mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }`
	// aside is what the name of the temporary branch of a reset has at its end.
	aside = "-reset"
	// cleanup bounds the removal of the temporary branch, which goes on where the caller gave up.
	cleanup = 10 * time.Second
)

var errNoBranch = errors.New("there is no such branch or commit")

// Commit implements pullrequest.Forge.
func (f *forge) Commit(ctx context.Context, c pullrequest.NewCommit) (string, error) {
	head, err := f.Head(ctx, c.Branch)
	switch {
	case errors.Is(err, pullrequest.ErrNotFound):
		// Should the commit fail, the branch stays: to delete it could delete what a person pushed to it meanwhile.
		if err := f.create(ctx, c.Branch, c.Parent); err != nil {
			return "", err
		}
		return f.commitOn(ctx, c.Branch, c)
	case err != nil:
		return "", err
	case head == c.Parent:
		return f.commitOn(ctx, c.Branch, c)
	case c.Reset:
		return f.reset(ctx, c)
	}
	return "", conflictf("commit to branch %s in %s: it does not point to %s any more", c.Branch, f.repository, c.Parent)
}

// commitOn makes the commit where the branch still points to its parent.
func (f *forge) commitOn(ctx context.Context, branch string, c pullrequest.NewCommit) (string, error) {
	headline, body, _ := strings.Cut(c.Message, "\n")
	var additions []map[string]string
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		additions = append(additions, map[string]string{"path": path, "contents": base64.StdEncoding.EncodeToString(c.Files[path])})
	}
	input := map[string]any{
		"branch":          map[string]string{"repositoryNameWithOwner": f.owner + "/" + f.name, "branchName": branch},
		"expectedHeadOid": c.Parent,
		"message":         map[string]string{"headline": headline, "body": strings.TrimLeft(body, "\n")},
		"fileChanges":     map[string]any{"additions": additions},
	}
	var out struct {
		CreateCommitOnBranch struct {
			Commit struct{ OID string }
		}
	}
	err := f.mutate(ctx, createCommit, input, &out)
	if err == nil && out.CreateCommitOnBranch.Commit.OID == "" {
		err = errIncomplete
	}
	if err != nil {
		err = f.fail(ctx, "commit to branch "+branch, err, errNoBranch)
		var gone *pullrequest.Error
		if errors.Is(err, errNoBranch) && errors.As(err, &gone) {
			// It was there a moment ago.
			gone.Conflict = true
		}
		return "", err
	}
	return out.CreateCommitOnBranch.Commit.OID, nil
}

// reset makes the commit on a temporary branch, and then moves the branch to it in one step. A branch that pointed to the
// bare parent in between would close its pull request.
func (f *forge) reset(ctx context.Context, c pullrequest.NewCommit) (string, error) {
	temporary := c.Branch + aside
	if err := f.place(ctx, temporary, c.Parent); err != nil {
		return "", err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
		defer cancel()
		// One that stays is used by the next reset.
		_ = f.DeleteBranch(ctx, temporary)
	}()
	sha, err := f.commitOn(ctx, temporary, c)
	if err != nil {
		return "", err
	}
	return sha, f.move(ctx, c.Branch, sha)
}

// place makes a branch point to a commit, whether it is there or not.
func (f *forge) place(ctx context.Context, branch, sha string) error {
	err := f.create(ctx, branch, sha)
	var refused *pullrequest.Error
	if errors.As(err, &refused) && refused.Conflict {
		return f.move(ctx, branch, sha)
	}
	return err
}

func (f *forge) create(ctx context.Context, branch, sha string) error {
	_, _, err := f.client.Git.CreateRef(ctx, f.owner, f.name, gogithub.CreateRef{Ref: "refs/heads/" + branch, SHA: sha})
	if refuses(err, "reference already exists") {
		return conflictf("create branch %s in %s: it is there already", branch, f.repository)
	}
	if err != nil {
		return f.fail(ctx, "create branch "+branch, err, errNoBranch)
	}
	return nil
}

func (f *forge) move(ctx context.Context, branch, sha string) error {
	_, _, err := f.client.Git.UpdateRef(ctx, f.owner, f.name, "heads/"+branch, gogithub.UpdateRef{SHA: sha, Force: gogithub.Ptr(true)})
	if refuses(err, "reference does not exist") {
		return conflictf("move branch %s in %s: it is not there any more", branch, f.repository)
	}
	if err != nil {
		return f.fail(ctx, "move branch "+branch, err, errNoBranch)
	}
	return nil
}

// DeleteBranch implements pullrequest.Forge.
func (f *forge) DeleteBranch(ctx context.Context, branch string) error {
	_, err := f.client.Git.DeleteRef(ctx, f.owner, f.name, "heads/"+branch)
	if err == nil || refuses(err, "reference does not exist") {
		return nil
	}
	if err = f.fail(ctx, "delete branch "+branch, err, pullrequest.ErrNotFound); errors.Is(err, pullrequest.ErrNotFound) {
		return nil
	}
	return err
}

// refuses says whether an error is a 422 with these words, which the documentation gives in lower or upper case.
func refuses(err error, what string) bool {
	a, ok := answerOf(err)
	return ok && a.Status == http.StatusUnprocessableEntity && strings.Contains(strings.ToLower(a.Words), what)
}
