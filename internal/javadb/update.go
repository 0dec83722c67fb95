package javadb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// Update is Fetch from the first of several sources that has a good database. It
// notes the revision beside dir, so that no process fetches the same one again,
// and returns whether dir holds another database than before.
func Update(ctx context.Context, artifacts vulndb.Registry, sources []vulndb.Source, dir string, limits vulndb.Limits) (changed bool, err error) {
	note := dir + ".revision"
	known, err := noted(dir, note)
	if err != nil {
		return false, fmt.Errorf("read the revision of the Java database: %w", err)
	}
	var failures []error
	for _, source := range sources {
		revision, err := Fetch(ctx, artifacts, source, known, dir, limits)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if revision == known {
			return false, nil
		}
		if err := os.WriteFile(note, []byte(revision), 0o600); err != nil {
			return true, fmt.Errorf("note the revision of the Java database: %w", err)
		}
		return true, nil
	}
	return false, errors.Join(failures...)
}

// noted is the revision of the database in dir; it is empty where there is none.
func noted(dir, note string) (image.Digest, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	revision, err := os.ReadFile(note)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return image.Digest(revision), err
}
