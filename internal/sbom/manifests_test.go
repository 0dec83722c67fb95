package sbom

import (
	"bytes"
	"compress/zlib"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const (
	gemspec = `# -*- encoding: utf-8 -*-
# stub: rack 2.2.3 ruby lib

Gem::Specification.new do |s|
  s.name = "rack".freeze
  s.version = "2.2.3"

  s.required_ruby_version = Gem::Requirement.new(">= 2.3.0".freeze)
  s.rubygems_version = "3.1.2".freeze
end
`
	depsJSON = `{
  "runtimeTarget": {"name": ".NETCoreApp,Version=v6.0"},
  "targets": {".NETCoreApp,Version=v6.0": {
    "shop/1.0.0": {"runtime": {"shop.dll": {}}},
    "Newtonsoft.Json/12.0.1": {"runtime": {"lib/Newtonsoft.Json.dll": {}}},
    "runtime.native/4.3.0": {"native": {"a.so": {}}},
    "Analyzers/1.0.0": {}
  }},
  "libraries": {
    "shop/1.0.0": {"type": "project"},
    "Newtonsoft.Json/12.0.1": {"type": "package"},
    "runtime.native/4.3.0": {"type": "Package"},
    "Analyzers/1.0.0": {"type": "package"},
    "Unlisted/2.0.0": {"type": "package"},
    "Broken": {"type": "package"}
  }
}`
	spdx = `{"SPDXID": "SPDXRef-DOCUMENT", "packages": [
  {"name": "redis", "versionInfo": "7.0.5", "externalRefs": [
    {"referenceCategory": "SECURITY", "referenceLocator": "cpe:2.3:*:redis:redis:7.0.5:*:*:*:*:*:*:*", "referenceType": "cpe23Type"},
    {"referenceCategory": "PACKAGE-MANAGER", "referenceLocator": "pkg:bitnami/redis@7.0.5-1?arch=amd64&distro=debian-11", "referenceType": "purl"}]},
  {"name": "x", "externalRefs": [{"referenceLocator": "pkg:golang/x@1.0.0"}]},
  {"name": "y"}]}`
	julia1 = "[[Dates]]\nuuid = \"a\"\n\n[[HTTP]]\ndeps = [\"Dates\"]\nversion = \"1.5.0\"\n"
	julia2 = "julia_version = \"1.9.0\"\nmanifest_format = \"2.0\"\n\n[[deps.HTTP]]\nversion = \"1.5.0\"\n\n[[deps.HTTP]]\nversion = \"1.6.0\"\n[deps.HTTP.weakdeps]\na = \"b\"\n"
)

func TestReadManifests(t *testing.T) {
	tests := map[string]struct {
		path, content string
		want          []string
	}{
		"gem":                    {"usr/lib/ruby/gems/2.7.0/specifications/rack-2.2.3.gemspec", gemspec, []string{"gemspec rack 2.2.3"}},
		"default gem":            {"usr/share/rubygems/specifications/default/a.gemspec", "Gem::Specification.new do |s|\ns.name = 'a'\ns.version = Gem::Version.new(\"1.0\")\n", []string{"gemspec a 1.0"}},
		"gem's own":              {"usr/lib/ruby/gems/2.7.0/gems/rack-2.2.3/rack.gemspec", gemspec, nil},
		"lock file of a gem":     {"usr/lib/ruby/gems/2.7.0/gems/rack-2.2.3/Gemfile.lock", "GEM\n", nil},
		"Composer 2":             {"app/vendor/composer/installed.json", `{"packages":[{"name":"monolog/monolog","version":"2.1.0","authors":1},{"name":"x"}],"dev":true}`, []string{"composer-vendor monolog/monolog 2.1.0"}},
		"Composer 1":             {"app/vendor/composer/installed.json", ` [{"name":"monolog/monolog","version":"v1.0"}]`, []string{"composer-vendor monolog/monolog v1.0"}},
		"not Composer's":         {"app/installed.json", `[{"name":"a","version":"1"}]`, nil},
		".NET":                   {"app/shop.deps.json", depsJSON, []string{"dotnet-core Newtonsoft.Json 12.0.1", "dotnet-core Unlisted 2.0.0", "dotnet-core runtime.native 4.3.0"}},
		".NET, by a mark":        {"app/shop.deps.json", "\ufeff" + depsJSON, []string{"dotnet-core Newtonsoft.Json 12.0.1", "dotnet-core Unlisted 2.0.0", "dotnet-core runtime.native 4.3.0"}},
		"something else's":       {"app/editor.deps.json", `["wp-element"]`, nil},
		"Conan":                  {"root/.conan/data/openssl/1.1.1k/_/_/package/abc/conaninfo.txt", "[settings]\n", []string{"conan openssl 1.1.1k"}},
		"Conan's recipe":         {"root/.conan/data/openssl/1.1.1k/_/_/export/conaninfo.txt", "", nil},
		"Conan, another file":    {"root/.conan/data/openssl/1.1.1k/_/_/package/abc/conanmanifest.txt", "", nil},
		"Bitnami":                {"opt/bitnami/redis/.spdx-redis.spdx", spdx, []string{"bitnami redis 7.0.5-1"}},
		"not Bitnami's":          {"opt/other/redis/.spdx-redis.spdx", spdx, nil},
		"Julia, older":           {"root/.julia/environments/v1.6/Manifest.toml", julia1, []string{"julia HTTP 1.5.0"}},
		"Julia":                  {"root/.julia/environments/v1.9/JuliaManifest.toml", julia2, []string{"julia HTTP 1.5.0", "julia HTTP 1.6.0"}},
		"Manifest of else":       {"x/Manifest.toml", "a = [1, 2]\n[deps]\nb = 1\n", nil},
		"illegible":              {"app/vendor/composer/installed.json", `[{"name":"a\u0000","version":"1"}]`, nil},
		"no version in Composer": {"app/vendor/composer/installed.json", `{}`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := readLayer(t, 0, file(test.path, test.content)).Files[test.path]
			if got.Reason != "" {
				t.Errorf("unread: %s", got.Message)
			}
			var list []string
			for _, p := range got.Packages {
				list = append(list, fmt.Sprintf("%s %s %s", p.Type, p.Name, p.Version))
			}
			if diff := cmp.Diff(test.want, list); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnreadManifests(t *testing.T) {
	small := Limits{ManifestBytes: 10}
	for name, test := range map[string]struct {
		limits       Limits
		item         item
		reason, want string
	}{
		"broken Composer":      {Limits{}, file("vendor/composer/installed.json", "{"), v1alpha1.ReasonCorruptPackageDatabase, "Composer: unexpected end"},
		"Composer of else":     {Limits{}, file("vendor/composer/installed.json", `{"packages":1}`), v1alpha1.ReasonCorruptPackageDatabase, "Composer: json: "},
		"large Composer":       {small, file("vendor/composer/installed.json", `{"packages":[]}`), v1alpha1.ReasonLimitExceeded, "Composer: has more than 10 bytes"},
		"broken SPDX":          {Limits{}, file("opt/bitnami/a/.spdx-a.spdx", "["), v1alpha1.ReasonCorruptPackageDatabase, "Bitnami: unexpected end"},
		"broken TOML":          {Limits{}, file("Manifest.toml", "[["), v1alpha1.ReasonCorruptPackageDatabase, "Julia: parse TOML: "},
		"large .NET":           {small, file("a.deps.json", depsJSON), v1alpha1.ReasonLimitExceeded, ".NET: has more than 10 bytes"},
		"large gem":            {small, file("specifications/a.gemspec", gemspec), v1alpha1.ReasonLimitExceeded, "gem: has more than 10 bytes"},
		"gem without version":  {Limits{}, file("specifications/a.gemspec", "s.name = 'a'\n"), v1alpha1.ReasonCorruptPackageDatabase, "gem: a line is not a field"},
		"gem with a long line": {Limits{}, file("specifications/a.gemspec", strings.Repeat("x", 2*maxLine)), v1alpha1.ReasonCorruptPackageDatabase, "gem: bufio.Scanner: token too long"},
		"illegible gem":        {Limits{}, file("specifications/a.gemspec", "s.name = 'a\x01'\ns.version = '1'\n"), v1alpha1.ReasonCorruptPackageDatabase, "gem: a package's name"},
	} {
		got := mustRead(t, test.limits, test.item).Files[test.item.Name]
		if got.Reason != test.reason || !strings.HasPrefix(got.Message, test.want) || len(got.Packages) > 0 {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// rustProgram is an ELF file that has the section and nothing else.
func rustProgram(t testing.TB, name string, section []byte) string {
	t.Helper()
	names := "\x00.shstrtab\x00" + name + "\x00"
	at := uint64(64)
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 1,
		Shoff: at + uint64(len(section)+len(names)),
	}
	copy(header.Ident[:], "\x7fELF\x02\x01\x01")
	var out bytes.Buffer
	sections := []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_STRTAB), Off: at + uint64(len(section)), Size: uint64(len(names))},
		{Name: 11, Type: uint32(elf.SHT_PROGBITS), Off: at, Size: uint64(len(section))},
	}
	for _, part := range []any{header, section, []byte(names), sections} {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func deflated(t testing.TB, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zlib.NewWriter(&buf)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestReadRust(t *testing.T) {
	const deps = `{"packages":[{"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[1]},` +
		`{"name":"time","version":"0.1.43","source":"crates.io"},{"name":"cc","version":"1.0.0","kind":"build"},{"name":"libc","version":"0.2.1","kind":"runtime"}]}`
	for name, test := range map[string]struct {
		body    string
		want    []Package
		message string
	}{
		"packages":        {rustProgram(t, rustSection, deflated(t, deps)), []Package{{Type: TypeRustBinary, Name: "time", Version: "0.1.43"}, {Type: TypeRustBinary, Name: "libc", Version: "0.2.1"}}, ""},
		"another section": {rustProgram(t, ".dep-v1", deflated(t, deps)), nil, ""},
		"not compressed":  {rustProgram(t, rustSection, []byte(deps)), nil, "executable: unpack .dep-v0: zlib: invalid header"},
		"cut":             {rustProgram(t, rustSection, deflated(t, deps)[:20]), nil, "executable: unpack .dep-v0: unexpected EOF"},
		"not JSON":        {rustProgram(t, rustSection, deflated(t, "hello")), nil, "executable: invalid character"},
		"bomb":            {rustProgram(t, rustSection, deflated(t, strings.Repeat(" ", 5*mib))), nil, "executable: has more than 4194304 unpacked bytes"},
		"illegible":       {rustProgram(t, rustSection, deflated(t, `{"packages":[{"name":"a"}]}`)), nil, "executable: a package's name"},
	} {
		t.Run(name, func(t *testing.T) {
			got := readLayer(t, 0, program("bin/app", test.body)).Files["bin/app"]
			if diff := cmp.Diff(test.want, got.Packages); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(got.Message, test.message) || (test.message == "") != (got.Message == "") {
				t.Errorf("message %q, want %q", got.Message, test.message)
			}
		})
	}
}
