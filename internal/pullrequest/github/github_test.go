package github

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gogithub "github.com/google/go-github/v88/github"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/fault"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/github/githubtest"
)

func TestEndpoints(t *testing.T) {
	for base, want := range map[string][3]string{
		"https://github.com":                    {"https://api.github.com/", "https://api.github.com/graphql", "github.com"},
		"https://GitHub.com/":                   {"https://api.github.com/", "https://api.github.com/graphql", "github.com"},
		"https://git.corp.example":              {"https://git.corp.example/api/v3/", "https://git.corp.example/api/graphql", "git.corp.example"},
		"https://git.corp.example:8443/api/v3/": {"https://git.corp.example:8443/api/v3/", "https://git.corp.example:8443/api/graphql", "git.corp.example:8443"},
		"https://octo.ghe.com":                  {"https://api.octo.ghe.com/", "https://api.octo.ghe.com/graphql", "octo.ghe.com"},
	} {
		rest, graphql, host, err := endpoints(base)
		if err != nil || [3]string{rest, graphql, host} != want {
			t.Errorf("%s: %s %s %s %v", base, rest, graphql, host, err)
		}
	}
	for _, base := range []string{"", "github.com", "ssh://github.com", "https://user:secret@github.com", "https://%zz"} {
		if _, _, _, err := endpoints(base); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: error %v", base, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", ".", "..", "a/b", "a b", "a?b", "a%2fb", "é"} {
		if _, err := New(Options{URL: "https://github.com", Owner: "o", Name: name, Now: clock}); err == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
}

func wantError(t *testing.T, err error, reason string) *pullrequest.Error {
	t.Helper()
	var e *pullrequest.Error
	if !errors.As(err, &e) || e.Reason != reason {
		t.Fatalf("error %v, want one with reason %s", err, reason)
	}
	return e
}

func commit(parent string) pullrequest.NewCommit {
	return pullrequest.NewCommit{Branch: "bot", Parent: parent, Message: "Use v1", Files: map[string][]byte{"README.md": []byte("v1")}}
}

// opened opens a pull request with one commit.
func opened(t *testing.T, f pullrequest.Forge) pullrequest.PullRequest {
	t.Helper()
	base, err := f.Head(t.Context(), "main")
	if err == nil {
		_, err = f.Commit(t.Context(), commit(base))
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Open(t.Context(), pullrequest.NewPullRequest{Branch: "bot", Target: "main", Title: "Use v1"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPrimaryLimit(t *testing.T) {
	s := start(t, githubtest.Options{Limit: 2})
	f := connect(t, s, nil)
	for range 2 {
		if _, err := f.Repository(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.Repository(t.Context())
	if e := wantError(t, err, v1alpha1.ReasonForgeRateLimited); e.RetryAfter != time.Hour {
		t.Errorf("RetryAfter %s, want an hour", e.RetryAfter)
	}
	if n := len(s.Seen()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

// The limit of GraphQL is told in an answer of status 200, with the headers of the others.
func TestGraphQLErrors(t *testing.T) {
	reset := http.Header{"X-Ratelimit-Reset": {"1777896600"}, "Content-Type": {"application/json"}}
	for name, tt := range map[string]struct {
		body, reason string
		conflict     bool
		wait         time.Duration
	}{
		"rate limit": {`{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}`, v1alpha1.ReasonForgeRateLimited, false, 10 * time.Minute},
		"stale":      {`{"data":{"createCommitOnBranch":null},"errors":[{"type":"STALE_DATA","message":"Expected branch to point to \"a\" but it did not."}]}`, v1alpha1.ReasonForgeRefused, true, 0},
		"forbidden":  {`{"errors":[{"type":"FORBIDDEN","message":"Resource not accessible by integration"}]}`, v1alpha1.ReasonForgeUnauthorized, false, 0},
		"scopes":     {`{"errors":[{"type":"INSUFFICIENT_SCOPES","message":"Your token has not been granted the required scopes"}]}`, v1alpha1.ReasonForgeUnauthorized, false, 0},
		"not found":  {`{"errors":[{"type":"NOT_FOUND","message":"No such branch"}]}`, v1alpha1.ReasonForgeRefused, true, 0},
		"protection": {`{"errors":[{"type":"BRANCH_PROTECTION_RULE_VIOLATION","message":"Changes must be made through a pull request."}]}`, v1alpha1.ReasonBranchProtected, false, 0},
		"ruleset":    {`{"errors":[{"type":"UNPROCESSABLE","message":"Repository rule violations found\n\nCommits must have verified signatures."}]}`, v1alpha1.ReasonBranchProtected, false, 0},
		"timeout":    {`{"errors":[{"message":"Something went wrong while executing your query on 2026-05-04T12:00:00Z."}]}`, v1alpha1.ReasonForgeUnavailable, false, 0},
		"other":      {`{"errors":[{"type":"UNPROCESSABLE","message":"A path was invalid"}]}`, v1alpha1.ReasonForgeRefused, false, 0},
		"no JSON":    {`<html>`, v1alpha1.ReasonForgeUnavailable, false, 0},
		"null":       {`null`, v1alpha1.ReasonForgeUnavailable, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, githubtest.Options{})
			f := connect(t, s, nil)
			base, err := f.Head(t.Context(), "main")
			if err != nil {
				t.Fatal(err)
			}
			s.Faults.Next(1, fault.Fault{Path: "/api/graphql", Status: 200, Header: reset, Body: tt.body})
			_, err = f.Commit(t.Context(), commit(base))
			if e := wantError(t, err, tt.reason); e.Conflict != tt.conflict || e.RetryAfter != tt.wait {
				t.Errorf("conflict %t, wait %s: %v", e.Conflict, e.RetryAfter, err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  fault.Fault
		reason string
		wait   time.Duration
	}{
		"secondary limit":            {githubtest.SecondaryLimit("42"), v1alpha1.ReasonForgeRateLimited, 42 * time.Second},
		"secondary limit, no time":   {githubtest.SecondaryLimit(""), v1alpha1.ReasonForgeRateLimited, time.Minute},
		"missing permission":         {fault.Fault{Status: 403, Body: `{"message":"Resource not accessible by integration"}`}, v1alpha1.ReasonForgeUnauthorized, 0},
		"single sign-on":             {fault.Fault{Status: 403, Body: `{"message":"Resource protected by organization SAML enforcement."}`}, v1alpha1.ReasonForgeUnauthorized, 0},
		"second factor":              {fault.Fault{Status: 401, Header: http.Header{"X-Github-Otp": {"required; app"}}, Body: `{"message":"Must specify two-factor authentication OTP code."}`}, v1alpha1.ReasonForgeUnauthorized, 0},
		"legal reasons":              {fault.Fault{Status: 451, Body: `{"message":"Repository access blocked"}`}, v1alpha1.ReasonForgeRefused, 0},
		"maintenance":                {fault.Fault{Status: 503, Header: http.Header{"Retry-After": {"5"}}}, v1alpha1.ReasonForgeUnavailable, 5 * time.Second},
		"redirect to another host":   {fault.Fault{Status: 302, Header: http.Header{"Location": {"https://elsewhere.example/"}}}, v1alpha1.ReasonForgeUnavailable, 0},
		"no JSON":                    {fault.Fault{Status: 200, Body: "<html>"}, v1alpha1.ReasonForgeUnavailable, 0},
		"accepted, to be told later": {fault.Fault{Status: 202, Body: "{}"}, v1alpha1.ReasonForgeUnavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, githubtest.Options{})
			s.Faults.Next(1, tt.fault)
			_, err := connect(t, s, nil).Repository(t.Context())
			if e := wantError(t, err, tt.reason); e.RetryAfter != tt.wait {
				t.Errorf("RetryAfter %s, want %s", e.RetryAfter, tt.wait)
			}
		})
	}
}

func TestTruncatedTree(t *testing.T) {
	s := start(t, githubtest.Options{})
	s.Truncate()
	_, err := connect(t, s, nil).Files(t.Context(), "main")
	if wantError(t, err, v1alpha1.ReasonForgeRefused); !errors.Is(err, ErrTruncated) {
		t.Errorf("error %v, want one that wraps ErrTruncated", err)
	}
}

func TestOnlyRegularFiles(t *testing.T) {
	s := start(t, githubtest.Options{})
	sha := s.Push("main", map[string]repository.File{
		"run.sh": {Mode: repository.ModeExecutable, Content: "#!/bin/sh"},
		"link":   {Mode: repository.ModeLink, Content: "/etc/passwd"},
		"module": {Mode: repository.ModeSubmodule},
	})
	f := connect(t, s, nil)
	files, err := f.Files(t.Context(), sha)
	if want := []pullrequest.File{{Path: "README.md", Size: 7}, {Path: "run.sh", Size: 9}}; err != nil || !slices.Equal(files, want) {
		t.Errorf("files %v, %v; want %v", files, err, want)
	}
	for _, path := range []string{"link", "module", "../../../user", "a/../b"} {
		if _, err := f.Read(t.Context(), sha, path); !errors.Is(err, pullrequest.ErrNotFound) {
			t.Errorf("read %s: %v", path, err)
		}
	}
}

// Of several pages, the last two hold the newest commits.
func TestManyPages(t *testing.T) {
	s := start(t, githubtest.Options{})
	var pushed []string
	for i := range 205 {
		pushed = append(pushed, s.Push("many", map[string]repository.File{"n": {Content: strconv.Itoa(i)}}))
	}
	commits, err := connect(t, s, nil).Commits(t.Context(), "main", "many")
	if err != nil || len(commits) != 100 {
		t.Fatalf("%d commits, %v", len(commits), err)
	}
	for i, c := range commits {
		if want := pushed[len(pushed)-1-i]; c.SHA != want {
			t.Fatalf("commit %d is %s, want %s", i, c.SHA, want)
		}
	}
}

func TestForksAreNotOurs(t *testing.T) {
	s := start(t, githubtest.Options{})
	s.Fork("bot")
	f := connect(t, s, nil)
	ours := opened(t, f)
	pulls, err := f.PullRequests(t.Context(), "bot")
	if err != nil || len(pulls) != 1 || pulls[0].Number != ours.Number {
		t.Errorf("pull requests %+v, %v", pulls, err)
	}
}

func TestResetLeavesNoTemporaryBranch(t *testing.T) {
	s := start(t, githubtest.Options{})
	f := connect(t, s, nil)
	opened(t, f)
	// One that an earlier reset could not remove is in nobody's way.
	s.Push("bot-reset", map[string]repository.File{"x": {Content: "left"}})
	moved := s.Push("main", map[string]repository.File{"other": {Content: "1"}})
	c := commit(moved)
	c.Reset = true
	if _, err := f.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := s.Branches(); !slices.Equal(got, []string{"bot", "main"}) {
		t.Errorf("branches %q", got)
	}
	// Where the last step fails, the branch and its pull request are as before.
	head, _ := f.Head(t.Context(), "bot")
	s.Faults.Next(1, fault.Fault{Method: http.MethodPatch, Path: "/git/refs/heads/bot", Status: 500})
	c.Parent = s.Push("main", map[string]repository.File{"other": {Content: "2"}})
	_, err := f.Commit(t.Context(), c)
	wantError(t, err, v1alpha1.ReasonForgeUnavailable)
	pulls, err := f.PullRequests(t.Context(), "bot")
	if err != nil || len(pulls) != 1 || pulls[0].State != pullrequest.Open || pulls[0].HeadSHA != head {
		t.Errorf("pull requests %+v, %v", pulls, err)
	}
	if got := s.Branches(); !slices.Equal(got, []string{"bot", "main"}) {
		t.Errorf("branches %q", got)
	}
}

// A branch that another cluster makes or removes at the same time is a conflict, and no failure.
func TestRaces(t *testing.T) {
	s := start(t, githubtest.Options{})
	f := connect(t, s, nil)
	opened(t, f)
	base := s.Push("main", map[string]repository.File{"other": {Content: "1"}})
	s.Faults.Next(1, fault.Fault{Method: http.MethodGet, Path: "/git/ref/heads/bot", Status: 404, Body: `{"message":"Not Found"}`})
	_, err := f.Commit(t.Context(), commit(base))
	if e := wantError(t, err, v1alpha1.ReasonForgeRefused); !e.Conflict {
		t.Errorf("no conflict: %v", err)
	}
	c := commit(base)
	c.Reset = true
	s.Faults.Next(1, fault.Fault{Method: http.MethodPatch, Path: "/git/refs/heads/bot", Status: 422, Body: `{"message":"Reference does not exist"}`})
	_, err = f.Commit(t.Context(), c)
	if e := wantError(t, err, v1alpha1.ReasonForgeRefused); !e.Conflict {
		t.Errorf("no conflict: %v", err)
	}
}

func TestAutoMerge(t *testing.T) {
	s := start(t, githubtest.Options{})
	f := connect(t, s, nil)
	p := opened(t, f)
	// Nothing is required on main, so that there is nothing to wait for.
	err := f.AutoMerge(t.Context(), p.Number)
	if wantError(t, err, v1alpha1.ReasonForgeRefused); !strings.Contains(err.Error(), "clean status") {
		t.Errorf("the error does not say why: %v", err)
	}
	s.Protect("main")
	if err := f.AutoMerge(t.Context(), p.Number); err != nil || !s.Pull(p.Number).AutoMerge {
		t.Errorf("auto-merge: %v", err)
	}
}

func TestMergeMethod(t *testing.T) {
	yes, no := gogithub.Ptr(true), gogithub.Ptr(false)
	for want, r := range map[string]*gogithub.Repository{
		"MERGE":  {AllowMergeCommit: yes, AllowSquashMerge: yes},
		"SQUASH": {AllowMergeCommit: no, AllowSquashMerge: yes},
		"REBASE": {AllowMergeCommit: no, AllowSquashMerge: no, AllowRebaseMerge: yes},
	} {
		if got := mergeMethod(r); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := mergeMethod(&gogithub.Repository{}); got != "MERGE" {
		t.Errorf("%s where the repository does not say", got)
	}
}

func TestTeamsReview(t *testing.T) {
	s := start(t, githubtest.Options{})
	f := connect(t, s, nil)
	base, _ := f.Head(t.Context(), "main")
	if _, err := f.Commit(t.Context(), commit(base)); err != nil {
		t.Fatal(err)
	}
	p, err := f.Open(t.Context(), pullrequest.NewPullRequest{
		Branch: "bot", Target: "main", Title: "t", Reviewers: []string{githubtest.Bot, githubtest.Stranger, "shop/platform", githubtest.Person},
	})
	if got := s.Pull(p.Number).Reviewers; err != nil || !slices.Equal(got, []string{"platform", githubtest.Person}) {
		t.Errorf("reviewers %q, %v", got, err)
	}
}

// A pull request whose labels failed is there all the same.
func TestOpenedWithoutLabels(t *testing.T) {
	s := start(t, githubtest.Options{})
	f := connect(t, s, nil)
	base, _ := f.Head(t.Context(), "main")
	if _, err := f.Commit(t.Context(), commit(base)); err != nil {
		t.Fatal(err)
	}
	s.Faults.Next(1, fault.Fault{Path: "/labels", Status: 403, Body: `{"message":"Resource not accessible"}`})
	p, err := f.Open(t.Context(), pullrequest.NewPullRequest{Branch: "bot", Target: "main", Title: "t", Labels: []string{"a"}})
	if wantError(t, err, v1alpha1.ReasonForgeUnauthorized); p.Number != 1 {
		t.Errorf("opened %+v", p)
	}
}

func TestEmptyRepository(t *testing.T) {
	s := start(t, githubtest.Options{})
	s.Faults.Next(1, fault.Fault{Status: 409, Body: `{"message":"Git Repository is empty."}`})
	if _, err := connect(t, s, nil).Head(t.Context(), "main"); !errors.Is(err, pullrequest.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// Whatever a forge answers, nothing panics, and errors are of the one type.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `[null]`, `[{"state":"open"}]`, `{"tree":[null]}`, `{"commits":[null],"total_commits":1000}`,
		`{"errors":[{}]}`, `{"errors":[null],"message":"x"}`, `{"type":"file","encoding":"base64","content":"!"}`,
		`{"object":{"sha":"a"}}`, `{"data":null}`, `{"mergeable":false,"state":"open","number":-1}`, `{"message":1}`,
	} {
		f.Add(200, body)
		f.Add(404, body)
		f.Add(422, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return
		}
		forge, err := New(Options{URL: "https://github.com", Owner: "o", Name: "n", Token: "s3cret-token", Now: clock, HTTPClient: &http.Client{
			Transport: answers(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		for name, call := range everything() {
			var e *pullrequest.Error
			if err := call(t.Context(), forge); err != nil && (!errors.As(err, &e) || strings.Contains(err.Error(), "s3cret-token") || len(err.Error()) > 2000) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func everything() map[string]func(context.Context, pullrequest.Forge) error {
	n := pullrequest.NewPullRequest{Branch: "b", Target: "main", Labels: []string{"l"}, Reviewers: []string{"r"}, Assignees: []string{"a"}}
	c := pullrequest.NewCommit{Branch: "b", Parent: "p", Reset: true, Files: map[string][]byte{"f": nil}}
	return map[string]func(context.Context, pullrequest.Forge) error{
		"Repository": func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Repository(ctx); return err },
		"Files":      func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Files(ctx, "c"); return err },
		"Read":       func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Read(ctx, "c", "p"); return err },
		"Commits":    func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Commits(ctx, "a", "b"); return err },
		"Commit":     func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Commit(ctx, c); return err },
		"Delete":     func(ctx context.Context, f pullrequest.Forge) error { return f.DeleteBranch(ctx, "b") },
		"List":       func(ctx context.Context, f pullrequest.Forge) error { _, err := f.PullRequests(ctx, "b"); return err },
		"Open":       func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Open(ctx, n); return err },
		"Edit":       func(ctx context.Context, f pullrequest.Forge) error { return f.Edit(ctx, 1, "t", "b") },
		"AutoMerge":  func(ctx context.Context, f pullrequest.Forge) error { return f.AutoMerge(ctx, 1) },
	}
}
