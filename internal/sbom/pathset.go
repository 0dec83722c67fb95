package sbom

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// PathSet is a sorted set of paths, kept as 64-bit hashes: a layer may have a
// million paths, and only the question whether one is among them is ever asked.
type PathSet []uint64

// hashPath is FNV-1a. Stored layers depend on it.
func hashPath(path string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(path) {
		h = (h ^ uint64(path[i])) * 1099511628211
	}
	return h
}

// add leaves the set unsorted; sort must follow the last add.
func (s *PathSet) add(path string) { *s = append(*s, hashPath(path)) }

func (s *PathSet) sort() {
	slices.Sort(*s)
	*s = slices.Clip(slices.Compact(*s))
}

func (s PathSet) has(path string) bool {
	_, found := slices.BinarySearch(s, hashPath(path))
	return found
}

// MarshalText implements encoding.TextMarshaler.
func (s PathSet) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 8*len(s))
	for _, h := range s {
		raw = binary.LittleEndian.AppendUint64(raw, h)
	}
	return base64.RawStdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *PathSet) UnmarshalText(text []byte) error {
	raw, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("decode a set of paths: %w", err)
	}
	if len(raw)%8 != 0 {
		return errors.New("decode a set of paths: not a multiple of 8 bytes")
	}
	*s = make(PathSet, 0, len(raw)/8)
	for ; len(raw) > 0; raw = raw[8:] {
		*s = append(*s, binary.LittleEndian.Uint64(raw))
	}
	if !slices.IsSorted(*s) {
		return errors.New("decode a set of paths: not sorted")
	}
	return nil
}
