package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// PutBases keeps the builds of a repository that others may be built on, instead
// of those before.
func (s *Store) PutBases(repository string, builds []Base) error {
	if err := s.put(kindBases, basesName(repository), bases{Repository: repository, Bases: builds}); err != nil {
		return fmt.Errorf("store the bases of %s: %w", repository, err)
	}
	return nil
}

// Bases returns what PutBases kept of a repository, or an ErrNotFound.
func (s *Store) Bases(repository string) ([]Base, error) {
	name := basesName(repository)
	s.touch(kindBases, name)
	kept, err := get[bases](s, kindBases, name)
	if err != nil {
		return nil, fmt.Errorf("read the bases of %s: %w", repository, err)
	}
	return kept.Bases, nil
}

func basesName(repository string) string {
	sum := sha256.Sum256([]byte(repository))
	return hex.EncodeToString(sum[:])
}
