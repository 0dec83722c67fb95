package pullrequest

import (
	"strings"
	"testing"
)

func TestJoin(t *testing.T) {
	const base = "FROM debian:12.1 AS a\nFROM nginx:1.0\n"
	tests := map[string]struct {
		base, theirs, mine string
		again              bool
		want               string // "": they cannot be joined
	}{
		"other lines":      {base, "FROM debian:12.2 AS a\nFROM nginx:1.0\n", "FROM debian:12.1 AS a\nFROM nginx:1.1\n", false, "FROM debian:12.2 AS a\nFROM nginx:1.1\n"},
		"one line":         {`{"a":"debian:12.1","b":"nginx:1.0"}`, `{"a":"debian:12.2","b":"nginx:1.0"}`, `{"a":"debian:12.1","b":"nginx:1.1"}`, false, `{"a":"debian:12.2","b":"nginx:1.1"}`},
		"the same":         {base, "FROM debian:12.2 AS a\nFROM nginx:1.0\n", "FROM debian:12.2 AS a\nFROM nginx:1.0\n", false, "FROM debian:12.2 AS a\nFROM nginx:1.0\n"},
		"one word of both": {"V=1\n", "V=2\n", "V=3\n", false, ""},
		"ours once more":   {"V=1\n", "V=2\n", "V=3\n", true, "V=3\n"},
		"a digest":         {"FROM a:1\r\nFROM b:1\r\n", "FROM a:2@sha256:c\r\nFROM b:1\r\n", "FROM a:1\r\nFROM b:2\r\n", false, "FROM a:2@sha256:c\r\nFROM b:2\r\n"},
		"more words":       {base, "FROM debian:12.2\nFROM nginx:1.0\n", "FROM debian:12.1 AS a\nFROM nginx:1.1\n", false, ""},
		"no text":          {"\xff a:1 \xfe b:1", "\xff a:2 \xfe b:1", "\xff a:1 \xfe b:2", false, "\xff a:2 \xfe b:2"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := join([]byte(tc.base), []byte(tc.theirs), []byte(tc.mine), tc.again)
			if ok != (tc.want != "") || string(got) != tc.want {
				t.Errorf("join() = %q, %t, want %q", got, ok, tc.want)
			}
		})
	}
}

// Without changes of theirs mine is the result, and without mine theirs, whatever the file.
func FuzzJoin(f *testing.F) {
	f.Add("FROM debian:12.1 AS a\n", "debian", "nginx")
	f.Add("{\"a\": 'b'}\xff", "b", "\xff")
	f.Fuzz(func(t *testing.T, base, from, to string) {
		changed := strings.ReplaceAll(base, from, to)
		if got, ok := join([]byte(base), []byte(base), []byte(changed), false); ok && string(got) != changed {
			t.Errorf("with theirs as before: %q, want %q", got, changed)
		}
		if got, ok := join([]byte(base), []byte(changed), []byte(base), false); ok && string(got) != changed {
			t.Errorf("with mine as before: %q, want %q", got, changed)
		}
	})
}
