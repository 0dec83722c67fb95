package match

import (
	"cmp"
	"slices"
	"strings"
)

// judgement says whether an advisory concerns the version that it was made for.
type judgement func(Advisory) (bool, error)

// Judge returns the vulnerabilities of a subject, sorted by id, each once.
// records are all those under its key, in bucket order. Problems tell, sorted,
// of versions and ranges that could not be parsed, which Judge passes over like
// Trivy, and of Red Hat's products that the database does not know.
func Judge(s Subject, records []Record) (matches []Match, problems []string) {
	r, err := rulesOf(s)
	if err != nil {
		return nil, []string{s.Key.Name + ": " + err.Error()}
	}
	entries, err := r.entries(s, records)
	if err != nil {
		problems = append(problems, err.Error())
	}
	for _, e := range entries {
		vulnerable, err := r.check(e.Advisory)
		if err != nil {
			problems = append(problems, s.Key.Name+": "+err.Error())
		}
		if vulnerable {
			matches = append(matches, r.match(e))
		}
	}
	slices.Sort(problems)
	return unite(matches), slices.Compact(problems)
}

// blind begins a problem because of which no package of a system can be judged.
const blind = "no package can be judged: "

// Blind says whether a problem of Judge is of that kind: to find nothing then
// means nothing. Trivy fails the image.
func Blind(problem string) bool { return strings.HasPrefix(problem, blind) }

// unite leaves of matches of the same id the one whose fixed version is the
// greater string. It needs them sorted by id.
func unite(matches []Match) []Match {
	kept := matches[:0]
	for _, m := range matches {
		last := len(kept) - 1
		switch {
		case last < 0 || kept[last].ID != m.ID:
			kept = append(kept, m)
		case m.FixedVersion > kept[last].FixedVersion:
			kept[last] = m
		}
	}
	return kept
}

func (r rules) match(e entry) Match {
	m := Match{ID: e.ID, VendorIDs: e.VendorIDs, FixedVersion: r.fixed(e.Advisory), Source: e.source}
	m.Status = e.status(m.FixedVersion)
	m.Severity, m.SeveritySource = e.severity(r.ownSeverity(e))
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

// severity returns the first that is known of: the advisory's own, where it
// has a source; that of the advisory's data source; GitHub's, for GitHub's
// ids; NVD's; and the flat one, which has no source.
func (e entry) severity(own string) (Severity, string) {
	if own != "" {
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

// severityOf a family's advisories that give one for the package.
func severityOf(source string) func(entry) string {
	return func(e entry) string {
		if e.Severity == SeverityUnknown {
			return ""
		}
		return source
	}
}

func severityOfSource(e entry) string { return severityOf(e.source.ID)(e) }

func severityOfBase(e entry) string { return severityOf(e.source.BaseID)(e) }
