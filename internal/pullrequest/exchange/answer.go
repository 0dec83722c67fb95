package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
)

const (
	// maxWords is how much of a forge's words an error repeats, in characters.
	maxWords = 200
	// maxWait bounds how long a forge may ask to wait.
	maxWait = 24 * time.Hour
	// unsaidWait is for a limit whose end the forge does not tell.
	unsaidWait = time.Minute
)

// Answer is one by which a forge refuses, or fails.
type Answer struct {
	Status int
	Header http.Header
	// Words are the forge's own.
	Words string
}

// Explain says what the answer means for what was being done. The secrets are left out of its words.
func (a Answer) Explain(doing string, now time.Time, secrets ...string) *pullrequest.Error {
	reason, what := reasonOf(a.Status)
	e := &pullrequest.Error{Reason: reason, Err: fmt.Errorf("%s: %s (%s)", doing, what, a.text(secrets))}
	switch reason {
	case v1alpha1.ReasonForgeRateLimited:
		e.RetryAfter = Wait(a.Header, now)
		if e.RetryAfter == 0 {
			e.RetryAfter = unsaidWait
		}
	case v1alpha1.ReasonForgeUnavailable:
		e.RetryAfter = Wait(http.Header{"Retry-After": a.Header["Retry-After"]}, now)
	}
	return e
}

func (a Answer) text(secrets []string) string {
	text := strconv.Itoa(a.Status)
	if name := http.StatusText(a.Status); name != "" {
		text += " " + name
	}
	if words := Words(a.Words, secrets...); words != "" {
		text += ": " + words
	}
	return text
}

func reasonOf(status int) (reason, what string) {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return v1alpha1.ReasonForgeUnauthorized, "the forge refuses the credentials, or they may not do this"
	case status == http.StatusTooManyRequests:
		return v1alpha1.ReasonForgeRateLimited, "the forge limits requests"
	case status >= http.StatusInternalServerError:
		return v1alpha1.ReasonForgeUnavailable, "the forge failed"
	}
	return v1alpha1.ReasonForgeRefused, "the forge refuses it"
}

// Wait is how long headers ask to wait: by Retry-After, in seconds or as a date,
// or by the end of the limit's window, in seconds since 1970, as
// X-RateLimit-Reset (GitHub) or RateLimit-Reset (GitLab). 0: they do not say.
func Wait(h http.Header, now time.Time) time.Duration {
	if after := h.Get("Retry-After"); after != "" {
		if seconds, err := strconv.ParseInt(after, 10, 32); err == nil {
			return bounded(time.Duration(seconds) * time.Second)
		}
		if at, err := http.ParseTime(after); err == nil {
			return bounded(at.Sub(now))
		}
	}
	for _, name := range []string{"X-Ratelimit-Reset", "Ratelimit-Reset"} {
		if at, err := strconv.ParseInt(h.Get(name), 10, 64); err == nil {
			return bounded(time.Unix(at, 0).Sub(now))
		}
	}
	return 0
}

func bounded(d time.Duration) time.Duration { return min(max(d, 0), maxWait) }

// Words makes a forge's text fit for an error: one line of at most 200
// characters, without characters that do not print, and without the secrets.
func Words(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[secret]")
		}
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > maxWords {
		runes = append(runes[:maxWords-1], '…')
	}
	return string(runes)
}

// Unreachable explains the error of a client that got no answer, or none that it
// understands. It keeps none of the error's text that could hold a URL or an answer.
func Unreachable(doing string, err error) *pullrequest.Error {
	return &pullrequest.Error{Reason: v1alpha1.ReasonForgeUnavailable, Err: fmt.Errorf("%s: %w", doing, presentable(err))}
}

// presentable returns the cause whose text is ours: of this package, or of the
// transport that package registry has for services.
func presentable(err error) error {
	if connection := new(registry.Error); errors.As(err, &connection) {
		return connection
	}
	for _, known := range []error{context.DeadlineExceeded, context.Canceled, errOtherHost, errRedirects} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("the answer cannot be understood")
}
