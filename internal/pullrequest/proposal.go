package pullrequest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Proposal is what a pull request should say.
type Proposal struct {
	// Branch that the pull request is found by.
	Branch string
	// Target branch; "": the repository's default branch.
	Target string
	Title  string
	// Body as the function Body makes it.
	Body string
	// Candidate is what is proposed, in one line: the reference with digest of each base. It is how two
	// clusters know that they propose the same.
	Candidate string
	// Files by path, with their whole new content, as edited from Base.
	Files map[string][]byte
	// Base is the commit of the target that Files were edited from.
	Base string

	Labels, Reviewers, Assignees []string
	Draft, AutoMerge             bool

	// Cluster is our own name, in one line.
	Cluster string
	// Hold is the reason of the API for which no new pull request may be opened now, such as LimitReached. "": it may. One that
	// is open already is updated all the same.
	Hold string
}

func (p *Proposal) validate() error {
	switch {
	case p.Branch == "" || p.Title == "" || p.Base == "" || p.Cluster == "":
		return errors.New("a proposal needs a branch, a title, a base and the cluster's name")
	case p.Candidate == "" || strings.ContainsFunc(p.Candidate, isControl):
		return errors.New("a proposal's candidate is one line of text")
	case len(p.Files) == 0:
		return errors.New("a proposal changes at least one file")
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// key stands for a text wherever that would be too long: 16 hex digits.
func key(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// filesKey stands for the set of paths.
func (p *Proposal) filesKey() string {
	return key(strings.Join(slices.Sorted(maps.Keys(p.Files)), "\x00"))
}

// Outcome of Sync and Withdraw.
type Outcome struct {
	// State of the pull request, or one of those below.
	State State
	// PullRequest as it is now; nil where there is none.
	PullRequest *PullRequest
	// Changed says that something was written to the forge.
	Changed bool
	// Reason is one of the API's reasons of Proposed.
	Reason string
	// Message says more, for people. It may be empty.
	Message string
	// AutoMerge is why the forge does not merge the pull request by itself, though the proposal asks for it. nil: it does, or is
	// not asked to.
	AutoMerge error
}

// States of an Outcome that no pull request has.
const (
	// Foreign: the branch has commits that are not ours, so that nothing is written.
	Foreign State = "Foreign"
	// Held: there is none, and none may be opened now.
	Held State = "Held"
	// Absent: there is none, nor is there to be one.
	Absent State = "Absent"
)
