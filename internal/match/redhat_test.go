package match_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

func TestRedHatRepositories(t *testing.T) {
	const layer = image.Digest("sha256:one")
	repository := func(names ...string) []string {
		buckets := []string{"Red Hat"}
		for _, name := range names {
			buckets = append(buckets, "Red Hat CPE/"+name)
		}
		return buckets
	}
	cases := map[string]struct {
		family, release string
		builds          map[image.Digest]sbom.Build
		want            []string
	}{
		"defaults of 6": {release: "6.10", want: repository("repository/rhel-6-server-extras-rpms", "repository/rhel-6-server-rpms")},
		"defaults of 7": {release: "7.9", want: repository("repository/rhel-7-server-extras-rpms", "repository/rhel-7-server-rpms")},
		"defaults of 8": {release: "8.4", want: repository("repository/rhel-8-for-x86_64-appstream-rpms", "repository/rhel-8-for-x86_64-baseos-rpms")},
		"defaults of 9": {release: "9.4", want: repository("repository/rhel-9-for-x86_64-appstream-rpms", "repository/rhel-9-for-x86_64-baseos-rpms")},
		"centos has the same": {
			family: "centos", release: "7.9.2009", want: repository("repository/rhel-7-server-extras-rpms", "repository/rhel-7-server-rpms"),
		},
		"no defaults of 10": {release: "10.0", want: repository()},
		"the layer's content sets": {
			release: "9.4", builds: map[image.Digest]sbom.Build{layer: {ContentSets: []string{"b", "a", "b"}}}, want: repository("repository/a", "repository/b"),
		},
		"the layer's image": {
			release: "9.4", builds: map[image.Digest]sbom.Build{layer: {NVR: "ubi9-container-9.4-1", Arch: "x86_64"}},
			want: repository("nvr/ubi9-container-9.4-1-x86_64"),
		},
		"another layer's": {
			release: "10.0", builds: map[image.Digest]sbom.Build{"sha256:two": {ContentSets: []string{"a"}}}, want: repository(),
		},
		"a number behind two underscores is cut": {
			release: "9.4", want: repository("repository/rhel-8-rpms", "repository/rhel-9-rpms__", "repository/rhel-9-rpms__9_DOT_2", "repository/rhel-9_8"),
			builds: map[image.Digest]sbom.Build{layer: {ContentSets: []string{"rhel-9-rpms__9_DOT_2", "rhel-8-rpms__8", "rhel-9_8", "rhel-9-rpms__"}}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.family == "" {
				tc.family = "redhat"
			}
			img := &sbom.Image{
				OS: sbom.OS{Family: tc.family, Release: tc.release}, Builds: tc.builds,
				Packages: []sbom.Package{{
					Type: sbom.TypeRPM, Name: "npm", Version: "6.0-1", SourceName: "nodejs", SourceVersion: "12-1", Arch: "x86_64",
					Modularity: "nodejs:12:8030:ctx", Layer: layer,
				}},
			}
			components := match.Components(img, now)
			if len(components) != 1 {
				t.Fatalf("%d components", len(components))
			}
			got := components[0].Subject
			if diff := cmp.Diff(tc.want, slices.Collect(got.Key.Buckets())); diff != "" {
				t.Errorf("buckets (-want +got):\n%s", diff)
			}
			got.Key.Bucket = ""
			if diff := cmp.Diff(subject(tc.family, "", "nodejs:12::npm", "6.0-1", "x86_64"), got); diff != "" {
				t.Errorf("subject (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJudgeRedHat(t *testing.T) {
	published := time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC)
	detail := &match.Detail{Severity: match.SeverityCritical, VendorSeverity: map[string]match.Severity{"redhat": match.SeverityCritical}, Published: published}
	cve := func(id string, severity match.Severity) match.CVE {
		return match.CVE{ID: id, Severity: severity, Detail: detail}
	}
	unpatched := func(id string, status match.Status, affected ...int) match.Advisory {
		return match.Advisory{ID: id, Detail: detail, Entries: []match.Entry{{Status: status, Affected: affected, CVEs: []match.CVE{{Severity: match.SeverityLow}}}}}
	}
	patched := func(id, fixed string, cves ...match.CVE) match.Advisory {
		return match.Advisory{ID: id, Entries: []match.Entry{{FixedVersion: fixed, Affected: []int{7}, CVEs: cves}}}
	}
	on := func(a match.Advisory, arches ...string) match.Advisory {
		a.Entries[0].Arches = arches
		return a
	}
	found := func(id, fixed, advisory string, severity match.Severity) match.Match {
		m := match.Match{ID: id, FixedVersion: fixed, Status: match.StatusFixed, Severity: severity, SeveritySource: "redhat", Published: published}
		if advisory != "" {
			m.VendorIDs = []string{advisory}
		}
		return m
	}
	open := func(id string, status match.Status) match.Match {
		m := found(id, "", "", match.SeverityLow)
		m.Status = status
		return m
	}
	cases := map[string]struct {
		arch       string // x86_64 where empty
		advisories []match.Advisory
		want       []match.Match
	}{
		"an advisory's CVEs, each with its severity": {
			advisories: []match.Advisory{patched("RHSA-1", "0:4-2.el9", cve("CVE-1", match.SeverityHigh), cve("CVE-2", match.SeverityMedium))},
			want:       []match.Match{found("CVE-1", "4-2.el9", "RHSA-1", match.SeverityHigh), found("CVE-2", "4-2.el9", "RHSA-1", match.SeverityMedium)},
		},
		"a severity that is not known stays Red Hat's": {
			advisories: []match.Advisory{patched("RHSA-1", "4-2.el9", cve("CVE-1", match.SeverityUnknown))},
			want:       []match.Match{found("CVE-1", "4-2.el9", "RHSA-1", match.SeverityUnknown)},
		},
		"an older fix": {advisories: []match.Advisory{patched("RHSA-1", "3-1.el9", cve("CVE-1", match.SeverityHigh))}},
		"unpatched has its status": {
			advisories: []match.Advisory{unpatched("CVE-1", match.StatusWillNotFix, 7), unpatched("CVE-2", match.StatusEndOfLife, 7), unpatched("CVE-3", match.StatusUnknown, 7)},
			want:       []match.Match{open("CVE-1", match.StatusWillNotFix), open("CVE-2", match.StatusEndOfLife), open("CVE-3", match.StatusAffected)},
		},
		"another product's": {advisories: []match.Advisory{unpatched("CVE-1", match.StatusAffected, 8)}},
		"no product's":      {advisories: []match.Advisory{unpatched("CVE-1", match.StatusAffected)}},
		"another table's":   {advisories: []match.Advisory{unpatched("CVE-1", match.StatusAffected, 1, 9)}, want: []match.Match{open("CVE-1", match.StatusAffected)}},
		"the highest fix of a CVE survives": {
			advisories: []match.Advisory{
				patched("RHSA-1", "4-9.el9", cve("CVE-1", match.SeverityHigh)), patched("RHSA-2", "4-10.el9", cve("CVE-1", match.SeverityMedium)),
				patched("RHSA-3", "4-2.el9", cve("CVE-1", match.SeverityLow)),
			},
			want: []match.Match{found("CVE-1", "4-10.el9", "RHSA-2", match.SeverityMedium)},
		},
		"a fix survives that there is none": {
			advisories: []match.Advisory{unpatched("CVE-1", match.StatusAffected, 7), patched("RHSA-1", "4-2.el9", cve("CVE-1", match.SeverityHigh))},
			want:       []match.Match{found("CVE-1", "4-2.el9", "RHSA-1", match.SeverityHigh)},
		},
		"also where the package has it": {
			advisories: []match.Advisory{unpatched("CVE-1", match.StatusAffected, 7), patched("RHSA-1", "3-1.el9", cve("CVE-1", match.SeverityHigh))},
		},
		"for another arch": {arch: "aarch64", advisories: []match.Advisory{on(unpatched("CVE-1", match.StatusAffected, 7), "x86_64", "s390x")}},
		"for the arch":     {advisories: []match.Advisory{on(unpatched("CVE-1", match.StatusAffected, 7), "x86_64")}, want: []match.Match{open("CVE-1", match.StatusAffected)}},
		"noarch is on all": {arch: "noarch", advisories: []match.Advisory{on(unpatched("CVE-1", match.StatusAffected, 7), "x86_64")}, want: []match.Match{open("CVE-1", match.StatusAffected)}},
		"another arch's fix does not count": {
			advisories: []match.Advisory{on(patched("RHSA-1", "4-9.el9", cve("CVE-1", match.SeverityHigh)), "s390x"), patched("RHSA-2", "4-2.el9", cve("CVE-1", match.SeverityLow))},
			want:       []match.Match{found("CVE-1", "4-2.el9", "RHSA-2", match.SeverityLow)},
		},
		"a CVE's advisory is about that alone": {
			advisories: []match.Advisory{{ID: "CVE-1", Detail: detail, Entries: []match.Entry{{Affected: []int{7}, CVEs: []match.CVE{{ID: "CVE-9", Severity: match.SeverityLow}}}}}},
			want:       []match.Match{open("CVE-1", match.StatusAffected)},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.arch == "" {
				tc.arch = "x86_64"
			}
			matches, problems := match.Judge(subject("redhat", "Red Hat", "curl", "4-1.el9", tc.arch), []match.Record{
				{Bucket: "Red Hat CPE/repository/a", CPEs: []int{9}},
				{Bucket: "Red Hat CPE/nvr/b", CPEs: []int{5, 7}},
				{Bucket: "Red Hat", Source: match.DataSource{ID: "redhat-oval"}, Advisories: tc.advisories},
			})
			if diff := cmp.Diff(tc.want, matches); diff != "" {
				t.Errorf("matches (-want +got):\n%s", diff)
			}
			checkProblem(t, problems, "")
		})
	}
}

// Trivy fails where it knows no product of a package. So must a judgement,
// whether there are advisories or not, and it must say the same of every
// package of a layer.
func TestRedHatProductThatIsNotKnown(t *testing.T) {
	advisories := []match.Record{{Bucket: "Red Hat", Advisories: []match.Advisory{{ID: "CVE-1", Entries: []match.Entry{{CVEs: []match.CVE{{}}}}}}}}
	var said []string
	for name, records := range map[string][]match.Record{"curl": advisories, "bash": nil} {
		matches, problems := match.Judge(subject("redhat", "Red Hat\nRed Hat CPE/repository/ours", name, "1-1", "x86_64"), records)
		if len(matches) > 0 {
			t.Errorf("%s: %v", name, matches)
		}
		checkProblem(t, problems, "ours")
		said = append(said, problems...)
	}
	if !match.Blind(said[0]) || match.Blind("curl: no version") {
		t.Errorf("%q should be told from what concerns one package alone", said[0])
	}
	if len(slices.Compact(said)) != 1 {
		t.Errorf("problems = %q, want one text", said)
	}
	_, problems := match.Judge(subject("redhat", "Red Hat", "curl", "1-1", "x86_64"), nil)
	if len(problems) != 1 || !strings.Contains(problems[0], "names no repository") {
		t.Errorf("problems = %q", problems)
	}
}
