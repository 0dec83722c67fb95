package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

// PullRequests of a branch, newest first.
func (f *Forge) PullRequests(ctx context.Context, branch string) ([]pullrequest.PullRequest, error) {
	leave, err := f.enter(ctx, "PullRequests", false)
	if err != nil {
		return nil, err
	}
	defer leave()
	var found []pullrequest.PullRequest
	for _, p := range slices.Backward(f.pulls) {
		if p.branch == branch {
			found = append(found, f.shown(p))
		}
	}
	return found, nil
}

func (f *Forge) shown(p *pull) pullrequest.PullRequest {
	shown := p.PullRequest
	shown.Conflicted = p.State == pullrequest.Open && f.conflicted(f.branches[p.Target], p.HeadSHA)
	return shown
}

// conflicted says that both sides have changed a file in different ways.
func (f *Forge) conflicted(target, head string) bool {
	base := f.commits[f.mergeBase(target, head)].files
	for path, ours := range f.commits[head].files {
		theirs := f.commits[target].files[path]
		if ours != base[path] && theirs != base[path] && ours != theirs {
			return true
		}
	}
	return false
}

// mergeBase is the newest commit that both have.
func (f *Forge) mergeBase(a, b string) string {
	reached := f.reachable(a)
	var newest *commit
	for sha := range f.reachable(b) {
		if c := f.commits[sha]; reached[sha] && (newest == nil || c.number > newest.number) {
			newest = c
		}
	}
	return newest.sha
}

func (f *Forge) find(number int64) (*pull, error) {
	if number < 1 || number > int64(len(f.pulls)) {
		return nil, missing("pull request", fmt.Sprint(number))
	}
	return f.pulls[number-1], nil
}

// Open opens a pull request, or returns the one that is open.
func (f *Forge) Open(ctx context.Context, n pullrequest.NewPullRequest) (pullrequest.PullRequest, error) {
	leave, err := f.enter(ctx, "Open", true)
	if err != nil {
		return pullrequest.PullRequest{}, err
	}
	defer leave()
	for _, p := range f.pulls {
		if p.branch == n.Branch && p.State == pullrequest.Open {
			return f.shown(p), nil
		}
	}
	head, target := f.branches[n.Branch], f.branches[n.Target]
	if head == "" || target == "" || len(f.between(target, head)) == 0 {
		return pullrequest.PullRequest{}, refused(true, "open: there is nothing between %s and %s", n.Target, n.Branch)
	}
	number := int64(len(f.pulls) + 1)
	p := &pull{branch: n.Branch, PullRequest: pullrequest.PullRequest{
		Number: number, URL: fmt.Sprintf("https://forge.example/pulls/%d", number), State: pullrequest.Open, Title: n.Title, Body: n.Body,
		Target: n.Target, HeadSHA: head, Author: "plimsoll-bot", Created: f.clock,
	}}
	f.pulls = append(f.pulls, p)
	return f.shown(p), nil
}

// Edit changes title and body.
func (f *Forge) Edit(ctx context.Context, number int64, title, body string) error {
	return f.change(ctx, "Edit", number, func(p *pull) { p.Title, p.Body = title, body })
}

// Close closes a pull request, which is refused where it was merged.
func (f *Forge) Close(ctx context.Context, number int64) error {
	merged := false
	err := f.change(ctx, "Close", number, func(p *pull) {
		if merged = p.State == pullrequest.Merged; !merged {
			f.end(p, pullrequest.Closed)
		}
	})
	if merged {
		return refused(false, "close: pull request %d was merged", number)
	}
	return err
}

// Comment adds a comment.
func (f *Forge) Comment(ctx context.Context, number int64, body string) error {
	return f.change(ctx, "Comment", number, func(*pull) { f.comments[number] = append(f.comments[number], body) })
}

// AutoMerge notes that it was asked to.
func (f *Forge) AutoMerge(ctx context.Context, number int64) error {
	return f.change(ctx, "AutoMerge", number, func(*pull) { f.autoMerges[number]++ })
}

func (f *Forge) change(ctx context.Context, call string, number int64, change func(*pull)) error {
	leave, err := f.enter(ctx, call, true)
	if err != nil {
		return err
	}
	defer leave()
	p, err := f.find(number)
	if err != nil {
		return err
	}
	change(p)
	return nil
}

func (f *Forge) end(p *pull, state pullrequest.State) {
	p.State, p.Ended = state, f.clock
}

// PushAs makes a commit of a person on an existing branch.
func (f *Forge) PushAs(email, branch, message string, files map[string]string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	head := f.branches[branch]
	all := maps.Clone(f.commits[head].files)
	maps.Copy(all, files)
	f.move(branch, f.add(all, message, email, head))
	return f.branches[branch]
}

// MergeAsPerson merges a pull request with a merge commit.
func (f *Forge) MergeAsPerson(number int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pulls[number-1]
	f.move(p.Target, f.merge(f.branches[p.Target], p.HeadSHA))
	p.MergeCommit = f.branches[p.Target]
	f.end(p, pullrequest.Merged)
}

// merge takes from head what it has changed since both parted.
func (f *Forge) merge(into, head string) string {
	base, files := f.commits[f.mergeBase(into, head)].files, maps.Clone(f.commits[into].files)
	for path, content := range f.commits[head].files {
		if content != base[path] {
			files[path] = content
		}
	}
	return f.add(files, "Merge", PersonEmail, into, head)
}

// UpdateBranchAsPerson merges the target into the branch, as the button of a forge does.
func (f *Forge) UpdateBranchAsPerson(number int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pulls[number-1]
	f.move(p.branch, f.merge(p.HeadSHA, f.branches[p.Target]))
}

// EndAsPerson closes a pull request, or opens it again.
func (f *Forge) EndAsPerson(number int64, state pullrequest.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end(f.pulls[number-1], state)
}

// Retarget changes the target of a pull request, as a person.
func (f *Forge) Retarget(number int64, target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pulls[number-1].Target = target
}

// Branch makes a branch, or points it elsewhere.
func (f *Forge) Branch(name, sha string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.branches[name] = sha
}

// Protect lets nobody push to a branch.
func (f *Forge) Protect(branch string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.protected[branch] = true
}

// Describe changes what Repository tells.
func (f *Forge) Describe(r pullrequest.Repository) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.description = r
}

// Writes counts the calls that write.
func (f *Forge) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// Comments of a pull request.
func (f *Forge) Comments(number int64) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.comments[number])
}

// AutoMerges counts how often the forge was asked to merge a pull request by itself.
func (f *Forge) AutoMerges(number int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.autoMerges[number]
}
