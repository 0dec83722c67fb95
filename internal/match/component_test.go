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
		"redhat has one bucket":              {os: sbom.OS{Family: "redhat", Release: "10.1"}, want: "Red Hat"},
		"redhat without a release":           {os: sbom.OS{Family: "redhat"}},
		"alma is cut to the major release":   {os: sbom.OS{Family: "alma", Release: "9.4"}, want: "alma 9"},
		"oracle is cut to the major release": {os: sbom.OS{Family: "oracle", Release: "8.10"}, want: "Oracle Linux 8"},
		"amazon 2":                           {os: sbom.OS{Family: "amazon", Release: "2 (Karoo)"}, want: "amazon linux 2"},
		"amazon 2022":                        {os: sbom.OS{Family: "amazon", Release: "2022.0.20220419"}, want: "amazon linux 2022"},
		"amazon's other releases are 1":      {os: sbom.OS{Family: "amazon", Release: "2018.03"}, want: "amazon linux 1"},
		"amazon without a release":           {os: sbom.OS{Family: "amazon"}},
		"sles is not cut":                    {os: sbom.OS{Family: "sles", Release: "15.5"}, want: "SUSE Linux Enterprise 15.5"},
		"photon is not cut":                  {os: sbom.OS{Family: "photon", Release: "5.0"}, want: "Photon OS 5.0"},
		"azurelinux is cut to two parts":     {os: sbom.OS{Family: "azurelinux", Release: "3.0.20240401"}, want: "Azure Linux 3.0"},
		"tumbleweed has no release":          {os: sbom.OS{Family: "opensuse-tumbleweed", Release: "20240607"}, want: "openSUSE Tumbleweed"},
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
				got = c.Subject.Key.System()
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
				{Type: sbom.TypeGem, Name: "RedCloth", Version: "4.2.9"},
				{Type: sbom.TypeRustBinary, Name: "Inflector", Version: "0.11.4"},
				{Type: sbom.TypeComposer, Name: "Symfony/HTTP-Kernel", Version: "v5.0.0"},
				{Type: sbom.TypeJar, Name: "org.Example:Core", Version: "1.0"},
				{Type: sbom.TypeDotNet, Name: "Newtonsoft.Json", Version: "12.0.1"},
				{Type: sbom.TypeNuGet, Name: "Newtonsoft.Json", Version: "12.0.2"},
				{Type: sbom.TypeConan, Name: "OpenSSL", Version: "3.0.3"},
				{Type: sbom.TypeSwift, Name: "https://github.com/Apple/swift-nio.git", Version: "2.39.0"},
				{Type: sbom.TypeCocoaPods, Name: "AppCenter", Version: "4.2.0"},
				{Type: sbom.TypePub, Name: "HTTP", Version: "0.13.2"},
				{Type: sbom.TypeHex, Name: "Sweet_XML", Version: "0.6.6"},
				{Type: sbom.TypeBitnami, Name: "WordPress", Version: "5.7.1-2"},
				{Type: sbom.TypeKubernetes, Name: "K8s.io/Kubelet", Version: "1.24.0"},
				{Type: sbom.TypeJulia, Name: "HTTP", Version: "1.10.16"},
			},
			want: []match.Component{
				component("npm", "npm::", "jsonstream", "1.3.5", 0),
				component("pip", "pip::", "zope.interface-ext", "5.0", 1),
				component("go", "go::", "github.com/Masterminds/goutils", "v1.1.0", 2),
				component("rubygems", "rubygems::", "redcloth", "4.2.9", 3),
				component("cargo", "cargo::", "inflector", "0.11.4", 4),
				component("composer", "composer::", "symfony/http-kernel", "v5.0.0", 5),
				component("maven", "maven::", "org.example:core", "1.0", 6),
				component("nuget", "nuget::", "newtonsoft.json", "12.0.1", 7),
				component("nuget", "nuget::", "newtonsoft.json", "12.0.2", 8),
				component("conan", "conan::", "openssl", "3.0.3", 9),
				component("swift", "swift::", "github.com/Apple/swift-nio", "2.39.0", 10),
				component("cocoapods", "cocoapods::", "AppCenter", "4.2.0", 11),
				component("pub", "pub::", "http", "0.13.2", 12),
				component("erlang", "erlang::", "sweet_xml", "0.6.6", 13),
				component("bitnami", "bitnami::", "wordpress", "5.7.1-2", 14),
				component("k8s", "k8s::", "k8s.io/kubelet", "1.24.0", 15),
				component("julia", "julia::", "HTTP", "1.10.16", 16),
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
			packages: []sbom.Package{{Type: sbom.TypeGoBinary, Name: "example.com/app"}, {Type: sbom.TypeConda, Name: "numpy", Version: "1.0"}},
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
		"redhat by the major release":    {os: sbom.OS{Family: "redhat", Release: "6.10"}, want: day(2024, 6, 30)},
		"redhat without an end":          {os: sbom.OS{Family: "redhat", Release: "10.0"}},
		"centos is not redhat":           {os: sbom.OS{Family: "centos", Release: "8.4.2105"}, want: day(2021, 12, 31)},
		"alma":                           {os: sbom.OS{Family: "alma", Release: "10.0"}, want: day(2035, 5, 31)},
		"rocky":                          {os: sbom.OS{Family: "rocky", Release: "9.4"}, want: day(2032, 5, 31)},
		"rocky 10 is not known":          {os: sbom.OS{Family: "rocky", Release: "10.0"}},
		"oracle":                         {os: sbom.OS{Family: "oracle", Release: "7.9"}, want: day(2024, 12, 31)},
		"amazon's old releases are 1":    {os: sbom.OS{Family: "amazon", Release: "2018.03"}, want: day(2023, 12, 31)},
		"amazon 2023":                    {os: sbom.OS{Family: "amazon", Release: "2023.3.20240108"}, want: day(2028, 3, 15)},
		"photon":                         {os: sbom.OS{Family: "photon", Release: "4.0"}, want: day(2026, 3, 31)},
		"photon without an end":          {os: sbom.OS{Family: "photon", Release: "5.0"}},
		"azurelinux":                     {os: sbom.OS{Family: "azurelinux", Release: "3.0"}},
		"tumbleweed":                     {os: sbom.OS{Family: "opensuse-tumbleweed", Release: "20240607"}},
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
