package gitlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gogitlab "gitlab.com/gitlab-org/api/client-go"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/fault"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/gitlab/gitlabtest"
)

func TestNew(t *testing.T) {
	for _, o := range []Options{
		{URL: "", Owner: "a", Name: "b"},
		{URL: "gitlab.com", Owner: "a", Name: "b"},
		{URL: "https://user:s3cret@gitlab.com", Owner: "a", Name: "b"},
		{URL: "https://gitlab.com", Owner: "", Name: "b"},
		{URL: "https://gitlab.com", Owner: "a/../c", Name: "b"},
		{URL: "https://gitlab.com", Owner: "a//c", Name: "b"},
		{URL: "https://gitlab.com", Owner: "a", Name: "."},
	} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: error %v", o, err)
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

// opened opens a merge request with one commit.
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

// No request is sent again, and none waits.
func TestLimit(t *testing.T) {
	s := start(t, gitlabtest.Options{Limit: 2})
	f := connect(t, s, nil)
	for range 2 {
		if _, err := f.Repository(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.Repository(t.Context())
	if e := wantError(t, err, v1alpha1.ReasonForgeRateLimited); e.RetryAfter != time.Minute {
		t.Errorf("RetryAfter %s, want a minute", e.RetryAfter)
	}
	if n := len(s.Seen()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  fault.Fault
		reason string
		wait   time.Duration
		words  string
	}{
		"expired":            {fault.Fault{Status: 401, Body: `{"error":"invalid_token","error_description":"Token is expired. You can either do re-authorization or token refresh."}`}, v1alpha1.ReasonForgeUnauthorized, 0, "Token is expired"},
		"scope":              {fault.Fault{Status: 403, Body: `{"error":"insufficient_scope","error_description":"The request requires higher privileges","scope":"api"}`}, v1alpha1.ReasonForgeUnauthorized, 0, "insufficient_scope"},
		"limit without time": {fault.Fault{Status: 429, Body: "Retry later\n"}, v1alpha1.ReasonForgeRateLimited, time.Minute, ""},
		"limit by its reset": {fault.Fault{Status: 429, Header: http.Header{"Ratelimit-Reset": {fmt.Sprint(clock().Add(9 * time.Second).Unix())}}}, v1alpha1.ReasonForgeRateLimited, 9 * time.Second, ""},
		"maintenance":        {fault.Fault{Status: 503, Header: http.Header{"Retry-After": {"60"}}, Body: "<html>"}, v1alpha1.ReasonForgeUnavailable, time.Minute, ""},
		"proxy":              {fault.Fault{Status: 502, Body: "<html>s3cret</html>"}, v1alpha1.ReasonForgeUnavailable, 0, ""},
		"fields":             {fault.Fault{Status: 400, Body: `{"message":{"title":["is too long","is odd"]}}`}, v1alpha1.ReasonForgeRefused, 0, "title is too long, is odd"},
		"another host":       {fault.Fault{Status: 302, Header: http.Header{"Location": {"https://elsewhere.example/"}}}, v1alpha1.ReasonForgeUnavailable, 0, ""},
		"no JSON":            {fault.Fault{Status: 200, Body: "<html>"}, v1alpha1.ReasonForgeUnavailable, 0, ""},
		"nothing":            {fault.Fault{Status: 200}, v1alpha1.ReasonForgeUnavailable, 0, ""},
		"null":               {fault.Fault{Status: 200, Body: "null"}, v1alpha1.ReasonForgeUnavailable, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, gitlabtest.Options{})
			s.Faults.Next(1, tt.fault)
			_, err := connect(t, s, nil).Repository(t.Context())
			if e := wantError(t, err, tt.reason); e.RetryAfter != tt.wait {
				t.Errorf("RetryAfter %s, want %s", e.RetryAfter, tt.wait)
			}
			if !strings.Contains(err.Error(), tt.words) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("text %q", err)
			}
		})
	}
}

func TestForcePushIsNotAllowed(t *testing.T) {
	s := start(t, gitlabtest.Options{})
	f := connect(t, s, nil)
	opened(t, f)
	c := commit(s.Push("main", map[string]repository.File{"other": {Content: "1"}}))
	c.Reset = true
	s.Faults.Next(1, fault.Fault{Method: http.MethodPost, Status: 400, Body: `{"message":"GitLab: You are not allowed to force push code to a protected branch on this project."}`})
	_, err := f.Commit(t.Context(), c)
	wantError(t, err, v1alpha1.ReasonBranchProtected)
}

