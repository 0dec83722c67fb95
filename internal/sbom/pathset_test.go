package sbom

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

func TestPathSet(t *testing.T) {
	var s PathSet
	for i := range 1000 {
		s.add(fmt.Sprintf("usr/share/%d", i%500))
	}
	s.sort()
	if len(s) != 500 {
		t.Errorf("set of 500 paths has %d", len(s))
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back PathSet
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s, back) {
		t.Error("set differs after encoding")
	}
	for path, want := range map[string]bool{"usr/share/0": true, "usr/share/499": true, "usr/share/500": false, "usr/share": false, "": false} {
		if back.has(path) != want {
			t.Errorf("has(%q) = %v, want %v", path, !want, want)
		}
	}
}

// Stored layers hold hashes: another function would make them wrong in silence.
func TestHashPathIsStable(t *testing.T) {
	for path, want := range map[string]uint64{"": 0xcbf29ce484222325, "a": 0xaf63dc4c8601ec8c, "foobar": 0x85944171f73967e8} {
		if got := hashPath(path); got != want {
			t.Errorf("hashPath(%q) = %#x, want %#x", path, got, want)
		}
	}
}

func TestPathSetRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no base64":       `"$"`,
		"half a hash":     `"AAAA"`,
		"unsorted hashes": `"AgAAAAAAAAABAAAAAAAAAA"`,
		"a list":          `[1, 2]`,
	} {
		var s PathSet
		if err := json.Unmarshal([]byte(text), &s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
