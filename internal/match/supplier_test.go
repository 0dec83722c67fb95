package match_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

func TestSubjectOfSupplier(t *testing.T) {
	deb := func(name, version, source, sourceVersion string) sbom.Package {
		return sbom.Package{Type: sbom.TypeDpkg, Name: name, Version: version, SourceName: source, SourceVersion: sourceVersion}
	}
	rpm := func(name, version, source, sourceVersion string) sbom.Package {
		return sbom.Package{Type: sbom.TypeRPM, Name: name, Version: version, SourceName: source, SourceVersion: sourceVersion, Arch: "x86_64"}
	}
	s := func(family, bucket, name, version string) match.Subject {
		return subject(family, bucket, name, version, "")
	}
	debian, alpine := sbom.OS{Family: "debian", Release: "12.5"}, sbom.OS{Family: "alpine", Release: "3.20.1", RepositoryFamily: "alpine", RepositoryRelease: "edge"}
	fort := func(family, release string) sbom.OS {
		return sbom.OS{Family: family, Release: release, RapidFort: true}
	}
	cases := map[string]struct {
		os       sbom.OS
		packages []sbom.Package
		want     []match.Subject
	}{
		"root.io takes all packages of Debian": {
			os: debian, packages: []sbom.Package{deb("libc6", "2.36-9+b1", "glibc", "2.36-9"), deb("zlib1g", "1.2-1.root.io.2", "zlib", "1.2-1.root.io.2")},
			want: []match.Subject{
				s("root.io debian", "debian 12\nroot.io debian 12", "glibc", "2.36-9"),
				s("root.io debian", "debian 12\nroot.io debian 12", "zlib", "1.2-1.root.io.2"),
			},
		},
		"root.io on Ubuntu": {
			os: sbom.OS{Family: "ubuntu", Release: "22.04"}, packages: []sbom.Package{deb("tar", "1.34-1.root.io.1", "tar", "1.34-1.root.io.1")},
			want: []match.Subject{s("root.io ubuntu", "ubuntu 22.04\nroot.io ubuntu 22.04", "tar", "1.34-1.root.io.1")},
		},
		"root.io on Alpine takes the image's release": {
			os: alpine, packages: []sbom.Package{{Type: sbom.TypeAPK, Name: "memcached", Version: "1.6.17-r00071"}},
			want: []match.Subject{s("root.io alpine", "alpine 3.20\nroot.io alpine 3.20", "memcached", "1.6.17-r00071")},
		},
		"root.io's mark of Alpine": {
			os: alpine, packages: []sbom.Package{{Type: sbom.TypeAPK, Name: "memcached", Version: "1.6.17-r007"}},
			want: []match.Subject{s("alpine", "alpine edge", "memcached", "1.6.17-r007")},
		},
		"root.io's mark of Debian is none of RPM's": {
			os: sbom.OS{Family: "alma", Release: "9.4"}, packages: []sbom.Package{rpm("tar", "1.34-1.root.io.1", "", "")},
			want: []match.Subject{s("alma", "alma 9", "tar", "1.34-1.root.io.1")},
		},
		"a library has no mark of root.io": {
			os: debian, packages: []sbom.Package{{Type: sbom.TypeNode, Name: "ms", Version: "1.0.0-1.root.io.1"}, deb("tar", "1-1", "tar", "1-1")},
			want: []match.Subject{s("npm", "npm::", "ms", "1.0.0-1.root.io.1"), s("debian", "debian 12", "tar", "1-1")},
		},
		"seal takes its own, and leaves the others": {
			os: debian, packages: []sbom.Package{deb("libc6", "2.36-9", "glibc", "2.36-9"), deb("zlib1g", "1.2-1+sp1", "Seal-zlib", "1.2-1+sp1")},
			want: []match.Subject{s("debian", "debian 12", "glibc", "2.36-9"), s("seal debian", "seal debian", "Seal-zlib", "1.2-1+sp1")},
		},
		"seal on Ubuntu is seal on Debian": {
			os: sbom.OS{Family: "ubuntu", Release: "22.04"}, packages: []sbom.Package{deb("seal-tar", "1.34-1", "", "")},
			want: []match.Subject{s("seal debian", "seal debian", "seal-tar", "1.34-1")},
		},
		"seal's other packages of Alpine take the image's release": {
			os: alpine, packages: []sbom.Package{{Type: sbom.TypeAPK, Name: "seal-zlib", Version: "1-r0"}, {Type: sbom.TypeAPK, Name: "musl", Version: "1-r0"}},
			want: []match.Subject{s("seal alpine", "seal alpine", "seal-zlib", "1-r0"), s("alpine", "alpine 3.20", "musl", "1-r0")},
		},
		"seal's release is the package's": {
			os: sbom.OS{Family: "oracle", Release: "9.3"},
			packages: []sbom.Package{
				rpm("seal-a", "1-3.el8+sp1", "seal-a", "1-3.el8+sp1"), rpm("seal-b", "1-9.el10_0.1", "", ""), rpm("seal-c", "1-9", "", ""),
			},
			want: []match.Subject{
				s("seal redhat", "seal Red Hat 8", "seal-a", "1-3.el8+sp1"), s("seal redhat", "seal Red Hat 10", "seal-b", "1-9.el10_0.1"),
				s("seal redhat", "seal Red Hat", "seal-c", "1-9"),
			},
		},
		"seal knows no Alma": {
			os: sbom.OS{Family: "alma", Release: "9.3"}, packages: []sbom.Package{rpm("seal-a", "1-3.el9", "", "")},
			want: []match.Subject{s("alma", "alma 9", "seal-a", "1-3.el9")},
		},
		"rapidfort comes before root.io, and reads the binary before the source": {
			os: fort("ubuntu", "22.04"), packages: []sbom.Package{deb("libcurl4", "7.81-1.root.io.1", "curl", "7.81-1"), deb("tar", "1-1", "tar", "1-1")},
			want: []match.Subject{s("rapidfort ubuntu", "rapidfort ubuntu 22.04", "libcurl4\ncurl", "7.81-1"), s("rapidfort ubuntu", "rapidfort ubuntu 22.04", "tar", "1-1")},
		},
		"rapidfort's rebuilds have no release": {
			os: fort("ubuntu", "22.04"), packages: []sbom.Package{deb("a", "1-1+rf.1", "a", "1-1+rf.1"), deb("b", "1-1rfubuntu1", "b", "1-1rfubuntu1"), deb("c", "1-1surf1", "c", "1-1surf1")},
			want: []match.Subject{
				s("rapidfort ubuntu", "rapidfort ubuntu", "a", "1-1+rf.1"), s("rapidfort ubuntu", "rapidfort ubuntu", "b", "1-1rfubuntu1"),
				s("rapidfort ubuntu", "rapidfort ubuntu 22.04", "c", "1-1surf1"),
			},
		},
		"rapidfort's RPMs have the release they were built for": {
			os: fort("redhat", "9.4"),
			packages: []sbom.Package{
				rpm("a", "1-1.el8_3", "a", "1-1.el8_3"), rpm("b", "1-1.fc43", "b", "1-1.fc43"), rpm("c", "1-1.rf.fc43", "c", "1-1.rf.fc43"), rpm("d", "1-1", "d", "1-1"), rpm("e", "1-1.elastic", "e", "1-1.elastic"),
			},
			want: []match.Subject{
				s("rapidfort redhat", "rapidfort Red Hat 8", "a", "1-1.el8_3"), s("rapidfort redhat", "rapidfort fedora 43", "b", "1-1.fc43"),
				s("rapidfort redhat", "rapidfort Red Hat", "c", "1-1.rf.fc43"), s("rapidfort redhat", "rapidfort Red Hat 9", "d", "1-1"), s("rapidfort redhat", "rapidfort Red Hat 9", "e", "1-1.elastic"),
			},
		},
		"rapidfort on Alpine": {
			os: fort("alpine", "3.20.1"), packages: []sbom.Package{{Type: sbom.TypeAPK, Name: "musl", Version: "1-r0"}},
			want: []match.Subject{s("rapidfort alpine", "rapidfort alpine 3.20", "musl", "1-r0")},
		},
		"rapidfort knows no Debian": {os: fort("debian", "12.5"), packages: []sbom.Package{deb("tar", "1-1", "tar", "1-1")}, want: []match.Subject{s("debian", "debian 12", "tar", "1-1")}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, subjects(tc.os, tc.packages...)); diff != "" {
				t.Errorf("subjects (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJudgeSupplier(t *testing.T) {
	ranged := func(fixed string, ranges ...string) match.Advisory {
		a := match.Advisory{ID: "CVE-1", VulnerableVersions: ranges}
		if fixed != "" {
			a.PatchedVersions = []string{fixed}
		}
		return a
	}
	base := func(a match.Advisory) match.Record {
		return match.Record{Bucket: "base", Source: match.DataSource{ID: "debian"}, Advisories: []match.Advisory{a}}
	}
	own := func(a match.Advisory) match.Record {
		return match.Record{Bucket: "own", Source: match.DataSource{ID: "supplier", BaseID: "debian"}, Advisories: []match.Advisory{a}}
	}
	found := func(fixed string) []match.Match {
		m := match.Match{ID: "CVE-1", FixedVersion: fixed, Status: match.StatusFixed, Source: match.DataSource{ID: "supplier", BaseID: "debian"}}
		if fixed == "" {
			m.Status = match.StatusAffected
		}
		return []match.Match{m}
	}
	of := func(source match.DataSource, matches []match.Match) []match.Match {
		matches[0].Source = source
		return matches
	}
	severe := func(source string, matches []match.Match) []match.Match {
		matches[0].Severity, matches[0].SeveritySource = match.SeverityHigh, source
		return matches
	}
	high := ranged("2", "<2")
	high.Severity = match.SeverityHigh
	split := ranged("", ">=1.0, <1.5", ">=2.0, <2.5")
	split.PatchedVersions = []string{"1.5", "2.5"}
	odd := ranged("", "<1.5", "<2.5")
	odd.PatchedVersions = []string{"1.5", "9"}
	short := ranged("1.5", "<1.5", "<2.5")
	debian := match.DataSource{ID: "debian"}
	cases := map[string]struct {
		family, version string
		records         []match.Record
		want            []match.Match
		problem         string
	}{
		"root.io within":                        {family: "root.io debian", version: "1.5", records: []match.Record{own(ranged("2", "<2"))}, want: found("2")},
		"root.io outside":                       {family: "root.io debian", version: "2", records: []match.Record{own(ranged("2", "<2"))}},
		"root.io one of two":                    {family: "root.io debian", version: "3", records: []match.Record{own(ranged("4", "<2", ">=3, <4"))}, want: found("4")},
		"root.io between spaces":                {family: "root.io debian", version: "3", records: []match.Record{own(ranged("4", ">=3 <4"))}, want: found("4")},
		"root.io both must hold":                {family: "root.io debian", version: "5", records: []match.Record{own(ranged("4", ">=3, <4"))}},
		"root.io without ranges":                {family: "root.io debian", version: "5", records: []match.Record{own(ranged("6"))}, want: found("6")},
		"root.io has the patch":                 {family: "root.io debian", version: "1.5-1.root.io.1", records: []match.Record{base(match.Advisory{ID: "CVE-1", FixedVersion: "1.6"}), own(ranged("1.5-1.root.io.1", "<1.5-1.root.io.1"))}},
		"root.io leaves the distribution's":     {family: "root.io debian", version: "1.5", records: []match.Record{base(match.Advisory{ID: "CVE-1", FixedVersion: "1.6"})}, want: of(debian, found("1.6"))},
		"root.io, distribution's fix":           {family: "root.io debian", version: "1.6", records: []match.Record{base(match.Advisory{ID: "CVE-1", FixedVersion: "1.6"})}},
		"root.io drops the status":              {family: "root.io debian", version: "1.6", records: []match.Record{base(match.Advisory{ID: "CVE-1", Status: match.StatusWillNotFix})}, want: of(debian, found(""))},
		"root.io on Alpine, never fixed":        {family: "root.io alpine", version: "1.6-r0", records: []match.Record{base(match.Advisory{ID: "CVE-1", FixedVersion: "0"})}},
		"root.io's severity":                    {family: "root.io ubuntu", version: "1", records: []match.Record{own(high)}, want: severe("supplier", found("2"))},
		"root.io's range that is none":          {family: "root.io debian", version: "1", records: []match.Record{own(ranged("2", "<x", "<2"))}, problem: "<x"},
		"root.io's empty range":                 {family: "root.io debian", version: "1", records: []match.Record{own(ranged("2", ""))}, problem: "empty"},
		"root.io's version that is none":        {family: "root.io debian", version: "x", records: []match.Record{own(ranged("2", "<2"))}, problem: `"x"`},
		"operators":                             {family: "root.io debian", version: "2", records: []match.Record{own(ranged("3", "=2, ==2, 2, <=2, >1, !=1"))}, want: found("3")},
		"seal within the second range":          {family: "seal debian", version: "2.1", records: []match.Record{own(split)}, want: found("2.5")},
		"seal within the first range":           {family: "seal debian", version: "1.1", records: []match.Record{own(split)}, want: found("1.5")},
		"seal between":                          {family: "seal debian", version: "1.7", records: []match.Record{own(split)}},
		"seal without ranges":                   {family: "seal debian", version: "1.7", records: []match.Record{own(ranged("2"))}},
		"seal, one range":                       {family: "seal alpine", version: "1.7-r0", records: []match.Record{own(ranged("", "<2-r0"))}, want: found("")},
		"seal's range has another end":          {family: "seal debian", version: "1.7", records: []match.Record{own(odd)}, problem: "CVE-1"},
		"seal's range has no end":               {family: "seal redhat", version: "1.7", records: []match.Record{own(short)}, problem: "CVE-1"},
		"seal's severity is the distribution's": {family: "seal debian", version: "1", records: []match.Record{own(high)}, want: severe("debian", found("2"))},
		"rapidfort within":                      {family: "rapidfort redhat", version: "1-1", records: []match.Record{own(ranged("2-1", ">=1-0, <2-1"))}, want: found("2-1")},
		"rapidfort without ranges":              {family: "rapidfort ubuntu", version: "1-1", records: []match.Record{own(ranged(""))}, want: found("")},
		"rapidfort: the source's word counts":   {family: "rapidfort alpine", version: "3-r0", records: []match.Record{own(ranged("4-r0", "<4-r0")), own(ranged("2-r0", "<2-r0"))}},
		"rapidfort's severity":                  {family: "rapidfort ubuntu", version: "1", records: []match.Record{own(high)}, want: severe("supplier", found("2"))},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			matches, problems := match.Judge(match.Subject{Key: match.Key{Name: "p"}, Family: tc.family, Version: tc.version}, tc.records)
			if diff := cmp.Diff(tc.want, matches); diff != "" {
				t.Errorf("matches (-want +got):\n%s", diff)
			}
			checkProblem(t, problems, tc.problem)
		})
	}
}

func TestSealedLibraries(t *testing.T) {
	cases := map[string]struct {
		kind          sbom.PackageType
		name, version string
		want          string
	}{
		"maven by version":   {sbom.TypeJar, "org.eclipse.jetty:jetty-http", "9.4.48+sp1", "seal maven::"},
		"maven by name":      {sbom.TypeJar, "seal.sp1.org.eclipse.jetty:jetty-http", "9.4.48", "seal maven::"},
		"maven, not by name": {sbom.TypeJar, "seal.spring:core", "9.4.48", "maven::"},
		"pip by version":     {sbom.TypePython, "Django", "4.2.8+sp1p2", "seal pip::"},
		"pip by name":        {sbom.TypePython, "seal_django", "4.2.8", "seal pip::"},
		"pip, another local": {sbom.TypePython, "Django", "4.2.8+sp", "pip::"},
		"npm by version":     {sbom.TypeNode, "ejs", "3.1.8-sp1", "npm::\nseal npm::"},
		"npm by name":        {sbom.TypeNode, "@seal-security/ejs", "3.1.8-sp1", "seal npm::"},
		"go by version":      {sbom.TypeGoBinary, "github.com/a/b", "v2.0.0-sp1+incompatible", "go::\nseal go::"},
		"go by name":         {sbom.TypeGoBinary, "sealsecurity.io/github.com/a/b", "v1.0.0", "seal go::"},
		"ruby by version":    {sbom.TypeGem, "rack", "2.0.7.0.1.sp1", "rubygems::\nseal rubygems::"},
		"ruby by name":       {sbom.TypeGem, "seal-rack", "2.0.7", "seal rubygems::"},
		"cargo has none":     {sbom.TypeRustBinary, "seal-rack", "2.0.7-sp1", "cargo::"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := subjects(sbom.OS{}, sbom.Package{Type: tc.kind, Name: tc.name, Version: tc.version})
			if len(got) != 1 || got[0].Key.Bucket != tc.want || got[0].Key.System() != "" {
				t.Errorf("subjects = %+v, want bucket %q", got, tc.want)
			}
		})
	}
}

