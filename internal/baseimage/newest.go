package baseimage

import (
	"cmp"
	"slices"
	"strings"
)

// Newest returns at most n of the tags, those of the highest versions first and
// prereleases last, for who cannot look at all of them.
func Newest(repository string, tags []string, n int) []string {
	parsed := make([]Tag, 0, len(tags))
	for _, tag := range tags {
		if t, ok := ParseTag(repository, tag); ok {
			parsed = append(parsed, t)
		}
	}
	slices.SortFunc(parsed, func(a, b Tag) int {
		if a.Prerelease() != b.Prerelease() {
			if a.Prerelease() {
				return 1
			}
			return -1
		}
		return cmp.Or(slices.Compare(b.numbers, a.numbers), strings.Compare(a.name, b.name))
	})
	names := make([]string, 0, min(n, len(parsed)))
	for _, t := range parsed[:min(n, len(parsed))] {
		names = append(names, t.name)
	}
	return names
}
