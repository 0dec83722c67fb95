package pullrequest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadHistory(t *testing.T) {
	p := Proposal{Title: "Move\ndebian", Candidate: "debian:12.2@sha256:b", Cluster: "east\nof here", Files: map[string][]byte{"a": nil}}
	older := Proposal{Title: "t", Candidate: "debian:12.1@sha256:a", Cluster: "west", Files: map[string][]byte{"a": nil}}
	commit := func(message, author, committer string) Commit {
		return Commit{Message: message, AuthorEmail: author, CommitterEmail: committer}
	}
	ours := commit(p.message([]string{"0123456789abcdef"}), "bot@x", "bot@x")
	first := commit(older.message(nil), "bot@x", "bot@x")
	tests := map[string]struct {
		commits []Commit
		emails  []string
		want    history
	}{
		"none": {nil, []string{"bot@x"}, history{}},
		"ours": {[]Commit{ours, first}, []string{"bot@x"}, history{count: 2, current: key(p.Candidate), owner: "east of here", files: p.filesKey(),
			superseded: []string{"0123456789abcdef", key(older.Candidate)}}},
		"ours, signed by GitHub":       {[]Commit{commit(older.message(nil), "bot@x", signer)}, []string{"bot@x"}, history{count: 1, current: key(older.Candidate), owner: "west", files: p.filesKey()}},
		"nobody knows who we are":      {[]Commit{first}, nil, history{count: 1, current: key(older.Candidate), owner: "west", files: p.filesKey()}},
		"nobody knows, but rebased":    {[]Commit{commit(older.message(nil), "bot@x", "person@x")}, nil, history{count: 1, foreign: true}},
		"rebased by a person":          {[]Commit{commit(older.message(nil), "bot@x", "person@x")}, []string{"bot@x"}, history{count: 1, foreign: true}},
		"our message, a person's hand": {[]Commit{commit(older.message(nil), "person@x", "person@x")}, []string{"bot@x"}, history{count: 1, foreign: true}},
		"our hand, no trailers":        {[]Commit{commit("t", "bot@x", "bot@x")}, []string{"bot@x"}, history{count: 1, foreign: true}},
		"trailers in the middle":       {[]Commit{commit(older.message(nil)+"\nSigned-off-by: me\n\nmore", "bot@x", "bot@x")}, []string{"bot@x"}, history{count: 1, foreign: true}},
		"a person on top":              {[]Commit{commit("t", "person@x", "person@x"), first}, []string{"bot@x"}, history{count: 2, foreign: true, superseded: []string{key(older.Candidate)}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := readHistory(test.commits, test.emails)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(history{})); diff != "" {
				t.Errorf("readHistory() (-want +got):\n%s", diff)
			}
		})
	}
	if many := readHistory(make([]Commit, commitLimit), nil); !many.foreign {
		t.Error("more commits than can be looked at count as ours")
	}
}

func FuzzParseDocument(f *testing.F) {
	d := document{shared: "text", marker: marker{candidates: []string{key("a"), key("b")}, title: key("t"), text: key("text")}}
	d.setSection(newSection("east", "- a"))
	f.Add(d.String())
	f.Add(strings.ReplaceAll(d.String(), "\n", "\r\n"))
	f.Add("<!-- plimsoll:candidates= title= text= withdrawn -->")
	f.Fuzz(func(t *testing.T, body string) {
		d := parseDocument(body)
		text := d.String()
		if len(text) > maxDocument+len(d.shared)+1024 {
			t.Errorf("the text has %d bytes", len(text))
		}
		// What we have written is read back: else there would be news each time.
		again := parseDocument(text)
		if len(text) < maxDocument && !strings.Contains(d.shared+sectionTexts(d), "plimsoll:") {
			if diff := cmp.Diff(d, again, cmp.AllowUnexported(document{}, section{}, marker{})); diff != "" {
				t.Errorf("read back (-first +second):\n%s", diff)
			}
		}
	})
}

func sectionTexts(d document) string {
	var b strings.Builder
	for _, s := range d.sections {
		b.WriteString(s.text)
	}
	return b.String()
}

func TestDocumentLeavesOutSectionsThatAreTooMuch(t *testing.T) {
	d := document{shared: strings.Repeat("a", maxBody)}
	for _, cluster := range []string{"east", "north", "west"} {
		d.setSection(newSection(cluster, strings.Repeat("b", 3000)))
	}
	text := d.String()
	if len(text) > maxDocument || len(parseDocument(text).sections) != 1 {
		t.Errorf("the text has %d bytes and %d sections", len(text), len(parseDocument(text).sections))
	}
}
