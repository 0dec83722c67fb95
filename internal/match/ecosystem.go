package match

import (
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// ecosystem is a family of language packages. The database has its records in
// all buckets whose names begin with the family's name and "::".
type ecosystem struct {
	// normalise a package's name as the database does.
	normalise func(string) string
	// ranges of the ecosystem's versions.
	ranges ranging
}

var ecosystems = map[string]ecosystem{
	"go":  {normalise: func(name string) string { return name }, ranges: genericRange},
	"npm": {normalise: strings.ToLower, ranges: npmRange},
	"pip": {normalise: normalisePip, ranges: pep440Range},
}

// ecosystemOf names the ecosystem of each type of package.
var ecosystemOf = map[sbom.PackageType]string{
	sbom.TypeGoBinary: "go",
	sbom.TypeNode:     "npm",
	sbom.TypePython:   "pip",
}

// normalisePip leaves dots alone, other than PEP 503.
func normalisePip(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// check returns the ecosystem's judgement of advisories on a version.
func (e ecosystem) check(version string) judgement {
	within := e.ranges(version)
	return func(a Advisory) (bool, error) {
		// An empty element stands for "every version".
		if slices.Contains(a.VulnerableVersions, "") || slices.Contains(a.PatchedVersions, "") {
			return true, nil
		}
		if len(a.VulnerableVersions) > 0 {
			vulnerable, err := within(union(a.VulnerableVersions))
			if err != nil || !vulnerable {
				return false, err
			}
		}
		secure := slices.Concat(a.PatchedVersions, a.UnaffectedVersions)
		if len(secure) == 0 {
			return len(a.VulnerableVersions) > 0, nil
		}
		safe, err := within(union(secure))
		return err == nil && !safe, err
	}
}

func union(ranges []string) string { return strings.Join(ranges, " || ") }

// fixedVersions returns the versions that end the vulnerability: the patched
// ones or, where the advisory names none, the excluded upper bounds.
func fixedVersions(a Advisory) string {
	fixed := a.PatchedVersions
	if len(fixed) == 0 {
		fixed = upperBounds(a.VulnerableVersions)
	}
	var distinct []string
	for _, version := range fixed {
		if !slices.Contains(distinct, version) {
			distinct = append(distinct, version)
		}
	}
	return strings.Join(distinct, ", ")
}

func upperBounds(ranges []string) []string {
	var bounds []string
	for _, r := range ranges {
		for comparison := range strings.SplitSeq(r, ",") {
			bound, less := strings.CutPrefix(strings.TrimSpace(comparison), "<")
			if less && !strings.HasPrefix(bound, "=") {
				bounds = append(bounds, strings.TrimSpace(bound))
			}
		}
	}
	return bounds
}
