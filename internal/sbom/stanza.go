package sbom

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxLine is how much of a line is looked at, and maxField the longest value
// that is kept, in bytes.
const (
	maxLine  = 64 << 10
	maxField = 4 << 10
)

var errNoField = errors.New("a line is not a field")

// scanFields calls each for every "key:value" line of stanzas that empty lines
// part, and with an empty key at the end of each stanza. Lines that continue
// another are left out. It ends early where each returns an error.
func scanFields(r io.Reader, each func(key, value string) error) error {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		text := strings.TrimRight(string(line), "\r\n")
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return err
		}
		if fieldErr := field(text, each); fieldErr != nil {
			return fieldErr
		}
		if err == io.EOF {
			return each("", "")
		}
	}
}

func field(line string, each func(key, value string) error) error {
	if strings.TrimSpace(line) == "" {
		return each("", "")
	}
	if line[0] == ' ' || line[0] == '\t' {
		return nil
	}
	key, value, ok := strings.Cut(line, ":")
	if !ok || key == "" {
		return fmt.Errorf("%w: %.80q", errNoField, line)
	}
	return each(key, value)
}

// sieve keeps of stanzas only the wanted fields, each once. The parsers behind
// it hold a whole stanza, and all packages, in memory; behind it that is little
// whatever the file holds.
type sieve struct {
	wanted []string
	// limit of stanzas.
	limit   int
	stanzas int
	seen    []string
	kept    bytes.Buffer
}

func (s *sieve) field(key, value string) error {
	if key == "" {
		return s.endStanza()
	}
	if !slices.Contains(s.wanted, key) || slices.Contains(s.seen, key) {
		return nil
	}
	if len(value) > maxField {
		return fmt.Errorf("field %s is longer than %d bytes", key, maxField)
	}
	s.seen = append(s.seen, key)
	fmt.Fprintf(&s.kept, "%s:%s\n", key, value)
	return nil
}

func (s *sieve) endStanza() error {
	if len(s.seen) == 0 {
		return nil
	}
	s.seen = s.seen[:0]
	s.kept.WriteByte('\n')
	if s.stanzas++; s.stanzas > s.limit {
		return &tooLarge{what: "packages", limit: int64(s.limit)}
	}
	return nil
}
