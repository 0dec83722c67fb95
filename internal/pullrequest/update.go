package pullrequest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// update makes an open pull request say what the proposal says, beside what others want of it, unless people have taken it over, or
// another proposer has gone on to a newer candidate. ended says which of our changes people have decided about.
func (r *run) update(ctx context.Context, pull PullRequest, ended map[Change]*PullRequest) (Outcome, error) {
	outcome := standing(&pull)
	if pull.Target != r.p.Target {
		outcome.Message = "it is to be merged to " + pull.Target + ", not to " + r.p.Target
		return outcome, nil
	}
	head, err := r.forge.Head(ctx, r.p.Branch)
	if err != nil {
		return Outcome{}, gone(err, r.p.Branch)
	}
	h, err := r.history(ctx, r.p.Target, head)
	if err != nil {
		return Outcome{}, err
	}
	if h.foreign {
		return foreign(&pull), nil
	}
	if r.archived {
		outcome.Message = "the repository is archived"
		return outcome, nil
	}
	if decided := r.decided(h, &pull, ended); len(decided) > 0 {
		return r.divided(decided), nil
	}
	next, err := r.plan(ctx, &pull, head, h)
	if err != nil {
		return outcome, err
	}
	if next.apart {
		return Outcome{
			State: Held, Reason: v1alpha1.ReasonEditRefused, Message: "The edits cannot be joined with those that the pull request has of others: " + pull.URL,
		}, nil
	}
	if next.half {
		return outcome, nil
	}
	if outcome.Changed, err = r.write(ctx, &pull, head, next); err != nil {
		return outcome, err
	}
	return outcome, r.autoMerge(ctx, &outcome)
}

// plan is what is to become of a branch.
type plan struct {
	history
	// push says that there is something to commit, of the files on top of the parent.
	push   bool
	parent string
	files  map[string][]byte
	// half says that the branch moves bases of ours of which we cannot tell at present.
	half bool
	// apart says that our edits and those of others cannot be on one branch.
	apart bool
}

// plan keeps a branch that makes our changes, and others only that somebody else wants. Else it commits: on top of what others
// want where that is possible, so that they lose nothing. Where the branch has to start anew without them, they add theirs again.
func (r *run) plan(ctx context.Context, pull *PullRequest, head string, h history) (plan, error) {
	kept, stale := r.others(h, parseDocument(pull.Body))
	if h.makes(r.p.Changes...) && !stale && !pull.Conflicted {
		// While we do not know all of ours, the text that does tells more.
		own := r.bases()
		half := slices.ContainsFunc(kept, func(c Change) bool { return slices.Contains(own, baseKey(c.Base)) })
		return plan{history: h, half: half}, nil
	}
	next := plan{history: r.alone(h.keys()), push: true, parent: r.p.Base, files: r.p.Files}
	switch {
	case stale || pull.Conflicted || h.count == 0 || h.count >= maxStacked:
		return next, nil
	case len(kept) > 0:
		return r.beside(ctx, kept, head, h, next)
	}
	return r.onTop(ctx, head, h, next)
}

// others are the changes of the branch that are not ours to make and that somebody wants. stale says that there are some that nobody wants.
func (r *run) others(h history, d document) (kept []Change, stale bool) {
	own := r.bases()
	for _, c := range h.changes {
		base := baseKey(c.Base)
		switch {
		case moves(r.p.Changes, base):
		case slices.Contains(own, base) || d.wanted(base, r.p.By.key()):
			kept = append(kept, c)
		default:
			stale = true
		}
	}
	return kept, stale
}

