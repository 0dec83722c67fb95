package gitlab

import (
	"net/http"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/gitlab/gitlabtest"
)

func TestForge(t *testing.T) {
	forgetest.Run(t, func(t *testing.T) forgetest.Harness { return harness(t, gitlabtest.Options{}) })
}

// A server may share its host with others.
func TestForgeBelowAPath(t *testing.T) {
	forgetest.Run(t, func(t *testing.T) forgetest.Harness { return harness(t, gitlabtest.Options{Prefix: "/dev/gitlab"}) })
}

// clock stands still.
func clock() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

func start(t *testing.T, o gitlabtest.Options) *gitlabtest.Server {
	t.Helper()
	o.Now = clock
	s := gitlabtest.Start(o)
	t.Cleanup(s.Close)
	return s
}

func connect(t *testing.T, s *gitlabtest.Server, change func(*Options)) pullrequest.Forge {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o := Options{
		HTTPClient: &http.Client{Transport: transport}, URL: s.URL, Owner: gitlabtest.Owner, Name: gitlabtest.Name,
		Token: gitlabtest.Token, Now: clock,
	}
	if change != nil {
		change(&o)
	}
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func harness(t *testing.T, o gitlabtest.Options) forgetest.Harness {
	s := start(t, o)
	return forgetest.Harness{
		Forge: connect(t, s, nil), Bot: gitlabtest.Bot, Person: gitlabtest.Person,
		BotEmail: gitlabtest.BotEmail, PersonEmail: "ada@example.com",
		Push: func(_ *testing.T, branch string, files map[string]string) string {
			changed := map[string]repository.File{}
			for path, content := range files {
				changed[path] = repository.File{Content: content}
			}
			return s.Push(branch, changed)
		},
		Merge: func(t *testing.T, number int64) {
			if !s.Merge(number) {
				t.Fatalf("merge request %d cannot be merged", number)
			}
		},
		Close:   func(_ *testing.T, number int64) { s.ClosePull(number) },
		Protect: func(_ *testing.T, branch string) { s.Protect(branch) },
		Publish: func(*testing.T) { s.Set(true, false) },
		Archive: func(*testing.T) { s.Set(false, true) },
		Details: func(_ *testing.T, number int64) forgetest.Details {
			p := s.Pull(number)
			return forgetest.Details{Draft: p.Draft, Labels: p.Labels, Reviewers: p.Reviewers, Assignees: p.Assignees, Comments: p.Comments}
		},
		WithToken: func(t *testing.T, token string) pullrequest.Forge {
			return connect(t, s, func(o *Options) { o.Token = token })
		},
		Missing: func(t *testing.T) pullrequest.Forge {
			return connect(t, s, func(o *Options) { o.Name = "missing" })
		},
		Fail: s.Faults.Next,
	}
}
