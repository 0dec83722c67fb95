package gitea

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/fault"
	"github.com/plimsoll-dev/plimsoll/test/forge"
)

// The suite that every forge has to pass, at a real Gitea behind a proxy that can fail.
func TestForge(t *testing.T) {
	forgetest.Run(t, func(t *testing.T) forgetest.Harness {
		s := newSuite(t)
		return forgetest.Harness{
			Forge: s.connect(t, server.BotToken, s.name), Bot: forge.Bot, Person: forge.Person,
			BotEmail: forge.BotEmail, PersonEmail: forge.PersonEmail, Sizes: true,
			Push: s.push, PushMany: s.pushMany,
			Merge: func(t *testing.T, number int64) {
				t.Helper()
				check(t, server.Merge(t.Context(), s.name, number))
			},
			Close: func(t *testing.T, number int64) {
				t.Helper()
				check(t, server.ClosePullRequest(t.Context(), s.name, number))
			},
			Protect: func(t *testing.T, branch string) {
				t.Helper()
				check(t, server.Protect(t.Context(), s.name, branch))
			},
			Publish: s.publish,
			Archive: func(t *testing.T) {
				t.Helper()
				check(t, server.Archive(t.Context(), s.name))
			},
			Details: s.details,
			WithToken: func(t *testing.T, token string) pullrequest.Forge {
				return s.connect(t, token, s.name)
			},
			Missing: func(t *testing.T) pullrequest.Forge { return s.connect(t, server.BotToken, "missing") },
			Fail:    s.faults.Next,
		}
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// suite is a repository for one test, and the proxy in front of it.
type suite struct {
	name   string
	faults fault.Faults
	proxy  *httptest.Server
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	s := &suite{name: repositoryName(t)}
	check(t, server.CreateRepository(t.Context(), forge.Repository{Name: s.name, Private: true, Files: map[string]string{"README.md": "# Shop\n"}}))
	target, err := url.Parse(server.URL)
	check(t, err)
	s.proxy = httptest.NewServer(s.faults.Handler(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}))
	t.Cleanup(s.proxy.Close)
	return s
}

func (s *suite) connect(t *testing.T, token, name string) pullrequest.Forge {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o := options(token, name)
	o.HTTPClient.Transport, o.URL = transport, s.proxy.URL
	c, err := New(o)
	check(t, err)
	return c
}

func (s *suite) push(t *testing.T, branch string, files map[string]string) string {
	t.Helper()
	person := server.Client(t.Context())
	if _, response, err := person.GetRepoBranch(forge.Person, s.name, branch); err != nil {
		if response == nil || response.StatusCode != http.StatusNotFound {
			t.Fatal(err)
		}
		_, _, err := person.CreateBranch(forge.Person, s.name, sdk.CreateBranchOption{BranchName: branch, OldBranchName: "main"})
		check(t, err)
	}
	commit, err := server.Push(t.Context(), s.name, branch, files)
	check(t, err)
	return commit
}

// pushMany by git itself: each commit by the API takes seconds.
func (s *suite) pushMany(t *testing.T, branch string, n int) []string {
	t.Helper()
	target, err := url.Parse(server.URL)
	check(t, err)
	target.User = url.UserPassword(forge.Person, server.PersonToken)
	work := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), "git", append([]string{"-C", work, "-c", "user.name=" + forge.Person, "-c", "user.email=" + forge.PersonEmail}, args...)...)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
		return string(out)
	}
	git("clone", "--quiet", target.JoinPath(forge.Person, s.name+".git").String(), ".")
	git("checkout", "--quiet", "-b", branch)
	for i := range n {
		git("commit", "--quiet", "--allow-empty", "--message", strconv.Itoa(i))
	}
	git("push", "--quiet", "origin", branch)
	return strings.Fields(git("rev-list", "--reverse", "origin/main.."+branch))
}

func (s *suite) publish(t *testing.T) {
	t.Helper()
	private := false
	_, _, err := server.Client(t.Context()).EditRepo(forge.Person, s.name, sdk.EditRepoOption{Private: &private})
	check(t, err)
}

func (s *suite) details(t *testing.T, number int64) forgetest.Details {
	t.Helper()
	person := server.Client(t.Context())
	pull, _, err := person.GetPullRequest(forge.Person, s.name, number)
	check(t, err)
	comments, _, err := person.ListIssueComments(forge.Person, s.name, number, sdk.ListIssueCommentOptions{})
	check(t, err)
	details := forgetest.Details{Draft: pull.Draft}
	for _, label := range pull.Labels {
		details.Labels = append(details.Labels, label.Name)
	}
	for _, user := range pull.RequestedReviewers {
		details.Reviewers = append(details.Reviewers, user.UserName)
	}
	for _, user := range pull.Assignees {
		details.Assignees = append(details.Assignees, user.UserName)
	}
	for _, comment := range comments {
		details.Comments = append(details.Comments, comment.Body)
	}
	return details
}
