// Package rpmdbtest writes rpm databases, for tests.
//
// In: descriptions of packages. Out: bytes as rpm writes them, of its ndb and
// SQLite databases. It must never be part of the product.
package rpmdbtest

import (
	"database/sql"
	"encoding/binary"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	_ "modernc.org/sqlite" // the driver
)

// RPM is an installed package.
type RPM struct {
	Name, Version, Release, Arch string
	Epoch                        uint32
	SourceRPM, Vendor, Label     string
	// Files are absolute paths.
	Files []string
}

const (
	typeInt32       = 4
	typeString      = 6
	typeStringArray = 8
)

type header struct{ index, data []byte }

func (h *header) add(tag, kind, count uint32, data []byte) {
	for kind == typeInt32 && len(h.data)%4 != 0 {
		h.data = append(h.data, 0)
	}
	for _, n := range []uint32{tag, kind, uint32(len(h.data)), count} {
		h.index = binary.BigEndian.AppendUint32(h.index, n)
	}
	h.data = append(h.data, data...)
}

func (h *header) texts(tag uint32, values ...string) {
	var data []byte
	for _, v := range values {
		data = append(append(data, v...), 0)
	}
	kind := uint32(typeString)
	if tag == 1117 || tag == 1118 {
		kind = typeStringArray
	}
	h.add(tag, kind, uint32(len(values)), data)
}

func (h *header) numbers(tag uint32, values ...uint32) {
	var data []byte
	for _, v := range values {
		data = binary.BigEndian.AppendUint32(data, v)
	}
	h.add(tag, typeInt32, uint32(len(values)), data)
}

// Header is the package's header as it lies in a database.
func Header(p RPM) []byte {
	h := &header{}
	for tag, value := range map[uint32]string{
		1000: p.Name, 1001: p.Version, 1002: p.Release, 1011: p.Vendor, 1022: p.Arch, 1044: p.SourceRPM, 5096: p.Label,
	} {
		if value != "" {
			h.texts(tag, value)
		}
	}
	if p.Epoch != 0 {
		h.numbers(1003, p.Epoch)
	}
	if len(p.Files) > 0 {
		h.files(p.Files)
	}
	blob := binary.BigEndian.AppendUint32(nil, uint32(len(h.index)/16))
	blob = binary.BigEndian.AppendUint32(blob, uint32(len(h.data)))
	return slices.Concat(blob, h.index, h.data)
}

func (h *header) files(files []string) {
	var dirs, bases []string
	var dirOf []uint32
	for _, file := range files {
		dir := path.Dir(file) + "/"
		at := slices.Index(dirs, dir)
		if at < 0 {
			at = len(dirs)
			dirs = append(dirs, dir)
		}
		dirOf = append(dirOf, uint32(at))
		bases = append(bases, path.Base(file))
	}
	h.numbers(1116, dirOf...)
	h.texts(1117, bases...)
	h.texts(1118, dirs...)
}

// NDB is a database of up to 254 headers.
func NDB(headers ...[]byte) []byte {
	const page = 4096
	db := make([]byte, page)
	copy(db, "RpmP")
	binary.LittleEndian.PutUint32(db[12:], 1)
	for at := 32; at < page; at += 16 {
		copy(db[at:], "Slot")
	}
	for i, h := range headers {
		slot := db[32+16*i:]
		binary.LittleEndian.PutUint32(slot[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(slot[8:], uint32(len(db)/16))
		db = append(db, "BlbS"...)
		db = binary.LittleEndian.AppendUint32(db, uint32(i+1))
		db = binary.LittleEndian.AppendUint32(db, 0)
		db = binary.LittleEndian.AppendUint32(db, uint32(len(h)))
		db = append(db, h...)
		db = append(db, make([]byte, (16-len(db)%16)%16)...)
	}
	return db
}

// Schema makes the table of packages as rpm does.
const Schema = `CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)`

// SQLite runs statements, each with its arguments behind it, on a new database,
// and returns its file and its write-ahead log, as they lie while it is in use.
func SQLite(t testing.TB, statements ...[]any) (db, wal []byte) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rpmdb.sqlite")
	conn, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	conn.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := conn.Exec(s[0].(string), s[1:]...); err != nil {
			t.Fatalf("%s: %v", s[0], err)
		}
	}
	db, err = os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	wal, err = os.ReadFile(name + "-wal")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return db, wal
}
