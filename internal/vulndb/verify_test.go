package vulndb_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
)

const branch, leaf = 1, 2

// pageOf returns where a page with the flags begins that is in use: the first
// branch page, or the first leaf page below it.
func pageOf(t *testing.T, content []byte, flags uint16) int {
	t.Helper()
	size := os.Getpagesize()
	flagsOf := func(at int) uint16 { return binary.NativeEndian.Uint16(content[at+8:]) }
	at := 2 * size
	for ; at < len(content) && flagsOf(at) != branch; at += size {
	}
	if at >= len(content) {
		t.Fatal("no branch page")
	}
	for flagsOf(at) != flags {
		at = int(binary.NativeEndian.Uint64(content[at+24:])) * size
	}
	return at
}

// Each of these would end the process, make bbolt read foreign memory, or let
// it give another package's advisories.
func TestOpenRefusesStructure(t *testing.T) {
	put16, put32, put64 := binary.NativeEndian.PutUint16, binary.NativeEndian.PutUint32, binary.NativeEndian.PutUint64
	cases := map[string]struct {
		flags  uint16
		damage func(page []byte, id uint64)
	}{
		"a page is its own child":        {branch, func(p []byte, id uint64) { put64(p[24:], id) }},
		"a page has two places":          {branch, func(p []byte, _ uint64) { copy(p[24:32], p[40:48]) }},
		"a child is outside of the file": {branch, func(p []byte, _ uint64) { put64(p[24:], 1<<40) }},
		"a branch's key is outside":      {branch, func(p []byte, _ uint64) { put32(p[20:], 1<<31) }},
		"a branch has no children":       {branch, func(p []byte, _ uint64) { put16(p[10:], 0) }},
		"a page has another id":          {leaf, func(p []byte, id uint64) { put64(p, id+1) }},
		"a page is of another kind":      {leaf, func(p []byte, _ uint64) { put16(p[8:], 0x10) }},
		"a page has no room":             {leaf, func(p []byte, _ uint64) { put16(p[10:], 0xffff) }},
		"a page reaches behind the file": {leaf, func(p []byte, _ uint64) { put32(p[12:], 0xffffffff) }},
		"a page overlaps the next":       {leaf, func(p []byte, _ uint64) { put32(p[12:], 3) }},
		"a leaf's key is outside":        {leaf, func(p []byte, _ uint64) { put32(p[20:], 0xffffffff) }},
		"a leaf's value is outside":      {leaf, func(p []byte, _ uint64) { put32(p[28:], 0xffffffff) }},
		"a bucket is too short":          {leaf, func(p []byte, _ uint64) { put32(p[16:], 1); put32(p[28:], 3) }},
	}
	dir := build(t, database.Spec{Facts: many()})
	good, err := os.ReadFile(filepath.Join(dir, "trivy.db"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			damaged := append([]byte(nil), good...)
			at := pageOf(t, damaged, tc.flags)
			tc.damage(damaged[at:], uint64(at/os.Getpagesize()))
			if err := os.WriteFile(filepath.Join(dir, "trivy.db"), damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := vulndb.Open(dir)
			if err == nil {
				_ = d.Close()
			}
			checkReason(t, err, v1alpha1.ReasonInvalidArtifact)
		})
	}
}
