package sbom

import (
	"context"
	"errors"
	"io"
)

// source is the stream, buffered, bounded in bytes and by its context. It
// remembers its error, since parsers between it and Read may hide it.
type source struct {
	ctx   context.Context
	r     io.Reader
	limit int64
	read  int64
	err   error

	buffer []byte
	// ready is what is in the buffer and was not given out.
	ready []byte
	at    int64
}

const bufferBytes = 64 << 10

func newSource(ctx context.Context, r io.Reader, limit int64) *source {
	return &source{ctx: ctx, r: r, limit: limit, buffer: make([]byte, bufferBytes)}
}

var _ io.ReadSeeker = (*source)(nil)

func (s *source) Read(p []byte) (int, error) {
	if len(s.ready) == 0 {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.ready)
	s.skip(n)
	return n, nil
}

// fill returns an error, which may be io.EOF, only where there is nothing to give out.
func (s *source) fill() error {
	if s.err == nil && s.ctx.Err() != nil {
		s.err = context.Cause(s.ctx)
	}
	if s.err != nil {
		return s.err
	}
	n, err := s.r.Read(s.buffer)
	if s.read += int64(n); s.read > s.limit {
		n, err = 0, exceeded("bytes", s.limit)
	}
	s.ready = s.buffer[:n]
	if err != nil && err != io.EOF {
		s.err = err
	}
	if n == 0 {
		return err
	}
	return nil
}

func (s *source) skip(n int) {
	s.ready = s.ready[n:]
	s.at += int64(n)
}

// Seek goes forward. The tar reader asks for it at files that nobody reads: it
// saves to copy what is in them.
func (s *source) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || offset < 0 {
		return s.at, errors.ErrUnsupported
	}
	for offset > 0 {
		if len(s.ready) == 0 {
			if err := s.fill(); err == io.EOF {
				break // As if it was a file: the next read finds its end.
			} else if err != nil {
				return s.at, err
			}
		}
		n := min(offset, int64(len(s.ready)))
		s.skip(int(n))
		offset -= n
	}
	return s.at, nil
}

// drain reads to the end.
func (s *source) drain() error {
	for {
		s.skip(len(s.ready))
		if err := s.fill(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
