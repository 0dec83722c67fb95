package behaviour

import (
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

// Run runs the suite. Each test gets a world of its own.
func Run(t *testing.T, create func(t *testing.T) World) {
	for name, test := range map[string]func(s *scene){
		"opens one and is quiet after": opens, "another cluster adopts": adopts, "a newer candidate updates in place": updates,
		"never goes back": neverBack, "starts anew where the target moved": targetMoved, "starts anew on a conflict": conflict,
		"leaves the commit of a person alone": personPushed, "leaves an updated branch alone": branchUpdated,
		"closed by a person": closedByPerson, "merged": merged, "withdrawn": withdrawn, "not withdrawn from a person": notWithdrawn,
		"found after a crash": crashed, "sections of clusters": sections, "people may edit the text": edited,
		"two policies of a cluster": policies, "withdrawn by one of two": oneLeaves,
		"two of several bases": joins, "a base that nobody wants": dropsUnwanted, "bases that are not known yet": keeps,
		"closed and superseded bases": decides, "bases and a target that moved": movedBeneath,
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) { test(&scene{T: t, World: create(t)}) })
	}
}

func opens(s *scene) {
	p := s.proposal("east", "12.2")
	outcome := s.sync(p)
	s.expectState(outcome, pullrequest.Open, outcome.PullRequest.Number)
	s.expectBranch("12.2", 1)
	if pull := s.pulls()[0]; pull.Title != p.Title || pull.Target != "main" || pull.HeadSHA != s.head(branch) || pull.Conflicted {
		s.Errorf("the pull request is %+v", pull)
	}
	s.expectState(s.quiet(p), pullrequest.Open, outcome.PullRequest.Number)
	held := p
	held.Hold = "LimitReached"
	s.expectState(s.quiet(held), pullrequest.Open, outcome.PullRequest.Number)
}

func adopts(s *scene) {
	first := s.sync(s.proposal("east", "12.2"))
	other := s.proposal("west", "12.2")
	other.Body = "Fixes even more: this cluster has a newer database.\n"
	s.sync(other) // notes that it wants the pull request, too
	if got := s.pulls()[0].Body; !strings.Contains(got, "Fixes much") || strings.Contains(got, "even more") {
		s.Errorf("the shared text is not that of who made the commit:\n%s", got)
	}
	s.expectState(s.quiet(other), pullrequest.Open, first.PullRequest.Number)
}

func updates(s *scene) {
	first := s.sync(s.proposal("east", "12.2"))
	p := s.proposal("west", "12.3")
	p.Hold = "LimitReached" // is about new ones
	outcome := s.sync(p)
	s.expectState(outcome, pullrequest.Open, first.PullRequest.Number)
	s.expectBranch("12.3", 2)
	if pull := s.pulls()[0]; pull.Title != p.Title || !strings.Contains(pull.Body, "12.3") || pull.HeadSHA != outcome.PullRequest.HeadSHA {
		s.Errorf("the pull request is %+v", pull)
	}
	s.quiet(p)
}

func neverBack(s *scene) {
	old := s.proposal("east", "12.2")
	s.sync(old)
	s.sync(s.proposal("west", "12.3"))
	s.expectState(s.quiet(old), pullrequest.Open, s.pulls()[0].Number)
	s.Push("main", map[string]string{Other: "2\n"})
	s.sync(s.proposal("west", "12.4")) // starts anew, and must not forget
	s.quiet(s.proposal("east", "12.2"))
	s.quiet(s.proposal("east", "12.3"))
	s.expectBranch("12.4", 1)
}

func targetMoved(s *scene) {
	first := s.sync(s.proposal("east", "12.2"))
	s.Push("main", map[string]string{Other: "2\n"})
	s.expectState(s.quiet(s.proposal("east", "12.2")), pullrequest.Open, first.PullRequest.Number)
	s.expectState(s.sync(s.proposal("east", "12.3")), pullrequest.Open, first.PullRequest.Number)
	s.expectBranch("12.3", 1)
	if got := s.read(s.head(branch), Other); got != "2\n" {
		s.Errorf("the branch lacks what the target got: %q", got)
	}
}

