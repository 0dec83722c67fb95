package pullrequest

import (
	"slices"
	"strings"
)

// The trailers by which a commit is known as one of ours, with what it proposes and who made it.
const (
	trailerCandidate  = "Plimsoll-Candidate"  // a base and what it moves to, once for each that the branch moves
	trailerSupersedes = "Plimsoll-Supersedes" // keys of earlier changes
	trailerFiles      = "Plimsoll-Files"      // key of the set of paths that the branch changes
	trailerBase       = "Plimsoll-Base"       // the commit that the branch began from
	trailerCluster    = "Plimsoll-Cluster"    // for people
	trailerProposer   = "Plimsoll-Proposer"   // key
)

const (
	maxSuperseded = 64
	commitLimit   = 100 // as many as Forge.Commits returns at most
	// signer commits for those who use GitHub's API, and signs.
	signer = "noreply@github.com"
)

// history is what the commits of our branch tell.
type history struct {
	count int
	// foreign says that somebody else's commits are there, or more than can be looked at.
	foreign bool
	// changes are all that the branch makes as of our newest commit.
	changes []Change
	// superseded are the keys of changes of the same bases that were proposed before.
	superseded []string
	// owner is the key of the proposer that made the newest commit.
	owner string
	// files is the key of the paths that the branch changes; "" where they are those of several proposers.
	files string
	// base is the commit of the target that the branch began from.
	base string
}

// readHistory takes the commits newest first. emails are those of our own account; nil: nobody knows.
func readHistory(commits []Commit, emails []string) history {
	h := history{count: len(commits), foreign: len(commits) >= commitLimit}
	var before []string
	for _, commit := range commits {
		trailers := readTrailers(commit.Message)
		changes := trailers.changes()
		if len(changes) == 0 || !byUs(commit, emails) {
			h.foreign = true
			continue
		}
		if len(h.changes) == 0 {
			h.changes, h.owner = changes, trailers.first(trailerProposer)
			h.files, h.base = trailers.first(trailerFiles), trailers.first(trailerBase)
		}
		before = append(append(before, changeKeys(changes)...), strings.Fields(trailers.first(trailerSupersedes))...)
	}
	h.superseded = supersededBy(h.changes, before)
	return h
}

// keys of what the branch makes, and of what it made before.
func (h history) keys() []string { return append(changeKeys(h.changes), h.superseded...) }

// makes says whether the branch makes all of the changes.
func (h history) makes(changes ...Change) bool {
	return !slices.ContainsFunc(changes, func(c Change) bool { return !slices.Contains(h.changes, c) })
}

func byUs(commit Commit, emails []string) bool {
	if emails == nil {
		return commit.AuthorEmail == commit.CommitterEmail || commit.CommitterEmail == signer
	}
	return slices.Contains(emails, commit.AuthorEmail) &&
		(slices.Contains(emails, commit.CommitterEmail) || commit.CommitterEmail == signer)
}

// trailers by name.
type trailers map[string][]string

func (t trailers) first(name string) string {
	if values := t[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func (t trailers) changes() []Change {
	var changes []Change
	for _, value := range t[trailerCandidate] {
		base, candidate, _ := strings.Cut(value, " ")
		changes = append(changes, Change{Base: base, Candidate: candidate})
	}
	return changes
}

// readTrailers reads the lines "Name: value" of the message's last paragraph.
func readTrailers(message string) trailers {
	message = strings.TrimSpace(strings.ReplaceAll(message, "\r\n", "\n"))
	start := strings.LastIndex(message, "\n\n")
	if start < 0 {
		return nil
	}
	found := trailers{}
	for line := range strings.Lines(message[start:]) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			found[name] = append(found[name], value)
		}
	}
	return found
}

// message of the commit by which p makes the branch as h tells.
func (p *Proposal) message(h history) string {
	var b strings.Builder
	b.WriteString(oneLine(p.Title) + "\n\n")
	for _, c := range h.changes {
		b.WriteString(trailerCandidate + ": " + c.Base + " " + c.Candidate + "\n")
	}
	if len(h.superseded) > 0 {
		b.WriteString(trailerSupersedes + ": " + strings.Join(h.superseded, " ") + "\n")
	}
	if h.files != "" {
		b.WriteString(trailerFiles + ": " + h.files + "\n")
	}
	b.WriteString(trailerBase + ": " + h.base + "\n")
	b.WriteString(trailerCluster + ": " + oneLine(p.By.Cluster) + "\n")
	b.WriteString(trailerProposer + ": " + h.owner + "\n")
	return b.String()
}

func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return isControl(r) || r == ' ' }), " ")
}
