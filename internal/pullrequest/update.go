package pullrequest

import (
	"context"
	"slices"
)

// update makes an open pull request say what the proposal says, unless people have taken it over, or another cluster has gone on to
// a newer candidate. ended says that people have already decided about ours.
func (r *run) update(ctx context.Context, pull PullRequest, ended bool) (Outcome, error) {
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
	if outcome.Message = r.leave(h, ended); outcome.Message != "" {
		return outcome, nil
	}
	if outcome.Changed, err = r.write(ctx, &pull, head, h); err != nil {
		return outcome, err
	}
	return outcome, r.autoMerge(ctx, &outcome)
}

// leave says why a branch of ours is left as it is, or nothing.
func (r *run) leave(h history, ended bool) string {
	candidate := key(r.p.Candidate)
	switch {
	case r.archived:
		return "the repository is archived"
	case h.current != candidate && (ended || slices.Contains(h.superseded, candidate)):
		return "it proposes another candidate, which came after this one"
	}
	return ""
}

// write pushes where the branch proposes something else or cannot be merged, and edits the text where it says something else.
func (r *run) write(ctx context.Context, pull *PullRequest, head string, h history) (changed bool, err error) {
	push := h.current != key(r.p.Candidate) || pull.Conflicted
	if push {
		if head, err = r.push(ctx, head, &h); err != nil {
			return false, err
		}
	}
	pull.HeadSHA = head
	edited, err := r.edit(ctx, pull, h, push)
	return push || edited, err
}

// push commits on top of our own commits where the target has not moved and the same files change, so that reviewers see
// what is new. Else the branch starts anew from the target.
func (r *run) push(ctx context.Context, head string, h *history) (string, error) {
	parent := r.p.Base
	if h.count > 0 && h.count < maxStacked && h.files == r.p.filesKey() {
		moved, err := r.forge.Commits(ctx, head, r.p.Base)
		if err != nil {
			return "", err
		}
		if len(moved) == 0 {
			parent = head
		}
	}
	candidate := key(r.p.Candidate)
	superseded := distinct(append([]string{h.current}, h.superseded...), candidate)
	superseded = slices.DeleteFunc(superseded, func(k string) bool { return k == "" })
	commit, err := r.commit(ctx, parent, head, superseded)
	if err != nil {
		return "", err
	}
	h.current, h.superseded, h.owner = candidate, superseded, oneLine(r.p.Cluster)
	return commit, nil
}

// edit writes title and body where they do not say what they should. The shared text belongs to the cluster
// that made the newest commit, unless that never came to write it.
func (r *run) edit(ctx context.Context, pull *PullRequest, h history, pushed bool) (bool, error) {
	before := parseDocument(pull.Body)
	wanted := append([]string{h.current}, h.superseded...)
	owner := h.owner == oneLine(r.p.Cluster) || len(before.marker.candidates) == 0 || before.marker.candidates[0] != h.current
	after, title := before, pull.Title
	if owner {
		after = r.rewritten(before, wanted)
		// A push ends what a forge was asked to merge.
		after.marker.autoMerge = before.marker.autoMerge && !pushed && slices.Equal(before.marker.candidates, wanted)
		if after.marker.title != before.marker.title {
			title = oneLine(r.p.Title)
		}
	} else {
		after.marker.withdrawn = false
		after.setSection(r.section())
	}
	body := after.String()
	if !news(before, parseDocument(body), key(r.p.Cluster)) {
		return false, nil
	}
	if err := r.forge.Edit(ctx, pull.Number, title, body); err != nil {
		return false, err
	}
	pull.Title, pull.Body = title, body
	return true, nil
}

// news tells whether a document says else than before, by what we and the cluster have written.
func news(before, after document, cluster string) bool {
	a, b := before.marker, after.marker
	return !slices.Equal(a.candidates, b.candidates) || a.title != b.title || a.text != b.text || a.autoMerge != b.autoMerge || a.withdrawn != b.withdrawn ||
		before.section(cluster).content != after.section(cluster).content
}

// section is our own part of the proposal's body.
func (r *run) section() section {
	mine := parseDocument(r.p.Body)
	return newSection(r.p.Cluster, mine.section(key(r.p.Cluster)).text)
}

// rewritten is a document with the proposal's text and our section, and the sections of others as they were. candidates nil: only ours.
func (r *run) rewritten(before document, candidates []string) document {
	if candidates == nil {
		candidates = []string{key(r.p.Candidate)}
	}
	after := before
	after.shared = parseDocument(r.p.Body).shared
	after.setSection(r.section())
	after.marker = marker{candidates: candidates, title: key(r.p.Title), text: key(after.shared)}
	return after
}
