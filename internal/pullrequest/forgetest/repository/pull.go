package repository

import (
	"maps"
	"slices"
	"time"
)

// Pull request.
type Pull struct {
	Number         int64
	Branch, Target string
	Title, Body    string
	Draft          bool
	Author         string
	Open           bool
	Head           string
	Created        time.Time
	Merged, Closed time.Time
	MergeCommit    string
	AutoMerge      bool
	// Fork says that the branch is one of a fork.
	Fork                                   bool
	Labels, Reviewers, Assignees, Comments []string
}

// OpenPull opens a pull request.
func (r *Repository) OpenPull(p Pull) *Pull {
	p.Number, p.Open, p.Created, p.Head = int64(len(r.Pulls)+1), true, r.now(), r.Branches[p.Branch]
	r.Pulls = append(r.Pulls, &p)
	return &p
}

// Pull returns the one with a number.
func (r *Repository) Pull(number int64) (*Pull, bool) {
	if number < 1 || number > int64(len(r.Pulls)) {
		return nil, false
	}
	return r.Pulls[number-1], true
}

// OpenPulls lists those of a branch of the repository itself that are open.
func (r *Repository) OpenPulls(branch string) []*Pull {
	return slices.DeleteFunc(slices.Clone(r.Pulls), func(p *Pull) bool { return !p.Open || p.Branch != branch || p.Fork })
}

// Move lets a branch point to a commit, and open pull requests follow it.
func (r *Repository) Move(branch, sha string) {
	r.Branches[branch] = sha
	for _, p := range r.OpenPulls(branch) {
		p.Head = sha
	}
}

// ClosePull closes one that is open.
func (r *Repository) ClosePull(p *Pull) {
	p.Open, p.Closed = false, r.now()
}

// merged returns what a merge of head into base would have, and whether it can be made.
func (r *Repository) merged(base, head string) (map[string]File, bool) {
	from := r.commits[r.base(base, head)].Files
	ours, theirs := r.commits[base].Files, r.commits[head].Files
	files := maps.Clone(ours)
	for path, file := range theirs {
		switch {
		case file == from[path]:
		case ours[path] != from[path] && ours[path] != file:
			return nil, false
		default:
			files[path] = file
		}
	}
	return files, true
}

// Conflicted says whether an open pull request cannot be merged.
func (r *Repository) Conflicted(p *Pull) bool {
	if _, there := r.Branches[p.Branch]; !p.Open || p.Fork || !there {
		return false
	}
	_, ok := r.merged(r.Branches[p.Target], p.Head)
	return !ok
}

// Merge merges a pull request by a merge commit, and reports whether that can be done.
func (r *Repository) Merge(p *Pull, by, committer Identity) bool {
	base := r.Branches[p.Target]
	files, ok := r.merged(base, p.Head)
	if !ok || !p.Open {
		return false
	}
	c := r.keep(&Commit{Parents: []string{base, p.Head}, Message: "Merge " + p.Branch, Author: by, Committer: committer, Time: r.now(), Files: files})
	p.Open, p.Merged, p.Closed, p.MergeCommit = false, r.now(), r.now(), c.SHA
	r.Move(p.Target, c.SHA)
	return true
}
