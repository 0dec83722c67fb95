package sbom

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path"
	"time"
	"unicode"
	"unicode/utf8"

	scalibr "github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/log"
)

// scalibr logs through one variable for the whole process. Silent, since an
// image's content does not belong in the operator's log, and its errors are returned.
func init() { log.SetLogger(silent{}) }

type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Error(...any)          {}
func (silent) Warnf(string, ...any)  {}
func (silent) Warn(...any)           {}
func (silent) Infof(string, ...any)  {}
func (silent) Info(...any)           {}
func (silent) Debugf(string, ...any) {}
func (silent) Debug(...any)          {}

// extractText runs one of scalibr's extractors on the content of a file. It
// returns what could be read, also beside an error.
func extractText(ctx context.Context, x filesystem.Extractor, name string, content []byte) ([]*scalibr.Package, error) {
	file := &memFile{Reader: bytes.NewReader(content), name: path.Base(name)}
	found, err := x.Extract(ctx, &filesystem.ScanInput{FS: memFS{name, content}, Path: name, Info: file, Reader: file})
	return found.Packages, err
}

// newExtractor makes one of scalibr's extractors, which fail on none of our settings.
func newExtractor(x filesystem.Extractor, err error) filesystem.Extractor {
	if err != nil {
		panic(fmt.Sprintf("make an extractor: %v", err))
	}
	return x
}

// legible says whether all are short and free of control characters, as every
// real name and version is.
func legible(values ...string) bool {
	for _, v := range values {
		if len(v) > maxField || !utf8.ValidString(v) {
			return false
		}
		for _, r := range v {
			if unicode.IsControl(r) {
				return false
			}
		}
	}
	return true
}

// memFS holds one file.
type memFS struct {
	name    string
	content []byte
}

func (m memFS) Open(name string) (fs.File, error) {
	if name != m.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memFile{Reader: bytes.NewReader(m.content), name: path.Base(m.name)}, nil
}

func (m memFS) Stat(name string) (fs.FileInfo, error) {
	file, err := m.Open(name)
	if err != nil {
		return nil, err
	}
	return file.Stat()
}

func (m memFS) ReadDir(name string) ([]fs.DirEntry, error) {
	return nil, &fs.PathError{Op: "read directory", Path: name, Err: fs.ErrNotExist}
}

// memFile is the file, open, and its description.
type memFile struct {
	*bytes.Reader
	name string
}

func (f *memFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *memFile) Close() error               { return nil }
func (f *memFile) Name() string               { return f.name }
func (f *memFile) Mode() fs.FileMode          { return 0o444 }
func (f *memFile) ModTime() time.Time         { return time.Time{} }
func (f *memFile) IsDir() bool                { return false }
func (f *memFile) Sys() any                   { return nil }