// racing lets a person push between a look at the branch and the commit.
func racing(t *testing.T, s *gitlabtest.Server, path string) (pullrequest.Forge, *string) {
	var theirs string
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	f := connect(t, s, func(o *Options) {
		o.HTTPClient = &http.Client{Transport: answers(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost && theirs == "" && path != "" {
				theirs = s.Push("bot", map[string]repository.File{path: {Content: "by hand"}})
			}
			return transport.RoundTrip(r)
		})}
	})
	return f, &theirs
}

// What a person pushes between our look and our commit stays: GitLab refuses where it is
// about one of our files, and otherwise we see that our commit came upon it.
func TestRaces(t *testing.T) {
	for _, path := range []string{"README.md", "other"} {
		t.Run(path, func(t *testing.T) {
			s := start(t, gitlabtest.Options{})
			p := opened(t, connect(t, s, nil))
			f, theirs := racing(t, s, path)
			_, err := f.Commit(t.Context(), commit(p.HeadSHA))
			if e := wantError(t, err, v1alpha1.ReasonForgeRefused); !e.Conflict {
				t.Errorf("no conflict: %v", err)
			}
			if head, err := f.Head(t.Context(), "bot"); path == "README.md" && head != *theirs {
				t.Errorf("the person's edit %s is below %s, %v", *theirs, head, err)
			}
			commits, err := f.Commits(t.Context(), "main", "bot")
			if err != nil || !slices.ContainsFunc(commits, func(c pullrequest.Commit) bool { return c.SHA == *theirs }) {
				t.Errorf("the person's commit %s is not among %+v, %v", *theirs, commits, err)
			}
		})
	}
	t.Run("new branch", func(t *testing.T) {
		s := start(t, gitlabtest.Options{})
		f, _ := racing(t, s, "other")
		base, err := f.Head(t.Context(), "main")
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Commit(t.Context(), commit(base))
		if e := wantError(t, err, v1alpha1.ReasonForgeRefused); !e.Conflict {
			t.Errorf("no conflict: %v", err)
		}
	})
}

func TestOnlyRegularFiles(t *testing.T) {
	s := start(t, gitlabtest.Options{})
	sha := s.Push("main", map[string]repository.File{
		"run.sh": {Mode: repository.ModeExecutable, Content: "#!/bin/sh"},
		"link":   {Mode: repository.ModeLink, Content: "/etc/passwd"},
		"module": {Mode: repository.ModeSubmodule},
	})
	files, err := connect(t, s, nil).Files(t.Context(), sha)
	if want := []pullrequest.File{{Path: "README.md", Size: -1}, {Path: "run.sh", Size: -1}}; err != nil || !slices.Equal(files, want) {
		t.Errorf("files %v, %v; want %v", files, err, want)
	}
}

func TestLargeFileIsNotSent(t *testing.T) {
	s := start(t, gitlabtest.Options{})
	sha := s.Push("main", map[string]repository.File{"large": {Content: strings.Repeat("x", maxFile+1)}})
	_, err := connect(t, s, nil).Read(t.Context(), sha, "large")
	wantError(t, err, v1alpha1.ReasonForgeRefused)
	if seen := s.Seen(); len(seen) != 1 || !strings.HasPrefix(seen[0], http.MethodHead) {
		t.Errorf("requests %q", seen)
	}
}

