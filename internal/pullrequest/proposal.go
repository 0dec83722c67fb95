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
	// Changes are what is proposed, one for each base. They are how two proposers know that they propose the same.
	Changes []Change
	// Keep are bases of which nothing is proposed at present, and that the branch is to go on moving where it does.
	Keep []string
	// Files by path, with their whole new content, as edited from Base.
	Files map[string][]byte
	// Base is the commit of the target that Files were edited from.
	Base string

	Labels, Reviewers, Assignees []string
	Draft, AutoMerge             bool

	// By is who proposes.
	By Proposer
	// Hold is the reason of the API for which no new pull request may be opened now, such as LimitReached. "": it may. One that
	// is open already is updated all the same.
	Hold string
}

// Proposer is a policy of a cluster. Several share a pull request, in which each has a section of its own.
type Proposer struct {
	// Cluster is its name, and Policy that of the policy within it, each in one line.
	Cluster, Policy string
}

func (p Proposer) key() string { return key(p.Cluster + "\n" + p.Policy) }

func (p *Proposal) validate() error {
	switch {
	case p.Branch == "" || p.Title == "" || p.Base == "" || p.By.Cluster == "" || p.By.Policy == "":
		return errors.New("a proposal needs a branch, a title, a base and the names of the cluster and the policy")
	case len(p.Changes) == 0 || slices.ContainsFunc(p.Changes, func(c Change) bool { return !isWord(c.Base) || !isWord(c.Candidate) }):
		return errors.New("a proposal changes at least one base, by texts without spaces")
	case len(p.Files) == 0:
		return errors.New("a proposal changes at least one file")
	}
	return nil
}

func isWord(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return isControl(r) || r == ' ' })
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
	// Decided is, by base, what became of those of several changes that are not to be proposed: people have decided about them,
	// or the pull request has a newer one. The State is Divided then, and the others may be proposed without them.
	Decided map[string]Outcome
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
	// Absent: there is none, nor is there to be one, or it is there for others alone.
	Absent State = "Absent"
	// Divided: nothing is written, as not all of the changes may be proposed.
	Divided State = "Divided"
)
