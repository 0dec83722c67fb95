package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

// The addresses of the two who commit.
const (
	BotEmail    = "bot@plimsoll.example"
	PersonEmail = "captain@example.com"
)

// Forge is one repository, whose default branch is main.
type Forge struct {
	// Before is asked before each call, by its name; an error is the answer to the call.
	Before func(call string) error

	mu          sync.Mutex
	description pullrequest.Repository
	commits     map[string]*commit
	branches    map[string]string // name -> commit
	protected   map[string]bool
	pulls       []*pull
	comments    map[int64][]string
	autoMerges  map[int64]int
	writes      int
	clock       time.Time
}

type commit struct {
	sha, message, author, committer string
	parents                         []string
	files                           map[string]string
	number                          int
}

type pull struct {
	pullrequest.PullRequest
	branch string
}

var (
	_ pullrequest.Forge      = (*Forge)(nil)
	_ pullrequest.Identified = (*Forge)(nil)
)

// New returns a private repository with one commit of a person.
func New(files map[string]string) *Forge {
	f := &Forge{
		description: pullrequest.Repository{DefaultBranch: "main"},
		commits:     map[string]*commit{}, branches: map[string]string{}, protected: map[string]bool{},
		comments: map[int64][]string{}, autoMerges: map[int64]int{},
		clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	f.branches["main"] = f.add(files, "First", PersonEmail)
	return f
}

// enter locks, and counts a write.
func (f *Forge) enter(ctx context.Context, call string, write bool) (leave func(), err error) {
	if f.Before != nil {
		if err := f.Before(call); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	if write {
		f.writes++
		f.clock = f.clock.Add(time.Minute)
	}
	return f.mu.Unlock, nil
}

func (f *Forge) add(files map[string]string, message, email string, parents ...string) string {
	c := &commit{message: message, author: email, committer: email, parents: parents, files: maps.Clone(files), number: len(f.commits) + 1}
	c.sha = fmt.Sprintf("%040x", c.number)
	f.commits[c.sha] = c
	return c.sha
}

func refused(conflict bool, format string, args ...any) error {
	return &pullrequest.Error{Reason: v1alpha1.ReasonForgeRefused, Conflict: conflict, Err: fmt.Errorf(format, args...)}
}

func missing(what, name string) error {
	return &pullrequest.Error{Reason: v1alpha1.ReasonForgeRefused, Err: fmt.Errorf("%s %s: %w", what, name, pullrequest.ErrNotFound)}
}

// Emails returns the bot's address.
func (f *Forge) Emails(context.Context) ([]string, error) { return []string{BotEmail}, nil }

// Repository describes the repository.
func (f *Forge) Repository(ctx context.Context) (pullrequest.Repository, error) {
	leave, err := f.enter(ctx, "Repository", false)
	if err != nil {
		return pullrequest.Repository{}, err
	}
	defer leave()
	return f.description, nil
}

// Head returns the commit that a branch points to.
func (f *Forge) Head(ctx context.Context, branch string) (string, error) {
	leave, err := f.enter(ctx, "Head", false)
	if err != nil {
		return "", err
	}
	defer leave()
	if head, ok := f.branches[branch]; ok {
		return head, nil
	}
	return "", missing("branch", branch)
}

// Files lists the files at a commit.
func (f *Forge) Files(ctx context.Context, sha string) ([]pullrequest.File, error) {
	leave, err := f.enter(ctx, "Files", false)
	if err != nil {
		return nil, err
	}
	defer leave()
	c, ok := f.commits[sha]
	if !ok {
		return nil, missing("commit", sha)
	}
	var files []pullrequest.File
	for _, path := range slices.Sorted(maps.Keys(c.files)) {
		files = append(files, pullrequest.File{Path: path, Size: int64(len(c.files[path]))})
	}
	return files, nil
}

// Read returns a file at a commit.
func (f *Forge) Read(ctx context.Context, sha, path string) ([]byte, error) {
	leave, err := f.enter(ctx, "Read", false)
	if err != nil {
		return nil, err
	}
	defer leave()
	c, ok := f.commits[sha]
	if !ok {
		return nil, missing("commit", sha)
	}
	content, ok := c.files[path]
	if !ok {
		return nil, missing("file", path)
	}
	return []byte(content), nil
}

// Commits returns those that head has and base has not, newest first.
func (f *Forge) Commits(ctx context.Context, base, head string) ([]pullrequest.Commit, error) {
	leave, err := f.enter(ctx, "Commits", false)
	if err != nil {
		return nil, err
	}
	defer leave()
	if f.commits[base] == nil || f.commits[head] == nil {
		return nil, missing("commits of", head)
	}
	var found []pullrequest.Commit
	for _, c := range f.between(base, head) {
		if len(found) < 100 {
			found = append(found, pullrequest.Commit{SHA: c.sha, Message: c.message, AuthorEmail: c.author, CommitterEmail: c.committer})
		}
	}
	return found, nil
}

func (f *Forge) between(base, head string) []*commit {
	known := f.reachable(base)
	var found []*commit
	for sha := range f.reachable(head) {
		if !known[sha] {
			found = append(found, f.commits[sha])
		}
	}
	slices.SortFunc(found, func(a, b *commit) int { return b.number - a.number })
	return found
}

func (f *Forge) reachable(from string) map[string]bool {
	seen := map[string]bool{}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if !seen[queue[0]] {
			seen[queue[0]] = true
			queue = append(queue, f.commits[queue[0]].parents...)
		}
	}
	return seen
}

// Commit writes files as one commit.
func (f *Forge) Commit(ctx context.Context, n pullrequest.NewCommit) (string, error) {
	leave, err := f.enter(ctx, "Commit", true)
	if err != nil {
		return "", err
	}
	defer leave()
	head, exists := f.branches[n.Branch]
	parent := f.commits[n.Parent]
	switch {
	case f.description.Archived:
		return "", refused(false, "commit: the repository is archived")
	case f.protected[n.Branch]:
		return "", &pullrequest.Error{Reason: v1alpha1.ReasonBranchProtected, Err: fmt.Errorf("branch %s is protected", n.Branch)}
	case parent == nil:
		return "", missing("commit", n.Parent)
	case exists && head != n.Parent && !n.Reset:
		return "", refused(true, "commit to %s: it has moved", n.Branch)
	}
	files := maps.Clone(parent.files)
	for path, content := range n.Files {
		if _, ok := files[path]; !ok {
			return "", missing("file", path)
		}
		files[path] = string(content)
	}
	f.move(n.Branch, f.add(files, n.Message, BotEmail, n.Parent))
	return f.branches[n.Branch], nil
}

// DeleteBranch removes a branch, and closes the pull requests from it, as forges do.
func (f *Forge) DeleteBranch(ctx context.Context, branch string) error {
	leave, err := f.enter(ctx, "DeleteBranch", true)
	if err != nil {
		return err
	}
	defer leave()
	delete(f.branches, branch)
	for _, p := range f.pulls {
		if p.branch == branch && p.State == pullrequest.Open {
			f.end(p, pullrequest.Closed)
		}
	}
	return nil
}

// move points a branch to a commit, and the heads of its open pull requests with it.
func (f *Forge) move(branch, sha string) {
	f.branches[branch] = sha
	for _, p := range f.pulls {
		if p.branch == branch && p.State == pullrequest.Open {
			p.HeadSHA = sha
		}
	}
}