// Where Seal may have patched a library, its records count alone if it has any.
func TestJudgeSealedLibrary(t *testing.T) {
	record := func(bucket string, advisories ...match.Advisory) match.Record {
		return match.Record{Bucket: bucket, Advisories: advisories}
	}
	all := func(id string) match.Advisory { return match.Advisory{ID: id, VulnerableVersions: []string{">=0"}} }
	local := match.Advisory{ID: "CVE-3", VulnerableVersions: []string{">=4.0, <4.2.8+sp2"}, PatchedVersions: []string{"4.2.8+sp2"}}
	cases := map[string]struct {
		family, bucket, version string
		records                 []match.Record
		want                    string
		problem                 string
	}{
		"seal has it":            {"npm", "npm::\nseal npm::", "3.1.8-sp1", []match.Record{record("npm::A", all("CVE-1")), record("seal npm::Seal", all("CVE-2"))}, "CVE-2", ""},
		"seal has not":           {"npm", "npm::\nseal npm::", "3.1.8-sp1", []match.Record{record("npm::A", all("CVE-1"))}, "CVE-1", ""},
		"pip's local versions":   {"pip", "seal pip::", "4.2.8+sp1", []match.Record{record("seal pip::Seal", local)}, "CVE-3", ""},
		"pip patched":            {"pip", "seal pip::", "4.2.8+sp2", []match.Record{record("seal pip::Seal", local)}, "", ""},
		"pip's other advisories": {"pip", "pip::", "4.2.8", []match.Record{record("pip::A", local)}, "", "sp2"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			matches, problems := match.Judge(subject(tc.family, tc.bucket, "p", tc.version, ""), tc.records)
			got := ""
			for _, m := range matches {
				got += m.ID
			}
			if got != tc.want {
				t.Errorf("found %q, want %q", got, tc.want)
			}
			checkProblem(t, problems, tc.problem)
		})
	}
}