// A listing that never ends is given up at its limit.
func TestEndlessTree(t *testing.T) {
	entries := "[" + strings.Repeat(`{"type":"blob","mode":"100644","path":"a"},`, 4999) + `{"type":"blob","mode":"100644","path":"a"}]`
	requests := 0
	f, err := New(Options{URL: "https://gitlab.com", Owner: "o", Name: "n", Now: clock, HTTPClient: &http.Client{
		Transport: answers(func(r *http.Request) (*http.Response, error) {
			requests++
			header := http.Header{"Link": {`<https://gitlab.com/api/v4/x?page_token=a>; rel="next"`}}
			return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(entries)), Request: r}, nil
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Files(t.Context(), "main")
	if wantError(t, err, v1alpha1.ReasonForgeRefused); !errors.Is(err, ErrTruncated) || requests != 21 {
		t.Errorf("after %d requests: %v", requests, err)
	}
}

func TestForksAreNotOurs(t *testing.T) {
	s := start(t, gitlabtest.Options{})
	s.Fork("bot")
	f := connect(t, s, nil)
	ours := opened(t, f)
	pulls, err := f.PullRequests(t.Context(), "bot")
	if err != nil || len(pulls) != 1 || pulls[0].Number != ours.Number {
		t.Errorf("merge requests %+v, %v", pulls, err)
	}
}

func TestAutoMerge(t *testing.T) {
	s := start(t, gitlabtest.Options{})
	f := connect(t, s, nil)
	p := opened(t, f)
	wantError(t, f.AutoMerge(t.Context(), p.Number), v1alpha1.ReasonForgeRefused)
	s.Pipeline("running")
	if err := f.AutoMerge(t.Context(), p.Number); err != nil || !s.Pull(p.Number).AutoMerge || !s.Pull(p.Number).Open {
		t.Errorf("auto-merge: %v, %+v", err, s.Pull(p.Number))
	}
	s.Faults.Next(1, fault.Fault{Method: http.MethodPut, Status: 409, Body: `{"message":"SHA does not match HEAD of source branch: x"}`})
	if e := wantError(t, f.AutoMerge(t.Context(), p.Number), v1alpha1.ReasonForgeRefused); !e.Conflict {
		t.Errorf("no conflict: %v", e)
	}
}

func TestConvert(t *testing.T) {
	when := clock()
	basic := gogitlab.BasicMergeRequest{IID: 3, SHA: "head", Title: "Draft: Use v1", Draft: true, MergedAt: &when, ClosedAt: &when, HasConflicts: true}
	for name, tt := range map[string]struct {
		change func(*gogitlab.BasicMergeRequest)
		want   pullrequest.PullRequest
	}{
		"opened":       {func(m *gogitlab.BasicMergeRequest) { m.State = "opened" }, pullrequest.PullRequest{State: pullrequest.Open, Conflicted: true}},
		"locked":       {func(m *gogitlab.BasicMergeRequest) { m.State = "locked" }, pullrequest.PullRequest{State: pullrequest.Open, Conflicted: true}},
		"closed":       {func(m *gogitlab.BasicMergeRequest) { m.State = "closed" }, pullrequest.PullRequest{State: pullrequest.Closed, Ended: when}},
		"fast-forward": {func(m *gogitlab.BasicMergeRequest) { m.State = "merged" }, pullrequest.PullRequest{State: pullrequest.Merged, Ended: when, MergeCommit: "head"}},
		"squashed":     {func(m *gogitlab.BasicMergeRequest) { m.State, m.SquashCommitSHA = "merged", "s" }, pullrequest.PullRequest{State: pullrequest.Merged, Ended: when, MergeCommit: "s"}},
		"merged":       {func(m *gogitlab.BasicMergeRequest) { m.State, m.SquashCommitSHA, m.MergeCommitSHA = "merged", "s", "m" }, pullrequest.PullRequest{State: pullrequest.Merged, Ended: when, MergeCommit: "m"}},
	} {
		m := basic
		tt.change(&m)
		tt.want.Number, tt.want.HeadSHA, tt.want.Title = 3, "head", "Use v1"
		if got := convert(&m); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// Whatever a forge answers, nothing panics, and errors are of the one type.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `[null]`, `[{"state":"opened","source_branch":"b","iid":1}]`, `[{"id":"a"}]`, `{"id":1}`, `{"iid":1}`,
		`{"commit":null}`, `{"message":["a",{"b":null}]}`, `{"message":1}`, `{"id":"a","parent_ids":null}`, `{"encoding":"base64","content":"!"}`,
	} {
		for _, status := range []int{200, 400, 404} {
			f.Add(status, body, "1", "a")
		}
	}
	f.Fuzz(func(t *testing.T, status int, body, size, link string) {
		if status < 100 || status > 999 {
			return
		}
		header := http.Header{"X-Gitlab-Size": {size}, "X-Gitlab-Last-Commit-Id": {link}}
		if body != "" {
			header.Set("X-Next-Page", size)
		}
		left := 50
		forge, err := New(Options{URL: "https://gitlab.com", Owner: "o", Name: "n", Token: "s3cret-token", Now: clock, HTTPClient: &http.Client{
			Transport: answers(func(r *http.Request) (*http.Response, error) {
				if left--; left < 0 {
					return nil, io.EOF
				}
				return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
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
	c := pullrequest.NewCommit{Branch: "b", Parent: "p", Files: map[string][]byte{"f": nil}}
	return map[string]func(context.Context, pullrequest.Forge) error{
		"Repository": func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Repository(ctx); return err },
		"Head":       func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Head(ctx, "b"); return err },
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
