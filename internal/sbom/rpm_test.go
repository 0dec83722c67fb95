package sbom

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom/rpmdb/rpmdbtest"
)

// realRPM is a database of a real system, from another module's test data.
func realRPM(t testing.TB, name string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/erikvarga/go-rpmdb").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skip("the module github.com/erikvarga/go-rpmdb, whose test data this reads, is not in the module cache")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "pkg", "testdata", name))
	if err != nil {
		t.Skipf("no test data: %v", err)
	}
	return string(raw)
}

func TestReadRealRPM(t *testing.T) {
	tests := map[string]struct {
		database, path string
		count          int
		want           Package
		owned          string
	}{
		"berkeley": {
			"libuuid/Packages", "var/lib/rpm/Packages", 1,
			Package{Type: TypeRPM, Name: "libuuid", Version: "2.32.1-42.el8_8", SourceName: "util-linux", SourceVersion: "2.32.1-42.el8_8", Arch: "x86_64"},
			"usr/lib64/libuuid.so.1",
		},
		"berkeley, big endian": {
			"ubi8-s390x/Packages", "var/lib/rpm/Packages", 0,
			Package{Type: TypeRPM, Name: "bash", Version: "4.4.20-3.el8", SourceName: "bash", SourceVersion: "4.4.20-3.el8", Arch: "s390x"},
			"usr/bin/bash",
		},
		"ndb": {
			"sle15-bci/Packages.db", "usr/lib/sysimage/rpm/Packages.db", 0,
			Package{Type: TypeRPM, Name: "libz1", Version: "1.2.11-3.21.1", SourceName: "zlib", SourceVersion: "1.2.11-3.21.1", Arch: "x86_64"},
			"lib64/libz.so.1",
		},
		"sqlite": {
			"fedora35/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite", 0,
			Package{Type: TypeRPM, Name: "libxcrypt", Version: "4.4.26-4.fc35", SourceName: "libxcrypt", SourceVersion: "4.4.26-4.fc35", Arch: "x86_64"},
			"usr/lib64/libcrypt.so.2",
		},
		"third party": {
			"fedora35-plus-mongo/rpmdb.sqlite", "usr/share/rpm/rpmdb.sqlite", 0,
			Package{Type: TypeRPM, Name: "mongodb-org-shell", Version: "5.0.9-1.el8", SourceName: "mongodb-org-database", SourceVersion: "5.0.9-1.el8", Arch: "x86_64", ThirdParty: true},
			"",
		},
		"modules": {
			"centos8-modularitylabel/Packages", "var/lib/rpm/Packages", 0,
			Package{Type: TypeRPM, Name: "npm", Version: "1:6.14.4-1.10.21.0.3.module_el8.2.0+391+8da3adc6", SourceName: "nodejs", SourceVersion: "1:10.21.0-3.module_el8.2.0+391+8da3adc6", Arch: "x86_64", Modularity: "nodejs:10:8020020200707141642:6a468ee4"},
			"",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := readLayer(t, 0, file(test.path, realRPM(t, test.database))).Files[test.path]
			if got.Reason != "" {
				t.Fatalf("unread: %s: %s", got.Reason, got.Message)
			}
			i := slices.IndexFunc(got.Packages, func(p Package) bool { return p.Name == test.want.Name })
			if i < 0 {
				t.Fatalf("%s is not among %d packages", test.want.Name, len(got.Packages))
			}
			if diff := cmp.Diff(test.want, got.Packages[i]); diff != "" {
				t.Errorf("package (-want +got):\n%s", diff)
			}
			if test.count > 0 && len(got.Packages) != test.count {
				t.Errorf("%d packages, want %d", len(got.Packages), test.count)
			}
			if slices.ContainsFunc(got.Packages, func(p Package) bool { return p.Name == "gpg-pubkey" }) {
				t.Error("a key is taken for a package")
			}
			if test.owned != "" && !got.Owned.has(test.owned) {
				t.Errorf("%s is not owned", test.owned)
			}
		})
	}
}

func rpm(name, version, vendor string, files ...string) []byte {
	return rpmdbtest.Header(rpmdbtest.RPM{Name: name, Version: version, Release: "1", Arch: "x86_64", Vendor: vendor, Files: files})
}

func ndb(headers ...[]byte) item {
	return file("var/lib/rpm/Packages.db", string(rpmdbtest.NDB(headers...)))
}

