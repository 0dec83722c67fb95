package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// compare returns the differences, sorted by kind and then by finding.
func compare(ours, theirs findings) []string {
	var differences []string
	say := func(kind string, k key, more string) {
		differences = append(differences, kind+": "+k.String()+more)
	}
	for _, k := range sortedKeys(theirs) {
		if _, ok := ours[k]; !ok {
			say("missing in ours", k, "")
		}
	}
	for _, k := range sortedKeys(ours) {
		if _, ok := theirs[k]; !ok {
			say("only in ours", k, "")
		}
	}
	for _, aspect := range aspects {
		for _, k := range sortedKeys(ours) {
			their, ok := theirs[k]
			if a, b := aspect.of(ours[k]), aspect.of(their); ok && a != b {
				say("different "+aspect.name, k, fmt.Sprintf(": ours is %q, Trivy's is %q", a, b))
			}
		}
	}
	return differences
}

// aspects of a finding that both reports show.
var aspects = []struct {
	name string
	of   func(facts) string
}{
	{"fixed version", func(f facts) string { return f.FixedVersion }},
	{"severity", func(f facts) string { return f.Severity }},
	{"severity source", func(f facts) string { return f.SeveritySource }},
	{"status", func(f facts) string { return f.Status }},
	{"vendor ids", func(f facts) string { return strings.Join(f.VendorIDs, " ") }},
}

func sortedKeys(f findings) []key {
	return slices.SortedFunc(maps.Keys(f), func(a, b key) int {
		return cmp.Or(
			cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.version, b.version), cmp.Compare(a.path, b.path), cmp.Compare(a.id, b.id),
		)
	})
}