func conflict(s *scene) {
	first := s.sync(s.proposal("east", "12.2"))
	s.Push("main", map[string]string{Dockerfile: "# shop\nFROM debian:12.1\nRUN false\n"})
	s.Push("main", map[string]string{Dockerfile: "# shop\nFROM debian:12.0\nRUN false\n"})
	outcome := s.sync(s.proposal("east", "12.2"))
	s.expectState(outcome, pullrequest.Open, first.PullRequest.Number)
	s.expectBranch("12.2", 1)
	if got := s.read(s.head(branch), Dockerfile); !strings.HasPrefix(got, "# shop\n") {
		s.Errorf("the branch lacks what the target got: %q", got)
	}
}

func personPushed(s *scene) {
	first := s.sync(s.proposal("east", "12.2"))
	s.Push(branch, map[string]string{Other: "by a person\n"})
	head := s.head(branch)
	s.expectState(s.quiet(s.proposal("east", "12.2")), pullrequest.Foreign, first.PullRequest.Number)
	s.expectState(s.quiet(s.proposal("east", "12.3")), pullrequest.Foreign, first.PullRequest.Number)
	if now := s.head(branch); now != head {
		s.Errorf("the branch went from %s to %s", head, now)
	}
	// The person's work outlives the pull request, too.
	s.Close(first.PullRequest.Number)
	s.expectState(s.quiet(s.proposal("east", "12.4")), pullrequest.Foreign, 0)
}

func branchUpdated(s *scene) {
	first := s.sync(s.proposal("east", "12.2"))
	s.Push("main", map[string]string{Other: "2\n"})
	s.UpdateBranch(first.PullRequest.Number)
	s.expectState(s.quiet(s.proposal("east", "12.3")), pullrequest.Foreign, first.PullRequest.Number)
}

func closedByPerson(s *scene) {
	first := s.sync(s.proposal("east", "12.2"))
	second := s.sync(s.proposal("east", "12.3"))
	s.Close(second.PullRequest.Number)
	s.expectState(s.quiet(s.proposal("east", "12.3")), pullrequest.Closed, first.PullRequest.Number)
	// Who still sees the older one must not bring it back either.
	s.expectState(s.quiet(s.proposal("west", "12.2")), pullrequest.Closed, first.PullRequest.Number)
	newer := s.sync(s.proposal("east", "12.4"))
	if newer.State != pullrequest.Open || newer.PullRequest.Number == first.PullRequest.Number {
		s.Fatalf("a newer candidate led to %+v", newer)
	}
	s.expectBranch("12.4", 1)
	s.expectState(s.quiet(s.proposal("west", "12.3")), pullrequest.Open, newer.PullRequest.Number)
}

func merged(s *scene) {
	first := s.sync(s.proposal("east", "12.2"))
	p := s.proposal("east", "12.2")
	s.Merge(first.PullRequest.Number)
	outcome := s.quiet(p)
	s.expectState(outcome, pullrequest.Merged, first.PullRequest.Number)
	if outcome.PullRequest.Ended.IsZero() || outcome.PullRequest.MergeCommit == "" {
		s.Errorf("the merged pull request is %+v", outcome.PullRequest)
	}
	next := s.sync(s.proposal("east", "12.3"))
	if next.State != pullrequest.Open || next.PullRequest.Number == first.PullRequest.Number {
		s.Fatalf("a newer candidate led to %+v", next)
	}
	s.expectBranch("12.3", 1)
}

