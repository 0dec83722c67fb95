package match

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// entry is an advisory and the source that gives it.
type entry struct {
	Advisory
	source DataSource
}

func byID(a, b entry) int { return cmp.Compare(a.ID, b.ID) }

// lastEntries returns one entry for each id, sorted: of several buckets that
// know a vulnerability the one read last counts, even where it clears the package.
func lastEntries(_ Subject, records []Record) ([]entry, error) {
	if len(records) == 1 {
		entries := make([]entry, len(records[0].Advisories))
		for i, a := range records[0].Advisories {
			entries[i] = entry{Advisory: a, source: records[0].Source}
		}
		return entries, nil
	}
	last := map[string]entry{}
	for _, r := range records {
		for _, a := range r.Advisories {
			last[a.ID] = entry{Advisory: a, source: r.Source}
		}
	}
	return slices.SortedFunc(maps.Values(last), byID), nil
}

// archEntries takes the parts of an advisory that list the subject's
// architecture: "noarch" must be listed like any other. An advisory without
// parts has its fixed version for all.
func archEntries(s Subject, records []Record) ([]entry, error) {
	advisories, _ := lastEntries(s, records)
	var entries []entry
	for _, a := range advisories {
		if len(a.Entries) == 0 {
			entries = append(entries, entry{Advisory: Advisory{ID: a.ID, FixedVersion: a.FixedVersion, Detail: a.Detail}, source: a.source})
		}
		for _, part := range a.Entries {
			if slices.Contains(part.Arches, s.Arch) {
				entries = append(entries, entry{
					Advisory: Advisory{ID: a.ID, VendorIDs: part.VendorIDs, FixedVersion: part.FixedVersion, Detail: a.Detail}, source: a.source,
				})
			}
		}
	}
	return entries, nil
}

// oracleEntries also leaves out what fixes another flavour of the package.
func oracleEntries(s Subject, records []Record) ([]entry, error) {
	entries, err := archEntries(s, records)
	installed := flavour(releaseOf(s.Version))
	return slices.DeleteFunc(entries, func(e entry) bool { return flavour(e.FixedVersion) != installed }), err
}

// flavour of Oracle's builds: one of a certified module, one for patches of a
// running kernel, or the normal one. Each has fixes of its own.
func flavour(version string) string {
	version = strings.ToLower(version)
	if strings.HasSuffix(version, "_fips") {
		return "fips"
	}
	for part := range strings.SplitSeq(version, ".") {
		if strings.HasPrefix(part, "ksplice") {
			return "ksplice"
		}
	}
	return "normal"
}
