package registry

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// slots bounds the requests in flight per host; a request is in flight until its body is read or closed.
type slots struct {
	max   int
	mu    sync.Mutex
	hosts map[string]*slot
}

// slot lives while it has users, so that hosts seen once leave nothing behind.
type slot struct {
	tokens chan struct{}
	users  int
}

// acquire waits for a turn at host. The caller must call release once.
func (s *slots) acquire(ctx context.Context, host string) (release func(), err error) {
	slot := s.enter(host)
	select {
	case slot.tokens <- struct{}{}:
		return func() { <-slot.tokens; s.leave(host, slot) }, nil
	case <-ctx.Done():
		s.leave(host, slot)
		return nil, ctx.Err()
	}
}

func (s *slots) enter(host string) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hosts[host] == nil {
		s.hosts[host] = &slot{tokens: make(chan struct{}, s.max)}
	}
	s.hosts[host].users++
	return s.hosts[host]
}

func (s *slots) leave(host string, slot *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot.users--; slot.users == 0 {
		delete(s.hosts, host)
	}
}

// Bounds of how long a host is left alone after it asked for that.
const (
	defaultWait = time.Minute
	minWait     = time.Second
	maxWait     = time.Hour
)

// holds remembers which hosts asked to be left alone, and until when.
type holds struct {
	now   func() time.Time
	mu    sync.Mutex
	hosts map[string]hold
}

type hold struct {
	until  time.Time
	status int
}

// holdError is a request that its host answered, or would answer, with the wish to be left alone.
type holdError struct {
	host   string
	status int
	wait   time.Duration
}

func (e *holdError) Error() string {
	return fmt.Sprintf("%s answered %d %s, and is left alone until the time that it asked for", e.host, e.status, http.StatusText(e.status))
}

// check returns a *holdError while host is to be left alone.
func (h *holds) check(host string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	held, ok := h.hosts[host]
	if !ok {
		return nil
	}
	wait := held.until.Sub(h.now())
	if wait <= 0 {
		delete(h.hosts, host)
		return nil
	}
	return &holdError{host: host, status: held.status, wait: wait}
}

// note remembers what a response asks for, a 429 always, a 503 where it says for
// how long, and returns it as a *holdError.
func (h *holds) note(host string, resp *http.Response) error {
	value := resp.Header.Get("Retry-After")
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
	case resp.StatusCode == http.StatusServiceUnavailable && value != "":
	default:
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	for other, held := range h.hosts {
		if !held.until.After(now) {
			delete(h.hosts, other)
		}
	}
	wait := retryAfter(value, now)
	h.hosts[host] = hold{until: now.Add(wait), status: resp.StatusCode}
	return &holdError{host: host, status: resp.StatusCode, wait: wait}
}

// retryAfter parses a Retry-After header: seconds or an HTTP date. The result
// is at least a second and at most an hour; a minute where the header says nothing of use.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return bounded(time.Duration(min(seconds, uint64(maxWait/time.Second))) * time.Second)
	}
	if date, err := http.ParseTime(value); err == nil {
		return bounded(date.Sub(now))
	}
	return defaultWait
}

func bounded(wait time.Duration) time.Duration {
	return max(minWait, min(wait, maxWait))
}
