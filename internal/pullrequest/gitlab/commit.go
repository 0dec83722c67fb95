package gitlab

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"slices"

	gogitlab "gitlab.com/gitlab-org/api/client-go"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

var errNoBranch = errors.New("there is no such branch or commit")

// Commit implements pullrequest.Forge.
func (f *forge) Commit(ctx context.Context, c pullrequest.NewCommit) (string, error) {
	doing := "commit to branch " + c.Branch
	head, err := f.Head(ctx, c.Branch)
	absent := errors.Is(err, pullrequest.ErrNotFound)
	if err != nil && !absent {
		return "", err
	}
	options := &gogitlab.CreateCommitOptions{Branch: &c.Branch, CommitMessage: &c.Message}
	switch {
	case c.Reset && !absent:
		// In one step, so that the merge request never sees the bare parent.
		options.StartSHA, options.Force = &c.Parent, gogitlab.Ptr(true)
	case absent:
		options.StartSHA = &c.Parent
	case head != c.Parent:
		return "", conflictf("%s in %s: it does not point to %s any more", doing, f.repository, c.Parent)
	}
	if options.Actions, err = f.actions(ctx, c, options.StartSHA == nil); err != nil {
		return "", err
	}
	return f.commit(ctx, doing, c.Parent, options)
}

func (f *forge) commit(ctx context.Context, doing, parent string, options *gogitlab.CreateCommitOptions) (string, error) {
	made, _, err := f.client.Commits.CreateCommit(f.project, options, gogitlab.WithContext(ctx))
	switch {
	case refuses(err, http.StatusBadRequest, "already exists"):
		return "", conflictf("%s in %s: it is there already", doing, f.repository)
	case refuses(err, http.StatusBadRequest, "has changed since you started editing it"):
		return "", conflictf("%s in %s: one of its files was changed meanwhile", doing, f.repository)
	case err == nil && (made == nil || made.ID == ""):
		err = errIncomplete
	}
	if err != nil {
		return "", f.fail(ctx, doing, err, errNoBranch)
	}
	if len(made.ParentIDs) > 0 && made.ParentIDs[0] != parent {
		return "", conflictf("%s in %s: another commit came before it", doing, f.repository)
	}
	return made.ID, nil
}

// actions edit the files. Where checked, they do only if the files are as they were at the parent.
func (f *forge) actions(ctx context.Context, c pullrequest.NewCommit, checked bool) ([]*gogitlab.CommitActionOptions, error) {
	var actions []*gogitlab.CommitActionOptions
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		action := &gogitlab.CommitActionOptions{
			Action: gogitlab.Ptr(gogitlab.FileUpdate), FilePath: &path,
			Content: gogitlab.Ptr(base64.StdEncoding.EncodeToString(c.Files[path])), Encoding: gogitlab.Ptr("base64"),
		}
		if checked {
			meta, _, err := f.client.RepositoryFiles.GetFileMetaData(f.project, path, &gogitlab.GetFileMetaDataOptions{Ref: &c.Parent}, gogitlab.WithContext(ctx))
			if err == nil && meta.LastCommitID == "" {
				err = errIncomplete
			}
			if err != nil {
				return nil, f.fail(ctx, "look at "+path, err, pullrequest.ErrNotFound)
			}
			action.LastCommitID = &meta.LastCommitID
		}
		actions = append(actions, action)
	}
	return actions, nil
}

// DeleteBranch implements pullrequest.Forge.
func (f *forge) DeleteBranch(ctx context.Context, branch string) error {
	_, err := f.client.Branches.DeleteBranch(f.project, branch, gogitlab.WithContext(ctx))
	if err == nil {
		return nil
	}
	if err = f.fail(ctx, "delete branch "+branch, err, pullrequest.ErrNotFound); errors.Is(err, pullrequest.ErrNotFound) {
		return nil
	}
	return err
}