// bases are the keys of those that we want to move, sorted.
func (r *run) bases() []string {
	var keys []string
	for _, c := range r.p.Changes {
		keys = append(keys, baseKey(c.Base))
	}
	for _, base := range r.p.Keep {
		keys = append(keys, baseKey(base))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// onTop commits on top of our own commits where the target has not moved and the same files change, so that reviewers see
// what is new. Else the branch starts anew from the target.
func (r *run) onTop(ctx context.Context, head string, h history, next plan) (plan, error) {
	if h.files != next.history.files {
		return next, nil
	}
	moved, err := r.forge.Commits(ctx, head, r.p.Base)
	if err == nil && len(moved) == 0 {
		next.parent = head
	}
	return next, err
}

// beside commits on top of what others have on the branch.
func (r *run) beside(ctx context.Context, kept []Change, head string, h history, next plan) (plan, error) {
	again := !slices.ContainsFunc(r.p.Changes, func(c Change) bool { return !moves(h.changes, baseKey(c.Base)) })
	files := map[string][]byte{}
	for path, mine := range r.p.Files {
		began, theirs, err := r.since(ctx, h.base, head, path)
		if err != nil {
			return next, err
		}
		if began == nil {
			return next, nil
		}
		joined, ok := join(began, theirs, mine, again)
		if !ok {
			return plan{apart: true}, nil
		}
		files[path] = joined
	}
	next.parent, next.base, next.history.files, next.files = head, h.base, "", files
	next.changes = sorted(append(slices.Clone(r.p.Changes), kept...))
	next.superseded = supersededBy(next.changes, h.keys())
	return next, nil
}

// since reads a file where the branch began and at its head; nil where the target has another one by now.
func (r *run) since(ctx context.Context, base, head, path string) (began, now []byte, err error) {
	target, err := r.forge.Read(ctx, r.p.Base, path)
	if err != nil {
		return nil, nil, gone(err, r.p.Branch)
	}
	if base != r.p.Base {
		began, err = r.forge.Read(ctx, base, path)
		if errors.Is(err, ErrNotFound) || err == nil && !bytes.Equal(began, target) {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
	}
	now, err = r.forge.Read(ctx, head, path)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, nil
	}
	return target, now, err
}

// write pushes what is planned, and edits the text where it says something else.
func (r *run) write(ctx context.Context, pull *PullRequest, head string, next plan) (changed bool, err error) {
	if next.push {
		if head, err = r.commit(ctx, head, next.parent, next.files, next.history); err != nil {
			return false, err
		}
	}
	pull.HeadSHA = head
	edited, err := r.edit(ctx, pull, next)
	return next.push || edited, err
}

// edit writes title and body where they do not say what they should. The shared text belongs to the proposer
// that made the newest commit, unless that never came to write it.
func (r *run) edit(ctx context.Context, pull *PullRequest, next plan) (bool, error) {
	before := parseDocument(pull.Body)
	after, title := before, pull.Title
	after.marker.withdrawn = false
	r.enter(&after)
	if r.owns(next.history, after) {
		after = r.rewritten(before, next.history)
		// A push ends what a forge was asked to merge.
		after.marker.autoMerge = before.marker.autoMerge && !next.push && slices.Equal(before.marker.candidates, after.marker.candidates)
		if after.marker.title != before.marker.title {
			title = oneLine(r.title(next.history))
		}
	}
	body := after.String()
	if !news(before, parseDocument(body)) {
		return false, nil
	}
	if err := r.forge.Edit(ctx, pull.Number, title, body); err != nil {
		return false, err
	}
	pull.Title, pull.Body = title, body
	return true, nil
}

// owns says whether the shared text is ours to write: it is so also where the owner has left, and we come first of those who stay.
func (r *run) owns(h history, d document) bool {
	owner, proposed := h.owner, changeKeys(h.changes)
	if d.section(owner).owner == "" {
		owner = d.sections[0].owner
	}
	written := d.marker.candidates
	return owner == r.p.By.key() || len(written) < len(proposed) || !slices.Equal(written[:len(proposed)], proposed)
}

// news tells whether a document says else than before, by what was written.
func news(before, after document) bool {
	a, b := before.marker, after.marker
	return !slices.Equal(a.candidates, b.candidates) || a.title != b.title || a.text != b.text || a.autoMerge != b.autoMerge || a.withdrawn != b.withdrawn ||
		!slices.EqualFunc(before.sections, after.sections, func(a, b section) bool {
			return a.owner == b.owner && a.content == b.content && slices.Equal(a.bases, b.bases)
		})
}

// enter puts our own part of the proposal's body into a document.
func (r *run) enter(d *document) {
	mine := parseDocument(r.p.Body)
	d.leave(r.p.By)
	d.setSection(newSection(r.p.By, r.bases(), mine.section(r.p.By.key()).text))
}

// rewritten is a document with the proposal's text and our section, what it said of changes that are not ours, and the sections of others.
func (r *run) rewritten(before document, h history) document {
	mine := parseDocument(r.p.Body).shared
	kept := slices.DeleteFunc(slices.Clone(h.changes), func(c Change) bool { return moves(r.p.Changes, baseKey(c.Base)) })
	after := before
	after.shared = mine
	if text := before.blocks(kept) + mine; len(text) <= maxBody {
		after.shared = text
	}
	r.enter(&after)
	after.marker = marker{candidates: h.keys(), title: key(r.title(h)), text: key(mine)}
	return after
}

// title is the proposal's, unless others have more on the branch.
func (r *run) title(h history) string {
	if len(h.changes) > len(r.p.Changes) {
		return fmt.Sprintf("Update %d images", len(h.changes))
	}
	return r.p.Title
}
