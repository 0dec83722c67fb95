package sbom

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

func TestSquash(t *testing.T) {
	const (
		a = "app/node_modules/a/package.json"
		b = "app/node_modules/b/package.json"

		pnpmHash = "b2c3d4e5f60718293a4b5c6d7e8f90b2c3d4e5f60718293a4b5c6d7e8f90"
	)
	gopher := goBinary(t)
	tests := map[string]struct {
		layers [][]item
		want   []string
	}{
		"nothing": {},
		"packages stay in the layer that brought them": {
			layers: [][]item{
				{file(dpkgStatus, deb("libc6", "2.36-9")+deb("openssl", "3.0.1"))},
				{file(dpkgStatus, deb("libc6", "2.36-9")+deb("openssl", "3.0.2")+deb("curl", "8.0"))},
				{file(dpkgStatus, deb("libc6", "2.36-9")+deb("openssl", "3.0.2")+deb("curl", "8.0")+deb("jq", "1.6"))},
			},
			want: []string{"dpkg curl 8.0 1", "dpkg jq 1.6 2", "dpkg libc6 2.36-9 0", "dpkg openssl 3.0.2 1"},
		},
		"a changed source makes another package": {
			layers: [][]item{
				{file(dpkgStatus, deb("libssl", "3.0", "Source: openssl (3.0-1)"))},
				{file(dpkgStatus, deb("libssl", "3.0", "Source: openssl (3.0-2)"))},
			},
			want: []string{"dpkg libssl 3.0 1"},
		},
		"purged package": {
			layers: [][]item{
				{file(dpkgStatus, deb("curl", "8.0")+deb("jq", "1.6"))},
				{file(dpkgStatus, deb("jq", "1.6"))},
			},
			want: []string{"dpkg jq 1.6 0"},
		},
		"emptied database": {
			layers: [][]item{{file(dpkgStatus, deb("curl", "8.0"))}, {file(dpkgStatus, "")}},
		},
		"package that comes back is brought anew": {
			layers: [][]item{
				{file(dpkgStatus, deb("curl", "8.0"))},
				{file(dpkgStatus, "")},
				{file(dpkgStatus, deb("curl", "8.0"))},
			},
			want: []string{"dpkg curl 8.0 2"},
		},
		"whiteout of a file": {
			layers: [][]item{
				{file(a, npm("a", "1.0.0")), file(b, npm("b", "1.0.0"))},
				{whiteout("app/node_modules/a/.wh.package.json")},
			},
			want: []string{"node-pkg b 1.0.0 0 " + b},
		},
		"whiteout of a directory above": {
			layers: [][]item{
				{file(a, npm("a", "1.0.0")), file(b, npm("b", "1.0.0"))},
				{whiteout("app/.wh.node_modules")},
			},
		},
		"whiteout and new content in one layer, in either order": {
			layers: [][]item{
				{file(a, npm("a", "1.0.0")), file(b, npm("b", "1.0.0"))},
				{file(a, npm("a", "2.0.0")), whiteout("app/.wh.node_modules"), file("app/node_modules/c/package.json", npm("c", "1.0.0"))},
			},
			want: []string{"node-pkg a 2.0.0 1 " + a, "node-pkg c 1.0.0 1 app/node_modules/c/package.json"},
		},
		"whiteout of a longer name": {
			layers: [][]item{{file(a, npm("a", "1.0.0"))}, {whiteout("app/.wh.node")}},
			want:   []string{"node-pkg a 1.0.0 0 " + a},
		},
		"opaque directory hides lower layers alone": {
			layers: [][]item{
				{file(a, npm("a", "1.0.0")), file("srv/package.json", npm("srv", "1.0.0"))},
				{file(b, npm("b", "1.0.0")), whiteout("app/.wh..wh..opq")},
				{file("app/package.json", npm("app", "1.0.0"))},
			},
			want: []string{"node-pkg b 1.0.0 1 " + b, "node-pkg app 1.0.0 2 app/package.json", "node-pkg srv 1.0.0 0 srv/package.json"},
		},
		"opaque root": {
			layers: [][]item{{file(a, npm("a", "1.0.0"))}, {whiteout(".wh..wh..opq"), file(b, npm("b", "1.0.0"))}},
			want:   []string{"node-pkg b 1.0.0 1 " + b},
		},
		"marks of a file system hide nothing": {
			layers: [][]item{
				{file(a, npm("a", "1.0.0"))},
				{whiteout(".wh..wh.plnk"), whiteout("app/.wh..wh.aufs"), whiteout("app/.wh."), whiteout("app/.wh.."), whiteout("app/.wh...")},
			},
			want: []string{"node-pkg a 1.0.0 0 " + a},
		},
		"whiteouts of nothing": {
			layers: [][]item{{whiteout("a/.wh.b"), whiteout("c/.wh..wh..opq")}, {file(a, npm("a", "1.0.0"))}},
			want:   []string{"node-pkg a 1.0.0 1 " + a},
		},
		"a file replaces a directory of a lower layer": {
			layers: [][]item{{file(a, npm("a", "1.0.0"))}, {file("app/node_modules", "")}},
		},
		"a symbolic link replaces a directory of a lower layer": {
			layers: [][]item{{file(a, npm("a", "1.0.0"))}, {symlink("app", "srv")}},
		},
		"a file replaces a directory of its own layer": {
			layers: [][]item{{file(a, npm("a", "1.0.0")), file(b, npm("b", "1.0.0")), file("app/node_modules/a", "")}},
			want:   []string{"node-pkg b 1.0.0 0 " + b},
		},
		"a directory replaces a file of a lower layer": {
			layers: [][]item{{file(a, npm("a", "1.0.0"))}, {dir(a)}},
		},
		"a directory replaces a file of its own layer": {
			layers: [][]item{{file(a, npm("a", "1.0.0")), dir(a)}},
		},
		"an unread kind of file replaces a package": {
			layers: [][]item{{file(a, npm("a", "1.0.0"))}, {symlink(a, "../b/package.json")}},
		},
		"a program that is one no more": {
			layers: [][]item{{program("bin/gopher", gopher)}, {program("bin/gopher", "#!/bin/sh\n")}},
		},
		"the last of two entries counts": {
			layers: [][]item{{file(a, npm("a", "1.0.0")), file("./app/x/../node_modules//a/package.json", npm("a", "2.0.0"))}},
			want:   []string{"node-pkg a 2.0.0 0 " + a},
		},
		"hard link in one layer": {
			layers: [][]item{{file(a, npm("a", "1.0.0")), hardlink(b, a, 0o644)}},
			want:   []string{"node-pkg a 1.0.0 0 " + a, "node-pkg a 1.0.0 0 " + b},
		},
		"hard link into a lower layer": {
			layers: [][]item{{file(a, npm("a", "1.0.0"))}, {}, {hardlink("/"+b, "/"+a, 0o644)}},
			want:   []string{"node-pkg a 1.0.0 0 " + a, "node-pkg a 1.0.0 2 " + b},
		},
		"hard link to a file that an upper layer removes": {
			layers: [][]item{{file(a, npm("a", "1.0.0"))}, {hardlink(b, a, 0o644)}, {whiteout("app/node_modules/.wh.a")}},
			want:   []string{"node-pkg a 1.0.0 1 " + b},
		},
		"hard link to what its own layer put in a package's place": {
			layers: [][]item{{program("bin/gopher", gopher)}, {program("bin/gopher", "#!/bin/sh\n"), hardlink("bin/other", "bin/gopher", 0o755)}},
		},
		"hard link into a pnpm store": {
			layers: [][]item{{
				file("srv/.pnpm-store/v3/files/0a/"+pnpmHash, npm("a", "1.0.0")), file("srv/.pnpm-store/v3/files/0b/"+pnpmHash, "module.exports = 1"),
				hardlink("srv/"+a, "srv/.pnpm-store/v3/files/0a/"+pnpmHash, 0o644), hardlink("srv/a/index.js", "srv/.pnpm-store/v3/files/0b/"+pnpmHash, 0o644),
			}},
			want: []string{"node-pkg a 1.0.0 0 srv/" + a},
		},
		"hard link that is not of interest": {
			layers: [][]item{{file(a, npm("a", "1.0.0")), hardlink("copy.json", a, 0o644)}},
			want:   []string{"node-pkg a 1.0.0 0 " + a},
		},
		"a package file written anew without a change": {
			layers: [][]item{{file(a, npm("a", "1.0.0"))}, {file(a, npm("a", "1.0.0")+"\n")}},
			want:   []string{"node-pkg a 1.0.0 0 " + a},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			img := squash(t, test.layers...)
			if diff := cmp.Diff(test.want, lines(img.Packages)); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
			if len(img.Unread) > 0 {
				t.Errorf("unread: %v", img.Unread)
			}
		})
	}
}

