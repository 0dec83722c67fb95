package match

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// judgement says whether an advisory concerns the version that it was made for.
type judgement func(Advisory) (bool, error)

// Judge returns the vulnerabilities of a subject, sorted by id. records are all
// those under its key, in bucket order. Problems tell, sorted, of versions and
// ranges that could not be parsed; like Trivy, Judge passes over those.
func Judge(s Subject, records []Record) (matches []Match, problems []string) {
	check, severitySource, err := rulesOf(s)
	if err != nil {
		return nil, []string{err.Error()}
	}
	for _, e := range lastEntries(records) {
		vulnerable, err := check(e.Advisory)
		if err != nil {
			problems = append(problems, s.Key.Name+": "+err.Error())
		}
		if vulnerable {
			matches = append(matches, e.match(s.Family, severitySource))
		}
	}
	slices.Sort(problems)
	return matches, slices.Compact(problems)
}

// entry is an advisory and the source that gives it.
type entry struct {
	Advisory
	source DataSource
}

// lastEntries returns one entry for each id, sorted: of several buckets that
// know a vulnerability the one read last counts, even where it clears the package.
func lastEntries(records []Record) []entry {
	if len(records) == 1 {
		entries := make([]entry, len(records[0].Advisories))
		for i, a := range records[0].Advisories {
			entries[i] = entry{Advisory: a, source: records[0].Source}
		}
		return entries
	}
	byID := map[string]entry{}
	for _, r := range records {
		for _, a := range r.Advisories {
			byID[a.ID] = entry{Advisory: a, source: r.Source}
		}
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b entry) int { return cmp.Compare(a.ID, b.ID) })
}

func (e entry) match(family, severitySource string) Match {
	m := Match{
		ID:           e.ID,
		VendorIDs:    e.VendorIDs,
		FixedVersion: e.FixedVersion,
		Source:       e.source,
	}
	if _, ok := ecosystems[family]; ok {
		m.FixedVersion = fixedVersions(e.Advisory)
	}
	m.Status = e.status(m.FixedVersion)
	m.Severity, m.SeveritySource = e.severity(severitySource)
	if e.Detail != nil {
		m.Published = e.Detail.Published
	}
	return m
}

func (e entry) status(fixedVersion string) Status {
	switch {
	case fixedVersion != "":
		return StatusFixed
	case e.Status != StatusUnknown:
		return e.Status
	default:
		return StatusAffected
	}
}

// severity returns the first that is known of: the advisory's own, where the
// family's count; that of the advisory's data source; GitHub's, for GitHub's
// ids; NVD's; and the flat one, which has no source.
func (e entry) severity(own string) (Severity, string) {
	if own != "" && e.Severity != SeverityUnknown {
		return e.Severity, own
	}
	if e.Detail == nil {
		return SeverityUnknown, ""
	}
	sources := []string{cmp.Or(e.source.BaseID, e.source.ID)}
	if strings.HasPrefix(e.ID, "GHSA-") {
		sources = append(sources, "ghsa")
	}
	for _, source := range append(sources, "nvd") {
		if severity, ok := e.Detail.VendorSeverity[source]; ok {
			return severity, source
		}
	}
	return e.Detail.Severity, ""
}
