package sbom

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	buildOnce  sync.Once
	builtFile  string
	buildError error
)

// goBinary is a small Go program for Linux, compiled once for all tests.
func goBinary(t testing.TB) string {
	t.Helper()
	buildOnce.Do(func() { builtFile, buildError = buildGopher() })
	if buildError != nil {
		t.Fatalf("build a Go program: %v", buildError)
	}
	return builtFile
}

func buildGopher() (string, error) {
	dir, err := os.MkdirTemp("", "gopher-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for name, content := range map[string]string{
		"go.mod":     "module example.com/gopher\n\ngo 1.26\n\nrequire (\n\texample.com/dep v1.2.3\n\texample.com/old v0.1.0\n)\n\nreplace example.com/dep => ./dep\n\nreplace example.com/old v0.1.0 => ./new\n",
		"main.go":    "package main\n\nimport (\n\t_ \"example.com/dep\"\n\t_ \"example.com/old\"\n)\n\nfunc main() {}\n",
		"dep/go.mod": "module example.com/dep\n", "dep/dep.go": "package dep\n",
		"new/go.mod": "module example.com/old\n", "new/new.go": "package old\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	cmd := exec.Command("go", "build", "-o", "gopher", "-ldflags=-s -w", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOFLAGS=-mod=mod", "GOPROXY=off", "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &buildFailure{err, string(out)}
	}
	raw, err := os.ReadFile(filepath.Join(dir, "gopher"))
	return string(raw), err
}

type buildFailure struct {
	error
	output string
}

func (f *buildFailure) Error() string { return f.error.Error() + ": " + f.output }

func TestReadGoProgram(t *testing.T) {
	img := squash(t, []item{program("usr/bin/gopher", goBinary(t)), file("usr/lib/not-executable", goBinary(t))})
	want := []string{
		"gobinary ./dep  0 usr/bin/gopher",
		"gobinary ./new  0 usr/bin/gopher",
		"gobinary example.com/gopher  0 usr/bin/gopher",
		"gobinary stdlib v" + strings.TrimPrefix(strings.Fields(runtime.Version())[0], "go") + " 0 usr/bin/gopher",
	}
	if diff := cmp.Diff(want, lines(img.Packages)); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

// The test's own program has real dependencies, and is large enough to be spooled.
func TestReadOwnProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Skipf("the test's own program is not known: %v", err)
	}
	raw, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(self)
	if err != nil {
		t.Skipf("the test's own program has no build information: %v", err)
	}
	spool := t.TempDir()
	t.Setenv("TMPDIR", spool)
	for name, limits := range map[string]Limits{"memory": {MemoryBytes: 1 << 30}, "temporary file": {MemoryBytes: 1 << 10}} {
		t.Run(name, func(t *testing.T) {
			layer := mustRead(t, limits, program("bin/test", string(raw)))
			got := map[string]string{}
			for _, p := range layer.Files["bin/test"].Packages {
				got[p.Name] = p.Version
			}
			for _, module := range info.Deps {
				if module.Replace == nil && got[module.Path] != module.Version {
					t.Errorf("%s is %q, want %q", module.Path, got[module.Path], module.Version)
				}
			}
			if left, err := os.ReadDir(spool); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestGoPackages(t *testing.T) {
	info := &buildinfo.BuildInfo{
		GoVersion: "go1.22.1 X:boringcrypto",
		Main:      debug.Module{Path: "example.com/main", Version: "(devel)"},
		Deps: []*debug.Module{
			{Path: "github.com/a/b", Version: "v1.2.3+incompatible"},
			{Path: "github.com/c/d", Version: "v1.0.0", Replace: &debug.Module{Path: "github.com/fork/d", Version: "v1.0.1"}},
			{Path: "", Version: "(devel)"},
			{Path: "bad\x00name", Version: "v1.0.0"},
		},
	}
	got, err := goPackages(info, 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []Package{
		{Type: TypeGoBinary, Name: "stdlib", Version: "v1.22.1"},
		{Type: TypeGoBinary, Name: "example.com/main"},
		{Type: TypeGoBinary, Name: "github.com/a/b", Version: "v1.2.3+incompatible"},
		{Type: TypeGoBinary, Name: "github.com/fork/d", Version: "v1.0.1"},
	}
	if diff := cmp.Diff(want, got.Packages); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if _, err := goPackages(info, 3); unreadReason(err) != "LimitExceeded" {
		t.Errorf("more dependencies than allowed: error %v", err)
	}
}