func withdrawn(s *scene) {
	first := s.sync(s.proposal("east", "12.2"))
	outcome, err := pullrequest.Withdraw(s.Context(), s.Forge, branch, by("east"), "Nothing runs the old version any more.")
	if err != nil {
		s.Fatal(err)
	}
	s.expectState(outcome, pullrequest.Closed, first.PullRequest.Number)
	s.branchIsGone()
	before := s.Writes()
	if again, err := pullrequest.Withdraw(s.Context(), s.Forge, branch, by("east"), "Again."); err != nil || again.Changed || s.Writes() != before {
		s.Errorf("Withdraw() again = %+v, %v", again, err)
	}
	// No person has decided against it.
	second := s.sync(s.proposal("east", "12.2"))
	if second.State != pullrequest.Open || second.PullRequest.Number == first.PullRequest.Number {
		s.Errorf("the same candidate led to %+v", second)
	}
}

func notWithdrawn(s *scene) {
	first := s.sync(s.proposal("east", "12.2"))
	s.Push(branch, map[string]string{Other: "by a person\n"})
	before := s.Writes()
	outcome, err := pullrequest.Withdraw(s.Context(), s.Forge, branch, by("east"), "Nothing runs the old version any more.")
	if err != nil {
		s.Fatal(err)
	}
	s.expectState(outcome, pullrequest.Foreign, first.PullRequest.Number)
	if s.Writes() != before {
		s.Error("Withdraw() wrote to a person's branch")
	}
}

func crashed(s *scene) {
	p := s.proposal("east", "12.2")
	s.sync(p)
	// A branch with our commit and without a pull request is what a crash leaves. A pull request that we closed counts as none.
	head := s.head(branch)
	pull := s.pulls()[0]
	if err := s.Forge.Edit(s.Context(), pull.Number, pull.Title, strings.TrimSuffix(strings.TrimSpace(pull.Body), " -->")+" withdrawn -->"); err != nil {
		s.Fatal(err)
	}
	if err := s.Forge.Close(s.Context(), pull.Number); err != nil {
		s.Fatal(err)
	}
	outcome := s.sync(p)
	if outcome.State != pullrequest.Open || outcome.PullRequest.Number == pull.Number {
		s.Fatalf("the branch that was left led to %+v", outcome)
	}
	if now := s.head(branch); now != head {
		s.Errorf("the commit was made again: %s, before %s", now, head)
	}
}

// body has a text, and what only the cluster knows, as the function Body writes it.
func body(cluster, text, workloads string) string {
	return text + "\n\n" + pullrequest.Section(by(cluster), workloads)
}

func sections(s *scene) {
	east, west := s.proposal("east", "12.2"), s.proposal("west", "12.2")
	east.Body, west.Body = body("east", "Shared.", "- shop/web"), body("west", "Shared, a little else.", "- blog/web")
	s.sync(east)
	s.sync(west)
	got := s.pulls()[0].Body
	for _, want := range []string{"Shared.", "- shop/web", "- blog/web"} {
		if !strings.Contains(got, want) {
			s.Errorf("the body lacks %q:\n%s", want, got)
		}
	}
	s.quiet(east)
	s.quiet(west)
	west.Body = body("west", "Shared, a little else.", "")
	s.sync(west)
	if got := s.pulls()[0].Body; strings.Contains(got, "blog/web") || !strings.Contains(got, "shop/web") {
		s.Errorf("the section was not taken away alone:\n%s", got)
	}
}

func edited(s *scene) {
	p := s.proposal("east", "12.2")
	pull := *s.sync(p).PullRequest
	text := "Please wait until Monday.\r\n" + strings.ReplaceAll(s.pulls()[0].Body, "Fixes much", "Fixes a lot")
	if err := s.Forge.Edit(s.Context(), pull.Number, "chore: move debian", text); err != nil {
		s.Fatal(err)
	}
	s.quiet(p)
	p.Body += "\nAnd more since.\n"
	s.sync(p)
	if now := s.pulls()[0]; now.Title != "chore: move debian" || !strings.Contains(now.Body, "And more since") {
		s.Errorf("news led to %q, %q", now.Title, now.Body)
	}
	next := s.proposal("east", "12.3")
	s.sync(next)
	if now := s.pulls()[0]; now.Title != next.Title {
		s.Errorf("a newer candidate led to the title %q", now.Title)
	}
}
