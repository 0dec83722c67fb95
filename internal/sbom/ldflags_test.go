package sbom

import (
	"debug/buildinfo"
	"runtime/debug"
	"testing"

	"golang.org/x/mod/semver"
)

func TestMainVersion(t *testing.T) {
	const module = "example.com/app"
	tests := map[string]struct {
		version, flags string
		want           string
	}{
		"of the module":                {"v1.2.3", "-X main.version=9.9.9", "v1.2.3"},
		"none":                         {"(devel)", "-s -w", ""},
		"stamped":                      {"(devel)", "-s -w -X main.version=1.2.3", "1.2.3"},
		"stamped, with a v":            {"", "-X main.Version=v1.2.3 -s", "v1.2.3"},
		"beats a commit":               {"v0.0.0-20240101000000-abcdefabcdef", "-X main.version=1.2.3", "1.2.3"},
		"a commit alone":               {"v0.0.0-20240101000000-abcdefabcdef", "", "v0.0.0-20240101000000-abcdefabcdef"},
		"joined":                       {"(devel)", "-X=main.version=1.2.3", "1.2.3"},
		"in quotes":                    {"(devel)", `-X 'main.version=1.2.3' -X "main.date=a b"`, "1.2.3"},
		"quotes in the flag":           {"(devel)", `-X='main.version=1.2.3'`, "1.2.3"},
		"of its own command first":     {"(devel)", "-X main.version=1.0.0 -X example.com/app/cmd/app/build.version=2.0.0", "2.0.0"},
		"of a usual package next":      {"(devel)", "-X example.com/other/info.ver=1.0.0 -X example.com/app/pkg/Version.Version=2.0.0", "2.0.0"},
		"of any package":               {"(devel)", "-X example.com/other/info.ver=1.0.0", "1.0.0"},
		"two that contradict":          {"(devel)", "-X main.version=1.0.0 -X cmd.version=2.0.0", ""},
		"a word that is no version":    {"(devel)", "-X main.version=nightly", ""},
		"another variable":             {"(devel)", "-X main.conversion=1.2.3 -X main.commit=1.2.3", ""},
		"a flag without its argument":  {"(devel)", "-X", ""},
		"a quote that is never closed": {"(devel)", "-X 'main.version=1.2.3", "1.2.3"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			info := &buildinfo.BuildInfo{Main: debug.Module{Path: module, Version: test.version}, Settings: []debug.BuildSetting{{Key: "-ldflags", Value: test.flags}}}
			file, err := goPackages(info, 10)
			if err != nil || len(file.Packages) != 1 {
				t.Fatalf("packages %v, error %v", file.Packages, err)
			}
			if got := file.Packages[0].Version; got != test.want {
				t.Errorf("version %q, want %q", got, test.want)
			}
		})
	}
}

func FuzzStampedVersion(f *testing.F) {
	f.Add("-s -X 'main.version=1.2.3' -X=a/cmd.ver=v2")
	f.Fuzz(func(t *testing.T, flags string) {
		if got := stampedVersion("a", flags); got != "" && !semver.IsValid(got) && !semver.IsValid("v"+got) {
			t.Errorf("version %q", got)
		}
	})
}