func TestSquashHardLinkToProgram(t *testing.T) {
	img := squash(t, []item{program("bin/gopher", goBinary(t))}, []item{hardlink("bin/other", "bin/gopher", 0o755)})
	paths := map[string]int{}
	for _, p := range img.Packages {
		paths[p.Path]++
	}
	if paths["bin/gopher"] == 0 || paths["bin/gopher"] != paths["bin/other"] {
		t.Errorf("packages by path: %v, want as many of the link as of its target", paths)
	}
}

func TestSquashOwnership(t *testing.T) {
	const (
		python = "usr/lib/python3/dist-packages/requests-2.31.0.dist-info/METADATA"
		node   = "usr/share/nodejs/semver/package.json"
		local  = "usr/local/lib/node_modules/npm/package.json"
	)
	requests := "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\n"
	files := []item{file(python, requests), file(node, npm("semver", "7.0.0")), file(local, npm("npm", "10.0.0"))}
	sums := "d41d8cd98f00b204e9800998ecf8427e  " + python + "\nd41d8cd98f00b204e9800998ecf8427e  " + node + "\n"
	all := []string{"node-pkg npm 10.0.0 0 " + local, "node-pkg semver 7.0.0 0 " + node, "python-pkg requests 2.31.0 0 " + python}
	tests := map[string]struct {
		database []item
		want     []string
	}{
		"no owner": {want: all},
		"official package": {
			database: []item{file(dpkgStatus, deb("libs", "1")), file("var/lib/dpkg/info/libs.md5sums", sums)},
			want:     []string{"dpkg libs 1 1", all[0]},
		},
		"official package of an architecture": {
			database: []item{file(dpkgStatus, deb("libs", "1")), file("var/lib/dpkg/info/libs:amd64.md5sums", sums)},
			want:     []string{"dpkg libs 1 1", all[0]},
		},
		"third party": {
			database: []item{
				file(dpkgStatus, deb("libs", "1", "Maintainer: Docker <support@docker.com>")),
				file("var/lib/dpkg/info/libs.md5sums", sums),
			},
			want: append([]string{"dpkg libs 1 1"}, all...),
		},
		"removed package": {
			database: []item{file(dpkgStatus, ""), file("var/lib/dpkg/info/libs.md5sums", sums)},
			want:     all,
		},
		"distroless": {
			database: []item{
				file("var/lib/dpkg/status.d/libs", "Package: libs\nVersion: 1\n"), file("var/lib/dpkg/status.d/libs.md5sums", sums),
			},
			want: []string{"dpkg libs 1 1", all[0]},
		},
		"distroless, third party": {
			database: []item{
				file("var/lib/dpkg/status.d/libs", "Package: libs\nVersion: 1\nMaintainer: GitHub\n"),
				file("var/lib/dpkg/status.d/libs.md5sums", sums),
			},
			want: append([]string{"dpkg libs 1 1"}, all...),
		},
		"apk": {
			database: []item{file("lib/apk/db/installed",
				"P:libs\nV:1-r0\nF:usr/lib/python3/dist-packages/requests-2.31.0.dist-info\nR:METADATA\nF:usr/share/nodejs/semver\na:0:0:755\nR:package.json\n")},
			want: []string{"apk libs 1-r0 1", all[0]},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			img := squash(t, files, test.database)
			if diff := cmp.Diff(test.want, lines(img.Packages)); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSquashUnread(t *testing.T) {
	const broken = "app/node_modules/a/package.json"
	want := []Unread{{Path: broken, Reason: v1alpha1.ReasonCorruptPackageDatabase, Message: "node package: unexpected end of JSON input"}}
	lower := []item{file(broken, `{"name":`)}
	if diff := cmp.Diff(want, squash(t, lower).Unread); diff != "" {
		t.Errorf("unread (-want +got):\n%s", diff)
	}
	if got := squash(t, lower, []item{whiteout("app/.wh.node_modules")}).Unread; got != nil {
		t.Errorf("unread though hidden: %v", got)
	}
	if got := squash(t, lower, []item{file(broken, npm("a", "1.0.0"))}).Unread; got != nil {
		t.Errorf("unread though replaced: %v", got)
	}
	got := squash(t, []item{file("store/00", npm("a", "1.0.0"))}, []item{hardlink(broken, "store/00", 0o644)}).Unread
	want[0].Message = `hard link to "store/00", whose content was not read`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unread hard link (-want +got):\n%s", diff)
	}
}

// A link in the place of a package database must not make an image look empty.
func TestSquashLinkedDatabases(t *testing.T) {
	const (
		apk    = "lib/apk/db/installed"
		usrAPK = "usr/lib/apk/db/installed"
		musl   = "P:musl\nV:1-r0\nA:x86_64\n"
	)
	tests := map[string]struct {
		layers   [][]item
		packages int
		want     []string
	}{
		"none at all, as in distroless images": {layers: [][]item{{file("etc/debian_version", "12")}}},
		"loop": {
			layers: [][]item{{file(dpkgStatus, deb("a", "1"))}, {symlink(dpkgStatus, "status")}},
			want:   []string{dpkgStatus},
		},
		"loop of two": {
			layers: [][]item{{symlink(apk, "/"+usrAPK), symlink(usrAPK, "/"+apk)}},
			want:   []string{apk, usrAPK},
		},
		"dangling":            {layers: [][]item{{symlink(dpkgStatus, "/absent")}}, want: []string{dpkgStatus}},
		"dangling, another":   {layers: [][]item{{symlink(apk, "/"+usrAPK)}}, want: []string{apk}},
		"empty target":        {layers: [][]item{{symlink(dpkgStatus, "")}}, want: []string{dpkgStatus}},
		"out of the image":    {layers: [][]item{{symlink(dpkgStatus, "../../../../../../etc/passwd")}}, want: []string{dpkgStatus}},
		"a file of no regard": {layers: [][]item{{file("srv/status", deb("a", "1")), symlink(dpkgStatus, "/srv/status")}}, want: []string{dpkgStatus}},
		"a file that another extractor read": {
			layers:   [][]item{{file("srv/package.json", npm("a", "1.0.0")), symlink(dpkgStatus, "/srv/package.json")}},
			packages: 1,
			want:     []string{dpkgStatus},
		},
		"of a distroless package": {layers: [][]item{{symlink("var/lib/dpkg/status.d/a", "b")}}, want: []string{"var/lib/dpkg/status.d/a"}},
		"directory":               {layers: [][]item{{symlink("var/lib/dpkg", "/srv/dpkg"), file("srv/dpkg/status", deb("a", "1"))}}, want: []string{"var/lib/dpkg"}},
		"directory of another manager": {
			layers: [][]item{{symlink("var/lib/dpkg", "/lib/apk/db"), file("lib/apk/db/status", deb("a", "1"))}},
			want:   []string{"var/lib/dpkg"},
		},
		"to a database that is read": {layers: [][]item{{file(usrAPK, musl)}, {symlink(apk, "../../../"+usrAPK)}}, packages: 1},
		"a chain of them":            {layers: [][]item{{file(usrAPK, musl)}, {symlink("var/"+apk, "/"+apk), symlink(apk, "/"+usrAPK)}}, packages: 1},
		"directory where it is read": {layers: [][]item{{file(usrAPK, musl)}, {symlink("lib/apk", "../usr/lib/apk")}}, packages: 1},
		"merged directories":         {layers: [][]item{{file(usrAPK, musl), symlink("lib", "usr/lib")}}, packages: 1},
		"hidden by an upper layer":   {layers: [][]item{{symlink(dpkgStatus, "status")}, {file(dpkgStatus, deb("a", "1"))}}, packages: 1},
		"a hard link to it":          {layers: [][]item{{symlink(apk, "installed"), hardlink(usrAPK, apk, 0o644)}}, want: []string{apk, usrAPK}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			img := squash(t, test.layers...)
			var got []string
			for _, unread := range img.Unread {
				if got = append(got, unread.Path); !unread.Database || unread.Reason != v1alpha1.ReasonCorruptPackageDatabase {
					t.Errorf("%+v is no unread database", unread)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unread (-want +got):\n%s", diff)
			}
			if len(img.Packages) != test.packages {
				t.Errorf("packages %v, want %d", lines(img.Packages), test.packages)
			}
		})
	}
}

// Whatever keeps a package database from being read is told apart from parts
// without which the system's packages are known all the same.
func TestSquashUnreadDatabase(t *testing.T) {
	for name, test := range map[string]struct {
		item   item
		limits Limits
		want   Unread
	}{
		"corrupt":            {item: file(dpkgStatus, "garbage"), want: Unread{Path: dpkgStatus, Reason: v1alpha1.ReasonCorruptPackageDatabase, Database: true}},
		"too large":          {item: file(dpkgStatus, deb("a", "1")), limits: Limits{DatabaseBytes: 10}, want: Unread{Path: dpkgStatus, Reason: v1alpha1.ReasonLimitExceeded, Database: true}},
		"too large, of apk":  {item: file("lib/apk/db/installed", "P:a\nV:1-r0\n"), limits: Limits{DatabaseBytes: 10}, want: Unread{Path: "lib/apk/db/installed", Reason: v1alpha1.ReasonLimitExceeded, Database: true}},
		"of language":        {item: file("node_modules/a/package.json", "{"), want: Unread{Path: "node_modules/a/package.json", Reason: v1alpha1.ReasonCorruptPackageDatabase}},
		"list of files":      {item: file("var/lib/dpkg/info/a.md5sums", "0123456789  a"), limits: Limits{DatabaseBytes: 10}, want: Unread{Path: "var/lib/dpkg/info/a.md5sums", Reason: v1alpha1.ReasonLimitExceeded}},
		"a too large system": {item: file("etc/os-release", "0123456789  a"), limits: Limits{ManifestBytes: 10}, want: Unread{Path: "etc/os-release", Reason: v1alpha1.ReasonLimitExceeded}},
	} {
		t.Run(name, func(t *testing.T) {
			layer := mustRead(t, test.limits, test.item)
			img, err := Squash(Config{DiffIDs: []image.Digest{layer.DiffID}}, []*Layer{layer})
			if err != nil {
				t.Fatal(err)
			}
			for i := range img.Unread {
				img.Unread[i].Message = ""
			}
			if diff := cmp.Diff([]Unread{test.want}, img.Unread); diff != "" {
				t.Errorf("unread (-want +got):\n%s", diff)
			}
		})
	}
}

// A runtime cleans an entry's name before it joins it to the root, so that
// such a name is an entry within the image like any other.
func TestSquashPathsWithParents(t *testing.T) {
	for _, name := range []string{"srv/../../var/lib/dpkg/status", "../../" + dpkgStatus, "/" + dpkgStatus, "./srv/.././" + dpkgStatus} {
		img := squash(t, []item{file(dpkgStatus, deb("below", "1"))}, []item{file(name, deb("above", "1"))})
		if diff := cmp.Diff([]string{"dpkg above 1 1"}, lines(img.Packages)); diff != "" {
			t.Errorf("%s: packages (-want +got):\n%s", name, diff)
		}
	}
}

func TestSquashRefusesOtherLayers(t *testing.T) {
	layer := readLayer(t, 1)
	_, err := Squash(Config{}, []*Layer{layer})
	wantReason(t, "one layer too many", err, v1alpha1.ReasonNotAnImage)
	config := Config{}
	config.DiffIDs = append(config.DiffIDs, diffID(2))
	_, err = Squash(config, []*Layer{layer})
	wantReason(t, "another layer", err, v1alpha1.ReasonNotAnImage)
}

func TestSquashLimitsPackages(t *testing.T) {
	layers := []*Layer{
		{DiffID: diffID(0), Files: map[string]File{"a": {Packages: make([]Package, maxImagePackages)}}},
		{DiffID: diffID(1), Files: map[string]File{"b": {Packages: make([]Package, 1)}}},
	}
	config := Config{}
	config.DiffIDs = append(config.DiffIDs, diffID(0), diffID(1))
	_, err := Squash(config, layers)
	wantReason(t, "too many packages", err, v1alpha1.ReasonLimitExceeded)
}

func wantReason(t *testing.T, name string, err error, reason string) {
	t.Helper()
	var own *Error
	if !errors.As(err, &own) || own.Reason != reason {
		t.Errorf("%s: error %v, want one with reason %s", name, err, reason)
	}
}
