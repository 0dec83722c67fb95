package registry

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                               defaultWait,
		"soon":                           defaultWait,
		"-5":                             defaultWait,
		"1.5":                            defaultWait,
		"0":                              minWait,
		"1":                              time.Second,
		" 90 ":                           90 * time.Second,
		"3600":                           maxWait,
		"3601":                           maxWait,
		"18446744073709551615":           maxWait,
		"99999999999999999999":           defaultWait,
		"Sun, 01 Mar 2026 12:02:00 GMT":  2 * time.Minute,
		"Sunday, 01-Mar-26 12:02:00 GMT": 2 * time.Minute,
		"Sun, 01 Mar 2026 11:00:00 GMT":  minWait,
		"Sun, 01 Mar 2099 12:00:00 GMT":  maxWait,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "120", "-1", "1e9", "Sun, 01 Mar 2026 12:02:00 GMT", "18446744073709551616"} {
		f.Add(seed)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if got := retryAfter(value, now); got < minWait || got > maxWait {
			t.Errorf("%q: %s", value, got)
		}
	})
}

func TestHolds(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	answer := func(status int, retryAfter string) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {retryAfter}}}
	}
	cases := map[string]struct {
		answer *http.Response
		want   time.Duration
	}{
		"too many requests":      {answer: answer(429, "10"), want: 10 * time.Second},
		"too many, not how long": {answer: answer(429, ""), want: defaultWait},
		"busy":                   {answer: answer(503, "10"), want: 10 * time.Second},
		"broken":                 {answer: answer(503, "")},
		"other error":            {answer: answer(500, "10")},
		"no error":               {answer: answer(200, "10")},
	}
	for name, c := range cases {
		h := &holds{now: func() time.Time { return now }, hosts: map[string]hold{}}
		for when, err := range map[string]error{"at once": h.note("a.example.com", c.answer), "later": h.check("a.example.com")} {
			var held *holdError
			if errors.As(err, &held) != (c.want > 0) || held != nil && (held.wait != c.want || held.status != c.answer.StatusCode) {
				t.Errorf("%s, %s: %v, want to wait %s", name, when, err, c.want)
			}
		}
		if err := h.check("b.example.com"); err != nil {
			t.Errorf("%s: another host is held: %v", name, err)
		}
	}
}

func TestHoldsForget(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	h := &holds{now: func() time.Time { return now }, hosts: map[string]hold{}}
	limited := &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"10"}}}
	h.note("a.example.com", limited)
	h.note("b.example.com", limited)
	now = now.Add(10 * time.Second)
	if err := h.check("a.example.com"); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	h.note("c.example.com", limited)
	if len(h.hosts) != 1 {
		t.Errorf("%d hosts are remembered, want 1", len(h.hosts))
	}
}

func TestSlots(t *testing.T) {
	s := &slots{max: 2, hosts: map[string]*slot{}}
	first, err := s.acquire(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.acquire(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	given, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.acquire(given, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("a third of two: %v", err)
	}
	other, err := s.acquire(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	third := make(chan func())
	go func() {
		release, err := s.acquire(t.Context(), "a")
		if err != nil {
			t.Error(err)
		}
		third <- release
	}()
	first()
	(<-third)()
	second()
	other()
	if len(s.hosts) != 0 {
		t.Errorf("%d hosts are left", len(s.hosts))
	}
}
