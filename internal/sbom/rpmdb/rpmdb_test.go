package rpmdb

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	oracle "github.com/erikvarga/go-rpmdb/pkg"
	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // which the oracle reads SQLite with
)

// realDatabases are the paths of databases from real systems, which are the test
// data of the module that is the oracle here.
func realDatabases(t testing.TB) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/erikvarga/go-rpmdb").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skip("the module github.com/erikvarga/go-rpmdb, whose test data this reads, is not in the module cache")
	}
	found, err := filepath.Glob(filepath.Join(dir, "pkg", "testdata", "*", "*"))
	if err != nil || len(found) == 0 {
		t.Skipf("no databases in %s: %v", dir, err)
	}
	return found
}

func content(b []byte) Content { return Content{ReaderAt: bytes.NewReader(b), Size: int64(len(b))} }

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// installed is what is compared of a package.
type installed struct {
	Name, VersionRelease, Arch, SourceRPM, Vendor, Modularity string
	Files                                                     []string
}

func readAll(t testing.TB, db, wal []byte) []installed {
	t.Helper()
	var all []installed
	err := Read(content(db), content(wal), func(p *Package) error {
		all = append(all, installed{p.Name, p.VersionRelease(), p.Arch, p.SourceRPM, p.Vendor, p.Modularity, slices.Collect(p.Files())})
		return nil
	})
	if err != nil {
		t.Errorf("Read: %v", err)
	}
	slices.SortFunc(all, compare)
	return all
}

func compare(a, b installed) int {
	return strings.Compare(a.Name+" "+a.VersionRelease+" "+a.Arch, b.Name+" "+b.VersionRelease+" "+b.Arch)
}

// Every package and every file of real databases is as go-rpmdb reads it.
func TestReadLikeOracle(t *testing.T) {
	databases := realDatabases(t)
	if testing.Short() {
		databases = slices.DeleteFunc(databases, func(name string) bool {
			info, err := os.Stat(name)
			return err != nil || info.Size() > 8<<20
		})
	}
	for _, name := range databases {
		t.Run(path.Base(path.Dir(name)), func(t *testing.T) {
			if diff := cmp.Diff(readOracle(t, name), readAll(t, readFile(t, name), nil)); diff != "" {
				t.Errorf("packages (-oracle +got):\n%.2000s", diff)
			}
		})
	}
}

func readOracle(t *testing.T, name string) []installed {
	t.Helper()
	db, err := oracle.Open(name)
	if err != nil {
		t.Fatalf("open %s with the oracle: %v", name, err)
	}
	defer func() { _ = db.Close() }()
	packages, err := db.ListPackages()
	if err != nil {
		t.Fatalf("read %s with the oracle: %v", name, err)
	}
	var all []installed
	for _, p := range packages {
		files, err := p.InstalledFileNames()
		if err != nil {
			t.Fatal(err)
		}
		epoch := uint32(0)
		if p.Epoch != nil {
			epoch = uint32(*p.Epoch)
		}
		all = append(all, installed{p.Name, Join(epoch, p.Version, p.Release), p.Arch, p.SourceRpm, p.Vendor, p.Modularitylabel, files})
	}
	slices.SortFunc(all, compare)
	if len(all) == 0 {
		t.Fatalf("the oracle reads nothing from %s", name)
	}
	return all
}
