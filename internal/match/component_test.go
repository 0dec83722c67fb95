package match_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

var now = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

func TestBucketOfSystem(t *testing.T) {
	cases := map[string]struct {
		os   sbom.OS
		at   time.Time
		want string // "": the system is not supported
	}{
		"debian is cut to the major release":    {os: sbom.OS{Family: "debian", Release: "12.5"}, want: "debian 12"},
		"debian without a number":               {os: sbom.OS{Family: "debian", Release: "trixie/sid"}},
		"alpine is cut to two parts":            {os: sbom.OS{Family: "alpine", Release: "3.20.1"}, want: "alpine 3.20"},
		"alpine release candidate":              {os: sbom.OS{Family: "alpine", Release: "3.22_alpha"}, want: "alpine 3.22_alpha"},
		"alpine without a release":              {os: sbom.OS{Family: "alpine"}},
		"alpine's repository release wins":      {os: sbom.OS{Family: "alpine", Release: "3.20.1", RepositoryFamily: "alpine", RepositoryRelease: "edge"}, want: "alpine edge"},
		"alpine's repository release is cut":    {os: sbom.OS{Family: "alpine", Release: "3.20.1", RepositoryFamily: "alpine", RepositoryRelease: "3.21.2"}, want: "alpine 3.21"},
		"another family's repository is not":    {os: sbom.OS{Family: "alpine", Release: "3.20.1", RepositoryFamily: "postmarketos", RepositoryRelease: "edge"}, want: "alpine 3.20"},
		"repository stands in for the system":   {os: sbom.OS{RepositoryFamily: "alpine", RepositoryRelease: "3.19"}, want: "alpine 3.19"},
		"wolfi has no release":                  {os: sbom.OS{Family: "wolfi", Release: "20230201"}, want: "wolfi"},
		"chainguard has no release":             {os: sbom.OS{Family: "chainguard", Release: "20230214"}, want: "chainguard"},
		"minimos has no release":                {os: sbom.OS{Family: "minimos", Release: "20241031"}, want: "minimos"},
		"ubuntu":                                {os: sbom.OS{Family: "ubuntu", Release: "22.04"}, want: "ubuntu 22.04"},
		"ubuntu without a release":              {os: sbom.OS{Family: "ubuntu"}},
		"ESM with advisories of its own":        {os: sbom.OS{Family: "ubuntu", Release: "18.04", ESM: true}, want: "ubuntu 18.04-ESM"},
		"ESM before the end of general support": {os: sbom.OS{Family: "ubuntu", Release: "22.04", ESM: true}, want: "ubuntu 22.04"},
		"ESM after the end of general support": {
			os: sbom.OS{Family: "ubuntu", Release: "22.04", ESM: true}, at: time.Date(2027, 4, 24, 0, 0, 0, 0, time.UTC), want: "ubuntu 22.04-ESM",
		},
		"ESM on the last day of general support": {
			os: sbom.OS{Family: "ubuntu", Release: "22.04", ESM: true}, at: time.Date(2027, 4, 23, 12, 0, 0, 0, time.UTC), want: "ubuntu 22.04",
		},
		"ESM of a release that is not known": {os: sbom.OS{Family: "ubuntu", Release: "28.04", ESM: true}, want: "ubuntu 28.04-ESM"},
		"fedora":                             {os: sbom.OS{Family: "fedora", Release: "41"}},
		"centos stream":                      {os: sbom.OS{Family: "centos-stream", Release: "9"}},
		"no system":                          {},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.at.IsZero() {
				tc.at = now
			}
			img := &sbom.Image{OS: tc.os, Packages: []sbom.Package{{Type: sbom.TypeDpkg, Name: "tar", Version: "1.34-1"}}}
			got := ""
			for _, c := range match.Components(img, tc.at) {
				got = c.Subject.Key.Bucket
			}
			if got != tc.want {
				t.Errorf("bucket = %q, want %q", got, tc.want)
			}
			if got := match.Supported(tc.os); got != (tc.want != "") {
				t.Errorf("Supported = %t", got)
			}
		})
	}
}

func TestComponents(t *testing.T) {
	deb := func(name, version, source, sourceVersion string) sbom.Package {
		return sbom.Package{Type: sbom.TypeDpkg, Name: name, Version: version, SourceName: source, SourceVersion: sourceVersion}
	}
	apk := func(name, version, origin string) sbom.Package {
		return sbom.Package{Type: sbom.TypeAPK, Name: name, Version: version, SourceName: origin, SourceVersion: version}
	}
	component := func(family, bucket, name, version string, packages ...int) match.Component {
		return match.Component{
			Subject:  match.Subject{Key: match.Key{Bucket: bucket, Name: name}, Family: family, Version: version},
			Packages: packages,
		}
	}
	debian, wolfi := sbom.OS{Family: "debian", Release: "12"}, sbom.OS{Family: "wolfi", Release: "20230201"}
	cases := map[string]struct {
		os       sbom.OS
		packages []sbom.Package
		want     []match.Component
	}{
		"packages of one source are one subject": {
			os: debian,
			packages: []sbom.Package{
				deb("libssl3", "3.0.17-1~deb12u2", "openssl", "3.0.17-1~deb12u2"),
				deb("tar", "1.34+dfsg-1.2", "", ""),
				deb("openssl", "3.0.17-1~deb12u2", "openssl", "3.0.17-1~deb12u2"),
			},
			want: []match.Component{
				component("debian", "debian 12", "openssl", "3.0.17-1~deb12u2", 0, 2),
				component("debian", "debian 12", "tar", "1.34+dfsg-1.2", 1),
			},
		},
		"a rebuilt binary has its source's version": {
			os:       debian,
			packages: []sbom.Package{deb("libgcc-s1", "12.2.0-14+b1", "gcc-12", "12.2.0-14")},
			want:     []match.Component{component("debian", "debian 12", "gcc-12", "12.2.0-14", 0)},
		},
		"a source without a version has the binary's": {
			os:       debian,
			packages: []sbom.Package{deb("libc6", "2.36-9", "glibc", "")},
			want:     []match.Component{component("debian", "debian 12", "glibc", "2.36-9", 0)},
		},
		"two versions of a source are two subjects": {
			os:       debian,
			packages: []sbom.Package{deb("linux-image-1", "6.1.1-1", "linux", "6.1.1-1"), deb("linux-image-2", "6.1.2-1", "linux", "6.1.2-1")},
			want: []match.Component{
				component("debian", "debian 12", "linux", "6.1.1-1", 0),
				component("debian", "debian 12", "linux", "6.1.2-1", 1),
			},
		},
		"wolfi compares the binary's version": {
			os:       wolfi,
			packages: []sbom.Package{{Type: sbom.TypeAPK, Name: "libcrypto3", Version: "3.3.2-r1", SourceName: "openssl", SourceVersion: "3.3.2-r9"}},
			want:     []match.Component{component("wolfi", "wolfi", "openssl", "3.3.2-r1", 0)},
		},
		"apk without an origin is its own": {
			os:       sbom.OS{Family: "alpine", Release: "3.20.1"},
			packages: []sbom.Package{apk("musl", "1.2.5-r0", "")},
			want:     []match.Component{component("alpine", "alpine 3.20", "musl", "1.2.5-r0", 0)},
		},
		"third parties and keys are left out": {
			os: debian,
			packages: []sbom.Package{
				{Type: sbom.TypeDpkg, Name: "docker-ce", Version: "5:26.0.0-1", ThirdParty: true},
				{Type: sbom.TypeDpkg, Name: "gpg-pubkey", Version: "1-1"},
			},
		},
		"an unsupported system leaves language packages": {
			os: sbom.OS{Family: "fedora", Release: "41"},
			packages: []sbom.Package{
				deb("bash", "5.2-1", "", ""),
				{Type: sbom.TypeNode, Name: "lodash", Version: "4.17.4", Path: "app/node_modules/lodash/package.json"},
			},
			want: []match.Component{component("npm", "npm::", "lodash", "4.17.4", 1)},
		},
		"names of ecosystems": {
			packages: []sbom.Package{
				{Type: sbom.TypeNode, Name: "JSONStream", Version: "1.3.5"},
				{Type: sbom.TypePython, Name: "Zope.Interface_Ext", Version: "5.0"},
				{Type: sbom.TypeGoBinary, Name: "github.com/Masterminds/goutils", Version: "v1.1.0"},
			},
			want: []match.Component{
				component("npm", "npm::", "jsonstream", "1.3.5", 0),
				component("pip", "pip::", "zope.interface-ext", "5.0", 1),
				component("go", "go::", "github.com/Masterminds/goutils", "v1.1.0", 2),
			},
		},
		"the same library in two places": {
			packages: []sbom.Package{
				{Type: sbom.TypeNode, Name: "ms", Version: "0.7.0", Path: "a/package.json"},
				{Type: sbom.TypeNode, Name: "ms", Version: "0.7.0", Path: "b/package.json"},
			},
			want: []match.Component{component("npm", "npm::", "ms", "0.7.0", 0, 1)},
		},
		"no version, no type": {
			packages: []sbom.Package{{Type: sbom.TypeGoBinary, Name: "example.com/app"}, {Type: "conda-pkg", Name: "numpy", Version: "1.0"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := match.Components(&sbom.Image{OS: tc.os, Packages: tc.packages}, now)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSupportEnd(t *testing.T) {
	day := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 23, 59, 59, 0, time.UTC)
	}
	cases := map[string]struct {
		os   sbom.OS
		want time.Time // zero: none
	}{
		"debian":                         {os: sbom.OS{Family: "debian", Release: "12.5"}, want: day(2028, 6, 10)},
		"debian without an end":          {os: sbom.OS{Family: "debian", Release: "13"}},
		"alpine":                         {os: sbom.OS{Family: "alpine", Release: "3.20.1"}, want: day(2026, 4, 1)},
		"alpine by its own release":      {os: sbom.OS{Family: "alpine", Release: "3.20.1", RepositoryFamily: "alpine", RepositoryRelease: "edge"}, want: day(2026, 4, 1)},
		"alpine edge":                    {os: sbom.OS{Family: "alpine", Release: "edge"}},
		"alpine by its repository":       {os: sbom.OS{RepositoryFamily: "alpine", RepositoryRelease: "3.19"}, want: day(2025, 11, 1)},
		"ubuntu":                         {os: sbom.OS{Family: "ubuntu", Release: "20.04"}, want: day(2025, 5, 31)},
		"ubuntu ESM":                     {os: sbom.OS{Family: "ubuntu", Release: "20.04", ESM: true}, want: day(2030, 4, 30)},
		"ubuntu ESM without a known end": {os: sbom.OS{Family: "ubuntu", Release: "22.04", ESM: true}},
		"a release that is not known":    {os: sbom.OS{Family: "ubuntu", Release: "30.04"}},
		"wolfi":                          {os: sbom.OS{Family: "wolfi", Release: "20230201"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := match.SupportEnd(tc.os)
			if !got.Equal(tc.want) || ok != !tc.want.IsZero() {
				t.Errorf("SupportEnd = %s, %t, want %s", got, ok, tc.want)
			}
		})
	}
}
