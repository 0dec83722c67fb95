package gitea

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/test/forge"
)

func TestCommitThatFollowsNoBranch(t *testing.T) {
	name, c := repository(t)
	old := must(c.Head(t.Context(), "main"))(t)
	must(server.Push(t.Context(), name, "main", map[string]string{"other.txt": "2\n"}))(t)

	first := must(c.Commit(t.Context(), edit(old, "12.2")))(t)
	expectCommits(t, c, old, "Move debian to 12.2")
	again := edit(old, "12.3")
	again.Reset = true
	second := must(c.Commit(t.Context(), again))(t)
	if first == second {
		t.Error("both commits are the same")
	}
	expectCommits(t, c, old, "Move debian to 12.3")
	if _, err := c.Head(t.Context(), "plimsoll/debian.base"); !errors.Is(err, pullrequest.ErrNotFound) {
		t.Errorf("the branch that helped is still there: %v", err)
	}
}

// expectCommits compares the messages of our branch's commits that base has not.
func expectCommits(t *testing.T, c *Client, base string, want ...string) {
	t.Helper()
	head := must(c.Head(t.Context(), "plimsoll/debian"))(t)
	var got []string
	for _, commit := range must(c.Commits(t.Context(), base, head))(t) {
		got = append(got, strings.TrimSpace(commit.Message))
		if commit.AuthorEmail != forge.BotEmail || commit.CommitterEmail != forge.BotEmail {
			t.Errorf("commit %s is by %s and %s", commit.SHA, commit.AuthorEmail, commit.CommitterEmail)
		}
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("the branch has the commits %q, want %q", got, want)
	}
}

func TestDraftKeepsItsPrefixOutOfTheTitle(t *testing.T) {
	_, c := repository(t)
	head := must(c.Head(t.Context(), "main"))(t)
	must(c.Commit(t.Context(), edit(head, "12.2")))(t)
	opened := must(c.Open(t.Context(), pullrequest.NewPullRequest{
		Branch: "plimsoll/debian", Target: "main", Title: "Move debian", Body: "b", Draft: true,
		Labels: []string{"security", "new one"}, Reviewers: []string{"nobody-of-that-name"}, Assignees: []string{forge.Person},
	}))(t)
	if opened.Title != "Move debian" || opened.Conflicted {
		t.Errorf("the draft was opened as %+v", opened)
	}
	if err := c.Edit(t.Context(), opened.Number, "Move debian on", "c"); err != nil {
		t.Fatal(err)
	}
	all := must(c.PullRequests(t.Context(), "plimsoll/debian"))(t)
	if len(all) != 1 || all[0].Title != "Move debian on" || all[0].Body != "c" {
		t.Fatalf("PullRequests() = %+v", all)
	}
	there := must(server.PullRequests(t.Context(), t.Name()))(t)[0]
	if !there.Draft || there.Title != "WIP: Move debian on" || len(there.Labels) != 2 {
		t.Errorf("Gitea has the draft as %q with %d labels", there.Title, len(there.Labels))
	}
}

func TestAutoMergeWaitsForChecks(t *testing.T) {
	name, c := repository(t)
	_, _, err := server.Client(t.Context()).CreateBranchProtection(forge.Person, name, sdk.CreateBranchProtectionOption{
		RuleName: "main", EnableStatusCheck: true, StatusCheckContexts: []string{"ci"},
	})
	if err != nil {
		t.Fatal(err)
	}
	head := must(c.Head(t.Context(), "main"))(t)
	must(c.Commit(t.Context(), edit(head, "12.2")))(t)
	pull := must(c.Open(t.Context(), pullrequest.NewPullRequest{Branch: "plimsoll/debian", Target: "main", Title: "t"}))(t)
	for _, when := range []string{"at first", "again"} {
		if err := c.AutoMerge(t.Context(), pull.Number); err != nil {
			t.Errorf("AutoMerge() %s = %v", when, err)
		}
	}
	if now := must(c.PullRequests(t.Context(), "plimsoll/debian"))(t)[0]; now.State != pullrequest.Open {
		t.Errorf("the pull request is %s before its checks", now.State)
	}
}

