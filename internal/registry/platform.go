package registry

import (
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// preferred lists the platforms that a node of platform p runs, best first, in
// the order in which containerd takes them: older variants of the same
// architecture, then the 32-bit one that it also runs.
func preferred(p image.Platform) []image.Platform {
	p = normal(p)
	list := []image.Platform{p}
	add := func(architecture string, variants ...string) {
		for _, variant := range variants {
			candidate := image.Platform{OS: p.OS, Architecture: architecture, Variant: variant}
			if !slices.Contains(list, candidate) {
				list = append(list, candidate)
			}
		}
	}
	switch p.Architecture {
	case "amd64":
		add("amd64", older(p.Variant, "v4", "v3", "v2", "v1")...)
		add("386", "")
	case "arm64":
		if strings.HasPrefix(p.Variant, "v9") {
			add("arm64", "v8")
		}
		add("arm", "v8", "v7", "v6", "v5")
	case "arm":
		add("arm", older(p.Variant, "v8", "v7", "v6", "v5")...)
	}
	return list
}

// older returns the variants from the given one on, newest first.
func older(variant string, newestFirst ...string) []string {
	if i := slices.Index(newestFirst, variant); i >= 0 {
		return newestFirst[i:]
	}
	return nil
}

var architectureNames = map[string]string{
	"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "i386": "386",
}

// usualVariants are meant where an architecture is named without one.
var usualVariants = map[string]string{"amd64": "v1", "arm64": "v8", "arm": "v7"}

// normal spells out the variant where an architecture has a usual one, and takes common names for their proper one.
func normal(p image.Platform) image.Platform {
	p.OS = strings.ToLower(p.OS)
	p.Architecture = strings.ToLower(p.Architecture)
	p.Variant = strings.ToLower(p.Variant)
	if name, ok := architectureNames[p.Architecture]; ok {
		p.Architecture = name
	}
	if p.Variant == "" {
		p.Variant = usualVariants[p.Architecture]
	}
	if strings.HasPrefix(p.Architecture, "arm") && !strings.HasPrefix(p.Variant, "v") {
		p.Variant = "v" + p.Variant
	}
	return p
}

func platformOf(p *v1.Platform) image.Platform {
	return normal(image.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant})
}

// runs says whether a node of platform p runs an image for the platform of.
func runs(p, of image.Platform) bool { return slices.Contains(preferred(p), normal(of)) }
