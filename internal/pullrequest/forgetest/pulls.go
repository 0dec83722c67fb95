package forgetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

// open opens a pull request with one commit.
func open(t *testing.T, h Harness, content string) pullrequest.PullRequest {
	t.Helper()
	base := begin(t, h)
	must(h.Forge.Commit(t.Context(), change(base, content)))(t)
	return must(h.Forge.Open(t.Context(), pullrequest.NewPullRequest{
		Branch: branch, Target: "main", Title: "Use " + content, Body: "Because.\n\n<!-- marker -->",
	}))(t)
}

func only(t *testing.T, h Harness) pullrequest.PullRequest {
	t.Helper()
	pulls := must(h.Forge.PullRequests(t.Context(), branch))(t)
	if len(pulls) != 1 {
		t.Fatalf("there are %d pull requests, want 1: %+v", len(pulls), pulls)
	}
	return pulls[0]
}

func testOpen(t *testing.T, h Harness) {
	opened := open(t, h, "v1")
	listed := only(t, h)
	for name, p := range map[string]pullrequest.PullRequest{"opened": opened, "listed": listed} {
		if p.Number < 1 || !strings.HasPrefix(p.URL, "http") || p.Created.IsZero() {
			t.Errorf("%s: %+v", name, p)
		}
		want := pullrequest.PullRequest{
			Number: opened.Number, URL: opened.URL, State: pullrequest.Open, Title: "Use v1", Body: "Because.\n\n<!-- marker -->",
			Target: "main", HeadSHA: must(h.Forge.Head(t.Context(), branch))(t), Author: h.Bot, Created: opened.Created,
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if pulls := must(h.Forge.PullRequests(t.Context(), "plimsoll/base"))(t); len(pulls) != 0 {
		t.Errorf("another branch has %+v", pulls)
	}
}

func testOpenTwice(t *testing.T, h Harness) {
	first := open(t, h, "v1")
	second := must(h.Forge.Open(t.Context(), pullrequest.NewPullRequest{Branch: branch, Target: "main", Title: "Another"}))(t)
	if second.Number != first.Number || second.Title != first.Title {
		t.Errorf("opened %+v, want the one that is there", second)
	}
	only(t, h)
}

func testOpenWithoutBranch(t *testing.T, h Harness) {
	_, err := h.Forge.Open(t.Context(), pullrequest.NewPullRequest{Branch: branch, Target: "main", Title: "Nothing"})
	wantError(t, err, v1alpha1.ReasonForgeRefused)
}

func testOpenDecorated(t *testing.T, h Harness) {
	base := begin(t, h)
	must(h.Forge.Commit(t.Context(), change(base, "v1")))(t)
	p := must(h.Forge.Open(t.Context(), pullrequest.NewPullRequest{
		Branch: branch, Target: "main", Title: "Use v1",
		Labels: []string{"security", "base image"}, Reviewers: []string{"nobody-of-this-name", h.Person}, Assignees: []string{h.Person, "nobody-of-this-name"},
	}))(t)
	got := h.Details(t, p.Number)
	slices.Sort(got.Labels)
	want := Details{Labels: []string{"base image", "security"}, Reviewers: []string{h.Person}, Assignees: []string{h.Person}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
}

// A draft's title is what it was opened with, and it stays a draft when it is edited.
func testDraft(t *testing.T, h Harness) {
	base := begin(t, h)
	must(h.Forge.Commit(t.Context(), change(base, "v1")))(t)
	p := must(h.Forge.Open(t.Context(), pullrequest.NewPullRequest{Branch: branch, Target: "main", Title: "Use v1", Draft: true}))(t)
	if !h.Details(t, p.Number).Draft || p.Title != "Use v1" {
		t.Errorf("opened %+v, want a draft", p)
	}
	if err := h.Forge.Edit(t.Context(), p.Number, "Use v2", "more"); err != nil {
		t.Fatal(err)
	}
	if got := only(t, h); got.Title != "Use v2" || got.Body != "more" || !h.Details(t, p.Number).Draft {
		t.Errorf("edited %+v, want a draft", got)
	}
}

func testEditAndComment(t *testing.T, h Harness) {
	p := open(t, h, "v1")
	if err := h.Forge.Edit(t.Context(), p.Number, "Use v2 – now", "New\n\ntext"); err != nil {
		t.Fatal(err)
	}
	if got := only(t, h); got.Title != "Use v2 – now" || got.Body != "New\n\ntext" || got.State != pullrequest.Open {
		t.Errorf("edited %+v", got)
	}
	if err := h.Forge.Comment(t.Context(), p.Number, "Superseded."); err != nil {
		t.Fatal(err)
	}
	if got := h.Details(t, p.Number).Comments; !slices.Equal(got, []string{"Superseded."}) {
		t.Errorf("comments %q", got)
	}
	wantError(t, h.Forge.Edit(t.Context(), 4711, "a", "b"), v1alpha1.ReasonForgeRefused)
	wantError(t, h.Forge.Comment(t.Context(), 4711, "a"), v1alpha1.ReasonForgeRefused)
	wantError(t, h.Forge.Close(t.Context(), 4711), v1alpha1.ReasonForgeRefused)
	wantError(t, h.Forge.AutoMerge(t.Context(), 4711), v1alpha1.ReasonForgeRefused)
}

func testClose(t *testing.T, h Harness) {
	p := open(t, h, "v1")
	if err := h.Forge.Close(t.Context(), p.Number); err != nil {
		t.Fatal(err)
	}
	got := only(t, h)
	if got.State != pullrequest.Closed || got.Ended.Before(got.Created) || got.MergeCommit != "" {
		t.Errorf("closed %+v", got)
	}
}

func testMerge(t *testing.T, h Harness) {
	p := open(t, h, "v1")
	h.Merge(t, p.Number)
	got := only(t, h)
	if got.State != pullrequest.Merged || got.Ended.Before(got.Created) || got.HeadSHA != p.HeadSHA {
		t.Errorf("merged %+v", got)
	}
	wantHead(t, h, "main", got.MergeCommit)
}

// The branch's whole history is found, newest first, also when the branch is gone.
func testAllStates(t *testing.T, h Harness) {
	first := open(t, h, "v1")
	h.Close(t, first.Number)
	must(h.Forge.Commit(t.Context(), change(must(h.Forge.Head(t.Context(), branch))(t), "v2")))(t)
	n := pullrequest.NewPullRequest{Branch: branch, Target: "main", Title: "Use v2"}
	second := must(h.Forge.Open(t.Context(), n))(t)
	h.Merge(t, second.Number)
	must(h.Forge.Commit(t.Context(), change(must(h.Forge.Head(t.Context(), branch))(t), "v3")))(t)
	third := must(h.Forge.Open(t.Context(), n))(t)
	h.Close(t, third.Number)
	if err := h.Forge.DeleteBranch(t.Context(), branch); err != nil {
		t.Fatal(err)
	}
	type row struct {
		Number int64
		State  pullrequest.State
	}
	var got []row
	for _, p := range must(h.Forge.PullRequests(t.Context(), branch))(t) {
		got = append(got, row{p.Number, p.State})
	}
	want := []row{{third.Number, pullrequest.Closed}, {second.Number, pullrequest.Merged}, {first.Number, pullrequest.Closed}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pull requests (-want +got):\n%s", diff)
	}
}

func testConflicted(t *testing.T, h Harness) {
	open(t, h, "v1")
	h.Push(t, "main", map[string]string{"a/Dockerfile": "FROM elsewhere\n"})
	eventually(t, "the conflict", func() bool { return only(t, h).Conflicted })
}
