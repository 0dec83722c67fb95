package gitlab

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	gogitlab "gitlab.com/gitlab-org/api/client-go"

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
	p, _, err := f.client.Projects.GetProject(f.project, nil, gogitlab.WithContext(ctx))
	if err == nil && (p == nil || p.ID == 0) {
		err = errIncomplete
	}
	if err != nil {
		return pullrequest.Repository{}, f.fail(ctx, "read the project", err, pullrequest.ErrNotFound)
	}
	return pullrequest.Repository{
		DefaultBranch: p.DefaultBranch,
		// Internal projects are for everybody who has an account.
		Public:   p.Visibility == gogitlab.PublicVisibility,
		Archived: p.Archived,
	}, nil
}

// Head implements pullrequest.Forge.
func (f *forge) Head(ctx context.Context, branch string) (string, error) {
	b, _, err := f.client.Branches.GetBranch(f.project, branch, gogitlab.WithContext(ctx))
	if err == nil && (b == nil || b.Commit == nil || b.Commit.ID == "") {
		err = errIncomplete
	}
	if err != nil {
		return "", f.fail(ctx, "read branch "+branch, err, pullrequest.ErrNotFound)
	}
	return b.Commit.ID, nil
}

// Files implements pullrequest.Forge. GitLab does not tell sizes. Where there are too many, the error wraps ErrTruncated.
func (f *forge) Files(ctx context.Context, commit string) ([]pullrequest.File, error) {
	doing := "list files at " + commit
	options := &gogitlab.ListTreeOptions{
		ListOptions: gogitlab.ListOptions{Pagination: "keyset", PerPage: maxPage},
		Ref:         &commit, Recursive: gogitlab.Ptr(true),
	}
	var files []pullrequest.File
	next := gogitlab.WithContext(ctx)
	for seen := 0; ; {
		nodes, resp, err := f.client.Repositories.ListTree(f.project, options, next, gogitlab.WithContext(ctx))
		if err != nil {
			return nil, f.fail(ctx, doing, err, pullrequest.ErrNotFound)
		}
		if seen += len(nodes); seen > maxFiles {
			return nil, refusedf(v1alpha1.ReasonForgeRefused, "%s in %s: %w", doing, f.repository, ErrTruncated)
		}
		for _, node := range nodes {
			// Regular files: not symbolic links, submodules and folders.
			if node != nil && node.Type == "blob" && strings.HasPrefix(node.Mode, "100") {
				files = append(files, pullrequest.File{Path: node.Path, Size: -1})
			}
		}
		var more bool
		if next, more = gogitlab.WithNext(resp); !more || len(nodes) == 0 {
			return files, nil
		}
	}
}

// Read implements pullrequest.Forge. It asks for the size first, so that no large file is sent.
func (f *forge) Read(ctx context.Context, commit, path string) ([]byte, error) {
	doing := fmt.Sprintf("read %s at %s", path, commit)
	meta, _, err := f.client.RepositoryFiles.GetFileMetaData(f.project, path, &gogitlab.GetFileMetaDataOptions{Ref: &commit}, gogitlab.WithContext(ctx))
	if err != nil {
		return nil, f.fail(ctx, doing, err, pullrequest.ErrNotFound)
	}
	if meta.Size > maxFile {
		return nil, refusedf(v1alpha1.ReasonForgeRefused, "%s in %s: the file has %d bytes, of which at most %d are read", doing, f.repository, meta.Size, maxFile)
	}
	file, _, err := f.client.RepositoryFiles.GetFile(f.project, path, &gogitlab.GetFileOptions{Ref: &commit}, gogitlab.WithContext(ctx))
	if err == nil && (file == nil || file.BlobID == "" || file.Encoding != "base64") {
		err = errIncomplete
	}
	if err != nil {
		return nil, f.fail(ctx, doing, err, pullrequest.ErrNotFound)
	}
	content, err := base64.StdEncoding.DecodeString(file.Content)
	if err != nil || len(content) > maxFile {
		return nil, refusedf(v1alpha1.ReasonForgeRefused, "%s in %s: the forge gives no content of the file", doing, f.repository)
	}
	return content, nil
}

// Commits implements pullrequest.Forge.
func (f *forge) Commits(ctx context.Context, base, head string) ([]pullrequest.Commit, error) {
	doing := fmt.Sprintf("list commits from %s to %s", base, head)
	span := base + ".." + head
	listed, _, err := f.client.Commits.ListCommits(f.project, &gogitlab.ListCommitsOptions{
		ListOptions: gogitlab.ListOptions{PerPage: maxCommits}, RefName: &span,
	}, gogitlab.WithContext(ctx))
	if err != nil {
		return nil, f.fail(ctx, doing, err, pullrequest.ErrNotFound)
	}
	if len(listed) == 0 {
		// None is also what a range has whose ends are not there.
		return nil, f.know(ctx, doing, base, head)
	}
	var commits []pullrequest.Commit
	for _, c := range listed[:min(len(listed), maxCommits)] {
		if c == nil || c.ID == "" {
			return nil, f.fail(ctx, doing, errIncomplete, pullrequest.ErrNotFound)
		}
		commits = append(commits, pullrequest.Commit{
			SHA: c.ID, Message: c.Message, AuthorEmail: strings.ToLower(c.AuthorEmail), CommitterEmail: strings.ToLower(c.CommitterEmail),
		})
	}
	return commits, nil
}

// know fails where one of the commits is not there.
func (f *forge) know(ctx context.Context, doing string, refs ...string) error {
	for _, ref := range refs {
		c, _, err := f.client.Commits.GetCommit(f.project, ref, nil, gogitlab.WithContext(ctx))
		if err == nil && (c == nil || c.ID == "") {
			err = errIncomplete
		}
		if err != nil {
			return f.fail(ctx, doing, err, pullrequest.ErrNotFound)
		}
	}
	return nil
}
