package match

import (
	"fmt"
	"strings"
)

// rules are a family's, made for one subject.
type rules struct {
	// entries of the records that may concern the subject, sorted by id.
	entries func(Subject, []Record) ([]entry, error)
	check   judgement
	// fixed versions to show.
	fixed func(Advisory) string
	// ownSeverity is the source of an advisory's severity; "" where that is not to be taken.
	ownSeverity func(entry) string
}

func rulesOf(s Subject) (rules, error) {
	if family, ok := ecosystems[s.Family]; ok {
		return family.rules(s), nil
	}
	if family, ok := systems[s.Family]; ok {
		return family.rules(s)
	}
	return rules{}, fmt.Errorf("no rules for family %q", s.Family)
}

func (e ecosystem) rules(s Subject) rules {
	ranges := e.ranges
	if s.Family == "pip" && strings.HasPrefix(s.Key.Bucket, sealPrefix) {
		ranges = rangesOf(pep440Order)
	}
	return rules{
		entries: sealedEntries, check: checkRanges(ranges(s.Version)), fixed: fixedVersions,
		ownSeverity: func(entry) string { return "" },
	}
}

func (f system) rules(s Subject) (rules, error) {
	r := rules{entries: f.entries, ownSeverity: f.ownSeverity}
	if r.entries == nil {
		r.entries = lastEntries
	}
	if r.ownSeverity == nil {
		r.ownSeverity = func(entry) string { return "" }
	}
	if f.ranges {
		r.check, r.fixed = f.checkRanges(s.Version), patchedVersions
		return r, nil
	}
	compare, err := f.compares(s.Version)
	if err != nil {
		return r, err
	}
	r.check, r.fixed = f.check(compare), func(a Advisory) string { return a.FixedVersion }
	if f.shows != nil {
		r.fixed = func(a Advisory) string { return f.shows(a.FixedVersion) }
	}
	return r, nil
}

// check is the judgement by the version that ends the vulnerability.
func (f system) check(compare func(string) (int, error)) judgement {
	return func(a Advisory) (bool, error) {
		if f.introduced && a.AffectedVersion != "" {
			if order, err := compare(a.AffectedVersion); err != nil || order < 0 {
				return false, err
			}
		}
		if a.FixedVersion == "" {
			return f.unfixed, nil
		}
		order, err := compare(a.FixedVersion)
		return err == nil && order < 0, err
	}
}

// checkRanges is the judgement of suppliers: by the vulnerable ranges alone,
// and without any every version is vulnerable.
func (f system) checkRanges(version string) judgement {
	within := rangesOf(f.compares)(version)
	return func(a Advisory) (bool, error) {
		for _, r := range a.VulnerableVersions {
			if vulnerable, err := within(r); err != nil || vulnerable {
				return vulnerable, err
			}
		}
		return len(a.VulnerableVersions) == 0 && version != "", nil
	}
}

func patchedVersions(a Advisory) string {
	return strings.Join(a.PatchedVersions, ", ")
}
