package sbom

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// needTools skips a test that compares with what the tools themselves say.
func needTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("compares with %s, which is not on this machine", name)
		}
	}
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C")
	var failure bytes.Buffer
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, failure.String())
	}
	return string(out)
}

// A real Debian with packages of all languages is what dpkg says it is, and all
// that the languages' own tools would find in it is Debian's.
func TestRealDebian(t *testing.T) {
	if testing.Short() {
		t.Skip("installs a Debian from the network")
	}
	needTools(t, "dpkg-query")
	made, err := recipe.Mmdebstrap(t.Context(), "bookworm", "python3-requests", "node-semver", "ruby-rack", "libcommons-io-java")
	if errors.Is(err, recipe.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	lower, err := Read(t.Context(), diffID(0), uncompressed(t, made), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[PackageType]bool{}
	for _, f := range lower.Files {
		for _, p := range f.Packages {
			kinds[p.Type] = true
		}
	}
	for _, kind := range []PackageType{TypeDpkg, TypePython, TypeNode, TypeGem, TypeJar} {
		if !kinds[kind] {
			t.Errorf("nothing of type %s in the layer", kind)
		}
	}
	status := contentOf(t, made, dpkgStatus)
	config := Config{DiffIDs: []image.Digest{diffID(0)}}
	img, err := Squash(config, []*Layer{lower})
	if err != nil {
		t.Fatal(err)
	}
	comparePackagesOf(t, "debian", dpkgSays(t, status), img.Packages)
	if len(img.Unread) > 0 {
		t.Errorf("unread: %v", img.Unread)
	}
	if !slices.Contains(img.Setuid, "usr/bin/passwd") && !slices.Contains(img.Setuid, "bin/su") {
		t.Errorf("setuid files: %v", img.Setuid)
	}
	for _, want := range []Program{{"usr/bin/apt-get", ProgramPackageManager, diffID(0)}, {"bin/sh", ProgramShell, diffID(0)}} {
		if !slices.ContainsFunc(img.Programs, func(p Program) bool { return p == want || p.Path == "usr/"+want.Path && p.Kind == want.Kind }) {
			t.Errorf("programs %v, want %v among them", img.Programs, want)
		}
	}
	removeFromDebian(t, lower, status)
}

// removeFromDebian purges one package and upgrades another, in an upper layer.
func removeFromDebian(t *testing.T, lower *Layer, status string) {
	t.Helper()
	var kept []string
	for stanza := range strings.SplitSeq(strings.TrimSpace(status), "\n\n") {
		if strings.HasPrefix(stanza, "Package: node-semver\n") {
			continue
		}
		if strings.HasPrefix(stanza, "Package: ruby-rack\n") {
			stanza = replaceField(stanza, "Version", "99.0-1")
		}
		kept = append(kept, stanza)
	}
	after := strings.Join(kept, "\n\n") + "\n"
	upper := readLayer(t, 1, file(dpkgStatus, after), whiteout("usr/share/nodejs/.wh.semver"), whiteout("usr/share/nodejs/@types/.wh.semver"), whiteout("var/lib/dpkg/info/.wh.node-semver.md5sums"))
	img, err := Squash(Config{DiffIDs: []image.Digest{diffID(0), diffID(1)}}, []*Layer{lower, upper})
	if err != nil {
		t.Fatal(err)
	}
	comparePackagesOf(t, "debian, changed", dpkgSays(t, after), img.Packages)
	for _, p := range img.Packages {
		if moved := p.Layer == diffID(1); moved != (p.Name == "ruby-rack") {
			t.Errorf("%s is of layer %s", p.Name, p.Layer)
		}
	}
}

func replaceField(stanza, field, value string) string {
	lines := strings.Split(stanza, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, field+": ") {
			lines[i] = field + ": " + value
		}
	}
	return strings.Join(lines, "\n")
}

func uncompressed(t *testing.T, layer v1.Layer) io.Reader {
	t.Helper()
	stream, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stream.Close() })
	return stream
}

