package forgetest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/fault"
)

// calls are all that the interface can do, by name.
func calls(base string) map[string]func(context.Context, pullrequest.Forge) error {
	return map[string]func(context.Context, pullrequest.Forge) error{
		"Repository": func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Repository(ctx); return err },
		"Head":       func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Head(ctx, "main"); return err },
		"Files":      func(ctx context.Context, f pullrequest.Forge) error { _, err := f.Files(ctx, base); return err },
		"Read": func(ctx context.Context, f pullrequest.Forge) error {
			_, err := f.Read(ctx, base, "README.md")
			return err
		},
		"Commits": func(ctx context.Context, f pullrequest.Forge) error {
			_, err := f.Commits(ctx, base, "main")
			return err
		},
		"Commit": func(ctx context.Context, f pullrequest.Forge) error {
			_, err := f.Commit(ctx, change(base, "v1"))
			return err
		},
		"Delete": func(ctx context.Context, f pullrequest.Forge) error { return f.DeleteBranch(ctx, "none") },
		"List": func(ctx context.Context, f pullrequest.Forge) error {
			_, err := f.PullRequests(ctx, branch)
			return err
		},
		"Open": func(ctx context.Context, f pullrequest.Forge) error {
			_, err := f.Open(ctx, pullrequest.NewPullRequest{Branch: branch, Target: "main", Title: "t"})
			return err
		},
		"Edit":      func(ctx context.Context, f pullrequest.Forge) error { return f.Edit(ctx, 1, "t", "b") },
		"Close":     func(ctx context.Context, f pullrequest.Forge) error { return f.Close(ctx, 1) },
		"Comment":   func(ctx context.Context, f pullrequest.Forge) error { return f.Comment(ctx, 1, "c") },
		"AutoMerge": func(ctx context.Context, f pullrequest.Forge) error { return f.AutoMerge(ctx, 1) },
	}
}

func testExpiredToken(t *testing.T, h Harness) {
	base := begin(t, h)
	forge := h.WithToken(t, ExpiredToken)
	for name, call := range calls(base) {
		t.Run(name, func(t *testing.T) {
			err := call(t.Context(), forge)
			wantError(t, err, v1alpha1.ReasonForgeUnauthorized)
		})
	}
	// A forge that repeats the token must not get it into an error.
	h.Fail(1, fault.Fault{Status: http.StatusUnauthorized, Header: http.Header{"Content-Type": {"application/json"}},
		Body: `{"message": "401 token ` + ExpiredToken + ` has\nexpired"}`})
	_, err := forge.Repository(t.Context())
	wantError(t, err, v1alpha1.ReasonForgeUnauthorized)
}

func testMissingRepository(t *testing.T, h Harness) {
	base := begin(t, h)
	forge := h.Missing(t)
	for name, call := range calls(base) {
		t.Run(name, func(t *testing.T) {
			err := call(t.Context(), forge)
			wantError(t, err, v1alpha1.ReasonRepositoryNotFound)
		})
	}
}

func testProtected(t *testing.T, h Harness) {
	base := begin(t, h)
	head := must(h.Forge.Commit(t.Context(), change(base, "v1")))(t)
	h.Protect(t, branch)
	_, err := h.Forge.Commit(t.Context(), change(head, "v2"))
	wantError(t, err, v1alpha1.ReasonBranchProtected)
	reset := change(base, "v3")
	reset.Reset = true
	_, err = h.Forge.Commit(t.Context(), reset)
	wantError(t, err, v1alpha1.ReasonBranchProtected)
	wantHead(t, h, branch, head)
	wantError(t, h.Forge.DeleteBranch(t.Context(), branch), v1alpha1.ReasonBranchProtected)
}

func testServerError(t *testing.T, h Harness) {
	base := begin(t, h)
	for name, call := range calls(base) {
		t.Run(name, func(t *testing.T) {
			h.Fail(1, serverError())
			err := call(t.Context(), h.Forge)
			wantError(t, err, v1alpha1.ReasonForgeUnavailable)
		})
	}
}

func testSlowServer(t *testing.T, h Harness) {
	base := begin(t, h)
	for name, call := range calls(base) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			h.Fail(1, fault.Fault{Hang: true})
			err := call(ctx, h.Forge)
			wantError(t, err, v1alpha1.ReasonForgeUnavailable)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want one that wraps the deadline's", err)
			}
		})
	}
}

func testRateLimit(t *testing.T, h Harness) {
	base := begin(t, h)
	for name, call := range calls(base) {
		t.Run(name, func(t *testing.T) {
			h.Fail(1, fault.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"37"}, "Content-Type": {"application/json"}},
				Body: `{"message": "too many requests"}`})
			err := call(t.Context(), h.Forge)
			wantError(t, err, v1alpha1.ReasonForgeRateLimited)
			if e := errorOf(t, err); e.RetryAfter != 37*time.Second {
				t.Errorf("RetryAfter %s, want 37s", e.RetryAfter)
			}
		})
	}
}
