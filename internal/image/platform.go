package image

import (
	"fmt"
	"strings"
)

// Platform of an image or a node, in the terms of the OCI image specification.
type Platform struct {
	OS           string
	Architecture string
	// Variant of the architecture, such as v8 of arm64. Often empty.
	Variant string
}

// ParsePlatform parses os/architecture[/variant].
func ParsePlatform(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return Platform{}, fmt.Errorf("parse platform %.80q: want os/architecture or os/architecture/variant", s)
	}
	for _, part := range parts {
		if part == "" {
			return Platform{}, fmt.Errorf("parse platform %.80q: empty part", s)
		}
	}
	p := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}
