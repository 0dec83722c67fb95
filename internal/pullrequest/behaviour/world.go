package behaviour

import (
	"context"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

// The repository of a World has these files at main, and more if it likes.
const (
	Dockerfile = "build/Dockerfile"
	Other      = "other.txt"
	Proxy      = "proxy/Dockerfile"
)

// Files of a World's repository.
func Files() map[string]string {
	return map[string]string{Dockerfile: "# web\nFROM debian:12.1\nRUN true\n", Other: "1\n", Proxy: "FROM nginx:1.0\n"}
}

// World is a repository at a forge, with a person who works in it.
type World struct {
	Forge pullrequest.Forge
	// Writes counts what the forge was asked to write through Forge.
	Writes func() int
	// What the person does.
	Push         func(branch string, files map[string]string)
	Merge        func(number int64)
	Close        func(number int64)
	UpdateBranch func(number int64)
}

const branch = "plimsoll/debian"

// scene is one test's use of a world.
type scene struct {
	*testing.T
	World
}

func by(cluster string) pullrequest.Proposer {
	return pullrequest.Proposer{Cluster: cluster, Policy: "ClusterImagePolicy p"}
}

// proposal moves debian to a version, as a cluster sees it.
func (s *scene) proposal(cluster, version string) pullrequest.Proposal {
	s.Helper()
	base := s.head("main")
	content := s.read(base, Dockerfile)
	lines := strings.Split(content, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "FROM debian:") {
			lines[i] = "FROM debian:" + version
		}
	}
	return pullrequest.Proposal{
		Branch: branch, Title: "Move debian to " + version, Body: "Fixes much in " + version + ".\n",
		Changes: []pullrequest.Change{{Base: "docker.io/library/debian:12.1", Candidate: "docker.io/library/debian:" + version + "@sha256:" + version}},
		Files:   map[string][]byte{Dockerfile: []byte(strings.Join(lines, "\n"))}, Base: base, By: by(cluster),
	}
}

func (s *scene) head(branch string) string {
	s.Helper()
	head, err := s.Forge.Head(s.Context(), branch)
	if err != nil {
		s.Fatal(err)
	}
	return head
}

func (s *scene) read(commit, path string) string {
	s.Helper()
	content, err := s.Forge.Read(s.Context(), commit, path)
	if err != nil {
		s.Fatal(err)
	}
	return string(content)
}

func (s *scene) sync(p pullrequest.Proposal) pullrequest.Outcome {
	s.Helper()
	outcome, err := pullrequest.Sync(s.Context(), s.Forge, p)
	if err != nil {
		s.Fatal(err)
	}
	return outcome
}

// quiet syncs, and expects that it writes nothing.
func (s *scene) quiet(p pullrequest.Proposal) pullrequest.Outcome {
	s.Helper()
	before := s.Writes()
	outcome := s.sync(p)
	if writes := s.Writes() - before; writes != 0 || outcome.Changed {
		s.Errorf("Sync() wrote %d times, Changed is %t, where nothing was to be done", writes, outcome.Changed)
	}
	return outcome
}

func (s *scene) expectState(o pullrequest.Outcome, want pullrequest.State, number int64) {
	s.Helper()
	if o.State != want {
		s.Fatalf("the outcome is %s (%s, %s), want %s", o.State, o.Reason, o.Message, want)
	}
	if number == 0 && o.PullRequest != nil || number != 0 && (o.PullRequest == nil || o.PullRequest.Number != number) {
		s.Fatalf("the outcome's pull request is %+v, want number %d", o.PullRequest, number)
	}
}

// expectBranch compares what the branch has of the Dockerfile, and how many commits main has not.
func (s *scene) expectBranch(version string, commits int) {
	s.Helper()
	head := s.head(branch)
	if content := s.read(head, Dockerfile); !strings.Contains(content, "FROM debian:"+version+"\n") {
		s.Errorf("the branch has %q, want version %s", content, version)
	}
	found, err := s.Forge.Commits(s.Context(), s.head("main"), head)
	if err != nil {
		s.Fatal(err)
	}
	if len(found) != commits {
		s.Errorf("the branch has %d commits, want %d", len(found), commits)
	}
}

func (s *scene) pulls() []pullrequest.PullRequest {
	s.Helper()
	pulls, err := s.Forge.PullRequests(s.Context(), branch)
	if err != nil {
		s.Fatal(err)
	}
	return pulls
}

func (s *scene) branchIsGone() {
	s.Helper()
	if head, err := s.Forge.Head(context.WithoutCancel(s.Context()), branch); err == nil {
		s.Errorf("the branch is still there, at %s", head)
	}
}
