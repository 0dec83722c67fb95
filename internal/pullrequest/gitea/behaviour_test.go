package gitea

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/behaviour"
	"github.com/plimsoll-dev/plimsoll/test/forge"
)

func TestBehaviour(t *testing.T) {
	behaviour.Run(t, func(t *testing.T) behaviour.World {
		name := repositoryName(t)
		if err := server.CreateRepository(t.Context(), forge.Repository{Name: name, Private: true, Files: behaviour.Files()}); err != nil {
			t.Fatal(err)
		}
		counter := &writes{}
		o := options(server.BotToken, name)
		o.HTTPClient.Transport = counter
		c, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		return behaviour.World{
			Forge: c, Writes: func() int { return int(counter.n.Load()) },
			Push: func(branch string, files map[string]string) {
				t.Helper()
				_, err := server.Push(t.Context(), name, branch, files)
				do(err)
			},
			Merge: func(number int64) {
				t.Helper()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				do(server.Merge(ctx, name, number))
			},
			Close:        func(number int64) { t.Helper(); do(server.ClosePullRequest(t.Context(), name, number)) },
			UpdateBranch: func(number int64) { t.Helper(); do(server.UpdateBranch(t.Context(), name, number)) },
		}
	})
}

// writes counts the requests that are not for reading alone.
type writes struct{ n atomic.Int64 }

func (w *writes) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet {
		w.n.Add(1)
	}
	return http.DefaultTransport.RoundTrip(request)
}
