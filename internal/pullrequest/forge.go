package pullrequest

import (
	"context"
	"errors"
	"time"
)

// Forge is one repository at a hosting service. Its errors are *Error, or wrap
// ErrNotFound where that is said.
type Forge interface {
	// Repository describes the repository.
	Repository(ctx context.Context) (Repository, error)
	// Head returns the commit that a branch points to, or an ErrNotFound.
	Head(ctx context.Context, branch string) (string, error)
	// Files lists the regular files at a commit, of at most 100,000 entries.
	Files(ctx context.Context, commit string) ([]File, error)
	// Read returns a file at a commit, of at most 1 MiB, or an ErrNotFound.
	Read(ctx context.Context, commit, path string) ([]byte, error)
	// Commits returns those that head has and base has not, newest first, at most 100.
	Commits(ctx context.Context, base, head string) ([]Commit, error)
	// Commit writes files as one commit and returns it.
	Commit(ctx context.Context, c NewCommit) (string, error)
	// DeleteBranch removes a branch. One that is not there is no error.
	DeleteBranch(ctx context.Context, branch string) error
	// PullRequests returns those whose head is the branch of this repository itself, of every state, newest first, at most 100.
	PullRequests(ctx context.Context, branch string) ([]PullRequest, error)
	// Open opens a pull request. Where there is one for the branch already, that one is the result.
	Open(ctx context.Context, n NewPullRequest) (PullRequest, error)
	// Edit changes title and body of an open pull request.
	Edit(ctx context.Context, number int64, title, body string) error
	// Close closes a pull request without merging it.
	Close(ctx context.Context, number int64) error
	// Comment adds a comment.
	Comment(ctx context.Context, number int64, body string) error
	// AutoMerge asks the forge to merge once all checks pass.
	AutoMerge(ctx context.Context, number int64) error
}

// ErrNotFound says that there is no such branch, file or commit.
var ErrNotFound = errors.New("not found at the forge")

// Repository at a forge.
type Repository struct {
	DefaultBranch string
	// Public says that everybody may read it.
	Public bool
	// Archived repositories take no changes.
	Archived bool
}

// File of a repository.
type File struct {
	// Path from the repository's root, with slashes.
	Path string
	// Size in bytes; -1 where the forge does not say.
	Size int64
}

// Commit of a branch.
type Commit struct {
	SHA     string
	Message string
	// AuthorEmail and CommitterEmail, lower case.
	AuthorEmail, CommitterEmail string
}

// NewCommit to be made.
type NewCommit struct {
	Branch string
	// Parent is the commit that it follows. Where the branch is not there, it is made from Parent.
	Parent string
	// Reset moves an existing branch to Parent first, whatever it points to, so that the commit is all that it has. Without
	// it, a branch that does not point to Parent is an *Error with reason ForgeRefused and Conflict set.
	Reset   bool
	Message string
	// Files by path, with their whole new content. All are there before.
	Files map[string][]byte
}

// State of a pull request.
type State string

const (
	Open   State = "Open"
	Merged State = "Merged"
	Closed State = "Closed"
)

// PullRequest as a forge has it.
type PullRequest struct {
	Number int64
	// URL for people.
	URL    string
	State  State
	Title  string
	Body   string
	Target string
	// HeadSHA is the commit at its head.
	HeadSHA string
	// Author is the account that opened it.
	Author  string
	Created time.Time
	// Ended is when it was merged or closed, zero while it is open.
	Ended time.Time
	// MergeCommit is the commit by which it was merged, where the forge says so.
	MergeCommit string
	// Conflicted says that it cannot be merged as its branches stand.
	Conflicted bool
}

// NewPullRequest to be opened.
type NewPullRequest struct {
	Branch, Target string
	Title, Body    string
	Draft          bool
	Labels         []string
	Reviewers      []string
	Assignees      []string
}

// Error is a failure at a forge. Its text names the action and the object, and
// holds no credential.
type Error struct {
	// Reason is one of the API's reasons of Proposed, such as ForgeUnavailable or BranchProtected.
	Reason string
	// RetryAfter is how long the forge asks to wait. 0: it does not say.
	RetryAfter time.Duration
	// Conflict says that the branch or pull request had moved meanwhile: reading it again helps.
	Conflict bool
	Err      error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }
