package pullrequest

import (
	"regexp"
	"slices"
	"strings"
)

// maxDocument in bytes is what every forge takes: GitHub takes 65,536 characters.
const maxDocument = 64_000

// document is the body of a pull request. What all clusters would say alike is shared, and written by the cluster that made the
// newest commit. What each knows for itself is in a section of its own, which the others leave alone. A hidden
// line at the end holds keys of what was written: by these, and not by the text, it is told whether there is
// news, so that people may edit the text, and forges may change its spaces.
type document struct {
	shared   string
	sections []section // sorted by cluster
	marker   marker
}

type section struct {
	cluster string // key of the cluster's name
	content string // key of text as it was written
	text    string
}

type marker struct {
	// candidates are keys: what is proposed, then what was before.
	candidates []string
	// title and text are keys of the title and the shared text.
	title, text string
	// autoMerge says that the forge agreed to merge what is proposed by itself.
	autoMerge bool
	// withdrawn says that we closed the pull request ourselves.
	withdrawn bool
}

var (
	sectionPattern = regexp.MustCompile(`(?s)<!-- plimsoll:section ([0-9a-f]{16}) ([0-9a-f]{16}) -->\n(.*?)\n?<!-- plimsoll:end -->\n*`)
	markerPattern  = regexp.MustCompile(`<!-- plimsoll:candidates=([0-9a-f,]{0,600}) title=([0-9a-f]{0,16}) text=([0-9a-f]{0,16})( automerge)?( withdrawn)? -->\n*`)
)

func parseDocument(body string) document {
	body = strings.ReplaceAll(body, "\r\n", "\n")
	var d document
	if found := markerPattern.FindAllStringSubmatch(body, -1); len(found) > 0 {
		m := found[len(found)-1]
		d.marker = marker{candidates: splitKeys(m[1]), title: m[2], text: m[3], autoMerge: m[4] != "", withdrawn: m[5] != ""}
	}
	for _, m := range sectionPattern.FindAllStringSubmatch(body, -1) {
		d.setSection(section{cluster: m[1], content: m[2], text: m[3]})
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

// String leaves out the sections that are too much.
func (d document) String() string {
	var b strings.Builder
	b.WriteString(d.shared + "\n\n")
	end := d.marker.String()
	for _, s := range d.sections {
		if text := s.String(); b.Len()+len(text)+len(end) < maxDocument {
			b.WriteString(text)
		}
	}
	b.WriteString(end)
	return b.String()
}

func newSection(cluster, text string) section {
	text = strings.TrimSpace(text)
	return section{cluster: key(cluster), content: key(text), text: text}
}

func (s section) String() string {
	return "<!-- plimsoll:section " + s.cluster + " " + s.content + " -->\n" + s.text + "\n<!-- plimsoll:end -->\n\n"
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

// section of a cluster by its key; the zero value where it has none.
func (d *document) section(cluster string) section {
	for _, s := range d.sections {
		if s.cluster == cluster {
			return s
		}
	}
	return section{}
}

// setSection puts a section in the place of the one before, or takes that away where the new one has no text.
func (d *document) setSection(s section) {
	sections := slices.DeleteFunc(slices.Clone(d.sections), func(old section) bool { return old.cluster == s.cluster })
	if s.text != "" {
		sections = append(sections, s)
	}
	slices.SortFunc(sections, func(a, b section) int { return strings.Compare(a.cluster, b.cluster) })
	d.sections = sections
}

// Section is a cluster's own part of a body. It is empty where there is no text.
func Section(cluster, text string) string {
	s := newSection(cluster, text)
	if s.text == "" {
		return ""
	}
	return s.String()
}
