package vulndb

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// unpack writes the two files of a database layer to dir. It fails where the
// layer holds anything else, is larger than it says, or does not have its digest.
func (f Format) unpack(dir string, blob io.Reader, l Layer, limits Limits) error {
	transport := &transport{from: blob}
	hash := sha256.New()
	// One byte more than announced, so that a longer blob shows.
	compressed := io.TeeReader(io.LimitReader(transport, l.Size+1), hash)
	err := f.untar(dir, compressed, limits)
	if err == nil {
		_, err = io.Copy(io.Discard, compressed)
	}
	// An error behind the last byte is that of a reader that verifies.
	if transport.err != nil && transport.read < l.Size {
		return unavailable("read layer", transport.err)
	}
	if transport.err == nil && err != nil {
		return err
	}
	if transport.read != l.Size {
		return invalidf("layer is not of the %d bytes that the manifest says", l.Size)
	}
	if got := image.Digest("sha256:" + hex.EncodeToString(hash.Sum(nil))); got != l.Digest {
		return invalidf("layer has digest %s, want %s", got, l.Digest)
	}
	return err
}

// transport keeps what the reader below did, so that a broken connection is
// told from a broken archive.
type transport struct {
	from io.Reader
	read int64
	err  error
}

func (t *transport) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	t.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return n, err
}

func (f Format) untar(dir string, compressed io.Reader, limits Limits) error {
	zipped, err := gzip.NewReader(compressed)
	if err != nil {
		return invalidf("unpack layer: %w", err)
	}
	caps := map[string]int64{f.File: limits.Unpacked, metadataFile: maxMetadataBytes}
	archive := tar.NewReader(zipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return invalidf("unpack layer: %w", err)
		}
		name := path.Clean(header.Name)
		limit, expected := caps[name]
		if !expected || header.Typeflag != tar.TypeReg {
			return invalidf("layer holds %.100q, want the files %s and %s, once each", header.Name, f.File, metadataFile)
		}
		delete(caps, name)
		if err := writeFile(filepath.Join(dir, name), archive, limit); err != nil {
			return err
		}
	}
	for name := range caps {
		return invalidf("layer lacks %s", name)
	}
	return nil
}

// writeFile writes at most limit bytes to a new file, and to the disk.
func writeFile(name string, from io.Reader, limit int64) (err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write database: %w", err)
	}
	defer func() {
		if closeErr := file.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("write database: %w", closeErr)
		}
	}()
	source := &transport{from: from}
	written, err := io.Copy(file, io.LimitReader(source, limit+1))
	switch {
	case source.err != nil:
		return invalidf("unpack %s: %w", filepath.Base(name), source.err)
	case err != nil:
		return fmt.Errorf("write database: %w", err)
	case written > limit:
		return tooLarge(filepath.Base(name), limit)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("write database: %w", err)
	}
	return nil
}
