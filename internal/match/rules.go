package match

import "fmt"

// rulesOf returns the judgement of the subject's family on its version, and
// the source of the severities that the family's advisories give themselves.
func rulesOf(s Subject) (judgement, string, error) {
	if family, ok := ecosystems[s.Family]; ok {
		return family.check(s.Version), "", nil
	}
	family, ok := systems[s.Family]
	if !ok {
		return nil, "", fmt.Errorf("%s: no rules for family %q", s.Key.Name, s.Family)
	}
	check, err := family.check(s.Version)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", s.Key.Name, err)
	}
	return check, family.severitySource, nil
}
