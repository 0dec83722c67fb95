package controllers

import (
	"sync"

	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// keySet is a set of reports. It is safe for concurrent use, and its zero value is empty.
type keySet struct {
	mu   sync.Mutex
	keys map[inventory.ReportKey]struct{}
}

// set makes the key a member or not, and reports whether it was otherwise before.
func (s *keySet) set(key inventory.ReportKey, member bool) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, was := s.keys[key]; was == member {
		return false
	}
	if s.keys == nil {
		s.keys = map[inventory.ReportKey]struct{}{}
	}
	if member {
		s.keys[key] = struct{}{}
	} else {
		delete(s.keys, key)
	}
	return true
}

// scans that the members follow.
func (s *keySet) scans() map[inventory.ScanKey]struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	scans := make(map[inventory.ScanKey]struct{}, len(s.keys))
	for key := range s.keys {
		scans[key.Scan()] = struct{}{}
	}
	return scans
}