// What an official RPM owns is the system's; what a third party's owns is not.
func TestSquashRPM(t *testing.T) {
	img := squash(t,
		[]item{
			ndb(rpm("npm", "8", "Red Hat, Inc.", "/usr/lib/node_modules/npm/package.json"), rpm("agent", "1", "", "/opt/agent/node_modules/a/package.json")),
			file("usr/lib/node_modules/npm/package.json", npm("npm", "8.0.0")),
			file("opt/agent/node_modules/a/package.json", npm("a", "1.0.0")),
		},
		[]item{ndb(rpm("npm", "8", "Red Hat, Inc.", "/usr/lib/node_modules/npm/package.json"), rpm("curl", "8", "CentOS"))})
	want := []string{"node-pkg a 1.0.0 0 opt/agent/node_modules/a/package.json", "rpm curl 8-1 1", "rpm npm 8-1 0"}
	if diff := cmp.Diff(want, lines(img.Packages)); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

func TestReadRPMLog(t *testing.T) {
	insert := func(name string) []any {
		return []any{"INSERT INTO Packages(blob) VALUES (?)", rpm(name, "1", "SUSE LLC")}
	}
	db, log := rpmdbtest.SQLite(t, []any{"PRAGMA journal_mode=WAL"}, []any{"PRAGMA wal_autocheckpoint=0"}, []any{rpmdbtest.Schema}, insert("a"),
		[]any{"PRAGMA wal_checkpoint(TRUNCATE)"}, insert("b"))
	const path = "var/lib/rpm/" + rpmSQLite
	base, changes := file(path, string(db)), file(path+"-wal", string(log))
	empty := file(path+"-wal", "")
	tests := map[string]struct {
		layers [][]item
		want   []string
		unread string
	}{
		"with its log":         {[][]item{{base, file(path+"-shm", "x"), changes}}, []string{"rpm a 1-1 0", "rpm b 1-1 0"}, ""},
		"without":              {[][]item{{base}}, []string{"rpm a 1-1 0"}, ""},
		"with an empty log":    {[][]item{{base, empty}}, []string{"rpm a 1-1 0"}, ""},
		"log is alone":         {[][]item{{base}, {changes}}, []string{"rpm a 1-1 0"}, path + "-wal"},
		"log comes first":      {[][]item{{changes, base}}, []string{"rpm a 1-1 0"}, path + "-wal"},
		"log of another":       {[][]item{{file("usr/share/rpm/"+rpmSQLite, string(db)), changes}}, []string{"rpm a 1-1 0"}, path + "-wal"},
		"rebuilt above":        {[][]item{{base, changes}, {ndb(rpm("z", "1", "SUSE LLC")), whiteout("var/lib/rpm/.wh." + rpmSQLite)}}, []string{"rpm z 1-1 1"}, ""},
		"installed above":      {[][]item{{base}, {base, changes}}, []string{"rpm a 1-1 0", "rpm b 1-1 1"}, ""},
		"checkpointed above":   {[][]item{{base, changes}, {base, empty}}, []string{"rpm a 1-1 0"}, ""},
		"log is removed above": {[][]item{{changes}, {whiteout("var/lib/rpm/.wh." + rpmWAL)}}, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			img := squash(t, test.layers...)
			if diff := cmp.Diff(test.want, lines(img.Packages)); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
			unread := ""
			for _, u := range img.Unread {
				unread += u.Path
				if !u.Database || u.Reason != v1alpha1.ReasonCorruptPackageDatabase {
					t.Errorf("unread %+v", u)
				}
			}
			if unread != test.unread {
				t.Errorf("unread is %q, want %q", unread, test.unread)
			}
		})
	}
}

