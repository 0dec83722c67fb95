package match_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// subjects of an image that has these packages.
func subjects(os sbom.OS, packages ...sbom.Package) []match.Subject {
	var list []match.Subject
	for _, c := range match.Components(&sbom.Image{OS: os, Packages: packages}, now) {
		list = append(list, c.Subject)
	}
	return list
}

func subject(family, bucket, name, version, arch string) match.Subject {
	return match.Subject{Key: match.Key{Bucket: bucket, Name: name}, Family: family, Version: version, Arch: arch}
}

// What is looked up, and what is compared, differs from family to family.
func TestSubjectOfFamily(t *testing.T) {
	curl := sbom.Package{
		Type: sbom.TypeRPM, Name: "libcurl", Version: "1:8.0-2.el9", SourceName: "curl", SourceVersion: "1:8.0-1.el9", Arch: "x86_64",
	}
	module := curl
	module.Modularity = "nodejs:12:8030020201124152102:229f0a1c"
	short := curl
	short.Modularity = "nodejs:12"
	lost := curl
	lost.Version = "8.0-2.module_el9+1"
	cases := map[string]struct {
		os      sbom.OS
		pkg     sbom.Package
		want    match.Subject
		nothing bool
	}{
		"alma: binary, own version, no arch":  {os: sbom.OS{Family: "alma", Release: "9.4"}, pkg: curl, want: subject("alma", "alma 9", "libcurl", "1:8.0-2.el9", "")},
		"alma: module and stream":             {os: sbom.OS{Family: "alma", Release: "8"}, pkg: module, want: subject("alma", "alma 8", "nodejs:12::libcurl", "1:8.0-2.el9", "")},
		"alma: a module that lost its label":  {os: sbom.OS{Family: "alma", Release: "9.4"}, pkg: lost, nothing: true},
		"rocky keeps what lost its label":     {os: sbom.OS{Family: "rocky", Release: "9.4"}, pkg: lost, want: subject("rocky", "rocky 9", "libcurl", "8.0-2.module_el9+1", "x86_64")},
		"rocky: binary, own version, arch":    {os: sbom.OS{Family: "rocky", Release: "9.4"}, pkg: curl, want: subject("rocky", "rocky 9", "libcurl", "1:8.0-2.el9", "x86_64")},
		"rocky: module and stream":            {os: sbom.OS{Family: "rocky", Release: "8.9"}, pkg: module, want: subject("rocky", "rocky 8", "nodejs:12::libcurl", "1:8.0-2.el9", "x86_64")},
		"rocky: a label of two parts is none": {os: sbom.OS{Family: "rocky", Release: "8.9"}, pkg: short, want: subject("rocky", "rocky 8", "libcurl", "1:8.0-2.el9", "x86_64")},
		"oracle knows no modules":             {os: sbom.OS{Family: "oracle", Release: "9.3"}, pkg: module, want: subject("oracle", "Oracle Linux 9", "libcurl", "1:8.0-2.el9", "x86_64")},
		"amazon":                              {os: sbom.OS{Family: "amazon", Release: "2023.3.20240108"}, pkg: curl, want: subject("amazon", "amazon linux 2023", "libcurl", "1:8.0-2.el9", "")},
		"sles":                                {os: sbom.OS{Family: "sles", Release: "15.5"}, pkg: curl, want: subject("sles", "SUSE Linux Enterprise 15.5", "libcurl", "1:8.0-2.el9", "")},
		"slem":                                {os: sbom.OS{Family: "slem", Release: "5.4"}, pkg: curl, want: subject("slem", "SUSE Linux Enterprise Micro 5.4", "libcurl", "1:8.0-2.el9", "")},
		"leap":                                {os: sbom.OS{Family: "opensuse-leap", Release: "15.5"}, pkg: curl, want: subject("opensuse-leap", "openSUSE Leap 15.5", "libcurl", "1:8.0-2.el9", "")},
		"tumbleweed":                          {os: sbom.OS{Family: "opensuse-tumbleweed", Release: "20240607"}, pkg: curl, want: subject("opensuse-tumbleweed", "openSUSE Tumbleweed", "libcurl", "1:8.0-2.el9", "")},
		"photon: the source's name, the binary's version": {
			os: sbom.OS{Family: "photon", Release: "5.0"}, pkg: curl, want: subject("photon", "Photon OS 5.0", "curl", "1:8.0-2.el9", ""),
		},
		"azurelinux: source": {os: sbom.OS{Family: "azurelinux", Release: "3.0.20240401"}, pkg: curl, want: subject("azurelinux", "Azure Linux 3.0", "curl", "1:8.0-1.el9", "")},
		"mariner: source":    {os: sbom.OS{Family: "cbl-mariner", Release: "2.0.20220527"}, pkg: curl, want: subject("cbl-mariner", "CBL-Mariner 2.0", "curl", "1:8.0-1.el9", "")},
		"echo: source":       {os: sbom.OS{Family: "echo", Release: "1"}, pkg: curl, want: subject("echo", "echo", "curl", "1:8.0-1.el9", "")},
		"bottlerocket":       {os: sbom.OS{Family: "bottlerocket", Release: "1.34.0"}, pkg: curl, want: subject("bottlerocket", "bottlerocket", "libcurl", "1:8.0-2.el9", "")},
		"chainguard":         {os: sbom.OS{Family: "chainguard", Release: "1"}, pkg: curl, want: subject("chainguard", "chainguard", "curl", "1:8.0-2.el9", "")},
		"fedora":             {os: sbom.OS{Family: "fedora", Release: "41"}, pkg: curl, nothing: true},
		"centos stream":      {os: sbom.OS{Family: "centos-stream", Release: "9"}, pkg: curl, nothing: true},
		"coreos":             {os: sbom.OS{Family: "coreos", Release: "41"}, pkg: curl, nothing: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var want []match.Subject
			if !tc.nothing {
				want = append(want, tc.want)
			}
			if diff := cmp.Diff(want, subjects(tc.os, tc.pkg)); diff != "" {
				t.Errorf("subjects (-want +got):\n%s", diff)
			}
		})
	}
}

