package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/sbom/rpmdb/rpmdbtest"
)

var bash = rpmdbtest.RPM{
	Name: "bash", Version: "5.1.8", Release: "9.el9", Arch: "x86_64", Epoch: 1, SourceRPM: "bash-5.1.8-9.el9.src.rpm",
	Vendor: "Red Hat, Inc.", Label: "shell:5:1:a", Files: []string{"/usr/bin/bash", "/usr/bin/sh", "/etc/skel/.bashrc"},
}

var wantBash = installed{
	"bash", "1:5.1.8-9.el9", "x86_64", "bash-5.1.8-9.el9.src.rpm", "Red Hat, Inc.", "shell:5:1:a",
	[]string{"/usr/bin/bash", "/usr/bin/sh", "/etc/skel/.bashrc"},
}

// insert is a statement that adds a header.
func insert(p rpmdbtest.RPM) []any {
	return []any{"INSERT INTO Packages(blob) VALUES (?)", rpmdbtest.Header(p)}
}

func named(name string) rpmdbtest.RPM { return rpmdbtest.RPM{Name: name, Version: "1", Release: "1"} }

func names(packages []installed) []string {
	var list []string
	for _, p := range packages {
		list = append(list, p.Name)
	}
	return list
}

func TestReadForms(t *testing.T) {
	sqliteDB, _ := rpmdbtest.SQLite(t, []any{rpmdbtest.Schema}, insert(bash))
	smallPages, _ := rpmdbtest.SQLite(t, []any{"PRAGMA page_size=512"}, []any{rpmdbtest.Schema}, insert(bash))
	largePages, _ := rpmdbtest.SQLite(t, []any{"PRAGMA page_size=65536"}, []any{rpmdbtest.Schema}, insert(bash))
	for name, db := range map[string][]byte{
		"ndb": rpmdbtest.NDB(rpmdbtest.Header(bash)), "sqlite": sqliteDB, "sqlite, small pages": smallPages, "sqlite, large pages": largePages,
	} {
		if diff := cmp.Diff([]installed{wantBash}, readAll(t, db, nil)); diff != "" {
			t.Errorf("%s: packages (-want +got):\n%s", name, diff)
		}
	}
}

// A table of many rows has a tree of several levels, and rows that are large
// lie on chains of pages.
func TestReadDeepTree(t *testing.T) {
	statements := [][]any{{"PRAGMA page_size=512"}, {rpmdbtest.Schema}, {"BEGIN"}}
	var want []string
	for i := range 2000 {
		p := named(fmt.Sprintf("p%04d", i))
		if i%50 == 0 {
			p.Files = slices.Repeat([]string{"/usr/share/" + strings.Repeat("x", 40)}, i)
		}
		want = append(want, p.Name)
		statements = append(statements, insert(p))
	}
	db, _ := rpmdbtest.SQLite(t, append(statements, []any{"COMMIT"})...)
	got := readAll(t, db, nil)
	if diff := cmp.Diff(want, names(got)); diff != "" {
		t.Errorf("packages (-want +got):\n%.1000s", diff)
	}
	if n := len(got[1950].Files); n != 1950 {
		t.Errorf("package 1950 has %d files", n)
	}
}

func TestReadWAL(t *testing.T) {
	wal := []any{"PRAGMA journal_mode=WAL"}
	keep := []any{"PRAGMA wal_autocheckpoint=0"}
	db, log := rpmdbtest.SQLite(t, wal, keep, []any{rpmdbtest.Schema}, insert(named("a")), insert(named("b")),
		[]any{"PRAGMA wal_checkpoint(TRUNCATE)"}, insert(named("c")), []any{"DELETE FROM Packages WHERE hnum = 1"})
	fresh, all := rpmdbtest.SQLite(t, wal, keep, []any{rpmdbtest.Schema}, insert(named("a")))
	torn := slices.Clone(log)
	torn[len(torn)-1] ^= 1
	for name, test := range map[string]struct {
		db, wal []byte
		want    []string
	}{
		"no log":                         {db, nil, []string{"a", "b"}},
		"log":                            {db, log, []string{"b", "c"}},
		"last transaction is torn":       {db, torn, []string{"a", "b", "c"}},
		"log is cut":                     {db, log[:len(log)-10], []string{"a", "b", "c"}},
		"log of no frames":               {db, log[:32], []string{"a", "b"}},
		"log is something else":          {db, []byte(strings.Repeat("garbage ", 100)), []string{"a", "b"}},
		"all is in the log":              {fresh, all, []string{"a"}},
		"the database has no content":    {nil, all, []string{"a"}},
		"what an older log left over it": {db, append(slices.Clone(log), log[32:]...), []string{"b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, names(readAll(t, test.db, test.wal))); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
		})
	}
	if changes, err := Changes(content(log)); !changes || err != nil {
		t.Errorf("the log has changes: %v, %v", changes, err)
	}
	if changes, err := Changes(content(log[:32])); changes || err != nil {
		t.Errorf("a log of no frames has changes: %v, %v", changes, err)
	}
}

