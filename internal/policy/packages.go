package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// checkPackages judges what is installed: packages by name, source and kind, programs by kind.
func checkPackages(t *trial, rule v1alpha1.Rule) outcome {
	r := rule.Packages
	if r == nil || len(r.Denied)+len(r.DeniedSources)+len(r.DeniedKinds) == 0 {
		return failed("the rule sets none of packages.denied, packages.deniedSources and packages.deniedKinds")
	}
	if err := validatePatterns(r.Denied); err != nil {
		return failed(fmt.Sprintf("packages.denied: %v", err))
	}
	if err := validatePatterns(r.DeniedSources); err != nil {
		return failed(fmt.Sprintf("packages.deniedSources: %v", err))
	}
	for _, k := range r.DeniedKinds {
		if kindRank(k) == len(kinds) {
			return failed(fmt.Sprintf("packages.deniedKinds: %q is not implemented in this version", k))
		}
	}
	if !t.facts.Scanned {
		return unknown()
	}
	var complaints []string
	if denied := deniedPackages(r, t.facts.Packages); len(denied) > 0 {
		complaints = append(complaints, plural(len(denied), "denied package")+": "+some(denied))
	}
	if denied := deniedPrograms(r, t.facts.Programs); len(denied) > 0 {
		complaints = append(complaints, plural(len(denied), "denied program")+": "+some(denied))
	}
	if len(complaints) == 0 {
		return passed()
	}
	return violated(strings.Join(complaints, "; "))
}

// denied is a package or program that a rule denies. Those that the rule names itself rank first.
type denied struct {
	rank int
	name string
}

func (d denied) compare(other denied) int {
	return cmp.Or(cmp.Compare(d.rank, other.rank), cmp.Compare(d.name, other.name))
}

// names of what is denied, distinct, worst first.
func names(all []denied) []string {
	slices.SortFunc(all, denied.compare)
	out := make([]string, 0, len(all))
	for _, d := range slices.Compact(all) {
		out = append(out, d.name)
	}
	return out
}

func deniedPackages(r *v1alpha1.PackagesRule, packages []Package) []string {
	var found []denied
	for _, p := range packages {
		if d, ok := denies(r, p); ok {
			found = append(found, d)
		}
	}
	return names(found)
}

func denies(r *v1alpha1.PackagesRule, p Package) (denied, bool) {
	switch {
	case matchesAny(r.Denied, p.Name):
		return denied{rank: -1, name: p.Name}, true
	case p.Source != "" && matchesAny(r.DeniedSources, p.Source):
		return denied{rank: -1, name: fmt.Sprintf("%s (built from %s)", p.Name, p.Source)}, true
	}
	for i, k := range kinds {
		if slices.Contains(r.DeniedKinds, k.name) && k.has(p) {
			return denied{rank: i, name: fmt.Sprintf("%s (%s)", p.Name, k.name)}, true
		}
	}
	return denied{}, false
}

func deniedPrograms(r *v1alpha1.PackagesRule, programs []Program) []string {
	var found []denied
	for _, p := range programs {
		if slices.Contains(r.DeniedKinds, p.Kind) {
			found = append(found, denied{rank: kindRank(p.Kind), name: fmt.Sprintf("%s (%s)", p.Path, p.Kind)})
		}
	}
	return names(found)
}

// has says whether a package is of the kind. A library of a language may have any name.
func (k kind) has(p Package) bool {
	switch p.Type {
	case "dpkg", "apk", "rpm":
		return matchesAny(k.system, p.Name)
	default:
		return slices.Contains(k.language[p.Type], p.Name)
	}
}

// kindRank is the kind's place among all, worst first.
func kindRank(name v1alpha1.PackageKind) int {
	if i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name }); i >= 0 {
		return i
	}
	return len(kinds)
}

// matchesAny says whether one of the patterns, which are valid, matches.
func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return doublestar.MatchUnvalidated(p, name) })
}
