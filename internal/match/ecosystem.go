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
	"bitnami":   {normalise: strings.ToLower, ranges: bitnamiRange},
	"cargo":     {normalise: strings.ToLower, ranges: genericRange},
	"cocoapods": {normalise: unchanged, ranges: gemRange},
	"composer":  {normalise: strings.ToLower, ranges: genericRange},
	"conan":     {normalise: strings.ToLower, ranges: genericRange},
	"erlang":    {normalise: strings.ToLower, ranges: genericRange},
	"go":        {normalise: unchanged, ranges: genericRange},
	"julia":     {normalise: unchanged, ranges: genericRange},
	"k8s":       {normalise: strings.ToLower, ranges: genericRange},
	"maven":     {normalise: strings.ToLower, ranges: mavenRange},
	"npm":       {normalise: strings.ToLower, ranges: npmRange},
	"nuget":     {normalise: strings.ToLower, ranges: genericRange},
	"pip":       {normalise: normalisePip, ranges: pep440Range},
	"pub":       {normalise: strings.ToLower, ranges: genericRange},
	"rubygems":  {normalise: strings.ToLower, ranges: gemRange},
	"swift":     {normalise: normaliseSwift, ranges: genericRange},
}

// ecosystemOf names the ecosystem of each type of package. Conda's packages
// have none: they are listed, and never judged.
var ecosystemOf = map[sbom.PackageType]string{
	sbom.TypeBitnami:    "bitnami",
	sbom.TypeCocoaPods:  "cocoapods",
	sbom.TypeComposer:   "composer",
	sbom.TypeConan:      "conan",
	sbom.TypeDotNet:     "nuget",
	sbom.TypeGem:        "rubygems",
	sbom.TypeGoBinary:   "go",
	sbom.TypeHex:        "erlang",
	sbom.TypeJar:        "maven",
	sbom.TypeJulia:      "julia",
	sbom.TypeKubernetes: "k8s",
	sbom.TypeNode:       "npm",
	sbom.TypeNuGet:      "nuget",
	sbom.TypePub:        "pub",
	sbom.TypePython:     "pip",
	sbom.TypeRustBinary: "cargo",
	sbom.TypeSwift:      "swift",
}

func unchanged(name string) string { return name }

// normalisePip leaves dots alone, other than PEP 503.
func normalisePip(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// normaliseSwift keeps the case, other than most.
func normaliseSwift(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(name, "https://"), ".git")
}

// checkRanges is the judgement of libraries on a version: by the ranges that
// are vulnerable, and those that are not.
func checkRanges(within func(versions string) (bool, error)) judgement {
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
