package match

import (
	"cmp"
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Findings expands the matches of an image's components to its packages, in
// the order of packages and, in each, of ids. Of findings that share id,
// package name, version and path, the one stays whose fixed version is the
// greater string; among equal ones, that of the first package.
func Findings(packages []sbom.Package, components []Component, matches func(Subject) []Match) []Finding {
	type identity struct{ id, name, version, path string }
	kept := map[identity]int{}
	var findings []Finding
	for _, c := range components {
		for _, m := range matches(c.Subject) {
			for _, i := range c.Packages {
				p := packages[i]
				key := identity{m.ID, p.Name, p.Version, p.Path}
				f := Finding{Match: m, Package: i}
				if at, seen := kept[key]; !seen {
					kept[key] = len(findings)
					findings = append(findings, f)
				} else if f.supersedes(findings[at]) {
					findings[at] = f
				}
			}
		}
	}
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.ID, b.ID))
	})
	return findings
}

func (f Finding) supersedes(other Finding) bool {
	if f.FixedVersion != other.FixedVersion {
		return f.FixedVersion > other.FixedVersion
	}
	return f.Package < other.Package
}
