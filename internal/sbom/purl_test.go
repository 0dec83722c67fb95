package sbom

import (
	"slices"
	"testing"
)

func TestPURL(t *testing.T) {
	for want, test := range map[string]struct {
		p  Package
		os OS
	}{
		"pkg:deb/debian/openssl":        {Package{Type: TypeDpkg, Name: "openssl", Version: "3.0.1"}, OS{Family: "debian", Release: "12"}},
		"pkg:deb/ubuntu/libstdc%2B%2B6": {Package{Type: TypeDpkg, Name: "libstdc++6"}, OS{Family: "ubuntu"}},
		"pkg:apk/alpine/openssl":        {Package{Type: TypeAPK, Name: "openssl"}, OS{Family: "alpine"}},
		"pkg:apk/wolfi/openssl":         {Package{Type: TypeAPK, Name: "openssl"}, OS{Family: "wolfi"}},
		"pkg:golang/stdlib":             {Package{Type: TypeGoBinary, Name: "stdlib"}, OS{Family: "alpine"}},
		"pkg:golang/golang.org/x/net":   {Package{Type: TypeGoBinary, Name: "golang.org/x/net"}, OS{}},
		"pkg:npm/left-pad":              {Package{Type: TypeNode, Name: "left-pad"}, OS{Family: "debian"}},
		"pkg:npm/%40babel/core":         {Package{Type: TypeNode, Name: "@babel/core"}, OS{}},
		"pkg:pypi/ruamel.yaml-clib":     {Package{Type: TypePython, Name: "Ruamel.yaml_clib"}, OS{}},
		"pkg:rpm/redhat/openssl-libs":   {Package{Type: TypeRPM, Name: "openssl-libs"}, OS{Family: "redhat", Release: "9.4"}},
		"pkg:maven/org.slf4j/slf4j-api": {Package{Type: TypeJar, Name: "org.slf4j:slf4j-api"}, OS{}},
		"pkg:maven/slf4j-api":           {Package{Type: TypeJar, Name: "slf4j-api"}, OS{}},
		"pkg:composer/monolog/monolog":  {Package{Type: TypeComposer, Name: "monolog/monolog"}, OS{}},
		"pkg:gem/rack":                  {Package{Type: TypeGem, Name: "rack"}, OS{}},
		"pkg:cargo/time":                {Package{Type: TypeRustBinary, Name: "time"}, OS{}},
		"pkg:nuget/Newtonsoft.Json":     {Package{Type: TypeDotNet, Name: "Newtonsoft.Json"}, OS{}},
		"pkg:conan/openssl":             {Package{Type: TypeConan, Name: "openssl"}, OS{}},
		"pkg:bitnami/redis":             {Package{Type: TypeBitnami, Name: "redis"}, OS{}},
		"pkg:julia/HTTP":                {Package{Type: TypeJulia, Name: "HTTP"}, OS{}},
		"pkg:golang/gopkg.in/yaml.v3":   {Package{Type: TypeGoBinary, Name: "gopkg.in/yaml.v3"}, OS{}},
	} {
		if got := test.p.PURL(test.os); got != want {
			t.Errorf("PURL of %s is %s, want %s", test.p.Name, got, want)
		}
	}
}

func TestPURLs(t *testing.T) {
	for name, test := range map[string]struct {
		p    Package
		want []string
	}{
		"a binary of another name": {Package{Type: TypeDpkg, Name: "libssl3", SourceName: "openssl"}, []string{"pkg:deb/debian/libssl3", "pkg:deb/debian/openssl"}},
		"a binary of the same":     {Package{Type: TypeDpkg, Name: "openssl", SourceName: "openssl"}, []string{"pkg:deb/debian/openssl"}},
		"an origin":                {Package{Type: TypeAPK, Name: "libcrypto3", SourceName: "openssl"}, []string{"pkg:apk/debian/libcrypto3", "pkg:apk/debian/openssl"}},
		"a language package":       {Package{Type: TypeNode, Name: "lodash"}, []string{"pkg:npm/lodash"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.p.PURLs(OS{Family: "debian"}); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
