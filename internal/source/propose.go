package source

import (
	"context"
	"errors"

	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/edit"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Position in a file of a repository.
type Position struct {
	Path string
	// Line from 1.
	Line int
}

// Edits of a repository's files for one change.
type Edits struct {
	// Files by path, with their whole new content.
	Files map[string][]byte
	// Positions in these files that changed.
	Positions []Position
	// Reached are lines of Dockerfiles through which a changed value also reaches the build's commands.
	Reached []Position
	// Refused are files, or places in them, that name the old version or seem to, and were not edited.
	Refused []edit.Refusal
	// Current says that nothing is edited, and that files name the new version or a newer one.
	Current bool
	// Already says besides that no file may still name the old version: nothing is to be edited at all.
	Already bool
	// Pinned says that one of the files that name the new version does so by its digest.
	Pinned bool
}

// Propose edits each file that names change.From. A change from a tag without a digest replaces the tag with whatever digest a file
// has for it. It reads as much as Locate does, and its error is as Locate's; what cannot be edited is no error.
//
// For several changes in one commit give it a Workspace, and write each one's Files to it.
func Propose(ctx context.Context, tree Tree, commit string, hints Hints, change edit.Change) (Edits, error) {
	current := func(p *edit.Place) bool { return p.Names(change.From) || isCurrent(p.Reference, change.To) }
	r := reader{tree: tree, commit: commit, from: change.From, enough: current}
	if err := r.read(ctx, hints); err != nil {
		return Edits{}, err
	}
	edits := Edits{Files: map[string][]byte{}, Refused: r.refused}
	already := false
	for _, hit := range r.hits {
		already = edits.file(hit, change) || already
	}
	if len(edits.Files) > 0 && !hints.Mapped {
		refusal, err := managed(ctx, tree, commit)
		if err != nil {
			return Edits{}, err
		}
		if refusal != nil {
			return Edits{Files: map[string][]byte{}, Refused: []edit.Refusal{*refusal}}, nil
		}
	}
	if len(edits.Files) > 0 || len(edits.Refused) > 0 {
		return edits, nil
	}
	edits.Refused = r.silent
	edits.Current = already
	edits.Already = already && len(r.silent) == 0
	return edits, nil
}

// file edits one file, or says that it is as it should be.
func (e *Edits) file(h hit, change edit.Change) (already bool) {
	old := false
	for i := range h.places {
		old = old || h.places[i].Names(change.From)
		if reference := h.places[i].Reference; isCurrent(reference, change.To) {
			already = true
			e.Pinned = e.Pinned || reference.Digest != "" && reference.Digest == change.To.Digest
		}
	}
	if !old {
		return already
	}
	result, err := edit.Replace(h.path, h.content, change)
	var refusal *edit.Refusal
	if errors.As(err, &refusal) {
		if refusal.Reason == edit.ReasonUnchanged {
			return true
		}
		e.Refused = append(e.Refused, *refusal)
		return false
	}
	e.Files[h.path] = result.Content
	for _, place := range result.Places {
		e.Positions = append(e.Positions, Position{h.path, place.Line})
	}
	for _, line := range result.Reached {
		e.Reached = append(e.Reached, Position{h.path, line})
	}
	return false
}

// isCurrent says whether a reference is the version to move to, or a newer one.
func isCurrent(r, to image.Reference) bool {
	if r.Repository != to.Repository {
		return false
	}
	if r.Tag == "" && r.Digest == "" {
		return false
	}
	if r.Tag == to.Tag || r.Tag == "" {
		return r.Digest == to.Digest || r.Tag != "" && (r.Digest == "" || to.Digest == "")
	}
	is, ok := baseimage.ParseTag(r.Repository, r.Tag)
	goal, okGoal := baseimage.ParseTag(to.Repository, to.Tag)
	if !ok || !okGoal {
		return false
	}
	steps := baseimage.Candidates(goal, []baseimage.Tag{is}, true)
	return len(steps) == 1 && steps[0].Step != baseimage.Step{Level: baseimage.Same}
}
