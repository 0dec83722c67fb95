package repository

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var ada = Identity{"Ada", "ada@example.com"}

func fixed() time.Time { return time.Unix(1_700_000_000, 0) }

func files(pairs ...string) map[string]File {
	out := map[string]File{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = File{Content: pairs[i+1]}
	}
	return out
}

func shas(commits []*Commit) (out []string) {
	for _, c := range commits {
		out = append(out, c.SHA)
	}
	return out
}

func TestHistory(t *testing.T) {
	r := New(fixed, ada)
	start := r.Branches["main"]
	one := r.Add(start, "one", ada, ada, files("a", "1"))
	two := r.Add(one.SHA, "two", ada, ada, files("b", "1"))
	side := r.Add(start, "side", ada, ada, files("c", "1"))
	if diff := cmp.Diff([]string{two.SHA, one.SHA}, shas(r.Between(side.SHA, two.SHA))); diff != "" {
		t.Error(diff)
	}
	if got := r.LastChange(two.SHA, "a"); got != one.SHA {
		t.Errorf("a changed last in %s, want %s", got, one.SHA)
	}
	if got := r.base(two.SHA, side.SHA); got != start {
		t.Errorf("base %s, want %s", got, start)
	}
}

func TestMerge(t *testing.T) {
	for name, tt := range map[string]struct {
		theirs, ours map[string]File
		want         bool
	}{
		"other files":        {files("a", "1"), files("b", "1"), true},
		"same file":          {files("a", "1"), files("a", "2"), false},
		"the same change":    {files("a", "1"), files("a", "1"), true},
		"nothing on our one": {files("a", "1"), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(fixed, ada)
			start := r.Branches["main"]
			r.Move("topic", r.Add(start, "theirs", ada, ada, tt.theirs).SHA)
			r.Move("main", r.Add(start, "ours", ada, ada, tt.ours).SHA)
			p := r.OpenPull(Pull{Branch: "topic", Target: "main"})
			if got := !r.Conflicted(p); got != tt.want {
				t.Errorf("can be merged: %t, want %t", got, tt.want)
			}
			if got := r.Merge(p, ada, ada); got != tt.want {
				t.Fatalf("merged: %t, want %t", got, tt.want)
			}
			if tt.want && (p.Open || r.Branches["main"] != p.MergeCommit) {
				t.Errorf("after the merge: %+v", p)
			}
		})
	}
}
