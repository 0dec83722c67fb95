package registry

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const (
	// maxArchiveEntries of a tar that holds images: their layers, not the files in those.
	maxArchiveEntries = 100_000
	// maxArchiveBytes of an archive that is compressed as a whole, uncompressed.
	maxArchiveBytes = 64 << 30
	maxArchiveLinks = 8
)

// OpenArchive opens an OCI layout, as a directory or a tar, or a tar of docker
// save. A tar that is compressed is uncompressed to a private temporary file.
// The error is an *Error.
func OpenArchive(ctx context.Context, name string) (*Archive, error) {
	files, err := openFiles(ctx, name)
	if err != nil {
		return nil, archiveError(name, err)
	}
	return &Archive{name: name, files: files}, nil
}

func openFiles(ctx context.Context, name string) (archiveFiles, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, pathCause(err)
	}
	if info.IsDir() {
		root, err := os.OpenRoot(name)
		if err != nil {
			return nil, pathCause(err)
		}
		return dirFiles{root}, nil
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is neither a file nor a directory")
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, pathCause(err)
	}
	return openTar(ctx, file)
}

// tarSource is a file that holds a tar.
type tarSource interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// openTar takes over the file, and closes it if it fails.
func openTar(ctx context.Context, file tarSource) (archiveFiles, error) {
	plain, err := uncompressed(ctx, file)
	if err == nil {
		var files *tarFiles
		if files, err = indexTar(ctx, plain); err == nil {
			return files, nil
		}
		plain.Close()
	}
	file.Close()
	return nil, err
}

// pathCause leaves out the path, which the error names already.
func pathCause(err error) error {
	var failure *fs.PathError
	if errors.As(err, &failure) {
		return failure.Err
	}
	return err
}

// uncompressed returns the file itself or, where it is compressed, a private
// temporary one without a name, and closes the former.
func uncompressed(ctx context.Context, file tarSource) (tarSource, error) {
	head := make([]byte, len(zstdMagic))
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read its beginning: %w", pathCause(err))
	}
	if !startsAs(head[:n], gzipMagic, zstdMagic) {
		return file, nil
	}
	plain, closePlain, err := decompress(head, file)
	if err != nil {
		return nil, badCompression(err)
	}
	defer closePlain()
	spool, err := os.CreateTemp("", "plimsoll-*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	// It has no name any more when it gets its first byte: nothing is left behind.
	err = os.Remove(spool.Name())
	if err == nil {
		err = fill(ctx, spool, plain)
	}
	if err != nil {
		spool.Close()
		return nil, err
	}
	file.Close()
	return spool, nil
}

func decompress(head []byte, file io.Reader) (io.Reader, func(), error) {
	if startsAs(head, gzipMagic) {
		plain, err := gzip.NewReader(file)
		return plain, func() {}, err
	}
	plain, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, nil, err
	}
	return plain, plain.Close, nil
}

func fill(ctx context.Context, spool io.Writer, plain io.Reader) error {
	source := &attentive{ctx: ctx, r: plain}
	n, err := io.Copy(spool, io.LimitReader(source, maxArchiveBytes+1))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case source.err != nil:
		return badCompression(source.err)
	case err != nil:
		return fmt.Errorf("uncompress it to a temporary file: %w", err)
	case n > maxArchiveBytes:
		return failf(v1alpha1.ReasonLimitExceeded, "uncompressed it has more than %d bytes", int64(maxArchiveBytes))
	}
	return nil
}

func badCompression(err error) error {
	return failf(v1alpha1.ReasonTruncatedLayer, "it cannot be uncompressed: %w", err)
}

// attentive reads until its context ends, and keeps the error of r, so that it
// can be told from a writer's.
type attentive struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (a *attentive) Read(p []byte) (int, error) {
	if err := a.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := a.r.Read(p)
	if err != nil && err != io.EOF {
		a.err = err
	}
	return n, err
}

// dirFiles are those of a directory, out of which no symbolic link leads.
type dirFiles struct{ root *os.Root }

func (d dirFiles) open(name string) (io.ReadCloser, int64, error) {
	file, err := d.root.Open(clean(name))
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%.200q is not a regular file", name)
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (d dirFiles) Close() error { return d.root.Close() }

// tarFiles are those of a tar, by their place in it.
type tarFiles struct {
	file  tarSource
	parts map[string]part
	links map[string]string
}

type part struct{ offset, size int64 }

// indexTar notes where the files of a tar are. It reads headers alone.
func indexTar(ctx context.Context, file tarSource) (*tarFiles, error) {
	files := &tarFiles{file: file, parts: map[string]part{}, links: map[string]string{}}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read it: %w", pathCause(err))
	}
	archive := tar.NewReader(file)
	for entries := 0; ; entries++ {
		header, err := archive.Next()
		switch {
		case err == io.EOF:
			return files, nil
		case entries == 0 && errors.Is(err, tar.ErrHeader):
			return nil, failf(v1alpha1.ReasonNotAnImage, "it is not a tar archive")
		case err != nil && !errors.Is(err, tar.ErrInsecurePath):
			return nil, failf(v1alpha1.ReasonTruncatedLayer, "it is a damaged tar archive: %w", err)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case entries == maxArchiveEntries:
			return nil, failf(v1alpha1.ReasonLimitExceeded, "it has more than %d entries", maxArchiveEntries)
		}
		if err := files.note(header); err != nil {
			return nil, err
		}
	}
}

// note keeps the place of an entry: tar reads no further ahead than its header.
func (t *tarFiles) note(header *tar.Header) error {
	name := clean(header.Name)
	switch header.Typeflag {
	case tar.TypeReg:
		if hasSparseParts(header.PAXRecords) {
			return nil
		}
		offset, err := t.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return fmt.Errorf("read it: %w", pathCause(err))
		}
		delete(t.links, name)
		t.parts[name] = part{offset, header.Size}
	case tar.TypeSymlink:
		delete(t.parts, name)
		t.links[name] = linkTarget(name, header.Linkname)
	case tar.TypeLink:
		delete(t.parts, name)
		t.links[name] = clean(header.Linkname)
	}
	return nil
}

func (t *tarFiles) open(name string) (io.ReadCloser, int64, error) {
	name = clean(name)
	for range maxArchiveLinks {
		target, linked := t.links[name]
		if !linked {
			break
		}
		name = target
	}
	found, ok := t.parts[name]
	if !ok {
		return nil, 0, fmt.Errorf("%.200q: %w", name, fs.ErrNotExist)
	}
	return io.NopCloser(io.NewSectionReader(t.file, found.offset, found.size)), found.size, nil
}

func (t *tarFiles) Close() error { return t.file.Close() }
