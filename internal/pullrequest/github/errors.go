package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v88/github"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/exchange"
)

// ErrTruncated says that GitHub lists only a part of a commit's files: it stops at 100,000 entries or 7 MB.
var ErrTruncated = errors.New("the forge lists only a part of the repository's files")

// errIncomplete is an answer of status 200 that lacks what was asked for.
var errIncomplete = errors.New("the answer is incomplete")

// fail turns what went wrong while doing something into an *pullrequest.Error.
// A 404 says that the repository is not there, or, where it is, becomes missing.
func (f *forge) fail(ctx context.Context, doing string, err error, missing error) error {
	doing += " in " + f.repository
	answer, answered := answerOf(err)
	if !answered {
		var done *pullrequest.Error
		if errors.As(err, &done) {
			return &pullrequest.Error{Reason: done.Reason, RetryAfter: done.RetryAfter, Conflict: done.Conflict, Err: fmt.Errorf("%s: %w", doing, done.Err)}
		}
		return exchange.Unreachable(doing, err)
	}
	if answer.Status != http.StatusNotFound {
		return f.explain(answer, doing)
	}
	if _, _, err := f.client.Repositories.Get(ctx, f.owner, f.name); err != nil {
		if again, ok := answerOf(err); ok && again.Status == http.StatusNotFound {
			return refusedf(v1alpha1.ReasonRepositoryNotFound, "%s: the forge has no such repository, or hides it from these credentials", doing)
		}
		return f.fail(ctx, "look for the repository", err, missing)
	}
	return &pullrequest.Error{Reason: v1alpha1.ReasonForgeRefused, Err: fmt.Errorf("%s: %w", doing, missing)}
}

func (f *forge) explain(a exchange.Answer, doing string) *pullrequest.Error {
	return explain(a, doing, f.now(), f.credentials.secrets()...)
}

// explain adds to what all forges' answers mean what is GitHub's own: limits that
// are answered by 403, and rules of branches.
func explain(a exchange.Answer, doing string, now time.Time, secrets ...string) *pullrequest.Error {
	words := strings.ToLower(a.Words)
	if a.Status == http.StatusForbidden && limited(a.Header, words) {
		a.Status = http.StatusTooManyRequests
	}
	e := a.Explain(doing, now, secrets...)
	e.Conflict = a.Status == http.StatusConflict
	if a.Status < http.StatusInternalServerError && a.Status != http.StatusTooManyRequests && protects(words) {
		e.Reason = v1alpha1.ReasonBranchProtected
	}
	return e
}

// limited says whether a 403 is about a limit: the primary one leaves no request,
// the secondary ones ask to wait, or say what they are.
func limited(h http.Header, words string) bool {
	return h.Get("X-Ratelimit-Remaining") == "0" || h.Get("Retry-After") != "" ||
		strings.Contains(words, "secondary rate limit") || strings.Contains(words, "abuse detection")
}

// protects says whether words are those by which branch protection or a ruleset refuses.
func protects(words string) bool {
	for _, part := range []string{"protected branch", "branch is protected", "rule violations", "cannot force-push to this branch", "cannot delete this branch"} {
		if strings.Contains(words, part) {
			return true
		}
	}
	return false
}

// answerOf returns the answer that an error of the library is about.
func answerOf(err error) (exchange.Answer, bool) {
	var (
		refused   *gogithub.ErrorResponse
		primary   *gogithub.RateLimitError
		secondary *gogithub.AbuseRateLimitError
		factor    *gogithub.TwoFactorAuthError
		graphql   *graphqlError
	)
	switch {
	case errors.As(err, &graphql):
		return graphql.answer, true
	case errors.As(err, &refused):
		return answer(refused.Response, words(refused)), true
	case errors.As(err, &factor):
		return answer(factor.Response, factor.Message), true
	case errors.As(err, &primary):
		return answer(primary.Response, primary.Message), true
	case errors.As(err, &secondary):
		return answer(secondary.Response, secondary.Message), true
	}
	return exchange.Answer{}, false
}

func answer(resp *http.Response, words string) exchange.Answer {
	if resp == nil {
		return exchange.Answer{Status: http.StatusBadGateway, Words: words}
	}
	return exchange.Answer{Status: resp.StatusCode, Header: resp.Header, Words: words}
}

// words joins an answer's message with those of its parts.
func words(refused *gogithub.ErrorResponse) string {
	all := []string{refused.Message}
	for _, part := range refused.Errors[:min(len(refused.Errors), 3)] {
		switch {
		case part.Message != "":
			all = append(all, part.Message)
		case part.Field != "":
			all = append(all, part.Field+" "+part.Code)
		}
	}
	return strings.Join(all, ": ")
}

func refusedf(reason, format string, args ...any) *pullrequest.Error {
	return &pullrequest.Error{Reason: reason, Err: fmt.Errorf(format, args...)}
}

func conflictf(format string, args ...any) *pullrequest.Error {
	return &pullrequest.Error{Reason: v1alpha1.ReasonForgeRefused, Conflict: true, Err: fmt.Errorf(format, args...)}
}
