package javadb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

var format = vulndb.Format{LayerType: "application/vnd.aquasec.trivy.javadb.layer.v1.tar+gzip", File: dbFile}

// DefaultLimits leave the published database, about 700 MiB compressed and 1.5 GiB
// unpacked, room to grow several times.
var DefaultLimits = vulndb.Limits{Compressed: 4 << 30, Unpacked: 16 << 30}

// Fetch puts the database that the source has into dir, in the place of one that is
// there, and returns the source's revision. Where that is known already, it
// downloads nothing. A database that Open would refuse changes nothing, nor does
// any other failure. Errors are of type *vulndb.Error, except this machine's. A
// database that is open on dir stays whole.
func Fetch(ctx context.Context, artifacts vulndb.Registry, source vulndb.Source, known image.Digest, dir string, limits vulndb.Limits) (image.Digest, error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", fmt.Errorf("fetch Java database: %w", err)
	}
	incoming := dir + ".incoming"
	if err := errors.Join(os.RemoveAll(incoming), os.Mkdir(incoming, 0o700)); err != nil {
		return "", fmt.Errorf("fetch Java database: %w", err)
	}
	defer func() { _ = os.RemoveAll(incoming) }() // What stays is removed the next time.
	revision, err := vulndb.Fetch(ctx, source, format, artifacts, known, incoming, limits)
	if err != nil {
		return "", fmt.Errorf("fetch Java database from %s: %w", source, err)
	}
	if revision == known {
		return revision, nil
	}
	opened, err := Open(incoming)
	if err != nil {
		return "", fmt.Errorf("fetch Java database from %s: %w", source, err)
	}
	if err := errors.Join(opened.Close(), os.RemoveAll(dir), os.Rename(incoming, dir)); err != nil {
		return "", fmt.Errorf("fetch Java database: %w", err)
	}
	return revision, nil
}
