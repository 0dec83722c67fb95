package recipe

import (
	"crypto/md5" // what dpkg records
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	debversion "github.com/knqyf263/go-deb-version"
)

// written returns the files by path.
func written(files []File) map[string]string {
	bodies := map[string]string{}
	for _, f := range files {
		bodies[f.Path] = string(f.Body)
	}
	return bodies
}

func TestDpkg(t *testing.T) {
	files := written(Dpkg(
		Deb{
			Name: "libssl3", Version: "3.0.17-1~deb12u2", Source: "openssl", Arch: "amd64", MultiArch: "same", Section: "libs",
			Maintainer: "Debian OpenSSL Team <openssl@example.com>", Description: "Secure Sockets Layer toolkit",
			Files: []File{Text("usr/lib/libssl.so.3", "ELF")},
		},
		Deb{Name: "bash", Version: "5.2.15-2+b13", SourceVersion: "5.2.15-2", Arch: "amd64"},
		Deb{Name: "bsdutils", Version: "1:2.38.1-5", Source: "util-linux", SourceVersion: "2.38.1-5", Arch: "amd64"},
	))
	status := `Package: libssl3
Status: install ok installed
Section: libs
Maintainer: Debian OpenSSL Team <openssl@example.com>
Architecture: amd64
Multi-Arch: same
Source: openssl
Version: 3.0.17-1~deb12u2
Description: Secure Sockets Layer toolkit

Package: bash
Status: install ok installed
Architecture: amd64
Source: bash (5.2.15-2)
Version: 5.2.15-2+b13

Package: bsdutils
Status: install ok installed
Architecture: amd64
Source: util-linux (2.38.1-5)
Version: 1:2.38.1-5

`
	if diff := cmp.Diff(status, files["var/lib/dpkg/status"]); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if got, want := files["var/lib/dpkg/info/libssl3:amd64.list"], "/.\n/usr/share/doc/libssl3/copyright\n/usr/lib/libssl.so.3\n"; got != want {
		t.Errorf("list is %q, want %q", got, want)
	}
	if _, ok := files["var/lib/dpkg/info/bash.list"]; !ok {
		t.Error("bash has no list")
	}
	assertSums(t, files, "var/lib/dpkg/info/libssl3:amd64.md5sums")
}

// assertSums checks that what a list of sums names is there and has that sum.
func assertSums(t *testing.T, files map[string]string, list string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(files[list]), "\n")
	for _, line := range lines {
		sum, name, _ := strings.Cut(line, "  ")
		body, ok := files[name]
		if !ok {
			t.Errorf("%s names %q, which is absent", list, name)
		}
		if got := fmt.Sprintf("%x", md5.Sum([]byte(body))); got != sum {
			t.Errorf("%s: sum of %s is %s, want %s", list, name, sum, got)
		}
	}
}

func TestDpkgOntoWritesOnlyWhatChanged(t *testing.T) {
	below := []Deb{{Name: "bash", Version: "1", Arch: "amd64"}, {Name: "curl", Version: "1", Arch: "amd64"}}
	files := written(DpkgOnto(below, Deb{Name: "curl", Version: "2", Arch: "amd64"}))
	status := files["var/lib/dpkg/status"]
	if strings.Count(status, "Package: ") != 2 || !strings.Contains(status, "Package: bash\n") || strings.Contains(status, "Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1") {
		t.Errorf("status is\n%s", status)
	}
	if _, ok := files["var/lib/dpkg/info/bash.list"]; ok {
		t.Error("the list of a package that did not change is written")
	}
	if _, ok := files["var/lib/dpkg/info/curl.list"]; !ok {
		t.Error("the list of the new package is absent")
	}
}

func TestDistroless(t *testing.T) {
	files := written(Distroless(Deb{Name: "libc6", Version: "2.36-9", Source: "glibc", Arch: "amd64"}))
	want := "Package: libc6\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n"
	if diff := cmp.Diff(want, files["var/lib/dpkg/status.d/libc6"]); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if _, ok := files["var/lib/dpkg/status"]; ok {
		t.Error("distroless has a status file")
	}
	assertSums(t, files, "var/lib/dpkg/status.d/libc6.md5sums")
}

