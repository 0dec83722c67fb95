package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
)

var now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func TestExplain(t *testing.T) {
	reset := strconv.FormatInt(now.Add(9*time.Minute).Unix(), 10)
	tests := map[string]struct {
		answer Answer
		reason string
		wait   time.Duration
		text   string
	}{
		"expired token": {Answer{Status: 401, Words: "Bad credentials"}, v1alpha1.ReasonForgeUnauthorized, 0,
			"doing: the forge refuses the credentials, or they may not do this (401 Unauthorized: Bad credentials)"},
		"forbidden":        {Answer{Status: 403}, v1alpha1.ReasonForgeUnauthorized, 0, ""},
		"refused":          {Answer{Status: 422, Words: "no\nway"}, v1alpha1.ReasonForgeRefused, 0, "doing: the forge refuses it (422 Unprocessable Entity: no way)"},
		"no status of RFC": {Answer{Status: 499}, v1alpha1.ReasonForgeRefused, 0, "doing: the forge refuses it (499)"},
		"server error":     {Answer{Status: 500}, v1alpha1.ReasonForgeUnavailable, 0, ""},
		"maintenance":      {Answer{Status: 503, Header: http.Header{"Retry-After": {"90"}}}, v1alpha1.ReasonForgeUnavailable, 90 * time.Second, ""},
		"limit":            {Answer{Status: 429, Header: http.Header{"Retry-After": {"7"}}}, v1alpha1.ReasonForgeRateLimited, 7 * time.Second, ""},
		"limit by date":    {Answer{Status: 429, Header: http.Header{"Retry-After": {now.Add(time.Hour).Format(http.TimeFormat)}}}, v1alpha1.ReasonForgeRateLimited, time.Hour, ""},
		"limit by reset":   {Answer{Status: 429, Header: http.Header{"X-Ratelimit-Reset": {reset}}}, v1alpha1.ReasonForgeRateLimited, 9 * time.Minute, ""},
		"GitLab's reset":   {Answer{Status: 429, Header: http.Header{"Ratelimit-Reset": {reset}}}, v1alpha1.ReasonForgeRateLimited, 9 * time.Minute, ""},
		"limit unsaid":     {Answer{Status: 429}, v1alpha1.ReasonForgeRateLimited, time.Minute, ""},
		"limit absurd":     {Answer{Status: 429, Header: http.Header{"Retry-After": {"999999999"}}}, v1alpha1.ReasonForgeRateLimited, 24 * time.Hour, ""},
		"limit past":       {Answer{Status: 429, Header: http.Header{"X-Ratelimit-Reset": {"1"}}}, v1alpha1.ReasonForgeRateLimited, time.Minute, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := tt.answer.Explain("doing", now)
			if e.Reason != tt.reason || e.RetryAfter != tt.wait {
				t.Errorf("reason %s, wait %s; want %s, %s", e.Reason, e.RetryAfter, tt.reason, tt.wait)
			}
			if tt.text != "" && e.Error() != tt.text {
				t.Errorf("text %q, want %q", e, tt.text)
			}
		})
	}
}

func TestWords(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"  a\r\n\tb\x00\x1b[31m ", "a b[31m"},
		{"token s3cret-token is bad", "token [secret] is bad"},
		{strings.Repeat("é", 300), strings.Repeat("é", 199) + "…"},
		{"a\xffb\u202e", "ab"},
	} {
		if got := Words(tt.text, "", "s3cret-token"); got != tt.want {
			t.Errorf("Words(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("token s3cret", "s3cret")
	f.Fuzz(func(t *testing.T, text, secret string) {
		got := Words(text, secret)
		if utf8.RuneCountInString(got) > 200 || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00\x1b") {
			t.Errorf("Words(%q) = %q", text, got)
		}
	})
}

func TestUnreachable(t *testing.T) {
	const hidden = "https://user:s3cret@forge.example/?token=s3cret"
	wrap := func(err error) error { return &url.Error{Op: "Get", URL: hidden, Err: err} }
	for want, err := range map[string]error{
		"context deadline exceeded": wrap(context.DeadlineExceeded),
		"context canceled":          wrap(context.Canceled),
		"ask forge.example: 10.0.0.1 is not allowed": wrap(&registry.Error{
			Reason: v1alpha1.ReasonAddressNotAllowed, Err: errors.New("ask forge.example: 10.0.0.1 is not allowed"),
		}),
		"the answer cannot be understood": wrap(fmt.Errorf("invalid character 's3cret'")),
	} {
		e := Unreachable("read", err)
		if e.Reason != v1alpha1.ReasonForgeUnavailable || e.Error() != "read: "+want {
			t.Errorf("%v: %s: %v", err, e.Reason, e)
		}
	}
}

func TestRedirects(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusMovedPermanently)
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		}
	}))
	defer server.Close()
	for path, want := range map[string]error{"/moved": nil, "/circle": errRedirects, "/away": errOtherHost} {
		resp, err := Client(server.Client()).Get(server.URL + path)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		if err == nil {
			resp.Body.Close()
		}
	}
	if reached {
		t.Error("the other host was asked")
	}
}
