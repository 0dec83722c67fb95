package match_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

func judgeIDs(family, version string, advisories ...match.Advisory) ([]string, []string) {
	s := match.Subject{Key: match.Key{Name: "pkg"}, Family: family, Version: version}
	matches, problems := match.Judge(s, []match.Record{{Bucket: "b", Advisories: advisories}})
	var ids []string
	for _, m := range matches {
		ids = append(ids, m.ID)
	}
	return ids, problems
}

func TestJudgeSystem(t *testing.T) {
	fixed := func(version string) match.Advisory { return match.Advisory{ID: "CVE-1", FixedVersion: version} }
	cases := map[string]struct {
		family, version string
		advisory        match.Advisory
		want            bool
		problem         string
	}{
		"debian older":                   {family: "debian", version: "3.0.17-1~deb12u2", advisory: fixed("3.0.18-1~deb12u2"), want: true},
		"debian equal":                   {family: "debian", version: "3.0.18-1~deb12u2", advisory: fixed("3.0.18-1~deb12u2")},
		"debian newer":                   {family: "debian", version: "3.0.19-1", advisory: fixed("3.0.18-1~deb12u2")},
		"debian tilde sorts first":       {family: "debian", version: "2.0~rc1-1", advisory: fixed("2.0-1"), want: true},
		"debian epoch":                   {family: "debian", version: "1:1.2.13.dfsg-1", advisory: fixed("1.2.99"), want: false},
		"debian epoch of the fix":        {family: "debian", version: "9.0-1", advisory: fixed("1:1.0-1"), want: true},
		"debian unfixed":                 {family: "debian", version: "1.0-1", advisory: fixed(""), want: true},
		"debian ignores AffectedVersion": {family: "debian", version: "1.0-1", advisory: match.Advisory{ID: "CVE-1", AffectedVersion: "2.0"}, want: true},
		"debian installed is no version": {family: "debian", version: "abc", advisory: fixed(""), problem: `"abc"`},
		"debian fixed is no version":     {family: "debian", version: "1.0-1", advisory: fixed("abc"), problem: `"abc"`},
		"ubuntu older":                   {family: "ubuntu", version: "3.0.2-0ubuntu1.6", advisory: fixed("3.0.2-0ubuntu1.7"), want: true},
		"ubuntu unfixed":                 {family: "ubuntu", version: "3.0.2-0ubuntu1.6", advisory: fixed(""), want: true},
		"alpine older":                   {family: "alpine", version: "8.11.0-r2", advisory: fixed("8.11.1-r0"), want: true},
		"alpine revision":                {family: "alpine", version: "8.11.1-r9", advisory: fixed("8.11.1-r10"), want: true},
		"alpine suffix":                  {family: "alpine", version: "1.0_rc1-r0", advisory: fixed("1.0-r0"), want: true},
		"alpine fixed 0 is never":        {family: "alpine", version: "1.0-r0", advisory: fixed("0")},
		"alpine unfixed":                 {family: "alpine", version: "1.0-r0", advisory: fixed(""), want: true},
		"alpine before AffectedVersion":  {family: "alpine", version: "1.0-r0", advisory: match.Advisory{ID: "CVE-1", AffectedVersion: "1.1-r0"}},
		"alpine from AffectedVersion":    {family: "alpine", version: "1.1-r0", advisory: match.Advisory{ID: "CVE-1", AffectedVersion: "1.1-r0"}, want: true},
		"alpine before AffectedVersion, fixed": {
			family: "alpine", version: "1.0-r0", advisory: match.Advisory{ID: "CVE-1", AffectedVersion: "1.1-r0", FixedVersion: "1.2-r0"},
		},
		"alpine AffectedVersion is no version": {
			family: "alpine", version: "1.0-r0", advisory: match.Advisory{ID: "CVE-1", AffectedVersion: "?"}, problem: `"?"`,
		},
		"alpine installed is no version": {family: "alpine", version: "?", advisory: fixed(""), problem: `"?"`},
		"alpine fixed is no version":     {family: "alpine", version: "1.0-r0", advisory: fixed("?"), problem: `"?"`},
		"wolfi older":                    {family: "wolfi", version: "8.3.0-r0", advisory: fixed("8.4.0-r0"), want: true},
		"wolfi unfixed is not reported":  {family: "wolfi", version: "8.3.0-r0", advisory: fixed("")},
		"chainguard older":               {family: "chainguard", version: "8.3.0-r0", advisory: fixed("8.4.0-r0"), want: true},
		"chainguard unfixed":             {family: "chainguard", version: "8.3.0-r0", advisory: fixed("")},
		"minimos older":                  {family: "minimos", version: "8.3.0-r0", advisory: fixed("8.4.0-r0"), want: true},
		"minimos unfixed":                {family: "minimos", version: "8.3.0-r0", advisory: fixed("")},
		"a family without rules":         {family: "fedora", version: "1", advisory: fixed(""), problem: `"fedora"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ids, problems := judgeIDs(tc.family, tc.version, tc.advisory)
			if got := len(ids) == 1; got != tc.want {
				t.Errorf("vulnerable = %t, want %t", got, tc.want)
			}
			checkProblem(t, problems, tc.problem)
		})
	}
}

func checkProblem(t *testing.T, got []string, want string) {
	t.Helper()
	if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
		t.Errorf("problems = %q, want one with %q", got, want)
	}
}

func TestJudgeEcosystem(t *testing.T) {
	type ranges = []string
	cases := map[string]struct {
		family, version                 string
		vulnerable, patched, unaffected ranges
		want                            bool
		problem                         string
	}{
		"within":                           {family: "npm", version: "4.17.4", vulnerable: ranges{"<4.17.11"}, want: true},
		"outside":                          {family: "npm", version: "4.17.11", vulnerable: ranges{"<4.17.11"}},
		"one of two ranges":                {family: "npm", version: "4.4.0", vulnerable: ranges{"<3.11", ">= 4 <4.5"}, want: true},
		"between two ranges":               {family: "npm", version: "3.12.0", vulnerable: ranges{"<3.11", ">= 4 <4.5"}},
		"within and patched":               {family: "npm", version: "1.5.0", vulnerable: ranges{"<2.0.0"}, patched: ranges{">=1.4.0"}},
		"within and unaffected":            {family: "npm", version: "0.9.0", vulnerable: ranges{"<2.0.0"}, unaffected: ranges{"<1.0.0"}},
		"within, not in the safe set":      {family: "npm", version: "1.2.0", vulnerable: ranges{"<2.0.0"}, patched: ranges{">=1.4.0"}, unaffected: ranges{"<1.0.0"}, want: true},
		"patched alone":                    {family: "npm", version: "1.2.0", patched: ranges{">=1.4.0"}, want: true},
		"patched alone, patched":           {family: "npm", version: "1.4.0", patched: ranges{">=1.4.0"}},
		"unaffected alone":                 {family: "npm", version: "1.2.0", unaffected: ranges{"<1.0.0"}, want: true},
		"no ranges at all":                 {family: "npm", version: "1.2.0"},
		"empty vulnerable range":           {family: "npm", version: "1.2.0", vulnerable: ranges{""}, want: true},
		"empty patched range":              {family: "npm", version: "1.2.0", vulnerable: ranges{">9"}, patched: ranges{""}, want: true},
		"empty unaffected is no mark":      {family: "npm", version: "1.2.0", vulnerable: ranges{">9"}, unaffected: ranges{""}},
		"empty range, no version":          {family: "npm", version: "latest", vulnerable: ranges{""}, want: true},
		"no version":                       {family: "npm", version: "latest", vulnerable: ranges{"<2.0.0"}, problem: `"latest"`},
		"no range":                         {family: "npm", version: "1.2.0", vulnerable: ranges{"<bar"}, problem: `"<bar"`},
		"no secure range":                  {family: "npm", version: "1.2.0", vulnerable: ranges{"<2.0.0"}, patched: ranges{"bar"}, problem: `"bar"`},
		"bare versions mean equality":      {family: "pip", version: "1.26.16", vulnerable: ranges{">=2.0.0, <2.0.6", "<1.26.17"}, patched: ranges{"2.0.6", "1.26.17"}, want: true},
		"npm pre-release":                  {family: "npm", version: "1.0.0-beta", vulnerable: ranges{"<1.0.0"}, want: true},
		"npm pre-release of another":       {family: "npm", version: "1.2.2-alpha", vulnerable: ranges{"<1.2.3-beta"}, want: true},
		"npm wildcard":                     {family: "npm", version: "2.1.7", vulnerable: ranges{"2.1.x"}, want: true},
		"npm caret":                        {family: "npm", version: "1.8.9", vulnerable: ranges{"^1.2.3"}, want: true},
		"npm tilde":                        {family: "npm", version: "1.3.4", vulnerable: ranges{"~1.2.3"}},
		"npm refuses two-part version":     {family: "npm", version: "1.2", vulnerable: ranges{"<2.0.0"}, problem: `"1.2"`},
		"npm bump that panics":             {family: "npm", version: "1.2.3", vulnerable: ranges{"^99999999999999999999.1.0"}, problem: "99999999999999999999"},
		"npm bump of odd wildcards":        {family: "npm", version: "1.2.3", vulnerable: ranges{"~1.xx.3"}, problem: "xx"},
		"go with v":                        {family: "go", version: "v0.3.7", vulnerable: ranges{"<0.3.8"}, patched: ranges{"0.3.8"}, want: true},
		"go with v, patched":               {family: "go", version: "v0.3.8", vulnerable: ranges{"<0.3.8"}, patched: ranges{"0.3.8"}},
		"go pseudo-version":                {family: "go", version: "v0.0.0-20200101000000-abcdefabcdef", vulnerable: ranges{"<0.3.8"}, want: true},
		"go before a first pseudo-version": {family: "go", version: "v1.3.0", vulnerable: ranges{">=1.3.1-0.20190301021747-ccb9e902956d, <1.9.1"}},
		"go standard library":              {family: "go", version: "1.26.5", vulnerable: ranges{"<1.25.13", ">=1.26.0-0, <1.26.6"}, patched: ranges{"1.25.13", "1.26.6"}, want: true},
		"go standard library, patched":     {family: "go", version: "1.25.13", vulnerable: ranges{"<1.25.13", ">=1.26.0-0, <1.26.6"}, patched: ranges{"1.25.13", "1.26.6"}},
		"go not a version":                 {family: "go", version: "(devel)", vulnerable: ranges{"<1.0"}, problem: "(devel)"},
		"go not a range":                   {family: "go", version: "1.0", vulnerable: ranges{"<?"}, problem: "<?"},
		"rubygems pre-release":             {family: "rubygems", version: "6.0.0.rc1", vulnerable: ranges{"<6.0.0"}, want: true},
		"rubygems patched branches":        {family: "rubygems", version: "5.2.4", patched: ranges{"~> 5.2.4, >= 5.2.4.3", ">= 6.0.3.1"}, want: true},
		"rubygems patched":                 {family: "rubygems", version: "5.2.4.3", patched: ranges{"~> 5.2.4, >= 5.2.4.3", ">= 6.0.3.1"}},
		"rubygems platform is none":        {family: "rubygems", version: "1.13.0-x86_64-linux", vulnerable: ranges{"<2"}, problem: "x86_64"},
		"rubygems bump that panics":        {family: "rubygems", version: "1.0", vulnerable: ranges{"~> 99999999999999999999.1"}, problem: "99999999999999999999"},
		"rubygems not a version":           {family: "rubygems", version: "one", vulnerable: ranges{"<1"}, problem: "one"},
		"rubygems not a range":             {family: "rubygems", version: "1", vulnerable: ranges{"<?"}, problem: "<?"},
		"cocoapods follow rubygems":        {family: "cocoapods", version: "6.0.0.rc1", vulnerable: ranges{"~> 5.9"}},
		"cargo":                            {family: "cargo", version: "0.11.3", vulnerable: ranges{">=0"}, patched: ranges{">=0.11.4"}, want: true},
		"cargo, patched":                   {family: "cargo", version: "0.11.4", vulnerable: ranges{">=0"}, patched: ranges{">=0.11.4"}},
		"composer, with v":                 {family: "composer", version: "v5.0.4", vulnerable: ranges{">=4.4.0, <4.4.7", ">=5.0.0, <5.0.7"}, want: true},
		"composer, between":                {family: "composer", version: "v4.4.7", vulnerable: ranges{">=4.4.0, <4.4.7", ">=5.0.0, <5.0.7"}},
		"maven":                            {family: "maven", version: "2.9.10", vulnerable: ranges{">=2.9.0, <2.9.10.1"}, patched: ranges{"2.9.10.1"}, want: true},
		"maven brackets":                   {family: "maven", version: "2.9.9", vulnerable: ranges{"[2.9.0,2.9.10)"}, want: true},
		"maven brackets, outside":          {family: "maven", version: "2.9.10", vulnerable: ranges{"[2.9.0,2.9.10)"}},
		"maven qualifier":                  {family: "maven", version: "4.1.0-RC1", vulnerable: ranges{"<4.1.0"}, want: true},
		"maven final is the release":       {family: "maven", version: "4.1.0.Final", vulnerable: ranges{"<4.1.0"}},
		"maven not a range":                {family: "maven", version: "1.0", vulnerable: ranges{"<?"}, problem: "<?"},
		"nuget of four parts":              {family: "nuget", version: "4.5.0.1", vulnerable: ranges{"<4.5.0.2"}, want: true},
		"conan":                            {family: "conan", version: "3.0.3", vulnerable: ranges{">=3.0.0, <3.0.4"}, want: true},
		"swift":                            {family: "swift", version: "2.39.0", vulnerable: ranges{"<2.39.1"}, want: true},
		"pub":                              {family: "pub", version: "0.13.2", vulnerable: ranges{"<0.13.3"}, want: true},
		"erlang":                           {family: "erlang", version: "0.6.6", vulnerable: ranges{"<0.7.0"}, want: true},
		"k8s":                              {family: "k8s", version: "1.24.0", vulnerable: ranges{">=1.24.0, <1.24.17"}, want: true},
		"julia":                            {family: "julia", version: "1.10.16", vulnerable: ranges{"<1.10.17"}, want: true},
		"bitnami revision is newer":        {family: "bitnami", version: "5.7.1-2", vulnerable: ranges{"<=5.7.1-1"}},
		"a revision is a pre-release":      {family: "conan", version: "5.7.1-2", vulnerable: ranges{"<5.7.1"}, want: true},
		"bitnami revision is none":         {family: "bitnami", version: "5.7.1-2", vulnerable: ranges{"<5.7.1"}},
		"bitnami bump that panics":         {family: "bitnami", version: "1.2.3", vulnerable: ranges{"^99999999999999999999.1.0"}, problem: "99999999999999999999"},
		"bitnami not a version":            {family: "bitnami", version: "5", vulnerable: ranges{"<6"}, problem: `"5"`},
		"pip pre-release":                  {family: "pip", version: "3.1.dev0", vulnerable: ranges{"<3.1"}, want: true},
		"pip post-release":                 {family: "pip", version: "1.0.post1", vulnerable: ranges{"<=1.0"}},
		"pip epoch":                        {family: "pip", version: "1!0.5", vulnerable: ranges{"<2.0"}},
		"pip local version":                {family: "pip", version: "1.0+local", vulnerable: ranges{"==1.0"}, want: true},
		"pip everything":                   {family: "pip", version: "4.0.1", vulnerable: ranges{">=0"}, want: true},
		"pip not a version":                {family: "pip", version: "one", vulnerable: ranges{"<2"}, problem: "one"},
		"pip not a range":                  {family: "pip", version: "1.0", vulnerable: ranges{"<two"}, problem: "two"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ids, problems := judgeIDs(tc.family, tc.version, match.Advisory{
				ID: "CVE-1", VulnerableVersions: tc.vulnerable, PatchedVersions: tc.patched, UnaffectedVersions: tc.unaffected,
			})
			if got := len(ids) == 1; got != tc.want {
				t.Errorf("vulnerable = %t, want %t", got, tc.want)
			}
			checkProblem(t, problems, tc.problem)
		})
	}
}

func TestJudgeFillsMatch(t *testing.T) {
	published := time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC)
	debian := match.DataSource{ID: "debian", Name: "Debian Security Tracker"}
	based := match.DataSource{ID: "rootio", BaseID: "debian"}
	vendors := func(v map[string]match.Severity) *match.Detail {
		return &match.Detail{Severity: match.SeverityLow, VendorSeverity: v}
	}
	cases := map[string]struct {
		family   string // debian where empty
		source   match.DataSource
		advisory match.Advisory
		want     match.Match
	}{
		"fixed": {
			advisory: match.Advisory{ID: "CVE-1", FixedVersion: "2", Status: match.StatusWillNotFix, VendorIDs: []string{"DSA-1"}},
			want:     match.Match{ID: "CVE-1", FixedVersion: "2", Status: match.StatusFixed, VendorIDs: []string{"DSA-1"}},
		},
		"status of the advisory": {
			advisory: match.Advisory{ID: "CVE-1", Status: match.StatusEndOfLife},
			want:     match.Match{ID: "CVE-1", Status: match.StatusEndOfLife},
		},
		"status affected": {
			advisory: match.Advisory{ID: "CVE-1"},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected},
		},
		"the advisory's severity wins": {
			advisory: match.Advisory{ID: "CVE-1", Severity: match.SeverityLow, Detail: vendors(map[string]match.Severity{"debian": match.SeverityHigh})},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected, Severity: match.SeverityLow, SeveritySource: "debian"},
		},
		"the advisory's severity without a detail": {
			advisory: match.Advisory{ID: "CVE-1", Severity: match.SeverityLow},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected, Severity: match.SeverityLow, SeveritySource: "debian"},
		},
		"ubuntu's advisories have no severity of their own": {
			family:   "ubuntu",
			advisory: match.Advisory{ID: "CVE-1", Severity: match.SeverityLow},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected},
		},
		"severity of the data source": {
			source:   debian,
			advisory: match.Advisory{ID: "CVE-1", Detail: vendors(map[string]match.Severity{"debian": match.SeverityHigh, "nvd": match.SeverityCritical})},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected, Severity: match.SeverityHigh, SeveritySource: "debian", Source: debian},
		},
		"severity of the source below": {
			source:   based,
			advisory: match.Advisory{ID: "CVE-1", Detail: vendors(map[string]match.Severity{"debian": match.SeverityHigh, "rootio": match.SeverityLow})},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected, Severity: match.SeverityHigh, SeveritySource: "debian", Source: based},
		},
		"GitHub's severity for GitHub's id": {
			advisory: match.Advisory{ID: "GHSA-1", Detail: vendors(map[string]match.Severity{"ghsa": match.SeverityHigh, "nvd": match.SeverityCritical})},
			want:     match.Match{ID: "GHSA-1", Status: match.StatusAffected, Severity: match.SeverityHigh, SeveritySource: "ghsa"},
		},
		"not for another id": {
			advisory: match.Advisory{ID: "CVE-1", Detail: vendors(map[string]match.Severity{"ghsa": match.SeverityHigh, "nvd": match.SeverityCritical})},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected, Severity: match.SeverityCritical, SeveritySource: "nvd"},
		},
		"flat severity": {
			source:   debian,
			advisory: match.Advisory{ID: "CVE-1", Detail: vendors(map[string]match.Severity{"alma": match.SeverityHigh})},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected, Severity: match.SeverityLow, Source: debian},
		},
		"no detail": {
			source:   debian,
			advisory: match.Advisory{ID: "CVE-1"},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected, Source: debian},
		},
		"publication": {
			advisory: match.Advisory{ID: "CVE-1", Detail: &match.Detail{Published: published}},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected, Published: published},
		},
		"fixed versions of an ecosystem are the patched ones": {
			family:   "npm",
			advisory: match.Advisory{ID: "CVE-1", VulnerableVersions: []string{"<4"}, PatchedVersions: []string{"3.1.0", "4.0.0", "3.1.0"}, FixedVersion: "9"},
			want:     match.Match{ID: "CVE-1", FixedVersion: "3.1.0, 4.0.0", Status: match.StatusFixed},
		},
		"or the upper bounds": {
			family:   "npm",
			advisory: match.Advisory{ID: "CVE-1", VulnerableVersions: []string{">=0.1.0, < 2.0.6", "<=2.1.0", "<2.0.6", ">=0 , <3"}},
			want:     match.Match{ID: "CVE-1", FixedVersion: "2.0.6, 3", Status: match.StatusFixed},
		},
		"or none": {
			family:   "npm",
			advisory: match.Advisory{ID: "CVE-1", VulnerableVersions: []string{">=0"}},
			want:     match.Match{ID: "CVE-1", Status: match.StatusAffected},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.family == "" {
				tc.family = "debian"
			}
			s := match.Subject{Family: tc.family, Version: "1.0.0"}
			got, problems := match.Judge(s, []match.Record{{Source: tc.source, Advisories: []match.Advisory{tc.advisory}}})
			if diff := cmp.Diff([]match.Match{tc.want}, got); diff != "" {
				t.Errorf("matches (-want +got):\n%s", diff)
			}
			checkProblem(t, problems, "")
		})
	}
}

func TestJudgeLastBucketWins(t *testing.T) {
	advisory := func(id, vulnerable string) match.Advisory {
		return match.Advisory{ID: id, VulnerableVersions: []string{vulnerable}}
	}
	records := []match.Record{
		{Source: match.DataSource{ID: "ghsa"}, Advisories: []match.Advisory{advisory("CVE-1", "<2.0.0"), advisory("CVE-2", "<2.0.0"), advisory("CVE-4", "<2.0.0")}},
		{Source: match.DataSource{ID: "osv"}, Advisories: []match.Advisory{advisory("CVE-1", "<1.0.0"), advisory("CVE-2", "<3.0.0"), advisory("CVE-3", "<2.0.0")}},
	}
	s := match.Subject{Family: "npm", Version: "1.5.0"}
	got, _ := match.Judge(s, records)
	want := []match.Match{
		{ID: "CVE-2", FixedVersion: "3.0.0", Status: match.StatusFixed, Source: match.DataSource{ID: "osv"}},
		{ID: "CVE-3", FixedVersion: "2.0.0", Status: match.StatusFixed, Source: match.DataSource{ID: "osv"}},
		{ID: "CVE-4", FixedVersion: "2.0.0", Status: match.StatusFixed, Source: match.DataSource{ID: "ghsa"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("matches (-want +got):\n%s", diff)
	}
}

func TestJudgeReportsProblemsOnce(t *testing.T) {
	bad := func(id, vulnerable string) match.Advisory {
		return match.Advisory{ID: id, VulnerableVersions: []string{vulnerable}}
	}
	_, problems := judgeIDs("npm", "1.0.0", bad("CVE-1", "<foo"), bad("CVE-2", "<bar"), bad("CVE-3", "<foo"))
	if len(problems) != 2 || problems[0] > problems[1] {
		t.Errorf("problems = %q, want two, sorted", problems)
	}
}
