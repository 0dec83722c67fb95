package sbom

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func TestSquash(t *testing.T) {
	const (
		a = "app/node_modules/a/package.json"
		b = "app/node_modules/b/package.json"
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
