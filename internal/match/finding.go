package match

import (
	"cmp"
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Identity tells packages apart as Trivy's list of findings does: by type, name,
// version and path, and by architecture where its package id has that, which is
// RPM's alone.
type Identity struct {
	Type                      sbom.PackageType
	Name, Version, Path, Arch string
}

// IdentityOf a package.
func IdentityOf(p sbom.Package) Identity {
	id := Identity{Type: p.Type, Name: p.Name, Version: p.Version, Path: p.Path}
	if p.Type == sbom.TypeRPM {
		id.Arch = p.Arch
	}
	return id
}

// Findings expands the matches of an image's components to its packages, in
// the order of packages and, in each, of ids. Of findings that share id and
// package identity, the one stays whose fixed version is the greater string;
// among equal ones, that of the first package.
func Findings(packages []sbom.Package, components []Component, matches func(Subject) []Match) []Finding {
	type identity struct {
		id  string
		pkg Identity
	}
	kept := map[identity]int{}
	var findings []Finding
	for _, c := range components {
		for _, m := range matches(c.Subject) {
			for _, i := range c.Packages {
				key := identity{m.ID, IdentityOf(packages[i])}
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
