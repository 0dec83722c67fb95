package match_test

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// FuzzJudge looks for versions and ranges that make a comparer panic, and for
// judgements that are not a function of their arguments.
func FuzzJudge(f *testing.F) {
	families := []string{
		"debian", "ubuntu", "alpine", "wolfi", "npm", "go", "pip", "rubygems", "maven", "bitnami", "cargo",
		"redhat", "rocky", "oracle", "alma", "amazon", "root.io debian", "seal redhat", "rapidfort alpine",
	}
	for i := range families {
		f.Add(i, "1.2.3", "1.2.4", "<1.2.4", ">=1.2.4")
	}
	f.Add(0, "1:2.0~rc1-1+b1", "99999999999999999999", "", "")
	f.Add(2, "1.0_rc1-r0", "1.0_", "", "")
	f.Add(4, "1.2.3-beta.1+build", "", "^99999999999999999999 || ~1.xx.3", "^0.0.x")
	f.Add(4, "1.2.3", "", "^1|2.x", "~|.1")
	f.Add(5, "v0.0.0-20200101000000-abcdefabcdef", "", ">=0, <1 || ~>1.x", "!=1")
	f.Add(6, "1!2.0a1.post2.dev3+local.1", "", "~=1.0,==1.*||*", "===anything")
	f.Add(7, "1.0.rc1-x", "", "~> 99999999999999999999.1 || ~>5", "~> 1.0, >= 1.0.4")
	f.Add(8, "1.0-alpha-1.Final", "", "[,1.0),(2.0,]", "(1.0],[,],")
	f.Add(9, "1.2.3-4", "", "^99999999999999999999 || ~1.x.3", "1.2.3-5")
	f.Add(13, "2:1.0-1.ksplice1.el7_fips", "1:1.0~^a-1", "", "")
	f.Add(17, "1.0-1.el8", "", ">=1, <2, !=1.5", "2")
	f.Fuzz(func(t *testing.T, family int, installed, fixed, vulnerable, patched string) {
		s := match.Subject{Family: families[uint(family)%uint(len(families))], Version: installed}
		part := func(version string) []match.Entry {
			return []match.Entry{{FixedVersion: version, Affected: []int{1}, CVEs: []match.CVE{{}}, Arches: []string{""}}}
		}
		records := []match.Record{{CPEs: []int{1}}, {Advisories: []match.Advisory{
			{ID: "CVE-1", FixedVersion: fixed, AffectedVersion: patched, VulnerableVersions: []string{vulnerable}, PatchedVersions: []string{patched}, Entries: part(fixed)},
			{ID: "CVE-2", FixedVersion: installed, VulnerableVersions: []string{vulnerable}, Entries: part(installed)},
		}}}
		first, problems := match.Judge(s, records)
		second, again := match.Judge(s, records)
		if len(first) != len(second) || len(problems) != len(again) {
			t.Errorf("two judgements differ: %v, %v", first, second)
		}
		for _, m := range first {
			if m.Status == match.StatusUnknown {
				t.Errorf("%s has no status", m.ID)
			}
			// A library's fixed version is its range's, which may be any.
			if _, library := ecosystemTypes[s.Family]; m.ID == "CVE-2" && m.FixedVersion == installed && !library && installed != "" {
				t.Errorf("%s %q is older than itself", s.Family, installed)
			}
		}
	})
}

var ecosystemTypes = map[string]struct{}{"npm": {}, "go": {}, "pip": {}, "rubygems": {}, "maven": {}, "bitnami": {}, "cargo": {}}
