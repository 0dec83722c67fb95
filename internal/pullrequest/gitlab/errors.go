package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	gogitlab "gitlab.com/gitlab-org/api/client-go"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/exchange"
)

// ErrTruncated says that a commit has more files than are listed.
var ErrTruncated = errors.New("the repository has more files than are listed")

// errIncomplete is an answer of status 200 that lacks what was asked for.
var errIncomplete = errors.New("the answer is incomplete")

// fail turns what went wrong while doing something into an *pullrequest.Error.
// A 404 says that the project is not there, or, where it is, becomes missing.
func (f *forge) fail(ctx context.Context, doing string, err error, missing error) error {
	doing += " in " + f.repository
	if !errors.Is(err, gogitlab.ErrNotFound) {
		return f.explain(doing, err)
	}
	_, _, err = f.client.Projects.GetProject(f.project, nil, gogitlab.WithContext(ctx))
	switch {
	case errors.Is(err, gogitlab.ErrNotFound):
		return refusedf(v1alpha1.ReasonRepositoryNotFound, "%s: the forge has no such project, or hides it from these credentials", doing)
	case err != nil:
		return f.explain("look for the project "+f.repository, err)
	}
	return refusedf(v1alpha1.ReasonForgeRefused, "%s: %w", doing, missing)
}

func (f *forge) explain(doing string, err error) *pullrequest.Error {
	answer, answered := answerOf(err)
	if !answered {
		return exchange.Unreachable(doing, err)
	}
	e := answer.Explain(doing, f.now(), f.token)
	switch {
	case answer.Status == http.StatusConflict:
		e.Conflict = true
	case answer.Status < http.StatusInternalServerError && answer.Status != http.StatusTooManyRequests && protects(answer.Words):
		e.Reason = v1alpha1.ReasonBranchProtected
	}
	return e
}

// protects says whether words are those by which a protected branch or a push rule refuses.
func protects(words string) bool {
	words = strings.ToLower(words)
	for _, part := range []string{"protected branch", "not allowed to push into this branch", "not allowed to force push", "branch is protected"} {
		if strings.Contains(words, part) {
			return true
		}
	}
	return false
}

// answerOf returns the answer that an error of the library is about. It keeps none of a 404.
func answerOf(err error) (exchange.Answer, bool) {
	var refused *gogitlab.ErrorResponse
	if !errors.As(err, &refused) || refused.Response == nil {
		return exchange.Answer{}, false
	}
	return exchange.Answer{Status: refused.Response.StatusCode, Header: refused.Response.Header, Words: words(refused.Body)}, true
}

// words of an error's body: a message, which may be of several parts, or an OAuth error. What is no JSON
// is not GitLab's own, but of something before it.
func words(body []byte) string {
	var in struct {
		Message     any    `json:"message"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &in) != nil {
		return ""
	}
	return strings.Join(slices.DeleteFunc([]string{flat(in.Message), in.Error, in.Description}, func(s string) bool { return s == "" }), ": ")
}

func flat(message any) string {
	switch m := message.(type) {
	case string:
		return m
	case []any:
		var parts []string
		for _, part := range m {
			parts = append(parts, flat(part))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		var parts []string
		for _, field := range slices.Sorted(maps.Keys(m)) {
			parts = append(parts, field+" "+flat(m[field]))
		}
		return strings.Join(parts, ", ")
	}
	return ""
}

func refusedf(reason, format string, args ...any) *pullrequest.Error {
	return &pullrequest.Error{Reason: reason, Err: fmt.Errorf(format, args...)}
}

func conflictf(format string, args ...any) *pullrequest.Error {
	return &pullrequest.Error{Reason: v1alpha1.ReasonForgeRefused, Conflict: true, Err: fmt.Errorf(format, args...)}
}

// refuses says whether an error is an answer with the status and these words.
func refuses(err error, status int, what string) bool {
	answer, ok := answerOf(err)
	return ok && answer.Status == status && strings.Contains(strings.ToLower(answer.Words), what)
}
