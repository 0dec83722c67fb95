package repository

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Modes of a tree's entries.
const (
	ModeFile       = "100644"
	ModeExecutable = "100755"
	ModeLink       = "120000"
	ModeSubmodule  = "160000"
)

// Identity of an author or committer.
type Identity struct{ Name, Email string }

// File of a snapshot.
type File struct {
	Mode    string
	Content string
}

// Commit is a snapshot.
type Commit struct {
	SHA       string
	Parents   []string
	Message   string
	Author    Identity
	Committer Identity
	Time      time.Time
	Files     map[string]File
}

// Repository in memory. Its methods need the Mutex to be held.
type Repository struct {
	sync.Mutex
	DefaultBranch    string
	Public, Archived bool
	Branches         map[string]string
	Protected        map[string]bool
	Pulls            []*Pull

	commits map[string]*Commit
	now     func() time.Time
}

// New returns a repository whose branch main has one commit.
func New(now func() time.Time, by Identity) *Repository {
	r := &Repository{
		DefaultBranch: "main", Branches: map[string]string{}, Protected: map[string]bool{},
		commits: map[string]*Commit{}, now: now,
	}
	first := r.Add("", "Begin", by, by, map[string]File{"README.md": {Mode: ModeFile, Content: "# Shop\n"}})
	r.Branches["main"] = first.SHA
	return r
}

// Add makes a commit: its parent's files, with those that changed.
func (r *Repository) Add(parent, message string, author, committer Identity, changed map[string]File) *Commit {
	c := &Commit{Message: message, Author: author, Committer: committer, Time: r.now(), Files: map[string]File{}}
	if parent != "" {
		c.Parents = []string{parent}
		maps.Copy(c.Files, r.commits[parent].Files)
	}
	for path, file := range changed {
		if old, there := c.Files[path]; there && file.Mode == "" {
			file.Mode = old.Mode
		}
		if file.Mode == "" {
			file.Mode = ModeFile
		}
		c.Files[path] = file
	}
	return r.keep(c)
}

func (r *Repository) keep(c *Commit) *Commit {
	c.SHA = Hash(fmt.Sprint(len(r.commits), c.Parents, c.Message, c.Author, c.Time.Unix()))
	r.commits[c.SHA] = c
	return c
}

// Hash looks like one of git's.
func Hash(content string) string {
	sum := sha1.Sum([]byte(content))
	return hex.EncodeToString(sum[:])
}

// Resolve finds a commit by the name of a branch or by its hash.
func (r *Repository) Resolve(ref string) (*Commit, bool) {
	if sha, ok := r.Branches[ref]; ok {
		ref = sha
	}
	c, ok := r.commits[ref]
	return c, ok
}

// Between lists the commits that head has and base has not, newest first.
func (r *Repository) Between(base, head string) []*Commit {
	old := r.ancestors(base)
	var found []*Commit
	for sha := range r.ancestors(head) {
		if !old[sha] {
			found = append(found, r.commits[sha])
		}
	}
	depth := map[string]int{}
	for _, c := range found {
		depth[c.SHA] = len(r.ancestors(c.SHA))
	}
	slices.SortFunc(found, func(a, b *Commit) int { return depth[b.SHA] - depth[a.SHA] })
	return found
}

// ancestors of a commit, with itself.
func (r *Repository) ancestors(sha string) map[string]bool {
	seen := map[string]bool{}
	queue := []string{sha}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		if next == "" || seen[next] {
			continue
		}
		seen[next] = true
		queue = append(queue, r.commits[next].Parents...)
	}
	return seen
}

// base of a merge: the newest common ancestor.
func (r *Repository) base(one, other string) string {
	ours, best, most := r.ancestors(one), "", 0
	for sha := range r.ancestors(other) {
		if n := len(r.ancestors(sha)); ours[sha] && n > most {
			best, most = sha, n
		}
	}
	return best
}

// LastChange is the newest commit, from one on, that changed a file.
func (r *Repository) LastChange(sha, path string) string {
	for {
		c := r.commits[sha]
		if len(c.Parents) == 0 || r.commits[c.Parents[0]].Files[path] != c.Files[path] {
			return sha
		}
		sha = c.Parents[0]
	}
}
