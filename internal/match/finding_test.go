package match_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

func TestFindings(t *testing.T) {
	node := func(name, path string) sbom.Package {
		return sbom.Package{Type: sbom.TypeNode, Name: name, Version: "1.0.0", Path: path}
	}
	found := func(id, fixed string, pkg int) match.Finding {
		return match.Finding{Match: match.Match{ID: id, FixedVersion: fixed}, Package: pkg}
	}
	a, b := match.Subject{Version: "a"}, match.Subject{Version: "b"}
	cases := map[string]struct {
		packages   []sbom.Package
		components []match.Component
		matches    map[match.Subject][]match.Match
		want       []match.Finding
	}{
		"every package of a component": {
			packages:   []sbom.Package{node("x", "1"), node("y", "2"), node("x", "3")},
			components: []match.Component{{Subject: a, Packages: []int{0, 2}}, {Subject: b, Packages: []int{1}}},
			matches:    map[match.Subject][]match.Match{a: {{ID: "CVE-1"}, {ID: "CVE-2"}}, b: {{ID: "CVE-1"}}},
			want:       []match.Finding{found("CVE-1", "", 0), found("CVE-2", "", 0), found("CVE-1", "", 1), found("CVE-1", "", 2), found("CVE-2", "", 2)},
		},
		"of duplicates the greater string stays": {
			packages:   []sbom.Package{node("x", "1"), node("x", "1")},
			components: []match.Component{{Subject: a, Packages: []int{0}}, {Subject: b, Packages: []int{1}}},
			matches:    map[match.Subject][]match.Match{a: {{ID: "CVE-1", FixedVersion: "10"}}, b: {{ID: "CVE-1", FixedVersion: "9"}}},
			want:       []match.Finding{found("CVE-1", "9", 1)},
		},
		"whichever comes first": {
			packages:   []sbom.Package{node("x", "1"), node("x", "1")},
			components: []match.Component{{Subject: a, Packages: []int{0}}, {Subject: b, Packages: []int{1}}},
			matches:    map[match.Subject][]match.Match{a: {{ID: "CVE-1", FixedVersion: "9"}}, b: {{ID: "CVE-1", FixedVersion: "10"}}},
			want:       []match.Finding{found("CVE-1", "9", 0)},
		},
		"of equal ones the first package": {
			packages:   []sbom.Package{node("z", ""), node("x", "1"), node("x", "1"), node("x", "1")},
			components: []match.Component{{Subject: a, Packages: []int{0, 3}}, {Subject: b, Packages: []int{1, 2}}},
			matches:    map[match.Subject][]match.Match{a: {{ID: "CVE-1"}}, b: {{ID: "CVE-1"}}},
			want:       []match.Finding{found("CVE-1", "", 0), found("CVE-1", "", 1)},
		},
		"two architectures of an RPM package are two": {
			packages: []sbom.Package{
				{Type: sbom.TypeRPM, Name: "glibc", Version: "2.34-100.el9", Arch: "i686"},
				{Type: sbom.TypeRPM, Name: "glibc", Version: "2.34-100.el9", Arch: "x86_64"},
				{Type: sbom.TypeRPM, Name: "glibc", Version: "2.34-100.el9", Arch: "x86_64"},
			},
			components: []match.Component{{Subject: a, Packages: []int{0, 1, 2}}},
			matches:    map[match.Subject][]match.Match{a: {{ID: "CVE-1"}}},
			want:       []match.Finding{found("CVE-1", "", 0), found("CVE-1", "", 1)},
		},
		"two types of package are two": {
			packages:   []sbom.Package{node("x", "1"), {Type: sbom.TypePython, Name: "x", Version: "1.0.0", Path: "1"}},
			components: []match.Component{{Subject: a, Packages: []int{0, 1}}},
			matches:    map[match.Subject][]match.Match{a: {{ID: "CVE-1"}}},
			want:       []match.Finding{found("CVE-1", "", 0), found("CVE-1", "", 1)},
		},
		"two architectures of any other package are one": {
			packages: []sbom.Package{
				{Type: sbom.TypeDpkg, Name: "libc6", Version: "2.36-9", Arch: "amd64"},
				{Type: sbom.TypeDpkg, Name: "libc6", Version: "2.36-9", Arch: "i386"},
			},
			components: []match.Component{{Subject: a, Packages: []int{0, 1}}},
			matches:    map[match.Subject][]match.Match{a: {{ID: "CVE-1"}}},
			want:       []match.Finding{found("CVE-1", "", 0)},
		},
		"other ids, names, versions and paths are no duplicates": {
			packages: []sbom.Package{
				node("x", "1"), node("y", "1"), node("x", "2"), {Type: sbom.TypeNode, Name: "x", Version: "2.0.0", Path: "1"},
			},
			components: []match.Component{{Subject: a, Packages: []int{0, 1, 2, 3}}},
			matches:    map[match.Subject][]match.Match{a: {{ID: "CVE-1"}}},
			want:       []match.Finding{found("CVE-1", "", 0), found("CVE-1", "", 1), found("CVE-1", "", 2), found("CVE-1", "", 3)},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := match.Findings(tc.packages, tc.components, func(s match.Subject) []match.Match { return tc.matches[s] })
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPrimaryURL(t *testing.T) {
	cases := map[string]struct {
		id         string
		references []string
		source     string
		want       string
	}{
		"CVE":          {id: "CVE-2024-1", want: "https://avd.aquasec.com/nvd/cve-2024-1"},
		"RUSTSEC":      {id: "RUSTSEC-2025-0002", want: "https://osv.dev/vulnerability/RUSTSEC-2025-0002"},
		"GHSA":         {id: "GHSA-r827-6rm4-59pg", want: "https://github.com/advisories/GHSA-r827-6rm4-59pg"},
		"TEMP":         {id: "TEMP-0841856-B18BAF", want: "https://security-tracker.debian.org/tracker/TEMP-0841856-B18BAF"},
		"reference":    {id: "DSA-1-1", source: "debian", references: []string{"https://example.com", "https://www.debian.org/security/dsa-1"}, want: "https://www.debian.org/security/dsa-1"},
		"best site":    {id: "NSWG-ECO-1", source: "nodejs-security-wg", references: []string{"https://hackerone.com/1", "https://www.npmjs.com/2"}, want: "https://www.npmjs.com/2"},
		"wrong site":   {id: "NSWG-ECO-1", source: "nodejs-security-wg", references: []string{"https://example.com"}},
		"other source": {id: "GO-2026-1", source: "govulndb", references: []string{"https://pkg.go.dev/vuln/GO-2026-1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := match.PrimaryURL(tc.id, tc.references, match.DataSource{ID: tc.source}); got != tc.want {
				t.Errorf("PrimaryURL = %q, want %q", got, tc.want)
			}
		})
	}
}
