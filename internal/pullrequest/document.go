package pullrequest

import (
	"regexp"
	"slices"
	"strings"
)

// maxDocument in bytes is what every forge takes: GitHub takes 65,536 characters.
const maxDocument = 64_000

// document is the body of a pull request. What all proposers would say alike is shared, and written by the one that made the
// newest commit. What each knows for itself is in a section of its own, which the others leave alone; it is there also
// without a text, as it says who wants the pull request. A hidden line at the end holds keys of what was written: by these, and
// not by the text, it is told whether there is news, so that people may edit the text, and forges may change its spaces.
type document struct {
	shared   string
	sections []section // sorted by owner
	marker   marker
}

type section struct {
	owner   string   // key of the proposer
	content string   // key of text as it was written
	bases   []string // keys of the bases that it wants to move
	text    string
}

type marker struct {
	// candidates are keys of changes: what is proposed, then what was before.
	candidates []string
	// title and text are keys of the title and of what the writer has in the shared text.
	title, text string
	// autoMerge says that the forge agreed to merge what is proposed by itself.
	autoMerge bool
	// withdrawn says that we closed the pull request ourselves.
	withdrawn bool
}

var (
	sectionPattern = regexp.MustCompile(`(?s)<!-- plimsoll:section ([0-9a-f]{16}) ([0-9a-f]{16})(?: ([0-9a-f,]*))? -->\n(.*?)\n?<!-- plimsoll:end -->\n*`)
	blockPattern   = regexp.MustCompile(`(?s)<!-- plimsoll:base ([0-9a-f]{8}) -->\n(.*?)\n?<!-- plimsoll:end -->`)
	markerPattern  = regexp.MustCompile(`<!-- plimsoll:candidates=([0-9a-f,]*) title=([0-9a-f]{0,16}) text=([0-9a-f]{0,16})( automerge)?( withdrawn)? -->\n*`)
)

func parseDocument(body string) document {
	body = strings.ReplaceAll(body, "\r\n", "\n")
	var d document
	if found := markerPattern.FindAllStringSubmatch(body, -1); len(found) > 0 {
		m := found[len(found)-1]
		d.marker = marker{candidates: splitKeys(m[1]), title: m[2], text: m[3], autoMerge: m[4] != "", withdrawn: m[5] != ""}
	}
	for _, m := range sectionPattern.FindAllStringSubmatch(body, -1) {
		d.setSection(section{owner: m[1], content: m[2], bases: splitKeys(m[3]), text: m[4]})
	}
	body = markerPattern.ReplaceAllString(sectionPattern.ReplaceAllString(body, ""), "")
	d.shared = strings.TrimSpace(body)
	return d
}

func splitKeys(text string) []string {
	if text == "" {
		return nil
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}

// String leaves out the texts of sections that are too much.
func (d document) String() string {
	var b strings.Builder
	b.WriteString(d.shared + "\n\n")
	end := d.marker.String()
	for _, s := range d.sections {
		if b.Len()+len(s.String())+len(end) >= maxDocument {
			s.text = ""
		}
		b.WriteString(s.String())
	}
	b.WriteString(end)
	return b.String()
}

func newSection(by Proposer, bases []string, text string) section {
	text = strings.TrimSpace(text)
	return section{owner: by.key(), content: key(text), bases: bases, text: text}
}

func (s section) String() string {
	head := "<!-- plimsoll:section " + s.owner + " " + s.content
	if len(s.bases) > 0 {
		head += " " + strings.Join(s.bases, ",")
	}
	return head + " -->\n" + s.text + "\n<!-- plimsoll:end -->\n\n"
}

func (m marker) String() string {
	flags := ""
	if m.autoMerge {
		flags += " automerge"
	}
	if m.withdrawn {
		flags += " withdrawn"
	}
	return "<!-- plimsoll:candidates=" + strings.Join(m.candidates, ",") + " title=" + m.title + " text=" + m.text + flags + " -->\n"
}

// section of a proposer by its key; the zero value where it has none.
func (d *document) section(owner string) section {
	for _, s := range d.sections {
		if s.owner == owner {
			return s
		}
	}
	return section{}
}

// setSection puts a section in the place of the one before.
func (d *document) setSection(s section) {
	d.remove(s.owner)
	d.sections = append(d.sections, s)
	slices.SortFunc(d.sections, func(a, b section) int { return strings.Compare(a.owner, b.owner) })
}

// leave removes a proposer's section.
func (d *document) leave(by Proposer) { d.remove(by.key()) }

func (d *document) remove(owner string) {
	d.sections = slices.DeleteFunc(slices.Clone(d.sections), func(s section) bool { return s.owner == owner })
}

// wanted says whether somebody else wants a base to move.
func (d *document) wanted(base, owner string) bool {
	return slices.ContainsFunc(d.sections, func(s section) bool { return s.owner != owner && slices.Contains(s.bases, base) })
}

// blocks are what the shared text says of some bases.
func (d *document) blocks(bases []Change) string {
	var b strings.Builder
	for _, m := range blockPattern.FindAllStringSubmatch(d.shared, -1) {
		if moves(bases, m[1]) {
			b.WriteString(block(m[1], m[2]))
		}
	}
	return b.String()
}

// block is what a text says of one base.
func block(base, text string) string {
	return "<!-- plimsoll:base " + base + " -->\n" + strings.TrimRight(text, "\n") + "\n<!-- plimsoll:end -->\n\n"
}

// Section is a proposer's own part of a body. It is empty where there is no text.
func Section(by Proposer, text string) string {
	s := newSection(by, nil, text)
	if s.text == "" {
		return ""
	}
	return s.String()
}
