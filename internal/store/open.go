package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	markerName = "plimsoll-store"
	// formatVersion is to be raised when entries or their places change.
	formatVersion   = 2
	defaultMaxEntry = 256 << 20
	shards          = 16
)

// kinds are the store's folders, each with a folder for each first digit of a name.
var kinds = []string{kindImage, kindSummary, kindLayer, kindResolution, kindBases}

const (
	kindImage      = "images"
	kindSummary    = "summaries"
	kindLayer      = "layers"
	kindResolution = "resolutions"
	kindBases      = "bases"
)

// Open returns the store in dir, which it makes if need be. A store of another
// format or extractor is emptied. A directory that is not a store and not empty
// is refused, because what is in it is someone else's. No other process may
// have the store open.
func Open(dir string, options Options) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return open(dir, options, osDisk{})
}

func open(dir string, options Options, d disk) (*Store, error) {
	format := fmt.Sprintf("plimsoll store\nformat %d\nextractor %s\n", formatVersion, options.Extractor)
	codec, err := newCodec(format, cmp.Or(options.MaxEntryBytes, defaultMaxEntry))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	s := &Store{dir: dir, disk: d, codec: codec, touched: map[entryID]bool{}}
	for _, step := range []func() error{s.claim, s.makeFolders, s.removeTemporary} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("open store %s: %w", dir, err)
		}
	}
	return s, nil
}

// claim leaves the directory with this format's marker, and without entries of another.
func (s *Store) claim() error {
	marker := filepath.Join(s.dir, markerName)
	found, err := os.ReadFile(marker)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = s.requireEmpty()
	case err == nil && string(found) == s.codec.format:
		return nil
	case err == nil:
		err = s.wipe()
	}
	if err != nil {
		return err
	}
	// Last: as long as the old marker stands, the next start wipes again.
	return writeFile(s.disk, marker, []byte(s.codec.format), func(rename func() error) error { return rename() })
}

func (s *Store) requireEmpty() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		// A new ext4 volume has lost+found.
		if !isTemporary(e.Name()) && e.Name() != "lost+found" {
			return fmt.Errorf("%q is in it, but no file %q: this is not a store, and not empty", e.Name(), markerName)
		}
	}
	return nil
}

func (s *Store) wipe() error {
	for _, kind := range kinds {
		if err := s.disk.removeAll(filepath.Join(s.dir, kind)); err != nil {
			return err
		}
	}
	return s.disk.sync(s.dir)
}

// makeFolders makes all of them, so that an entry is durable once its own
// folder is.
func (s *Store) makeFolders() error {
	for _, kind := range kinds {
		folder := filepath.Join(s.dir, kind)
		if err := s.disk.mkdir(folder); err != nil {
			return err
		}
		for shard := range shards {
			if err := s.disk.mkdir(filepath.Join(folder, fmt.Sprintf("%x", shard))); err != nil {
				return err
			}
		}
		if err := s.disk.sync(folder); err != nil {
			return err
		}
	}
	return s.disk.sync(s.dir)
}

// removeTemporary removes what writes left that a crash cut short.
func (s *Store) removeTemporary() error {
	folders := []string{s.dir}
	for _, kind := range kinds {
		for shard := range shards {
			folders = append(folders, filepath.Join(s.dir, kind, fmt.Sprintf("%x", shard)))
		}
	}
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !isTemporary(e.Name()) {
				continue
			}
			if err := s.disk.remove(filepath.Join(folder, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
