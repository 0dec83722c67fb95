package controllers

import (
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// scanState is how far the scan of an image has come.
type scanState struct {
	// Manifest is empty until the image's content is known.
	Manifest image.Digest
	// Reason and Message of the last failure, or of a scan that could not read everything.
	Reason  string
	Message string
	// Bucket of the database that knows the image's operating system; empty without system packages.
	Bucket string

	// Failures in a row, and when the next try is due, unless something else is asked for by then.
	Failures int
	Again    time.Time
	Asked    string
}

// says whether two states tell the same of the image.
func (s scanState) says(other scanState) bool {
	return s.Manifest == other.Manifest && s.Reason == other.Reason && s.Message == other.Message
}

// scanned says whether the image's content is known.
func (s scanState) scanned() bool { return s.Manifest != "" }

// catalogue holds the state of every scan that a pod asks for. It is safe for
// concurrent use, and gone with the process: the store holds what must last.
type catalogue struct {
	mu     sync.RWMutex
	states map[inventory.ScanKey]scanState
	// users counts the scans that led to a manifest.
	users map[image.Digest]int
}

func newCatalogue() *catalogue {
	return &catalogue{states: map[inventory.ScanKey]scanState{}, users: map[image.Digest]int{}}
}

func (c *catalogue) get(key inventory.ScanKey) (scanState, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	state, ok := c.states[key]
	return state, ok
}

// set records a state and reports whether it tells something else than the one before.
func (c *catalogue) set(key inventory.ScanKey, state scanState) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, known := c.states[key]
	c.states[key] = state
	if known && old.says(state) {
		return false
	}
	if old.Manifest != state.Manifest {
		c.release(old.Manifest)
		if state.scanned() {
			c.users[state.Manifest]++
		}
	}
	return true
}

// forget removes a state, and returns its manifest if no other scan led to it.
func (c *catalogue) forget(key inventory.ScanKey) (image.Digest, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state, ok := c.states[key]
	if !ok {
		return "", false
	}
	delete(c.states, key)
	return state.Manifest, state.scanned() && c.release(state.Manifest)
}

// release reports whether nobody uses the manifest any more.
func (c *catalogue) release(manifest image.Digest) bool {
	if manifest == "" {
		return false
	}
	c.users[manifest]--
	if c.users[manifest] > 0 {
		return false
	}
	delete(c.users, manifest)
	return true
}

// scansIn returns the scans of images whose operating system is in a bucket.
func (c *catalogue) scansIn(bucket string) []inventory.ScanKey {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var keys []inventory.ScanKey
	for key, state := range c.states {
		if state.Bucket == bucket {
			keys = append(keys, key)
		}
	}
	return keys
}

// buckets returns those of all images' operating systems.
func (c *catalogue) buckets() map[string]struct{} {
	c.mu.RLock()
	defer c.mu.RUnlock()
	buckets := map[string]struct{}{}
	for _, state := range c.states {
		if state.Bucket != "" {
			buckets[state.Bucket] = struct{}{}
		}
	}
	return buckets
}

// scansByManifest returns the scans that led to each manifest.
func (c *catalogue) scansByManifest() map[image.Digest][]inventory.ScanKey {
	c.mu.RLock()
	defer c.mu.RUnlock()
	scans := make(map[image.Digest][]inventory.ScanKey, len(c.users))
	for key, state := range c.states {
		if state.scanned() {
			scans[state.Manifest] = append(scans[state.Manifest], key)
		}
	}
	return scans
}

// uses says whether a scan led to the manifest.
func (c *catalogue) uses(manifest image.Digest) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.users[manifest] > 0
}
