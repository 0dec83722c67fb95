package baseimage

import (
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// Delta is what a move changes, each list worst first.
type Delta struct {
	// Fixes are findings that the move takes away, Adds those that it brings.
	Fixes, Adds []policy.Finding
}

// place is where a vulnerability is, whatever the package's version.
type place struct{ id, pkg, path string }

func placeOf(f policy.Finding) place { return place{id: f.ID, pkg: f.Package, path: f.Path} }

// Compare returns what differs between the findings of two images, by id,
// package and path: a package that moves to another version which has the same
// vulnerability neither fixes nor adds it. Each place counts once.
func Compare(from, to []policy.Finding) Delta {
	return Delta{Fixes: without(from, to), Adds: without(to, from)}
}

// without returns the findings of one list that the other does not have.
func without(findings, other []policy.Finding) []policy.Finding {
	seen := make(map[place]bool, len(other))
	for _, f := range other {
		seen[placeOf(f)] = true
	}
	var left []policy.Finding
	for _, f := range slices.SortedFunc(slices.Values(findings), policy.Compare) {
		if !seen[placeOf(f)] {
			seen[placeOf(f)] = true
			left = append(left, f)
		}
	}
	return left
}

// Better says whether the move is worth it. It fixes at least one finding, and
// brings nothing worse: at the highest severity that it touches it fixes more
// than it adds, and where it brings findings that are known to be exploited, it
// fixes more of these, too.
func (d Delta) Better() bool {
	if len(d.Fixes) == 0 {
		return false
	}
	if added := exploited(d.Adds); added > 0 && exploited(d.Fixes) <= added {
		return false
	}
	worst := slices.MinFunc(slices.Concat(d.Fixes, d.Adds), compareSeverity)
	return count(d.Fixes, worst) > count(d.Adds, worst)
}

// Exploited says whether the move fixes more findings that are known to be exploited than it brings.
func (d Delta) Exploited() bool { return exploited(d.Fixes) > exploited(d.Adds) }

func exploited(findings []policy.Finding) int {
	n := 0
	for _, f := range findings {
		if f.KnownExploited {
			n++
		}
	}
	return n
}

func count(findings []policy.Finding, like policy.Finding) int {
	n := 0
	for _, f := range findings {
		if compareSeverity(f, like) == 0 {
			n++
		}
	}
	return n
}

// compareSeverity orders by severity alone, worst first.
func compareSeverity(a, b policy.Finding) int {
	return policy.Compare(policy.Finding{Severity: a.Severity}, policy.Finding{Severity: b.Severity})
}
