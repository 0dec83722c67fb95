package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// disk has the steps by which the store changes its directory. The process may
// die between any two, and within create.
type disk interface {
	// mkdir is not an error where the directory exists.
	mkdir(path string) error
	// create writes data durably to a new file in dir and returns its path.
	create(dir string, data []byte) (string, error)
	rename(from, to string) error
	// sync makes the renames in a directory durable.
	sync(dir string) error
	remove(path string) error
	removeAll(path string) error
}

const temporaryPrefix = ".tmp-"

func isTemporary(name string) bool { return strings.HasPrefix(name, temporaryPrefix) }

// writeFile makes data the content of path, entirely or not at all: a reader
// sees the content before or the new one, also after a power cut. place runs
// the rename.
func writeFile(d disk, path string, data []byte, place func(func() error) error) error {
	dir := filepath.Dir(path)
	temporary, err := d.create(dir, data)
	if err != nil {
		return err
	}
	if err := place(func() error { return d.rename(temporary, path) }); err != nil {
		return errors.Join(about(path, err), about(path, d.remove(temporary)))
	}
	return d.sync(dir)
}

// about makes an error of a temporary file one of path: the file's name is
// another each time, and the text of the same failure must not be.
func about(path string, err error) error {
	var (
		one *fs.PathError
		two *os.LinkError
	)
	switch {
	case errors.As(err, &one):
		return &fs.PathError{Op: one.Op, Path: path, Err: one.Err}
	case errors.As(err, &two):
		return &fs.PathError{Op: two.Op, Path: path, Err: two.Err}
	}
	return err
}

type osDisk struct{}

func (osDisk) mkdir(path string) error {
	if err := os.Mkdir(path, 0o700); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (osDisk) create(dir string, data []byte) (string, error) {
	f, err := os.CreateTemp(dir, temporaryPrefix)
	if err != nil {
		return "", about(dir, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(about(dir, err), about(dir, f.Close())); err != nil {
		return "", errors.Join(err, about(dir, os.Remove(f.Name())))
	}
	return f.Name(), nil
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) sync(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (osDisk) remove(path string) error    { return os.Remove(path) }
func (osDisk) removeAll(path string) error { return os.RemoveAll(path) }
