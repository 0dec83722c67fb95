package sbom

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// fuzzLimits are small, so that the fuzzer gets past them.
var fuzzLimits = Limits{
	Bytes: mib, Entries: 100, PathBytes: 200, PathDepth: 20, Packages: 50, ResultBytes: 64 << 10,
	RPMBytes: 64 << 10, JavaBytes: 16 << 10, UnpackedBytes: 64 << 10, NestedBytes: 16 << 10,
	DatabaseBytes: 16 << 10, ManifestBytes: 16 << 10, ArchiveBytes: 16 << 10, ExecutableBytes: 64 << 10, MemoryBytes: 1 << 10,
}

func FuzzRead(f *testing.F) {
	for _, items := range [][]item{
		{file(dpkgStatus, fixture(f, "dpkg-status")), file("var/lib/dpkg/info/adduser.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/sbin/adduser\n")},
		{file("lib/apk/db/installed", fixture(f, "apk-installed")), file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n")},
		{file("a.dist-info/METADATA", fixture(f, "METADATA")), file("b.egg", "PK\x05\x06"), file("node_modules/a/package.json", npm("a", "1.0.0"))},
		{dir("a"), whiteout("a/.wh.b"), whiteout("c/.wh..wh..opq"), symlink("d", "../../d"), hardlink("package.json", "x", 0o644)},
		{program("bin/a", "\x7fELF\x02\x01\x01"), hardlink("bin/b", "bin/a", 0o755), file("bin", "")},
		{ndb(rpm("bash", "5", "SUSE", "/usr/bin/bash")), file(rpmManifest, "a\t1-1\t1\t1\tb\t(none)\t1\tx86_64\t0\ta-1-1.src.rpm\n"), contentSets("a")},
		{file("root/buildinfo/Dockerfile-ubi8-8.3-227", dockerfile), file("usr/share/buildinfo/labels.json", `{"version":"1"}`)},
		{file("a.war", jarOf(f, member{"b-1.jar", jarOf(f, pom("g", "b", "1"), manifestOf("Bundle-Version: 1"))}))},
		{file("specifications/a.gemspec", gemspec), file("composer/installed.json", `[{"name":"a/b","version":"1"}]`), file("a.deps.json", depsJSON)},
		{file("opt/bitnami/a/.spdx-a.spdx", spdx), file("Manifest.toml", julia2), file(".conan/data/a/1/_/_/package/b/conaninfo.txt", "")},
		{program("bin/a", rustProgram(f, rustSection, deflated(f, `{"packages":[{"name":"a","version":"1"}]}`)))},
		{program("bin/busybox", "\x7fELF"), symlink("bin/sh", "busybox"), hardlink("usr/bin/nc", "bin/busybox", 0o755), mode(file("bin/su", ""), 0o6755)},
	} {
		f.Add(makeTar(f, items...))
	}
	f.Add(makeSparse("package.json", 1<<40))
	f.Fuzz(func(t *testing.T, raw []byte) {
		layer, err := Read(t.Context(), diffID(0), bytes.NewReader(raw), fuzzLimits)
		if err != nil {
			var own *Error
			if errors.As(err, &own) && own.Reason == "" {
				t.Fatalf("error without a reason: %v", err)
			}
			return
		}
		encoded, err := json.Marshal(layer)
		if err != nil {
			t.Fatalf("encode layer: %v", err)
		}
		stored := &Layer{}
		if err := json.Unmarshal(encoded, stored); err != nil {
			t.Fatalf("decode layer: %v", err)
		}
		again, err := json.Marshal(stored)
		if err != nil || !bytes.Equal(encoded, again) {
			t.Fatalf("layer differs after encoding (%v):\n%s\n%s", err, encoded, again)
		}
		checkSquash(t, layer, stored)
	})
}

// checkSquash demands that a stored layer gives what the layer gave, and that a
// layer put on itself brings nothing new.
func checkSquash(t *testing.T, layer, stored *Layer) {
	t.Helper()
	once, err := Squash(Config{DiffIDs: []image.Digest{layer.DiffID}}, []*Layer{layer})
	if err != nil {
		t.Fatalf("Squash: %v", err)
	}
	twice, err := Squash(Config{DiffIDs: []image.Digest{layer.DiffID, layer.DiffID}}, []*Layer{stored, stored})
	if err != nil {
		t.Fatalf("Squash twice: %v", err)
	}
	if diff := cmp.Diff(once.Packages, twice.Packages); diff != "" {
		t.Errorf("packages of one layer, and of the same twice (-once +twice):\n%s", diff)
	}
	if diff := cmp.Diff(once.Programs, twice.Programs); diff != "" {
		t.Errorf("programs of one layer, and of the same twice (-once +twice):\n%s", diff)
	}
	if diff := cmp.Diff(once.Setuid, twice.Setuid); diff != "" {
		t.Errorf("setuid files of one layer, and of the same twice (-once +twice):\n%s", diff)
	}
	if once.OS != twice.OS {
		t.Errorf("system is %+v, and of the layer twice %+v", once.OS, twice.OS)
	}
}
