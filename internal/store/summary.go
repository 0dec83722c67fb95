package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// PutSummary keeps beside a stored image what is to be known of it at every
// start, so that the image itself need not be read. rules is the version of
// what made the summary, a line of text.
func (s *Store) PutSummary(manifest image.Digest, rules string, summary []byte) error {
	if strings.Contains(rules, "\n") {
		return fmt.Errorf("store summary of image %s: %q is more than a line", manifest, rules)
	}
	if err := s.putDigest(kindSummary, manifest, append([]byte(rules+"\n"), summary...)); err != nil {
		return fmt.Errorf("store summary of image %s: %w", manifest, err)
	}
	return nil
}

// Summary returns what PutSummary kept of an image that is stored. It is an
// ErrNotFound where other rules made it.
func (s *Store) Summary(manifest image.Digest, rules string) ([]byte, error) {
	summary, err := s.summary(manifest, rules)
	if err != nil {
		return nil, fmt.Errorf("read summary of image %s: %w", manifest, err)
	}
	return summary, nil
}

func (s *Store) summary(manifest image.Digest, rules string) ([]byte, error) {
	kept, err := getDigest[[]byte](s, kindSummary, manifest)
	if err != nil {
		return nil, err
	}
	made, summary, _ := bytes.Cut(*kept, []byte("\n"))
	if string(made) != rules {
		return nil, ErrNotFound
	}
	// Who reads the summary will want the image, too.
	s.touch(kindImage, manifest.Hex())
	if _, err := os.Stat(s.path(kindImage, manifest.Hex())); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	} else if err != nil {
		return nil, err
	}
	return summary, nil
}