func TestApk(t *testing.T) {
	files := written(Apk(
		APK{
			Name: "libcurl", Version: "8.11.0-r2", Origin: "curl", Arch: "x86_64", License: "curl", Description: "transfers",
			Files: []File{Text("usr/lib/libcurl.so.4", "ELF"), Text("usr/lib/libcurl.so", "ELF"), Text("usr/share/a", "")},
		},
		APK{Name: "musl", Version: "1.2.5-r8", Arch: "x86_64"},
	))
	records := strings.Split(strings.TrimSuffix(files["lib/apk/db/installed"], "\n\n"), "\n\n")
	if len(records) != 2 {
		t.Fatalf("%d records, want 2", len(records))
	}
	var fields []string
	for _, line := range strings.Split(records[0], "\n") {
		if strings.HasPrefix(line, "R:") || strings.HasPrefix(line, "F:") || strings.ContainsAny(line[:1], "PVAo") {
			fields = append(fields, line)
		}
	}
	want := []string{"P:libcurl", "V:8.11.0-r2", "A:x86_64", "o:curl", "F:usr/lib", "R:libcurl.so.4", "R:libcurl.so", "F:usr/share", "R:a"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if !strings.Contains(records[1], "\no:musl\n") {
		t.Error("a package without an origin is not its own")
	}
	line := regexp.MustCompile(`^[A-Za-z]:.*$`)
	for _, l := range strings.Split(strings.Join(records, "\n"), "\n") {
		if !line.MatchString(l) {
			t.Errorf("line %q is not a field", l)
		}
	}
}

func TestApkOntoReplaces(t *testing.T) {
	below := []APK{{Name: "musl", Version: "1-r0", Files: []File{Text("lib/musl", "")}}, {Name: "curl", Version: "1-r0"}}
	files := written(ApkOnto(below, APK{Name: "curl", Version: "2-r0"}))
	db := files["lib/apk/db/installed"]
	if strings.Count(db, "P:curl\n") != 1 || !strings.Contains(db, "V:2-r0\n") || !strings.Contains(db, "P:musl\n") {
		t.Errorf("database is\n%s", db)
	}
	if _, ok := files["lib/musl"]; ok {
		t.Error("the file of a package that did not change is written")
	}
}

func TestReleases(t *testing.T) {
	tests := map[string]struct {
		files []File
		want  map[string]string
	}{
		"debian": {DebianRelease("12", "12.12"), map[string]string{"usr/lib/os-release": "ID=debian\n", "etc/debian_version": "12.12\n"}},
		"alpine": {AlpineRelease("3.21.0", "v3.21"), map[string]string{"usr/lib/os-release": "VERSION_ID=\"3.21.0\"\nID=alpine\n", "etc/alpine-release": "3.21.0\n", "etc/apk/repositories": "alpine/v3.21/main\n"}},
		"ubuntu": {UbuntuRelease("22.04", "jammy"), map[string]string{"usr/lib/os-release": "ID=ubuntu\n", "etc/lsb-release": "DISTRIB_RELEASE=22.04\n"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			files := written(tc.files)
			for file, part := range tc.want {
				if !strings.Contains(files[file], part) {
					t.Errorf("%s is %q, want %q in it", file, files[file], part)
				}
			}
			if _, ok := files["etc/os-release"]; !ok {
				t.Error("no link etc/os-release")
			}
		})
	}
}

func TestNode(t *testing.T) {
	files := written(Node("app", Module{"lodash", "4.17.4"}, Module{"@babel/core", "7.0.0"}))
	for file, want := range map[string]Module{
		"app/node_modules/lodash/package.json":      {"lodash", "4.17.4"},
		"app/node_modules/@babel/core/package.json": {"@babel/core", "7.0.0"},
	} {
		var got Module
		if err := json.Unmarshal([]byte(files[file]), &got); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if got != want {
			t.Errorf("%s names %v, want %v", file, got, want)
		}
	}
}

func TestPython(t *testing.T) {
	files := written(Python("usr/lib/python3/dist-packages", Module{"Flask-Cors", "4.0.1"}))
	info := "usr/lib/python3/dist-packages/Flask_Cors-4.0.1.dist-info"
	if got := files[info+"/METADATA"]; !strings.Contains(got, "\nName: Flask-Cors\nVersion: 4.0.1\n") {
		t.Errorf("METADATA is %q", got)
	}
	for _, line := range strings.Split(strings.TrimSpace(files[info+"/RECORD"]), "\n") {
		name, _, _ := strings.Cut(line, ",")
		if _, ok := files["usr/lib/python3/dist-packages/"+name]; !ok {
			t.Errorf("RECORD names %q, which is absent", name)
		}
	}
}

// The lists are real packages: each has all that a record needs, in the syntax
// of Debian's control files, and a version that can be compared.
func TestListsParse(t *testing.T) {
	field := regexp.MustCompile(`^[A-Z][A-Za-z0-9-]*: \S.*$`)
	for list, sets := range map[string][]string{"debian-12": {"base", "app"}, "ubuntu-22.04": {"base"}} {
		for _, set := range sets {
			debs := Debs(list, set, "arm64")
			if len(debs) < 10 {
				t.Errorf("%s, %s: %d packages", list, set, len(debs))
			}
			for _, d := range debs {
				if d.Name == "" || d.Maintainer == "" || d.Description == "" || (d.Arch != "arm64" && d.Arch != "all") {
					t.Errorf("%s: incomplete record %+v", list, d)
				}
				if !debversion.Valid(d.Version) || (d.SourceVersion != "" && !debversion.Valid(d.SourceVersion)) {
					t.Errorf("%s: version of %s is %q, of its source %q", list, d.Name, d.Version, d.SourceVersion)
				}
				for _, line := range strings.Split(strings.TrimSuffix(d.stanza(""), "\n"), "\n") {
					if !field.MatchString(line) {
						t.Errorf("%s: %q is not a field", d.Name, line)
					}
				}
			}
		}
	}
	for _, a := range append(APKs("alpine-3.21", "base", "x86_64"), APKs("alpine-3.21", "app", "x86_64")...) {
		if !regexp.MustCompile(`^[0-9][0-9a-z._]*-r[0-9]+$`).MatchString(a.Version) || a.License == "" || a.Description == "" {
			t.Errorf("incomplete record %+v", a)
		}
	}
}
