package scan

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Directory reads the root file system that a directory holds, as if it was an
// image's only layer. It follows no symbolic link out of it. What may not be
// read, such as a file of another user, is unread in the result.
func Directory(ctx context.Context, dir string, limits sbom.Limits) (*sbom.Image, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("read directory: %w", err)
	}
	defer func() { _ = root.Close() }() // It was only read.
	reader, writer := io.Pipe()
	w := &rootWalk{ctx: ctx, root: root, tar: tar.NewWriter(writer)}
	walked := make(chan struct{})
	go func() {
		defer close(walked)
		_ = writer.CloseWithError(w.run())
	}()
	layer, err := sbom.Read(ctx, "", reader, limits)
	// Whatever Read did, the walk ends now.
	_ = reader.CloseWithError(context.Canceled)
	<-walked
	if err != nil {
		return nil, fmt.Errorf("read directory %s: %w", dir, err)
	}
	content, err := sbom.Squash(sbom.SingleLayer(), []*sbom.Layer{layer})
	if err != nil {
		return nil, fmt.Errorf("read directory %s: %w", dir, err)
	}
	content.Unread = append(content.Unread, w.unread...)
	return content, nil
}

// rootWalk writes a directory as a tar.
type rootWalk struct {
	ctx    context.Context
	root   *os.Root
	tar    *tar.Writer
	unread []sbom.Unread
}

func (w *rootWalk) run() error {
	err := fs.WalkDir(w.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if ctxErr := w.ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		if err != nil && entry != nil && entry.IsDir() {
			return w.skipDirectory(name, err)
		}
		if err != nil {
			return w.skip(name, err)
		}
		if name == "." {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return w.skip(name, err)
		}
		return w.add(name, info)
	})
	return errors.Join(err, w.tar.Close())
}

// skip notes what may not be read. What is gone since its directory was read is
// no part of the file system, and any other failure is the machine's.
func (w *rootWalk) skip(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case !errors.Is(err, fs.ErrPermission):
		return err
	}
	if wanted, database := sbom.Wants(name, 0); wanted || database {
		w.miss(name, "permission denied", database)
	}
	return nil
}

// skipDirectory notes one that may not be read: nobody knows what it holds.
func (w *rootWalk) skipDirectory(name string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		w.miss(name, "permission denied to the directory", sbom.MayHoldDatabase(name))
		return nil
	}
	return w.skip(name, err)
}

func (w *rootWalk) miss(name, message string, database bool) {
	w.unread = append(w.unread, sbom.Unread{Path: name, Reason: v1alpha1.ReasonCorruptPackageDatabase, Message: message, Database: database})
}

func (w *rootWalk) add(name string, info fs.FileInfo) error {
	link := ""
	switch info.Mode().Type() {
	case 0, fs.ModeDir:
	case fs.ModeSymlink:
		var err error
		if link, err = w.root.Readlink(name); err != nil {
			return w.skip(name, err)
		}
	default:
		return nil
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return fmt.Errorf("describe %s: %w", name, err)
	}
	header.Name = name
	if info.Mode().IsRegular() {
		return w.regular(header, info)
	}
	return w.tar.WriteHeader(header)
}

// regular writes a file, without the content that nothing would read.
func (w *rootWalk) regular(header *tar.Header, info fs.FileInfo) error {
	if wanted, _ := sbom.Wants(header.Name, info.Mode().Perm()); !wanted {
		header.Size = 0
		return w.tar.WriteHeader(header)
	}
	file, err := w.root.Open(header.Name)
	if err != nil {
		return w.skip(header.Name, err)
	}
	defer file.Close()
	if err := w.tar.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.CopyN(w.tar, file, header.Size); err != nil {
		return fmt.Errorf("read %s, which may have changed meanwhile: %w", header.Name, err)
	}
	return nil
}
