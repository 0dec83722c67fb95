package controllers

import (
	"maps"
	"slices"
	"sync"

	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// subject is a tag of a watched repository that something runs on.
type subject struct {
	Tag      string
	Platform image.Platform
	Majors   bool
}

// watchNeed is what a policy needs to know of a repository.
type watchNeed struct {
	// Subjects with the tags that are proposed for them: these stay candidates while newer ones ripen.
	Subjects map[subject][]string
	// Patterns of tags whose images are to be recognised by their layers.
	Patterns []string
	Pulls    []inventory.Pull
}

// offer is a tag that one may move to, with the digest that it leads to.
type offer struct {
	baseimage.Candidate
	Digest image.Digest
	// Unreleased says that a tag for what is not released leads there too.
	Unreleased bool
}

// offers for one subject, as of the last look.
type offers struct {
	Candidates []offer
	// Smaller families, for advice.
	Smaller []offer
}

// watches are the repositories whose tags somebody needs to know. They are safe for concurrent use.
type watches struct {
	mu     sync.RWMutex
	needs  map[policyKey]map[string]watchNeed
	offers map[string]map[subject]offers
	// looked are the repositories that were looked at.
	looked map[string]struct{}
}

func newWatches() *watches {
	return &watches{needs: map[policyKey]map[string]watchNeed{}, offers: map[string]map[subject]offers{}, looked: map[string]struct{}{}}
}

// set makes a policy need these repositories and no others, and returns those
// that are to be looked at by this.
func (w *watches) set(policy policyKey, needs map[string]watchNeed) (changed []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.needs[policy]
	for repository := range before {
		if _, still := needs[repository]; !still {
			changed = append(changed, repository)
		}
	}
	for repository, need := range needs {
		was, known := before[repository]
		if !known || !maps.EqualFunc(was.Subjects, need.Subjects, slices.Equal[[]string]) || !slices.Equal(was.Patterns, need.Patterns) {
			changed = append(changed, repository)
		}
	}
	if len(needs) == 0 {
		delete(w.needs, policy)
		return changed
	}
	w.needs[policy] = needs
	return changed
}

// need is what all policies together need of a repository.
func (w *watches) need(repository string) watchNeed {
	w.mu.RLock()
	defer w.mu.RUnlock()
	all := watchNeed{Subjects: map[subject][]string{}}
	for _, needs := range w.needs {
		need := needs[repository]
		for s, proposed := range need.Subjects {
			all.Subjects[s] = append(all.Subjects[s], proposed...)
		}
		all.Patterns = append(all.Patterns, need.Patterns...)
		all.Pulls = append(all.Pulls, need.Pulls...)
	}
	slices.Sort(all.Patterns)
	all.Patterns = slices.Compact(all.Patterns)
	all.Pulls = unique(all.Pulls)
	return all
}

// offer records what a look at a repository found, and says whether that is news.
func (w *watches) offer(repository string, found map[subject]offers) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	same := maps.EqualFunc(w.offers[repository], found, func(a, b offers) bool {
		equal := func(a, b offer) bool {
			return a.Tag.String() == b.Tag.String() && a.Digest == b.Digest && a.Unreleased == b.Unreleased
		}
		return slices.EqualFunc(a.Candidates, b.Candidates, equal) && slices.EqualFunc(a.Smaller, b.Smaller, equal)
	})
	if len(found) == 0 {
		delete(w.offers, repository)
		return !same
	}
	w.offers[repository] = found
	return !same
}

// look notes that a repository was looked at, or is not any more.
func (w *watches) look(repository string, done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if done {
		w.looked[repository] = struct{}{}
		return
	}
	delete(w.looked, repository)
}

// lookedAt says whether all bases that a policy wants recognised by their layers are listed.
func (w *watches) lookedAt(policy policyKey) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for repository, need := range w.needs[policy] {
		if _, looked := w.looked[repository]; !looked && len(need.Patterns) > 0 {
			return false
		}
	}
	return true
}

// of returns the offers for a subject; false before the first look.
func (w *watches) of(repository string, s subject) (offers, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	found, ok := w.offers[repository][s]
	return found, ok
}