func contentOf(t *testing.T, layer v1.Layer, name string) string {
	t.Helper()
	archive := tar.NewReader(uncompressed(t, layer))
	for {
		header, err := archive.Next()
		if err != nil {
			t.Fatalf("find %s: %v", name, err)
		}
		if path.Clean("/" + header.Name)[1:] != name {
			continue
		}
		raw, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
}

// dpkgSays lists the installed packages of a status file as dpkg-query has them.
func dpkgSays(t *testing.T, status string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "status"), []byte(status), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, dir, "dpkg-query", "--admindir="+dir, "-W", "-f",
		"${db:Status-Status}|${Package} ${Version} ${source:Package} ${source:Version} ${Architecture}\n")
	var list []string
	for line := range strings.Lines(out) {
		if installed, ok := strings.CutPrefix(strings.TrimSpace(line), "installed|"); ok {
			list = append(list, installed)
		}
	}
	slices.Sort(list)
	return list
}

func comparePackagesOf(t *testing.T, what string, want []string, got []Package) {
	t.Helper()
	var list []string
	for _, p := range got {
		line := fmt.Sprintf("%s %s %s %s %s", p.Name, p.Version, p.SourceName, p.SourceVersion, p.Arch)
		if !p.Type.OfSystem() {
			line = fmt.Sprintf("%s %s of %s", p.Type, p.Name, p.Path)
		}
		list = append(list, line)
	}
	slices.Sort(list)
	if len(want) == 0 {
		t.Fatalf("%s: the tool lists nothing", what)
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("%s: packages (-tool +got):\n%s", what, diff)
	}
}

const rpmSpec = `Name: %s
Version: %s
Release: %s
%sSummary: a package
License: MIT
Vendor: Red Hat, Inc.
BuildArch: noarch
%%description
A package.
%%install
mkdir -p %%{buildroot}/usr/share/%s
echo content > %%{buildroot}/usr/share/%s/file
%%files
/usr/share/%s
`

// A database that rpm itself wrote is read as rpm reads it: after installation,
// after an upgrade and after an erasure.
func TestRealRPM(t *testing.T) {
	needTools(t, "rpm", "rpmbuild")
	dir := t.TempDir()
	db := filepath.Join(dir, "db")
	build := func(name, version, release, epoch string) string {
		spec := filepath.Join(dir, name+".spec")
		text := fmt.Sprintf(rpmSpec, name, version, release, epoch, name, name, name)
		if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, dir, "rpmbuild", "-bb", "--quiet", "--define", "_topdir "+dir, "--define", "_rpmdir "+dir, spec)
		return filepath.Join(dir, "noarch", fmt.Sprintf("%s-%s-%s.noarch.rpm", name, version, release))
	}
	install := func(args ...string) {
		run(t, dir, "rpm", append([]string{"--dbpath", db, "--justdb", "--nodeps", "--noscripts"}, args...)...)
	}
	steps := []struct {
		name string
		args []string
	}{
		{"installed", []string{"-i", build("alpha", "1.0", "1.el9", ""), build("beta", "2.0~rc1", "3.el9", "Epoch: 7\n")}},
		{"upgraded", []string{"-U", build("alpha", "1.1", "1.el9", "")}},
		{"erased", []string{"-e", "beta"}},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			install(step.args...)
			items := []item{}
			for _, name := range []string{rpmSQLite, rpmWAL} {
				if raw, err := os.ReadFile(filepath.Join(db, name)); err == nil {
					items = append(items, file("var/lib/rpm/"+name, string(raw)))
				}
			}
			if len(items) == 0 {
				t.Skip("this rpm writes no SQLite")
			}
			out := run(t, dir, "rpm", "--dbpath", db, "-qa", "--qf", "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH} %{SOURCERPM}\n")
			var got []string
			for _, p := range squash(t, items).Packages {
				_, versionRelease, ok := strings.Cut(p.SourceVersion, ":")
				if !ok {
					versionRelease = p.SourceVersion
				}
				got = append(got, fmt.Sprintf("%s %s %s %s-%s.src.rpm", p.Name, p.Version, p.Arch, p.SourceName, versionRelease))
				if p.ThirdParty {
					t.Errorf("%s is a third party's", p.Name)
				}
			}
			want := strings.Split(strings.TrimSpace(out), "\n")
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("packages (-rpm +got):\n%s", diff)
			}
		})
	}
}
