package store

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Collect removes images and summaries whose manifests are not live, layers that
// no image that stays has, resolutions that lead to no manifest that is live or
// stays, and bases; it returns how many entries these were.
//
// What was put or asked for since the Collect before stays: an image may be
// stored before anyone says that it is live, and a layer before its image. Bases
// stay for no other reason: who wants them asks for them now and then.
func (s *Store) Collect(live func(manifest image.Digest) bool) (removed int, err error) {
	s.collecting.Lock()
	defer s.collecting.Unlock()
	recent := s.forgetTouched()
	stays := func(manifest image.Digest) bool {
		return live(manifest) || recent[entryID{kindImage, manifest.Hex()}]
	}
	needed, removed, err := s.collectImages(stays)
	if err != nil {
		return removed, fmt.Errorf("collect %s: %w", kindImage, err)
	}
	for _, sweep := range []struct {
		kind string
		// stays says which entries stay that were not touched.
		stays func(name string) (bool, error)
	}{
		{kindSummary, func(name string) (bool, error) { return stays(digestOf(name)), nil }},
		{kindLayer, func(name string) (bool, error) { return needed[digestOf(name)], nil }},
		{kindResolution, func(name string) (bool, error) {
			r, err := get[resolution](s, kindResolution, name)
			return err == nil && stays(r.Manifest), err
		}},
		{kindBases, func(string) (bool, error) { return false, nil }},
	} {
		swept, err := s.collectKind(sweep.kind, func(name string) (bool, error) {
			ok, err := sweep.stays(name)
			return ok || recent[entryID{sweep.kind, name}], err
		})
		removed += swept
		if err != nil {
			return removed, fmt.Errorf("collect %s: %w", sweep.kind, err)
		}
	}
	return removed, nil
}

func (s *Store) forgetTouched() map[entryID]bool {
	s.changing.Lock()
	defer s.changing.Unlock()
	recent := s.touched
	s.touched = map[entryID]bool{}
	return recent
}

// collectImages also returns the layers of those that stay.
func (s *Store) collectImages(stays func(image.Digest) bool) (needed map[image.Digest]bool, removed int, err error) {
	needed = map[image.Digest]bool{}
	removed, err = s.collectKind(kindImage, func(name string) (bool, error) {
		if !stays(digestOf(name)) {
			return false, nil
		}
		img, err := get[Image](s, kindImage, name)
		if err != nil {
			return false, err
		}
		for _, d := range img.Content.Config.DiffIDs {
			needed[d] = true
		}
		return true, nil
	})
	return needed, removed, err
}

// collectKind removes the entries that are not to stay. Of stays, ErrCorrupt
// says that the entry is removed already.
func (s *Store) collectKind(kind string, stays func(name string) (bool, error)) (removed int, err error) {
	for name, err := range s.names(kind) {
		if err != nil {
			return removed, err
		}
		ok, err := stays(name)
		switch {
		case errors.Is(err, ErrCorrupt):
			removed++
			continue
		case errors.Is(err, ErrNotFound):
			continue
		case err != nil:
			return removed, err
		case ok:
			continue
		}
		gone, err := s.removeEntry(kind, name)
		if err != nil {
			return removed, err
		}
		if gone {
			removed++
		}
	}
	return removed, nil
}

// removeEntry leaves what was touched since Collect began.
func (s *Store) removeEntry(kind, name string) (bool, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.touched[entryID{kind, name}] {
		return false, nil
	}
	err := s.disk.remove(s.path(kind, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
