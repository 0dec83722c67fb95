package pullrequest

import (
	"slices"
	"strings"
)

// The trailers by which a commit is known as one of ours, with what it proposes and who made it.
const (
	trailerCandidate  = "Plimsoll-Candidate"
	trailerSupersedes = "Plimsoll-Supersedes" // keys of earlier candidates
	trailerFiles      = "Plimsoll-Files"      // key of the set of paths
	trailerCluster    = "Plimsoll-Cluster"
)

const (
	maxSuperseded = 32
	commitLimit   = 100 // as many as Forge.Commits returns at most
	// signer commits for those who use GitHub's API, and signs.
	signer = "noreply@github.com"
)

// history is what the commits of our branch tell.
type history struct {
	count int
	// foreign says that somebody else's commits are there, or more than can be looked at.
	foreign bool
	// current is the key of the candidate that the newest commit proposes; "" without commits.
	current string
	// superseded are the keys of candidates that were proposed before.
	superseded []string
	// owner is the cluster that made the newest commit.
	owner string
	// files is the key of the paths that the newest commit changes.
	files string
}

// readHistory takes the commits newest first. emails are those of our own account; nil: nobody knows.
func readHistory(commits []Commit, emails []string) history {
	h := history{count: len(commits), foreign: len(commits) >= commitLimit}
	for i, commit := range commits {
		trailers := readTrailers(commit.Message)
		candidate, ok := trailers[trailerCandidate]
		if !ok || !byUs(commit, emails) {
			h.foreign = true
			continue
		}
		if i == 0 {
			h.current, h.owner, h.files = key(candidate), trailers[trailerCluster], trailers[trailerFiles]
		} else {
			h.superseded = append(h.superseded, key(candidate))
		}
		h.superseded = append(h.superseded, strings.Fields(trailers[trailerSupersedes])...)
	}
	h.superseded = distinct(h.superseded, h.current)
	return h
}

func byUs(commit Commit, emails []string) bool {
	if emails == nil {
		return commit.AuthorEmail == commit.CommitterEmail || commit.CommitterEmail == signer
	}
	return slices.Contains(emails, commit.AuthorEmail) &&
		(slices.Contains(emails, commit.CommitterEmail) || commit.CommitterEmail == signer)
}

// distinct returns the first maxSuperseded different keys, without one.
func distinct(keys []string, without string) []string {
	var result []string
	for _, k := range keys {
		if k != without && !slices.Contains(result, k) && len(result) < maxSuperseded {
			result = append(result, k)
		}
	}
	return result
}

// readTrailers reads the lines "Name: value" of the message's last paragraph.
func readTrailers(message string) map[string]string {
	message = strings.TrimSpace(strings.ReplaceAll(message, "\r\n", "\n"))
	start := strings.LastIndex(message, "\n\n")
	if start < 0 {
		return nil
	}
	trailers := map[string]string{}
	for line := range strings.Lines(message[start:]) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			trailers[name] = value
		}
	}
	return trailers
}

// message of the commit that proposes p after what h tells.
func (p *Proposal) message(superseded []string) string {
	var b strings.Builder
	b.WriteString(oneLine(p.Title) + "\n\n")
	b.WriteString(trailerCandidate + ": " + p.Candidate + "\n")
	if len(superseded) > 0 {
		b.WriteString(trailerSupersedes + ": " + strings.Join(superseded, " ") + "\n")
	}
	b.WriteString(trailerFiles + ": " + p.filesKey() + "\n")
	b.WriteString(trailerCluster + ": " + oneLine(p.Cluster) + "\n")
	return b.String()
}

func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return isControl(r) || r == ' ' }), " ")
}
