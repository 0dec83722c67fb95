package source

import (
	"context"
	"fmt"
	"maps"
)

// Tree of files in a repository.
type Tree interface {
	// Files lists the regular files at a commit.
	Files(ctx context.Context, commit string) ([]File, error)
	// Read returns a file at a commit.
	Read(ctx context.Context, commit, path string) ([]byte, error)
}

// File of a repository.
type File struct {
	// Path from the repository's root, with slashes.
	Path string
	// Size in bytes; -1 where that is not known.
	Size int64
}

// maxKept bytes of files are kept in a Workspace.
const maxKept = 16 << 20

// Workspace is a tree at one commit with changes on top, so that several updates go into one commit, and
// each file is read once. It is for one goroutine.
type Workspace struct {
	tree     Tree
	listed   []File
	contents map[string][]byte
	kept     int
	changed  map[string][]byte
}

// NewWorkspace has no changes yet.
func NewWorkspace(tree Tree) *Workspace {
	return &Workspace{tree: tree, contents: map[string][]byte{}, changed: map[string][]byte{}}
}

// Files lists those of the tree: a change adds and removes none.
func (w *Workspace) Files(ctx context.Context, commit string) ([]File, error) {
	if w.listed == nil {
		listed, err := w.tree.Files(ctx, commit)
		if err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
		w.listed = listed
	}
	return w.listed, nil
}

// Read returns a file as it was last written.
func (w *Workspace) Read(ctx context.Context, commit, path string) ([]byte, error) {
	if content, ok := w.changed[path]; ok {
		return content, nil
	}
	if content, ok := w.contents[path]; ok {
		return content, nil
	}
	content, err := w.tree.Read(ctx, commit, path)
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if w.kept += len(content); w.kept <= maxKept {
		w.contents[path] = content
	}
	return content, nil
}

// Write puts the new content of files on top.
func (w *Workspace) Write(files map[string][]byte) { maps.Copy(w.changed, files) }

// Changed are the files that were written.
func (w *Workspace) Changed() map[string][]byte { return maps.Clone(w.changed) }
