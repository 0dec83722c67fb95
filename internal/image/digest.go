package image

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Digest of a manifest, index, configuration or layer: "sha256:" and 64
// lower-case hexadecimal digits.
type Digest string

const digestPrefix = "sha256:"

// ParseDigest returns s as a Digest, or an error that quotes it.
func ParseDigest(s string) (Digest, error) {
	digits, ok := strings.CutPrefix(s, digestPrefix)
	if !ok || len(digits) != 64 || strings.ToLower(digits) != digits {
		return "", fmt.Errorf("parse digest %.80q: want sha256: and 64 lower-case hexadecimal digits", s)
	}
	if _, err := hex.DecodeString(digits); err != nil {
		return "", fmt.Errorf("parse digest %.80q: %w", s, err)
	}
	return Digest(s), nil
}

// Hex returns the digits after "sha256:".
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), digestPrefix) }

func (d Digest) String() string { return string(d) }
