package controllers

import (
	"maps"
	"sync"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// wish is an image that is to be scanned although no pod runs it: a base, or
// what an image might move to.
type wish struct {
	Reference image.Reference
	// Pulls are those of an image that needs it.
	Pulls []inventory.Pull
}

// wisher is who has a wish: an image whose base is looked for, or the watch over
// a repository.
type wisher struct {
	Image inventory.ScanKey
	Watch string
}

// wishes are all of them, by who has them. They are safe for concurrent use.
type wishes struct {
	mu   sync.RWMutex
	held map[wisher]map[inventory.ScanKey]wish
	// owners of each wish.
	owners map[inventory.ScanKey]map[wisher]struct{}
}

func newWishes() *wishes {
	return &wishes{held: map[wisher]map[inventory.ScanKey]wish{}, owners: map[inventory.ScanKey]map[wisher]struct{}{}}
}

// set makes an owner have these wishes and no others, and returns the scans
// that are asked for, or are not any more, by this.
func (w *wishes) set(owner wisher, wanted map[inventory.ScanKey]wish) (changed []inventory.ScanKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := range w.held[owner] {
		if _, still := wanted[key]; still {
			continue
		}
		delete(w.owners[key], owner)
		if len(w.owners[key]) == 0 {
			delete(w.owners, key)
			changed = append(changed, key)
		}
	}
	for key := range wanted {
		if w.owners[key] == nil {
			w.owners[key] = map[wisher]struct{}{}
			changed = append(changed, key)
		}
		w.owners[key][owner] = struct{}{}
	}
	if len(wanted) == 0 {
		delete(w.held, owner)
		return changed
	}
	w.held[owner] = maps.Clone(wanted)
	return changed
}

// get returns what is wished of a scan, by each owner.
func (w *wishes) get(key inventory.ScanKey) []wish {
	w.mu.RLock()
	defer w.mu.RUnlock()
	var list []wish
	for owner := range w.owners[key] {
		list = append(list, w.held[owner][key])
	}
	return list
}

// ownersOf returns who wishes a scan.
func (w *wishes) ownersOf(key inventory.ScanKey) []wisher {
	w.mu.RLock()
	defer w.mu.RUnlock()
	owners := make([]wisher, 0, len(w.owners[key]))
	for owner := range w.owners[key] {
		owners = append(owners, owner)
	}
	return owners
}
