package github

import (
	"net/http"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/github/githubtest"
)

func TestForge(t *testing.T) { forgetest.Run(t, harness) }

// clock stands still.
func clock() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

func start(t *testing.T, o githubtest.Options) *githubtest.Server {
	t.Helper()
	if o.Now == nil {
		o.Now = clock
	}
	s := githubtest.Start(o)
	t.Cleanup(s.Close)
	return s
}

func connect(t *testing.T, s *githubtest.Server, change func(*Options)) pullrequest.Forge {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o := Options{
		HTTPClient: &http.Client{Transport: transport}, URL: s.URL, Owner: githubtest.Owner, Name: githubtest.Name,
		Token: githubtest.Token, Now: clock,
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

func harness(t *testing.T) forgetest.Harness {
	s := start(t, githubtest.Options{})
	return forgetest.Harness{
		Forge: connect(t, s, nil), Bot: githubtest.Bot, Person: githubtest.Person,
		BotEmail: githubtest.BotEmail, PersonEmail: "ada@example.com", Sizes: true,
		Push: func(_ *testing.T, branch string, files map[string]string) string {
			changed := map[string]repository.File{}
			for path, content := range files {
				changed[path] = repository.File{Content: content}
			}
			return s.Push(branch, changed)
		},
		Merge: func(t *testing.T, number int64) {
			if !s.Merge(number) {
				t.Fatalf("pull request %d cannot be merged", number)
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
