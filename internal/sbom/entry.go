package sbom

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/plimsoll-dev/plimsoll/internal/sbom/rpmdb"
)

// entry is a regular file of a layer while its turn lasts.
type entry struct {
	ctx    context.Context
	path   string
	size   int64
	limits Limits
	body   io.Reader
	// memory is lent by the walk, to be used again by the next entry.
	memory *bytes.Buffer
	spool  *os.File
	// held is a file of the same layer that came before.
	held *held
	// of is the path that what is read belongs to, where it is not path.
	of string
	// err is a failure of this machine, not of the image: it ends the reading.
	err error
}

// text is the content as a stream, if it is not larger than limit.
func (e *entry) text(limit int64) (io.Reader, error) {
	if e.size > limit {
		return nil, &tooLarge{what: "bytes", limit: limit}
	}
	return e.body, nil
}

// startsWith says whether one of the prefixes begins the content. It leaves the
// content as it was.
func (e *entry) startsWith(prefixes ...string) (bool, error) {
	head := make([]byte, min(4, e.size))
	if _, err := io.ReadFull(e.body, head); err != nil {
		return false, fmt.Errorf("read the first bytes: %w", err)
	}
	e.body = io.MultiReader(bytes.NewReader(head), e.body)
	for _, p := range prefixes {
		if bytes.HasPrefix(head, []byte(p)) {
			return true, nil
		}
	}
	return false, nil
}

// random is the content for reading in any order, if it is not larger than limit.
func (e *entry) random(limit int64) (io.ReaderAt, error) {
	if e.size > limit {
		return nil, &tooLarge{what: "bytes", limit: limit}
	}
	if e.size > e.limits.MemoryBytes {
		return e.spooled()
	}
	e.memory.Reset()
	if _, err := io.Copy(e.memory, e.body); err != nil {
		return nil, fmt.Errorf("read the content: %w", err)
	}
	return patient{e.ctx, bytes.NewReader(e.memory.Bytes())}, nil
}

// spooled puts the content into a file that has no name any more when it gets
// its first byte: nothing is left behind, whatever happens.
func (e *entry) spooled() (io.ReaderAt, error) {
	file, err := os.CreateTemp("", "plimsoll-*")
	if err != nil {
		e.err = fmt.Errorf("spool %.200q: %w", e.path, err)
		return nil, e.err
	}
	e.spool = file
	if err := os.Remove(file.Name()); err != nil {
		e.err = fmt.Errorf("spool %.200q: %w", e.path, err)
		return nil, e.err
	}
	body := &remembering{r: e.body}
	if _, err := io.Copy(file, body); err != nil {
		err = fmt.Errorf("spool %.200q: %w", e.path, err)
		if body.err == nil {
			e.err = err
		}
		return nil, err
	}
	return patient{e.ctx, file}, nil
}

// held is a file whose content is kept, spooled, for one that follows it.
type held struct {
	rpmdb.Content
	path string
	file *os.File
}

func (h *held) close() {
	if h.file != nil {
		_ = h.file.Close()
	}
	*h = held{}
}

// hold is the content for reading in any order, which stays until the end of
// the layer, or until another is held.
func (e *entry) hold(limit int64) (rpmdb.Content, error) {
	if e.size > limit {
		return rpmdb.Content{}, &tooLarge{what: "bytes", limit: limit}
	}
	content, err := e.spooled()
	if err != nil {
		return rpmdb.Content{}, err
	}
	e.held.close()
	*e.held = held{Content: rpmdb.Content{ReaderAt: content, Size: e.size}, path: e.path, file: e.spool}
	e.spool = nil
	return e.held.Content, nil
}

func (e *entry) close() {
	if e.spool != nil {
		_ = e.spool.Close()
	}
}

// remembering keeps the error of r, so that it can be told from a writer's.
type remembering struct {
	r   io.Reader
	err error
}

func (s *remembering) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// patient reads until its context ends, so that a parser ends then, too.
type patient struct {
	ctx context.Context
	r   io.ReaderAt
}

func (p patient) ReadAt(b []byte, off int64) (int, error) {
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	return p.r.ReadAt(b, off)
}
