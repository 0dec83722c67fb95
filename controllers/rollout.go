package controllers

import (
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// rollout follows a database from the moment when it is in use to the moment
// when the last report follows it. It is safe for concurrent use.
type rollout struct {
	now func() time.Time

	mu sync.Mutex
	// settled says that a database is in use, or that a first try to get one has failed.
	settled  bool
	revision string
	// built is when the database was built, begun when it was taken up.
	built, begun time.Time
	pending      map[inventory.ReportKey]struct{}
	written      int32
	done         time.Time
	// followed says that all reports followed a database once since the start.
	followed bool
}

func newRollout(now func() time.Time) *rollout {
	return &rollout{now: now, pending: map[inventory.ReportKey]struct{}{}}
}

// settle records that reports may be judged although there is no database.
func (r *rollout) settle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled = true
}

// begin starts to follow a revision that the given reports do not follow yet.
// Those that are pending from the revision before stay pending.
func (r *rollout) begin(revision string, built time.Time, reports []inventory.ReportKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled = true
	r.revision, r.built, r.begun = revision, built, r.now()
	r.written = 0
	r.done = time.Time{}
	for _, report := range reports {
		r.pending[report] = struct{}{}
	}
	r.finish()
}

// report records that a report follows a revision, and returns whether it was
// the last to follow the one in use. What was judged by a revision before counts for nothing.
func (r *rollout) report(key inventory.ReportKey, revision string, written bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.pending[key]; !ok || revision != r.revision {
		return false
	}
	delete(r.pending, key)
	if written {
		r.written++
	}
	return r.finish()
}

// drop records that there is no such report any more, and returns whether it was the last.
func (r *rollout) drop(key inventory.ReportKey) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.pending[key]; !ok {
		return false
	}
	delete(r.pending, key)
	return r.finish()
}

func (r *rollout) finish() bool {
	reportsPending.Set(float64(len(r.pending)))
	if len(r.pending) > 0 {
		return false
	}
	r.done, r.followed = r.now(), true
	databasePublished.Set(float64(r.done.Unix()))
	databaseLag.Set(r.done.Sub(r.built).Seconds())
	rolloutSeconds.Observe(r.done.Sub(r.begun).Seconds())
	return true
}

// followedOnce says whether all reports have followed a database, and so this program, since it started.
func (r *rollout) followedOnce() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.followed
}

// rolloutState is a rollout at one moment.
type rolloutState struct {
	settled  bool
	revision string
	pending  map[inventory.ScanKey]struct{}
	written  int32
	// done is when the last report was written; zero while some are pending.
	done time.Time
}

func (r *rollout) state() rolloutState {
	r.mu.Lock()
	defer r.mu.Unlock()
	pending := make(map[inventory.ScanKey]struct{}, len(r.pending))
	for key := range r.pending {
		pending[key.Scan()] = struct{}{}
	}
	return rolloutState{settled: r.settled, revision: r.revision, pending: pending, written: r.written, done: r.done}
}

// ready says whether reports may be judged, and by which revision.
func (r *rollout) ready() (revision string, settled bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revision, r.settled
}
