package match_test

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// FuzzJudge looks for versions and ranges that make a comparer panic, and for
// judgements that are not a function of their arguments.
func FuzzJudge(f *testing.F) {
	families := []string{"debian", "ubuntu", "alpine", "wolfi", "npm", "go", "pip"}
	for i := range families {
		f.Add(i, "1.2.3", "1.2.4", "<1.2.4", ">=1.2.4")
	}
	f.Add(0, "1:2.0~rc1-1+b1", "99999999999999999999", "", "")
	f.Add(2, "1.0_rc1-r0", "1.0_", "", "")
	f.Add(4, "1.2.3-beta.1+build", "", "^99999999999999999999 || ~1.xx.3", "^0.0.x")
	f.Add(4, "1.2.3", "", "^1|2.x", "~|.1")
	f.Add(5, "v0.0.0-20200101000000-abcdefabcdef", "", ">=0, <1 || ~>1.x", "!=1")
	f.Add(6, "1!2.0a1.post2.dev3+local.1", "", "~=1.0,==1.*||*", "===anything")
	f.Fuzz(func(t *testing.T, family int, installed, fixed, vulnerable, patched string) {
		s := match.Subject{Family: families[uint(family)%uint(len(families))], Version: installed}
		records := []match.Record{{Advisories: []match.Advisory{
			{ID: "CVE-1", FixedVersion: fixed, AffectedVersion: patched, VulnerableVersions: []string{vulnerable}, PatchedVersions: []string{patched}},
			{ID: "CVE-2", FixedVersion: installed, VulnerableVersions: []string{vulnerable}},
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
			if m.ID == "CVE-2" && m.FixedVersion == installed && s.Family != "npm" && s.Family != "go" && s.Family != "pip" && installed != "" {
				t.Errorf("%s %q is older than itself", s.Family, installed)
			}
		}
	})
}
