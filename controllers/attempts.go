package controllers

import (
	"sync"
	"time"
)

// attempts spaces out what fails at others' services. They are safe for
// concurrent use, and gone with the process: one try more is no harm.
type attempts struct {
	mu    sync.Mutex
	known map[string]attempt
}

type attempt struct {
	// with is what it was tried with: another policy or Secret is worth a try at once.
	with     string
	failures int
	next     time.Time
	err      error
}

func newAttempts() *attempts { return &attempts{known: map[string]attempt{}} }

// maxAttemptWait between two tries.
const maxAttemptWait = 30 * time.Minute

// due returns how long to wait before the next try with the same, with the failure of the last.
func (a *attempts) due(key, with string, now time.Time) (time.Duration, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.known[key]
	if last.with != with {
		return 0, nil
	}
	return last.next.Sub(now), last.err
}

// failed returns when to try again with the same: later with each failure, and not before the other side asks.
func (a *attempts) failed(key, with string, err error, asked time.Duration, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.known[key]
	if last.with != with {
		last = attempt{with: with}
	}
	last.failures++
	wait := max(min(5*time.Second<<min(last.failures-1, 16), maxAttemptWait), asked)
	last.next, last.err = now.Add(wait), err
	a.known[key] = last
	return wait
}

func (a *attempts) succeeded(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, key)
}
