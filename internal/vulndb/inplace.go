package vulndb

import (
	"context"
	"os"
	"path/filepath"
)

// IsLayout says whether the directory is an OCI layout, which an Updater
// unpacks, and not one that holds a database's two files.
func IsLayout(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, layoutFile))
	return err == nil
}

// OpenDirectory opens the database whose two files are in dir where they are,
// for one use: nobody may replace them before it is closed.
func OpenDirectory(ctx context.Context, dir string) (*Current, error) {
	opened, err := Open(dir)
	if err != nil {
		return nil, err
	}
	revision, err := directory{path: dir, file: trivyDB.File}.revision(ctx)
	if err != nil {
		_ = opened.Close() // It was only read.
		return nil, err
	}
	return &Current{Revision: revision, Source: dir, DB: opened}, nil
}
