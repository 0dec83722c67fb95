package sbom

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fixture(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestReadDpkgStatus(t *testing.T) {
	got := readLayer(t, 0, file(dpkgStatus, fixture(t, "dpkg-status"))).Files[dpkgStatus]
	want := []Package{
		{Type: TypeDpkg, Name: "adduser", Version: "3.134", SourceName: "adduser", SourceVersion: "3.134", Arch: "all"},
		{Type: TypeDpkg, Name: "gcc-12-base", Version: "12.2.0-14+b1", SourceName: "gcc-12", SourceVersion: "12.2.0-14+b1", Arch: "amd64"},
		{Type: TypeDpkg, Name: "libgcc-s1", Version: "12.2.0-14+b1", SourceName: "gcc-12", SourceVersion: "12.2.0-14", Arch: "amd64"},
		{Type: TypeDpkg, Name: "login", Version: "1:4.13+dfsg1-1+b1", SourceName: "shadow", SourceVersion: "1:4.13+dfsg1-1+b1", Arch: "amd64"},
		{Type: TypeDpkg, Name: "man-db", Version: "2.11.2-2", SourceName: "man-db", SourceVersion: "2.11.2-2", Arch: "amd64"},
		{Type: TypeDpkg, Name: "docker-ce-cli", Version: "5:24.0.7-1~debian.12~bookworm", SourceName: "docker-ce", SourceVersion: "5:24.0.7-1~debian.12~bookworm", Arch: "amd64", ThirdParty: true},
		{Type: TypeDpkg, Name: "gh", Version: "2.40.0", SourceName: "gh", SourceVersion: "2.40.0", Arch: "amd64", ThirdParty: true},
	}
	if diff := cmp.Diff(File{Packages: want}, got); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

func TestReadDistroless(t *testing.T) {
	img := squash(t,
		[]item{file("var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n")},
		[]item{
			file("var/lib/dpkg/status.d/libssl3", "Package: libssl3\nVersion: 3.0.11-1\nSource: openssl\nArchitecture: amd64\n"),
			file("var/lib/dpkg/status.d/libssl3.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/lib/libssl.so.3\n"),
		})
	want := []string{"dpkg base-files 12.4 0", "dpkg libssl3 3.0.11-1 1"}
	if diff := cmp.Diff(want, lines(img.Packages)); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if got := img.Packages[1].SourceName; got != "openssl" {
		t.Errorf("source of libssl3 is %q", got)
	}
}

func TestDpkgInstalled(t *testing.T) {
	for status, want := range map[string]bool{
		"":                               true,
		"install ok installed":           true,
		"hold ok installed":              true,
		"install ok unpacked":            true,
		"install ok half-configured":     true,
		"install ok triggers-awaited":    true,
		"install reinstreq installed":    true,
		"deinstall ok config-files":      false,
		"install ok config-files":        false,
		"unknown ok not-installed":       false,
		"purge ok not-installed":         false,
		"deinstall ok installed":         false,
		"install  ok   config-files    ": false,
	} {
		if got := dpkgInstalled(status); got != want {
			t.Errorf("dpkgInstalled(%q) = %v, want %v", status, got, want)
		}
	}
}

func TestDpkgThirdParty(t *testing.T) {
	for maintainer, want := range map[string]bool{
		"":                                 false,
		"Docker <support@docker.com>":      true,
		"cudatools <cudatools@nvidia.com>": true,
		"HashiCorp":                        true,
		"GitHub":                           true,
		"GitHub <opensource@github.com>":   false,
		".NET Team <dotnetpackages@microsoft.com>":                                 true,
		"MongoDB Packaging <packaging@mongodb.com>":                                true,
		"MariaDB Developers <developers@lists.mariadb.org>":                        true,
		"CouchDB Developers <dev@couchdb.apache.org>":                              true,
		"NGINX Packaging <nginx-packaging@f5.com>":                                 true,
		"Debian MySQL Maintainers <pkg-mysql-maint@lists.alioth.debian.org>":       false,
		"Debian Nginx Maintainers <pkg-nginx-maintainers@alioth-lists.debian.net>": false,
		"Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>":                false,
		"Debian PostgreSQL Maintainers <team+postgresql@tracker.debian.org>":       false,
	} {
		if got := dpkgThirdParty(maintainer); got != want {
			t.Errorf("dpkgThirdParty(%q) = %v, want %v", maintainer, got, want)
		}
	}
}

func TestReadAPKDatabase(t *testing.T) {
	want := []Package{
		{Type: TypeAPK, Name: "musl", Version: "1.2.5-r0", SourceName: "musl", SourceVersion: "1.2.5-r0", Arch: "x86_64"},
		{Type: TypeAPK, Name: "ssl_client", Version: "1.36.1-r28", SourceName: "busybox", SourceVersion: "1.36.1-r28", Arch: "x86_64"},
		{Type: TypeAPK, Name: "nameless-origin", Version: "1.0-r0", SourceName: "nameless-origin", SourceVersion: "1.0-r0", Arch: "noarch"},
	}
	for _, name := range []string{"lib/apk/db/installed", "usr/lib/apk/db/installed", "var/lib/apk/db/installed"} {
		got := readLayer(t, 0, file(name, fixture(t, "apk-installed"))).Files[name]
		if diff := cmp.Diff(want, got.Packages); diff != "" {
			t.Errorf("%s: packages (-want +got):\n%s", name, diff)
		}
		for path, owned := range map[string]bool{"lib/ld-musl-x86_64.so.1": true, "usr/bin/ssl_client": true, "top": true, "usr/bin": false} {
			if got.Owned.has(path) != owned {
				t.Errorf("%s: %s is owned: %v, want %v", name, path, !owned, owned)
			}
		}
	}
}

// A line past any parser's buffer does no harm where nothing is wanted of it.
func TestReadLongLine(t *testing.T) {
	long := make([]byte, 3*maxLine)
	for i := range long {
		long[i] = 'x'
	}
	database := "P:a\nV:1-r0\nD:" + string(long) + "\nF:usr\nR:a\n\nP:b\nV:1-r0\n"
	got := readLayer(t, 0, file("lib/apk/db/installed", database)).Files["lib/apk/db/installed"]
	if len(got.Packages) != 2 || got.Reason != "" || !got.Owned.has("usr/a") {
		t.Errorf("got %+v", got)
	}
}
