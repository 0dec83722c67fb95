package pullrequest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadHistory(t *testing.T) {
	east, west := Proposer{"east\nof here", "p"}, Proposer{"west", "p"}
	debian := func(version string) Change { return Change{Base: "debian:12.0", Candidate: "debian:" + version} }
	nginx := Change{Base: "nginx:1.0", Candidate: "nginx:1.1"}
	told := func(by Proposer, superseded []string, changes ...Change) history {
		return history{changes: changes, superseded: superseded, owner: by.key(), files: "f", base: "b"}
	}
	commit := func(h history, author, committer string) Commit {
		p := Proposal{Title: "Move\ndebian", By: east}
		return Commit{Message: p.message(h), AuthorEmail: author, CommitterEmail: committer}
	}
	older := told(west, nil, debian("12.1"))
	ours := commit(told(east, []string{baseKey("debian:12.0") + "01234567", baseKey("redis:1.0") + "01234567"}, debian("12.2"), nginx), "bot@x", "bot@x")
	first := commit(older, "bot@x", "bot@x")
	alone := func(foreign bool) history {
		h := older
		h.count, h.foreign = 1, foreign
		return h
	}
	lone := func(message, email string) []Commit {
		return []Commit{{Message: message, AuthorEmail: email, CommitterEmail: email}}
	}
	tests := map[string]struct {
		commits []Commit
		emails  []string
		want    history
	}{
		"none": {nil, []string{"bot@x"}, history{}},
		"ours": {[]Commit{ours, first}, []string{"bot@x"}, history{
			count: 2, changes: []Change{debian("12.2"), nginx}, superseded: []string{baseKey("debian:12.0") + "01234567", debian("12.1").key()},
			owner: east.key(), files: "f", base: "b",
		}},
		"a base that was dropped is not superseded": {[]Commit{first, ours}, []string{"bot@x"}, history{
			count: 2, changes: older.changes, superseded: []string{debian("12.2").key(), baseKey("debian:12.0") + "01234567"}, owner: west.key(), files: "f", base: "b",
		}},
		"ours, signed by GitHub":       {[]Commit{commit(older, "bot@x", signer)}, []string{"bot@x"}, alone(false)},
		"nobody knows who we are":      {[]Commit{first}, nil, alone(false)},
		"nobody knows, but rebased":    {[]Commit{commit(older, "bot@x", "person@x")}, nil, history{count: 1, foreign: true}},
		"rebased by a person":          {[]Commit{commit(older, "bot@x", "person@x")}, []string{"bot@x"}, history{count: 1, foreign: true}},
		"our message, a person's hand": {[]Commit{commit(older, "person@x", "person@x")}, []string{"bot@x"}, history{count: 1, foreign: true}},
		"our hand, no trailers":        {lone("t", "bot@x"), []string{"bot@x"}, history{count: 1, foreign: true}},
		"trailers in the middle":       {lone(first.Message+"\nSigned-off-by: me\n\nmore", "bot@x"), []string{"bot@x"}, history{count: 1, foreign: true}},
		"a person on top": {append(lone("t", "person@x"), first), []string{"bot@x"}, func() history {
			h := alone(true)
			h.count = 2
			return h
		}()},
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
	d.setSection(newSection(Proposer{"east", "p"}, []string{baseKey("a")}, "- a"))
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

func TestDocumentLeavesOutTextsOfSectionsThatAreTooMuch(t *testing.T) {
	d := document{shared: strings.Repeat("a", maxBody)}
	for _, cluster := range []string{"east", "north", "west"} {
		d.setSection(newSection(Proposer{cluster, "p"}, nil, strings.Repeat("b", 3000)))
	}
	text := d.String()
	again := parseDocument(text)
	if len(text) > maxDocument || len(again.sections) != 3 || len(sectionTexts(again)) != 3000 {
		t.Errorf("the text has %d bytes and %d sections of %d bytes", len(text), len(again.sections), len(sectionTexts(again)))
	}
}