func put(db []byte, order binary.ByteOrder, at int, n uint32) []byte {
	db = slices.Clone(db)
	order.PutUint32(db[at:], n)
	return db
}

func TestReadHostile(t *testing.T) {
	blob := rpmdbtest.Header(bash)
	ndb := rpmdbtest.NDB(blob, rpmdbtest.Header(named("zlib")))
	view, _ := rpmdbtest.SQLite(t, []any{"CREATE VIEW Packages AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x, x AS blob FROM c"})
	tree, _ := rpmdbtest.SQLite(t, []any{rpmdbtest.Schema}, insert(bash))
	cycle := slices.Clone(tree[:4096])
	// The schema's page becomes the inner page of a tree, whose every child is itself.
	cycle[100], cycle[103], cycle[104] = pageInterior, 0, 0
	big.PutUint32(cycle[108:], 1)
	for name, test := range map[string]struct {
		db   []byte
		want string
	}{
		"empty":                      {nil, "not a database of rpm's"},
		"text":                       {[]byte("hello"), "not a database of rpm's"},
		"slots past the end":         {put(ndb, little, 12, 1<<31), "past the end"},
		"no slots":                   {put(ndb, little, 12, 0), "a slot is broken"},
		"bad slot":                   {put(ndb, little, 48, 0), "a slot is broken"},
		"header past the end":        {put(ndb, little, 40, 1<<30), "past the end"},
		"header of another":          {put(ndb, little, 4096+4, 7), "a slot is broken"},
		"header of 4 GiB":            {put(ndb, little, 4096+12, 1<<32-1), "a header of 4294967295 bytes"},
		"header of another database": {rpmdbtest.NDB(ndb), "a header is broken"},
		"two slots to one header":    {manySlots(blob), "headers overlap"},
		"entries past the end":       {rpmdbtest.NDB(put(blob, big, 0, 1<<31)), "a header is broken"},
		"data past the end":          {rpmdbtest.NDB(put(blob, big, 4, 1<<31)), "a header is broken"},
		"header without a name":      {rpmdbtest.NDB(rpmdbtest.Header(rpmdbtest.RPM{Version: "1"})), "a header is broken"},
		"view that never ends":       {view, "no table Packages"},
		"tree that is its own child": {cycle, "a page is broken"},
		"pages of no size":           {append([]byte(sqliteMagic), make([]byte, 200)...), "pages of 0 bytes"},
		"text is UTF-16":             {put(tree, big, 56, 2), "not a database of rpm's"},
		"cut":                        {tree[:5000], "past the end"},
		"berkeley, chain in a ring":  {berkeleyRing(1 << 20), "headers overlap"},
		"berkeley, pages of 3 bytes": {put(berkeleyRing(100), little, 20, 3), "pages of 3 bytes"},
		"berkeley, encrypted":        {put(berkeleyRing(100), little, 24, 1), "not a database of rpm's"},
		"berkeley, last page":        {put(berkeleyRing(100), little, 32, 1<<32-1), "a header is broken"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Read(content(test.db), Content{}, func(*Package) error { return nil })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// manySlots is a database all of whose slots lead to one large header.
func manySlots(blob []byte) []byte {
	db := rpmdbtest.NDB(append(blob, make([]byte, 64<<10)...))
	for at := 32; at < 4096; at += 16 {
		copy(db[at:at+16], db[32:48])
	}
	return db
}

// berkeleyRing is a database whose one value lies on a page that follows itself.
func berkeleyRing(size uint32) []byte {
	const page = 512
	db := make([]byte, 3*page)
	for at, n := range map[int]uint32{12: berkeleyMagic, 20: page, 32: 2, page + 2*0: 0} {
		little.PutUint32(db[at:], n)
	}
	db[25] = pageHashMeta
	hash := db[page:]
	hash[25] = pageHash
	little.PutUint16(hash[20:], 2)
	little.PutUint16(hash[26:], page-4)
	little.PutUint16(hash[28:], page-16)
	hash[page-16] = itemOffPage
	little.PutUint32(hash[page-12:], 2)
	little.PutUint32(hash[page-8:], size)
	overflow := db[2*page:]
	overflow[25] = pageOverflow
	little.PutUint32(overflow[16:], 2)
	return db
}

// What each says ends the reading.
func TestReadEnds(t *testing.T) {
	stop := errors.New("stop")
	calls := 0
	err := Read(content(rpmdbtest.NDB(rpmdbtest.Header(bash), rpmdbtest.Header(bash))), Content{}, func(*Package) error {
		calls++
		return stop
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("error %v after %d calls", err, calls)
	}
}

// A failing disk is an error, not an absence.
func TestReadFailure(t *testing.T) {
	broken := errors.New("broken disk")
	db, log := rpmdbtest.SQLite(t, []any{"PRAGMA journal_mode=WAL"}, []any{rpmdbtest.Schema}, insert(bash))
	failing := Content{readerAt(func([]byte, int64) (int, error) { return 0, broken }), 1 << 20}
	nothing := func(*Package) error { return nil }
	if err := Read(failing, Content{}, nothing); !errors.Is(err, broken) {
		t.Errorf("a database: %v", err)
	}
	if err := Read(content(db), failing, nothing); !errors.Is(err, broken) {
		t.Errorf("a log: %v", err)
	}
	if _, err := Changes(Content{failing, int64(len(log))}); !errors.Is(err, broken) {
		t.Errorf("changes: %v", err)
	}
}

type readerAt func([]byte, int64) (int, error)

func (f readerAt) ReadAt(b []byte, off int64) (int, error) { return f(b, off) }

// Real databases with bytes changed are read to an end, with or without error.
func TestReadMutated(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range realDatabases(t) {
		if !slices.Contains([]string{"libuuid", "sle15-bci", "cbl-mariner-2.0"}, path.Base(path.Dir(name))) {
			continue
		}
		raw := readFile(t, name)
		for range 30 {
			db := slices.Clone(raw)
			for range 1 + random.IntN(200) {
				db[random.IntN(min(len(db), 1+random.IntN(len(db))))] = byte(random.Uint32())
			}
			_ = Read(content(db), Content{}, func(p *Package) error {
				for range p.Files() {
				}
				return nil
			})
		}
	}
}

func FuzzRead(f *testing.F) {
	db, log := rpmdbtest.SQLite(f, []any{"PRAGMA page_size=512"}, []any{"PRAGMA journal_mode=WAL"}, []any{"PRAGMA wal_autocheckpoint=0"},
		[]any{rpmdbtest.Schema}, insert(bash), []any{"PRAGMA wal_checkpoint(TRUNCATE)"}, insert(named("zlib")))
	f.Add(db, log)
	f.Add([]byte{}, log)
	f.Add(rpmdbtest.NDB(rpmdbtest.Header(bash)), []byte{})
	f.Add(berkeleyRing(200), []byte{})
	f.Fuzz(func(t *testing.T, db, wal []byte) {
		total := 0
		_ = Read(content(db), content(wal), func(p *Package) error {
			if p.Name == "" || p.Version == "" {
				t.Error("a package without a name or version")
			}
			total += len(p.Name) + len(p.Version)
			return nil
		})
		if total > 2*(len(db)+len(wal)) {
			t.Errorf("%d bytes of names and versions from %d", total, len(db)+len(wal))
		}
	})
}
