package delivery

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const secret = "T0k3n-very-secret"

// serve answers each request by a handler, and returns the client and the address of a path that is a secret.
func serve(t *testing.T, handler http.HandlerFunc) (*http.Client, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Client(), server.URL + "/hooks/" + secret
}

func TestSend(t *testing.T) {
	for name, tc := range map[string]struct {
		status     int
		header     map[string]string
		body       string
		wantFinal  bool
		wantRetry  time.Duration
		wantText   string
		wantAnswer string
	}{
		"accepted":                  {status: 202, body: "ok", wantAnswer: "ok"},
		"accepted without a body":   {status: 204},
		"unauthorized":              {status: 401, wantFinal: true, wantText: "send it: the answer was 401 Unauthorized"},
		"refused, echoes the path":  {status: 403, body: "no /hooks/" + secret + "\n\x1b[31m here", wantFinal: true, wantText: "send it: the answer was 403 Forbidden: no [redacted] [31m here"},
		"conflict":                  {status: 409, wantFinal: true, wantText: "send it: the answer was 409 Conflict"},
		"too many":                  {status: 429, header: map[string]string{"Retry-After": "120"}, wantRetry: 2 * time.Minute, wantText: "send it: the answer was 429 Too Many Requests"},
		"too many, much too long":   {status: 429, header: map[string]string{"Retry-After": "999999999"}, wantRetry: MaxRetryAfter, wantText: "send it: the answer was 429 Too Many Requests"},
		"too many, nonsense":        {status: 429, header: map[string]string{"Retry-After": "-5 or so"}, wantText: "send it: the answer was 429 Too Many Requests"},
		"busy until a date":         {status: 503, header: map[string]string{"Date": "Sat, 01 Aug 2026 12:00:00 GMT", "Retry-After": "Sat, 01 Aug 2026 12:01:30 GMT"}, wantRetry: 90 * time.Second, wantText: "send it: the answer was 503 Service Unavailable"},
		"broken":                    {status: 500, body: strings.Repeat("x", 1<<20), wantText: "send it: the answer was 500 Internal Server Error: " + strings.Repeat("x", MaxExcerpt-1) + "…"},
		"redirect":                  {status: 307, header: map[string]string{"Location": "https://elsewhere.example.com/"}, wantFinal: true, wantText: "send it: the answer was 307 Temporary Redirect"},
		"an answer that never ends": {status: 200, body: strings.Repeat("y", 1<<20), wantAnswer: strings.Repeat("y", MaxAnswer)},
	} {
		t.Run(name, func(t *testing.T) {
			client, address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tc.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tc.status)
				w.Write([]byte(tc.body))
			})
			answer, err := Send(t.Context(), client, Request{Action: "send it", URL: address})
			if tc.wantText == "" {
				if err != nil || answer.Status != tc.status || string(answer.Body) != tc.wantAnswer {
					t.Fatalf("answer %+v, error %v", answer, err)
				}
				return
			}
			var known *Error
			if !errors.As(err, &known) || known.Error() != tc.wantText || known.Final != tc.wantFinal || known.RetryAfter != tc.wantRetry || known.Status != tc.status {
				t.Errorf("got %#v %v", known, err)
			}
		})
	}
}

func TestSendWithoutAnAnswer(t *testing.T) {
	hang := make(chan struct{})
	client, hanging := serve(t, func(http.ResponseWriter, *http.Request) { <-hang })
	t.Cleanup(func() { close(hang) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String() + "/hooks/" + secret
	listener.Close()
	ended, end := context.WithCancel(t.Context())
	end()
	for name, tc := range map[string]struct {
		ctx     context.Context
		client  *http.Client
		address string
		final   bool
		text    string
	}{
		"hanging":           {t.Context(), client, hanging, false, "no answer in time"},
		"nobody listens":    {t.Context(), client, closed, false, "refused"},
		"no such name":      {t.Context(), client, "http://nobody.invalid/hooks/" + secret, false, "send it: "},
		"the operator ends": {ended, client, hanging, false, "canceled"},
		"not a URL":         {t.Context(), client, "http://a b/" + secret, true, "not a URL"},
		"another scheme":    {t.Context(), client, "ftp://example.com/" + secret, true, "not an http"},
		"no scheme":         {t.Context(), client, secret, true, "not an http"},
		"no host":           {t.Context(), client, "https:///" + secret, true, "no host"},
		"no client":         {t.Context(), nil, hanging, true, "no HTTP client"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Send(tc.ctx, tc.client, Request{Action: "send it", URL: tc.address, Timeout: 50 * time.Millisecond})
			var known *Error
			if !errors.As(err, &known) || known.Final != tc.final || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %#v %v", known, err)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "nobody.invalid") {
				t.Errorf("the address shows: %v", err)
			}
		})
	}
}

func TestSendIsGivenOnce(t *testing.T) {
	elsewhere := 0
	_, other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere++ })
	client, address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		if r.Header.Get("Cookie") != "" || r.Header.Get("X-Test") != "1" {
			t.Errorf("headers %v", r.Header)
		}
		http.Redirect(w, r, other, http.StatusPermanentRedirect)
	})
	for range 2 {
		if _, err := Send(t.Context(), client, Request{Action: "send", URL: address, Header: http.Header{"X-Test": {"1"}}}); err == nil {
			t.Error("a redirect is success")
		}
	}
	if elsewhere != 0 {
		t.Errorf("%d requests went elsewhere", elsewhere)
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add("the answer is secret", "secret")
	f.Add("\xff\x00\u2028", "")
	f.Add("x[redacted]", "redacted")
	f.Fuzz(func(t *testing.T, text, secret string) {
		got := Excerpt(text, secret)
		if n := len([]rune(got)); n > MaxExcerpt || strings.ContainsAny(got, "\n\r\x00\x1b") {
			t.Errorf("%d characters: %q", n, got)
		}
	})
}
