package recipe

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Created is the time of every file and image, so that digests do not change.
var Created = time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)

// File is one entry of a layer. Its zero type is that of a regular file.
type File struct {
	// Path has no leading slash.
	Path string
	Body []byte
	// Mode is 0644 where it is 0, and 0755 for a directory.
	Mode int64
	// Type is one of archive/tar's.
	Type byte
	// Target of a symbolic or a hard link.
	Target string
}

// Text is a file that holds body.
func Text(name, body string) File { return File{Path: name, Body: []byte(body)} }

// Program is a file that may be executed.
func Program(name string, body []byte) File { return File{Path: name, Body: body, Mode: 0o755} }

// Dir is a directory.
func Dir(name string) File { return File{Path: name + "/", Type: tar.TypeDir, Mode: 0o755} }

// Symlink is a symbolic link to target.
func Symlink(name, target string) File {
	return File{Path: name, Type: tar.TypeSymlink, Target: target, Mode: 0o777}
}

// Hardlink is a second name of the file target, a path within the image.
func Hardlink(name, target string) File {
	return File{Path: name, Type: tar.TypeLink, Target: target}
}

// Whiteout removes what lower layers hold under name.
func Whiteout(name string) File {
	dir, base := path.Split(name)
	return File{Path: dir + ".wh." + base}
}

// Opaque removes everything that lower layers hold inside the directory dir.
func Opaque(dir string) File { return File{Path: path.Join(dir, ".wh..wh..opq")} }

// Layer packs the files, in their order, into a gzipped layer.
func Layer(files ...File) (v1.Layer, error) {
	return pack(func(w *tar.Writer) error {
		for _, f := range files {
			if err := f.write(w); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f File) write(w *tar.Writer) error {
	header := &tar.Header{
		Name:     f.Path,
		Typeflag: cmp.Or(f.Type, tar.TypeReg),
		Mode:     cmp.Or(f.Mode, 0o644),
		Linkname: f.Target,
		Size:     int64(len(f.Body)),
		ModTime:  Created,
	}
	if err := w.WriteHeader(header); err != nil {
		return fmt.Errorf("pack %s: %w", f.Path, err)
	}
	if _, err := w.Write(f.Body); err != nil {
		return fmt.Errorf("pack %s: %w", f.Path, err)
	}
	return nil
}

// pack keeps only the compressed bytes of what fill writes, however much it is.
func pack(fill func(*tar.Writer) error) (v1.Layer, error) {
	var compressed bytes.Buffer
	zipped := gzip.NewWriter(&compressed)
	content := sha256.New()
	archive := tar.NewWriter(io.MultiWriter(zipped, content))
	if err := fill(archive); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("close layer: %w", err)
	}
	if err := zipped.Close(); err != nil {
		return nil, fmt.Errorf("compress layer: %w", err)
	}
	return newLayer(compressed.Bytes(), content.Sum(nil)), nil
}

// layer is held compressed. Its diff ID is what it claims to hold: that a
// hostile layer holds something else is the point of it.
type layer struct {
	compressed     []byte
	digest, diffID v1.Hash
}

var _ v1.Layer = (*layer)(nil)

func newLayer(compressed, contentSum []byte) *layer {
	sum := sha256.Sum256(compressed)
	return &layer{compressed: compressed, digest: hash(sum[:]), diffID: hash(contentSum)}
}

func hash(sum []byte) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum)} }

func (l *layer) Digest() (v1.Hash, error)            { return l.digest, nil }
func (l *layer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l *layer) Size() (int64, error)                { return int64(len(l.compressed)), nil }
func (l *layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
func (l *layer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.compressed)), nil
}
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	return gzip.NewReader(bytes.NewReader(l.compressed))
}
