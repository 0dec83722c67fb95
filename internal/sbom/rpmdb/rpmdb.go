package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Content is that of a file.
type Content struct {
	io.ReaderAt
	// Size in bytes.
	Size int64
}

// maxHeader is the size of a package's header in bytes. A package with 100,000
// files has one of about 10 MiB.
const maxHeader = 32 << 20

var errUnknown = errors.New("not a database of rpm's")

// Read calls each for every package of a database. wal is the write-ahead log
// of a SQLite database, or empty. It ends early where each returns an error.
// Packages that come before a fault have been given to each.
func Read(db, wal Content, each func(*Package) error) error {
	headers := func(blob []byte) error {
		p, err := parseHeader(blob)
		if err != nil {
			return err
		}
		return each(p)
	}
	s := &store{Content: db, left: db.Size + wal.Size, each: headers}
	head, err := s.read(0, min(db.Size, 512))
	if err != nil {
		return err
	}
	switch {
	case isSQLite(head) || db.Size == 0 && wal.Size > 0:
		return s.readSQLite(wal)
	case isNDB(head):
		return s.readNDB(head)
	case berkeleyOrder(head) != nil:
		return s.readBerkeley(head)
	}
	return errUnknown
}

// store is a database that is being read.
type store struct {
	Content
	// left are the bytes that headers may still have. Each byte of the content
	// is in one header at most: a database that says otherwise is hostile.
	left int64
	each func(blob []byte) error
}

// read reads n bytes, all of which the content must have.
func (s *store) read(offset, n int64) ([]byte, error) {
	if offset < 0 || n < 0 || offset > s.Size-n {
		return nil, fmt.Errorf("%d bytes at offset %d: past the end", n, offset)
	}
	b := make([]byte, n)
	if _, err := s.ReadAt(b, offset); err != nil && err != io.EOF {
		return nil, fmt.Errorf("%d bytes at offset %d: %w", n, offset, err)
	}
	return b, nil
}

// take accounts for a header before it gets its memory.
func (s *store) take(n int64) error {
	if n < 0 || n > maxHeader {
		return fmt.Errorf("a header of %d bytes, which is more than %d", n, maxHeader)
	}
	if s.left -= n; s.left < 0 {
		return errors.New("headers overlap")
	}
	return nil
}

var (
	little = binary.LittleEndian
	big    = binary.BigEndian
)