func TestRPMUnread(t *testing.T) {
	whole := rpmdbtest.NDB(rpm("a", "1", "SUSE"), rpm("b", "1", "SUSE"))
	for name, test := range map[string]struct {
		limits  Limits
		item    item
		message string
		count   int
	}{
		"cut":           {Limits{}, file("var/lib/rpm/Packages.db", string(whole[:len(whole)-100])), "rpm: page 0 of slots: ", 1},
		"text":          {Limits{}, file("var/lib/rpm/Packages", "hello"), "rpm: not a database of rpm's", 0},
		"empty":         {Limits{}, file("var/lib/rpm/"+rpmSQLite, ""), "rpm: not a database of rpm's", 0},
		"large":         {Limits{RPMBytes: 100}, file("var/lib/rpm/Packages", string(whole)), "rpm: has more than 100 bytes", 0},
		"large sqlite":  {Limits{RPMBytes: 100}, file("var/lib/rpm/"+rpmSQLite, string(whole)), "rpm: has more than 100 bytes", 0},
		"illegible":     {Limits{}, ndb(rpm("a\x01", "1", "SUSE"), rpm("b", "1", "SUSE")), "rpm: a package's name or version is not legible", 1},
		"bad manifest":  {Limits{}, file(rpmManifest, "bash\t5.1.8-1\n"), "rpm manifest: a line is not a field", 0},
		"huge manifest": {Limits{DatabaseBytes: 3}, file(rpmManifest, "bash\t5.1.8-1\n"), "rpm manifest: has more than 3 bytes", 0},
	} {
		t.Run(name, func(t *testing.T) {
			layer := mustRead(t, test.limits, test.item)
			got := layer.Files[test.item.Name]
			if !strings.HasPrefix(got.Message, test.message) || got.Reason == "" || len(got.Packages) != test.count {
				t.Errorf("got %+v, want %d packages and message %q", got, test.count, test.message)
			}
			img, err := Squash(Config{DiffIDs: []image.Digest{diffID(0)}}, []*Layer{layer})
			if err != nil || len(img.Unread) != 1 || !img.Unread[0].Database {
				t.Errorf("unread %+v, error %v", img.Unread, err)
			}
		})
	}
}

func TestRPMSymlinks(t *testing.T) {
	database := file("usr/lib/sysimage/rpm/Packages.db", string(rpmdbtest.NDB(rpm("a", "1", "SUSE"))))
	if img := squash(t, []item{symlink("var/lib/rpm", "../../usr/lib/sysimage/rpm"), database}); len(img.Unread) > 0 || len(img.Packages) != 1 {
		t.Errorf("packages %v, unread %v", img.Packages, img.Unread)
	}
	if img := squash(t, []item{symlink("var/lib/rpm", "/opt/hidden")}); len(img.Unread) != 1 || !img.Unread[0].Database {
		t.Errorf("a database that is elsewhere: unread %v", img.Unread)
	}
}

func TestReadRPMManifest(t *testing.T) {
	const text = "bash\t5.1.8-1.cm2\t1653816591\t1653628924\tMicrosoft Corporation\t(none)\t7741242\tx86_64\t0\tbash-5.1.8-1.cm2.src.rpm\n" +
		"bind\t9.16-1\t1\t1\tNobody\t(none)\t1\tnoarch\t32\tbind9-9.16-2.src.rpm\n"
	got := readLayer(t, 0, file(rpmManifest, text)).Files[rpmManifest]
	want := File{Packages: []Package{
		{Type: TypeRPM, Name: "bash", Version: "5.1.8-1.cm2", SourceName: "bash", SourceVersion: "5.1.8-1.cm2", Arch: "x86_64"},
		{Type: TypeRPM, Name: "bind", Version: "32:9.16-1", SourceName: "bind9", SourceVersion: "32:9.16-2", Arch: "noarch", ThirdParty: true},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

func TestRPMSource(t *testing.T) {
	for file, want := range map[string][2]string{
		"util-linux-2.32.1-42.el8.src.rpm":       {"util-linux", "3:2.32.1-42.el8"},
		"java-11-openjdk-11.0.1-1.el8.nosrc.rpm": {"java-11-openjdk", "3:11.0.1-1.el8"},
		"":                                       {"self", "1-1"},
		"nonsense":                               {"self", "1-1"},
		"half-1":                                 {"self", "1-1"},
		"-1-1.src.rpm":                           {"self", "1-1"},
		"a--1.src.rpm":                           {"self", "1-1"},
		"a-1-1":                                  {"a", "3:1-1"},
		"a-b-1-1.fc35.":                          {"a-b", "3:1-1.fc35."},
	} {
		p := Package{Name: "self", Version: "1-1"}.builtFrom(file, 3)
		if got := [2]string{p.SourceName, p.SourceVersion}; got != want {
			t.Errorf("source of %q is %q, want %q", file, got, want)
		}
	}
}

func TestRPMThirdParty(t *testing.T) {
	for name, test := range map[string]struct {
		vendor, release string
		want            bool
	}{
		"Red Hat":          {"Red Hat, Inc.", "1.el9", false},
		"Amazon's, silent": {"", "1.amzn2", false},
		"nobody's":         {"", "1", true},
		"SUSE":             {"SUSE LLC <https://www.suse.com/>", "1", false},
		"Photon's":         {"VMware, Inc.", "1.ph5", false},
		"EPEL":             {"Fedora Project", "1.el8", false},
		"Docker":           {"Docker", "3.el8", true},
		"sounds alike":     {"The Red Hat Society", "1", true},
	} {
		if got := rpmThirdParty(test.vendor, test.release); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