func TestReasons(t *testing.T) {
	name, c := repository(t)
	head := must(c.Head(t.Context(), "main"))(t)
	if err := server.Protect(t.Context(), name, "plimsoll/**"); err != nil {
		t.Fatal(err)
	}
	private := name + "-private"
	if err := server.CreateRepository(t.Context(), forge.Repository{Name: private, Private: true, Files: map[string]string{dockerfile: "FROM a\n"}}); err != nil {
		t.Fatal(err)
	}
	archived := name + "-archived"
	if err := server.CreateRepository(t.Context(), forge.Repository{Name: archived, Files: map[string]string{dockerfile: "FROM a\n"}}); err != nil {
		t.Fatal(err)
	}
	if err := server.Archive(t.Context(), archived); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		do       func(ctx context.Context) error
		want     string
		conflict bool
	}{
		"no such repository": {want: v1alpha1.ReasonRepositoryNotFound, do: func(ctx context.Context) error {
			_, err := client(t, server.BotToken, "nothing").Repository(ctx)
			return err
		}},
		"a token that is not one": {want: v1alpha1.ReasonForgeUnauthorized, do: func(ctx context.Context) error {
			_, err := client(t, "0123456789", private).Repository(ctx)
			return err
		}},
		"a protected branch": {want: v1alpha1.ReasonBranchProtected, do: func(ctx context.Context) error {
			_, err := c.Commit(ctx, edit(head, "12.2"))
			return err
		}},
		"an archived repository": {want: v1alpha1.ReasonForgeRefused, do: func(ctx context.Context) error {
			a := client(t, server.BotToken, archived)
			head, err := a.Head(ctx, "main")
			if err != nil {
				return err
			}
			_, err = a.Commit(ctx, edit(head, "12.2"))
			return err
		}},
		"nothing to propose": {want: v1alpha1.ReasonForgeRefused, conflict: true, do: func(ctx context.Context) error {
			_, err := c.Open(ctx, pullrequest.NewPullRequest{Branch: "main", Target: "main", Title: "t"})
			return err
		}},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) { expectReason(t, test.do(t.Context()), test.want, test.conflict) })
	}
}

func expectReason(t *testing.T, err error, want string, conflict bool) {
	t.Helper()
	var failure *pullrequest.Error
	if !errors.As(err, &failure) {
		t.Fatalf("the error is %v, not one of the forge", err)
	}
	if failure.Reason != want || failure.Conflict != conflict {
		t.Errorf("the reason of %v is %s (conflict %t), want %s (%t)", err, failure.Reason, failure.Conflict, want, conflict)
	}
}

// TestAnswers has a forge that answers anything with one status: what a healthy Gitea never does.
func TestAnswers(t *testing.T) {
	tests := map[string]struct {
		answer    http.HandlerFunc
		want      string
		conflict  bool
		wantAfter time.Duration
	}{
		"rate limit": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "90")
			w.WriteHeader(http.StatusTooManyRequests)
		}, v1alpha1.ReasonForgeRateLimited, false, 90 * time.Second},
		"down for a while": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, v1alpha1.ReasonForgeUnavailable, false, 5 * time.Second},
		"the token in a message": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"message":"` + r.Header.Get("Authorization") + `"}`))
		}, v1alpha1.ReasonForgeUnauthorized, false, 0},
		"an endless message": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(strings.Repeat("\n", 100_000)))
		}, v1alpha1.ReasonForgeRefused, true, 0},
		"not JSON": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<html>"))
		}, v1alpha1.ReasonForgeUnavailable, false, 0},
		"JSON of something else": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("{}"))
		}, v1alpha1.ReasonForgeUnavailable, false, 0},
		"a redirect to another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://other.invalid/", http.StatusFound)
		}, v1alpha1.ReasonForgeUnavailable, false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(test.answer)
			defer s.Close()
			c, err := New(standIn(s, "very-secret"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Repository(t.Context())
			expectReason(t, err, test.want, test.conflict)
			var failure *pullrequest.Error
			if errors.As(err, &failure) && failure.RetryAfter != test.wantAfter {
				t.Errorf("retry after %s, want %s", failure.RetryAfter, test.wantAfter)
			}
			if text := err.Error(); strings.Contains(text, "very-secret") || len(text) > 512 || strings.ContainsAny(text, "\n") {
				t.Errorf("the error is not fit to be shown: %q", text)
			}
		})
	}
}

// standIn is where a server stands in for a Gitea.
func standIn(s *httptest.Server, token string) Options {
	return Options{HTTPClient: s.Client(), URL: s.URL, Owner: "acme", Name: "shop", Token: token, Now: time.Now}
}

// TestPushAtTheSameTime has a forge whose branch somebody else moves while we commit: as Gitea says it.
func TestPushAtTheSameTime(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(`{"name": "plimsoll/debian", "commit": {"id": "f13a0b"}}`))
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(`{"message": "cannot lock ref 'refs/heads/plimsoll/debian': is at 67703a but expected f13a0b"}`))
	}))
	defer s.Close()
	c := must(New(standIn(s, "token")))(t)
	_, err := c.Commit(t.Context(), edit("f13a0b", "12.2"))
	expectReason(t, err, v1alpha1.ReasonForgeRefused, true)
}

func TestUnreachable(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	c := must(New(standIn(s, "very-secret")))(t)
	_, err := c.Repository(t.Context())
	expectReason(t, err, v1alpha1.ReasonForgeUnavailable, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Repository(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Repository() with an ended context = %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, args := range map[string][4]string{
		"credentials in the URL": {"https://bot:secret@example.com", "token", "a", "b"},
		"another scheme":         {"ssh://example.com", "token", "a", "b"},
		"no token":               {"https://example.com", "", "a", "b"},
		"a token of two lines":   {"https://example.com", "secret\ntoken", "a", "b"},
		"no owner":               {"https://example.com", "token", "", "b"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(Options{URL: args[0], Token: args[1], Owner: args[2], Name: args[3], Now: time.Now}); err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("New() = %v", err)
			}
		})
	}
}
