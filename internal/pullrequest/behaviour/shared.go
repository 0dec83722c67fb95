package behaviour

import (
	"maps"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const (
	debian = "docker.io/library/debian:12.1"
	nginx  = "docker.io/library/nginx:1.0"
)

// several moves more than one base at once: debian and nginx, each to a version.
func (s *scene) several(cluster string, to map[string]string) pullrequest.Proposal {
	s.Helper()
	base := s.head("main")
	p := pullrequest.Proposal{Branch: branch, Title: "Move " + cluster, Files: map[string][]byte{}, Base: base, By: by(cluster), Body: cluster + " moves.\n"}
	for from, path := range map[string]string{debian: Dockerfile, nginx: Proxy} {
		version, ok := to[from]
		if !ok {
			continue
		}
		repository, old, _ := strings.Cut(from, ":")
		image := repository[strings.LastIndexByte(repository, '/')+1:]
		p.Files[path] = []byte(strings.ReplaceAll(s.read(base, path), image+":"+old, image+":"+version))
		p.Changes = append(p.Changes, pullrequest.Change{Base: from, Candidate: repository + ":" + version + "@sha256:" + version})
	}
	return p
}

// expectVersions compares what the branch has of the files.
func (s *scene) expectVersions(debian, nginx string) {
	s.Helper()
	head := s.head(branch)
	for path, want := range map[string]string{Dockerfile: "FROM debian:" + debian, Proxy: "FROM nginx:" + nginx} {
		if got := s.read(head, path); !strings.Contains(got, want+"\n") {
			s.Errorf("the branch has %q in %s, want %s", got, path, want)
		}
	}
}

func (s *scene) withdraw(by pullrequest.Proposer) pullrequest.Outcome {
	s.Helper()
	outcome, err := pullrequest.Withdraw(s.Context(), s.Forge, branch, by, "Nothing runs the old version any more.")
	if err != nil {
		s.Fatal(err)
	}
	return outcome
}

// policies of one cluster have a section each, and the text is that of the one that made the commit.
func policies(s *scene) {
	one, two := s.proposal("east", "12.2"), s.proposal("east", "12.2")
	two.By.Policy, two.Title = "ImagePolicy shop/q", "Another title"
	section := func(p *pullrequest.Proposal, shared, text string) {
		p.Body = shared + "\n\n" + pullrequest.Section(p.By, text)
	}
	section(&one, "Shared.", "- shop/web")
	section(&two, "Shared, a little else.", "- blog/web")
	s.sync(one)
	s.sync(two)
	for range 2 {
		s.quiet(one)
		s.quiet(two)
	}
	if pull := s.pulls()[0]; !strings.Contains(pull.Body, "- shop/web") || !strings.Contains(pull.Body, "- blog/web") || pull.Title != one.Title {
		s.Errorf("the pull request is %q:\n%s", pull.Title, pull.Body)
	}
	// Once the one is gone, the text is the other's.
	s.withdraw(one.By)
	section(&two, "News.", "- blog/web")
	s.sync(two)
	if got := s.pulls()[0].Body; strings.Contains(got, "shop/web") || !strings.Contains(got, "News.") {
		s.Errorf("the text is still that of who left:\n%s", got)
	}
	s.quiet(two)
}

func oneLeaves(s *scene) {
	east, west := s.proposal("east", "12.2"), s.proposal("west", "12.2")
	east.Body, west.Body = body("east", "Shared.", "- shop/web"), body("west", "Shared.", "")
	first := s.sync(east)
	s.sync(west)
	s.expectState(s.withdraw(east.By), pullrequest.Absent, 0)
	if pull := s.pulls()[0]; pull.State != pullrequest.Open || strings.Contains(pull.Body, "shop/web") {
		s.Fatalf("one of two has left, and the pull request is %s:\n%s", pull.State, pull.Body)
	}
	before := s.Writes()
	s.expectState(s.withdraw(east.By), pullrequest.Absent, 0)
	if s.Writes() != before {
		s.Error("who had left has written")
	}
	s.expectState(s.quiet(west), pullrequest.Open, first.PullRequest.Number)
	s.expectState(s.withdraw(west.By), pullrequest.Closed, first.PullRequest.Number)
	s.branchIsGone()
}

// joins has two proposers with different bases on one branch.
func joins(s *scene) {
	east, west := s.several("east", map[string]string{debian: "12.2"}), s.several("west", map[string]string{nginx: "1.1"})
	first := s.sync(east)
	s.expectState(s.sync(west), pullrequest.Open, first.PullRequest.Number)
	s.expectVersions("12.2", "1.1")
	if title := s.pulls()[0].Title; title != "Update 2 images" {
		s.Errorf("the title of both is %q", title)
	}
	for range 2 {
		s.quiet(east)
		s.quiet(west)
	}
	s.sync(s.several("east", map[string]string{debian: "12.3"}))
	s.expectVersions("12.3", "1.1")
	s.quiet(west)
	both := s.several("north", map[string]string{debian: "12.3", nginx: "1.1"})
	s.sync(both)
	s.quiet(both)
	s.expectVersions("12.3", "1.1")
}

func dropsUnwanted(s *scene) {
	east, west := s.several("east", map[string]string{debian: "12.2"}), s.several("west", map[string]string{debian: "12.2", nginx: "1.1"})
	s.sync(east)
	s.sync(west)
	s.expectVersions("12.2", "1.1")
	s.expectState(s.withdraw(west.By), pullrequest.Absent, 0)
	s.sync(east)
	s.expectVersions("12.2", "1.0")
	s.quiet(east)
	// That nobody wanted it for a while is no decision against it.
	s.sync(west)
	s.expectVersions("12.2", "1.1")
	s.quiet(east)
}

// keeps what a proposer that has just started still has to look at.
func keeps(s *scene) {
	all := s.several("east", map[string]string{debian: "12.2", nginx: "1.1"})
	first := s.sync(all)
	some := s.several("east", map[string]string{debian: "12.2"})
	some.Keep = []string{debian, nginx}
	s.expectState(s.quiet(some), pullrequest.Open, first.PullRequest.Number)
	newer := s.several("east", map[string]string{debian: "12.3"})
	newer.Keep = some.Keep
	s.sync(newer)
	s.expectVersions("12.3", "1.1")
	again := s.several("east", map[string]string{debian: "12.3", nginx: "1.1"})
	s.sync(again)
	s.quiet(again)
	s.expectVersions("12.3", "1.1")
	s.sync(s.several("east", map[string]string{debian: "12.3"}))
	s.expectVersions("12.3", "1.0")
}

// decides for each base, and not for all together.
func decides(s *scene) {
	both := func(cluster, debianTo, nginxTo string) pullrequest.Proposal {
		return s.several(cluster, map[string]string{debian: debianTo, nginx: nginxTo})
	}
	expect := func(o pullrequest.Outcome, want map[string]pullrequest.State) {
		s.Helper()
		got := map[string]pullrequest.State{}
		for base, decided := range o.Decided {
			got[base] = decided.State
		}
		if o.State != pullrequest.Divided || !maps.Equal(got, want) {
			s.Fatalf("the outcome is %s, and decided is %v, want %v", o.State, got, want)
		}
	}
	first := s.sync(s.several("east", map[string]string{debian: "12.2"}))
	s.sync(s.several("east", map[string]string{debian: "12.3"}))
	// Another one that has not seen the newer one yet.
	expect(s.quiet(both("west", "12.2", "1.1")), map[string]pullrequest.State{debian: pullrequest.Open})
	s.sync(s.several("west", map[string]string{nginx: "1.1"}))
	s.expectVersions("12.3", "1.1")
	s.Close(first.PullRequest.Number)
	expect(s.quiet(both("west", "12.2", "1.2")), map[string]pullrequest.State{debian: pullrequest.Closed})
	expect(s.quiet(both("west", "12.4", "1.1")), map[string]pullrequest.State{nginx: pullrequest.Closed})
	second := s.sync(s.several("west", map[string]string{debian: "12.4"}))
	s.expectVersions("12.4", "1.0")
	expect(s.quiet(both("west", "12.4", "1.1")), map[string]pullrequest.State{nginx: pullrequest.Closed})
	s.Merge(second.PullRequest.Number)
	expect(s.quiet(both("west", "12.4", "1.2")), map[string]pullrequest.State{debian: pullrequest.Merged})
	s.sync(s.several("west", map[string]string{nginx: "1.2"}))
	s.expectVersions("12.4", "1.2")
}

// movedBeneath starts anew with what is proposed where the target has another file, and the others add theirs again.
func movedBeneath(s *scene) {
	east := func(to string) pullrequest.Proposal { return s.several("east", map[string]string{debian: to}) }
	west := func(to string) pullrequest.Proposal { return s.several("west", map[string]string{nginx: to}) }
	s.sync(east("12.2"))
	s.sync(west("1.1"))
	s.Push("main", map[string]string{Other: "2\n"})
	s.sync(east("12.3")) // Other files are no reason to lose what the others have.
	s.expectVersions("12.3", "1.1")
	s.Push("main", map[string]string{Dockerfile: "# shop\nFROM debian:12.1\nRUN true\n"})
	s.sync(east("12.4"))
	s.expectVersions("12.4", "1.0")
	s.sync(west("1.1"))
	s.expectVersions("12.4", "1.1")
	s.quiet(east("12.4"))
	s.quiet(west("1.1"))
}