// Third parties' packages are judged by those alone that patch them.
func TestThirdParties(t *testing.T) {
	cases := map[string]struct {
		os   sbom.OS
		more []sbom.Package
		want bool
	}{
		"debian": {os: sbom.OS{Family: "debian", Release: "12"}},
		"redhat": {os: sbom.OS{Family: "redhat", Release: "9.4"}},
		"alma":   {os: sbom.OS{Family: "alma", Release: "9.4"}},
		"echo":   {os: sbom.OS{Family: "echo", Release: "1"}, want: true},
		"seal": {
			os: sbom.OS{Family: "debian", Release: "12"}, want: true,
			more: []sbom.Package{{Type: sbom.TypeDpkg, Name: "seal-zlib", Version: "1"}},
		},
		"rapidfort": {os: sbom.OS{Family: "ubuntu", Release: "22.04", RapidFort: true}, want: true},
		"root.io": {
			os:   sbom.OS{Family: "debian", Release: "12"},
			more: []sbom.Package{{Type: sbom.TypeDpkg, Name: "zlib", Version: "1-1.root.io.1"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			docker := sbom.Package{Type: sbom.TypeDpkg, Name: "docker-ce", Version: "1", ThirdParty: true}
			key := sbom.Package{Type: sbom.TypeRPM, Name: "gpg-pubkey", Version: "1"}
			got := len(subjects(tc.os, append(tc.more, docker, key)...)) - len(tc.more)
			if got != 0 != tc.want || got > 1 {
				t.Errorf("%d judged of a third party's package and a key, want the package: %t", got, tc.want)
			}
		})
	}
}

func TestInstalledVersion(t *testing.T) {
	pkg := sbom.Package{Type: sbom.TypeDpkg, Name: "curl", Version: "8.0-1+b1", SourceName: "curl", SourceVersion: "8.0-1"}
	library := sbom.Package{Type: sbom.TypeNode, Name: "ms", Version: "1.0.0"}
	if got := match.InstalledVersion(sbom.OS{Family: "debian", Release: "12"}, pkg); got != "8.0-1+b1" {
		t.Errorf("Debian's: %s", got)
	}
	if got := match.InstalledVersion(sbom.OS{Family: "echo", Release: "1"}, pkg); got != "8.0-1" {
		t.Errorf("Echo's: %s, want the source's", got)
	}
	if got := match.InstalledVersion(sbom.OS{Family: "echo", Release: "1"}, library); got != "1.0.0" {
		t.Errorf("a library on Echo: %s", got)
	}
}

func TestJudgeRPM(t *testing.T) {
	fixed := func(version string) match.Advisory { return match.Advisory{ID: "CVE-1", FixedVersion: version} }
	parts := func(flat string, entries ...match.Entry) match.Advisory {
		return match.Advisory{ID: "CVE-1", FixedVersion: flat, VendorIDs: []string{"flat"}, Entries: entries}
	}
	part := func(version string, arches ...string) match.Entry {
		return match.Entry{FixedVersion: version, Arches: arches, VendorIDs: []string{version}}
	}
	cases := map[string]struct {
		family, version, arch string
		advisory              match.Advisory
		want                  string // the fixed version of the finding; "-": none
		vendor                string
		problem               string
	}{
		"alma older":                         {family: "alma", version: "8.0-1.el9", advisory: fixed("8.0-2.el9"), want: "8.0-2.el9"},
		"alma shows no epoch of 0":           {family: "alma", version: "8.0-1.el9", advisory: fixed("0:8.0-2.el9"), want: "8.0-2.el9"},
		"alma shows another epoch":           {family: "alma", version: "8.0-1.el9", advisory: fixed("1:8.0-1.el9"), want: "1:8.0-1.el9"},
		"alma equal":                         {family: "alma", version: "8.0-2.el9", advisory: fixed("0:8.0-2.el9"), want: "-"},
		"alma unfixed":                       {family: "alma", version: "8.0-2.el9", advisory: fixed(""), want: "-"},
		"rpm takes any string for a version": {family: "alma", version: "?", advisory: fixed("1"), want: "1"},
		"rocky older":                        {family: "rocky", version: "8.0-1.el9", arch: "x86_64", advisory: parts("", part("0:8.0-2.el9", "x86_64")), want: "8.0-2.el9", vendor: "0:8.0-2.el9"},
		"rocky for another arch":             {family: "rocky", version: "8.0-1.el9", arch: "aarch64", advisory: parts("8.0-2.el9", part("8.0-2.el9", "x86_64")), want: "-"},
		"rocky noarch must be listed":        {family: "rocky", version: "8.0-1.el9", arch: "noarch", advisory: parts("8.0-2.el9", part("8.0-2.el9", "x86_64")), want: "-"},
		"rocky noarch":                       {family: "rocky", version: "8.0-1.el9", arch: "noarch", advisory: parts("", part("8.0-2.el9", "x86_64", "noarch")), want: "8.0-2.el9", vendor: "8.0-2.el9"},
		"rocky without parts":                {family: "rocky", version: "8.0-1.el9", arch: "aarch64", advisory: parts("8.0-3.el9"), want: "8.0-3.el9"},
		"rocky part without arches":          {family: "rocky", version: "8.0-1.el9", arch: "x86_64", advisory: parts("8.0-3.el9", part("8.0-3.el9")), want: "-"},
		"rocky two parts, the greater string": {
			family: "rocky", version: "8.0-1.el9", arch: "x86_64", advisory: parts("", part("8.0-9.el9", "x86_64"), part("8.0-10.el9", "x86_64")), want: "8.0-9.el9", vendor: "8.0-9.el9",
		},
		"rocky unfixed":                     {family: "rocky", version: "8.0-1.el9", arch: "x86_64", advisory: parts(""), want: "-"},
		"oracle older, verbatim":            {family: "oracle", version: "8.0-1.el9", arch: "x86_64", advisory: parts("", part("0:8.0-2.el9", "x86_64")), want: "0:8.0-2.el9", vendor: "0:8.0-2.el9"},
		"oracle for another arch":           {family: "oracle", version: "8.0-1.el9", arch: "aarch64", advisory: parts("8.0-2.el9", part("8.0-2.el9", "x86_64")), want: "-"},
		"oracle without parts":              {family: "oracle", version: "8.0-1.el9", arch: "x86_64", advisory: parts("8.0-2.el9"), want: "8.0-2.el9"},
		"oracle fips of normal":             {family: "oracle", version: "1:8.0-1.el9", arch: "x86_64", advisory: parts("", part("10:8.0-2.el9_fips", "x86_64")), want: "-"},
		"oracle fips":                       {family: "oracle", version: "10:8.0-1.el9_FIPS", arch: "x86_64", advisory: parts("", part("10:8.0-2.el9_fips", "x86_64")), want: "10:8.0-2.el9_fips", vendor: "10:8.0-2.el9_fips"},
		"oracle normal of fips":             {family: "oracle", version: "8.0-1.el9_fips", arch: "x86_64", advisory: parts("", part("8.0-2.el9", "x86_64")), want: "-"},
		"oracle ksplice":                    {family: "oracle", version: "2:2.17-1.ksplice1.el7", arch: "x86_64", advisory: parts("", part("2:2.17-2.ksplice2.el7", "x86_64")), want: "2:2.17-2.ksplice2.el7", vendor: "2:2.17-2.ksplice2.el7"},
		"oracle ksplice of normal":          {family: "oracle", version: "2.17-1.el7", arch: "x86_64", advisory: parts("", part("2:2.17-2.ksplice1.el7", "x86_64")), want: "-"},
		"oracle ksplice of normal, flat":    {family: "oracle", version: "2.17-1.el7", arch: "x86_64", advisory: parts("2:2.17-2.ksplice1.el7"), want: "-"},
		"amazon older, verbatim":            {family: "amazon", version: "8.0-1.amzn2", advisory: fixed("0:8.0-2.amzn2"), want: "0:8.0-2.amzn2"},
		"amazon compares letters as Debian": {family: "amazon", version: "2.0-1", advisory: fixed("2.a-1"), want: "2.a-1"},
		"sles compares letters as RPM":      {family: "sles", version: "2.0-1", advisory: fixed("2.a-1"), want: "-"},
		"amazon's version that is none":     {family: "amazon", version: "abc", advisory: fixed("1"), want: "-", problem: `"abc"`},
		"amazon unfixed":                    {family: "amazon", version: "8.0-1", advisory: fixed(""), want: "-"},
		"sles older, verbatim":              {family: "sles", version: "8.0-1", advisory: fixed("0:8.0-2"), want: "0:8.0-2"},
		"sles unfixed":                      {family: "sles", version: "8.0-1", advisory: fixed(""), want: "-"},
		"slem older":                        {family: "slem", version: "8.0-1", advisory: fixed("8.0-2"), want: "8.0-2"},
		"leap older":                        {family: "opensuse-leap", version: "8.0-1", advisory: fixed("8.0-2"), want: "8.0-2"},
		"tumbleweed older":                  {family: "opensuse-tumbleweed", version: "8.0-1", advisory: fixed("8.0-2"), want: "8.0-2"},
		"tumbleweed unfixed":                {family: "opensuse-tumbleweed", version: "8.0-1", advisory: fixed(""), want: "-"},
		"photon older":                      {family: "photon", version: "8.0-1.ph5", advisory: fixed("8.0-2.ph5"), want: "8.0-2.ph5"},
		"photon unfixed":                    {family: "photon", version: "8.0-1.ph5", advisory: fixed(""), want: "-"},
		"azurelinux older":                  {family: "azurelinux", version: "8.0-1.azl3", advisory: fixed("0:8.0-2.azl3"), want: "8.0-2.azl3"},
		"azurelinux unfixed":                {family: "azurelinux", version: "8.0-1.azl3", advisory: fixed(""), want: ""},
		"mariner older":                     {family: "cbl-mariner", version: "8.0-1.cm2", advisory: fixed("8.0-2.cm2"), want: "8.0-2.cm2"},
		"mariner unfixed":                   {family: "cbl-mariner", version: "8.0-1.cm2", advisory: fixed(""), want: ""},
		"bottlerocket older":                {family: "bottlerocket", version: "1.2.3", advisory: fixed("1.2.4"), want: "1.2.4"},
		"bottlerocket unfixed":              {family: "bottlerocket", version: "1.2.3", advisory: fixed(""), want: "-"},
		"echo older":                        {family: "echo", version: "8.0-1", advisory: fixed("8.0-2"), want: "8.0-2"},
		"echo unfixed":                      {family: "echo", version: "8.0-1", advisory: fixed(""), want: ""},
		"echo's version that is none":       {family: "echo", version: "abc", advisory: fixed("1"), want: "-", problem: `"abc"`},
		"echo's fixed version that is none": {family: "echo", version: "1", advisory: fixed("abc"), want: "-", problem: `"abc"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := match.Subject{Key: match.Key{Name: "curl"}, Family: tc.family, Version: tc.version, Arch: tc.arch}
			matches, problems := match.Judge(s, []match.Record{{Advisories: []match.Advisory{tc.advisory}}})
			got, vendor := "-", ""
			for _, m := range matches {
				got = m.FixedVersion
				for _, id := range m.VendorIDs {
					vendor += id
				}
			}
			if got != tc.want || vendor != tc.vendor || len(matches) > 1 {
				t.Errorf("fixed in %q by %q, want %q by %q", got, vendor, tc.want, tc.vendor)
			}
			checkProblem(t, problems, tc.problem)
		})
	}
}
