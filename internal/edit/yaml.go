package edit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds what is visited, as aliases may multiply a small file.
const maxNodes = 1_000_000

// yamlFile is the state of reading the documents of one file.
type yamlFile struct {
	*document
	lines []int
	left  int
	kind  Kind
	// limit is set once a bound was met: what was found so far is then not all.
	limit *Refusal
	// uses has the index of each alias in document.uses.
	aliases map[*yaml.Node]int
	// located has the bytes of each scalar whose value stands in the file as it is.
	located map[*yaml.Node]Range
	last    mark
}

// mark is a position in the file. The next one on its line is counted from there, as one line may hold everything.
type mark struct{ line, column, offset int }

func (d *document) readYAML(name string) *Refusal {
	roots, refusal := parseYAML(d.content)
	if refusal != nil {
		return refusal
	}
	y := &yamlFile{document: d, lines: yamlLines(d.content), left: maxNodes, aliases: map[*yaml.Node]int{}, located: map[*yaml.Node]Range{}}
	known := false
	for _, root := range roots {
		if refusal := y.outline(root, 0); refusal != nil {
			return refusal
		}
		known = y.readDocument(name, cursor{file: y, node: root}) || known
	}
	switch {
	case y.limit != nil:
		return y.limit
	case !known:
		return refuse(ReasonUnknownFormat, "neither the path nor a document's keys say what this YAML is for")
	}
	return nil
}

// parseYAML returns the root of each document that is not empty.
func parseYAML(content []byte) (roots []*yaml.Node, refusal *Refusal) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return roots, nil
		}
		if err != nil {
			return nil, refuse(ReasonInvalid, "parse YAML: %.300s", err)
		}
		if len(roots) == maxPlaces {
			return nil, refuse(ReasonLimit, "more than %d documents", maxPlaces)
		}
		if len(node.Content) == 1 {
			roots = append(roots, node.Content[0])
		}
	}
}

// outline keeps every scalar and alias as it is, in order, and refuses what readers of YAML disagree on.
func (y *yamlFile) outline(node *yaml.Node, depth int) *Refusal {
	if y.left--; y.left < 0 || depth > maxDepth {
		return refuse(ReasonLimit, "more than %d nodes or %d levels", maxNodes, maxDepth)
	}
	u := unit{Range: Range{-1, -1}, text: fmt.Sprintf("%d %s %q", node.Kind, node.Anchor, node.Value)}
	switch node.Kind {
	case yaml.ScalarNode:
		if r, ok := y.locate(node); ok {
			u.Range, y.located[node] = r, r
		}
	case yaml.AliasNode:
		if len(y.uses) == maxPlaces {
			return refuse(ReasonLimit, "more than %d aliases", maxPlaces)
		}
		y.aliases[node] = len(y.uses)
		y.uses = append(y.uses, use{Range: y.span(node.Alias), line: node.Line, through: map[int]bool{}})
	case yaml.MappingNode:
		if refusal := checkKeys(node); refusal != nil {
			return refusal
		}
	}
	y.units = append(y.units, u)
	for _, child := range node.Content {
		if refusal := y.outline(child, depth+1); refusal != nil {
			return refusal
		}
	}
	return nil
}

// checkKeys refuses a key that is there twice, and an expression without quotes: a mapping is no key otherwise.
func checkKeys(mapping *yaml.Node) *Refusal {
	seen := map[string]bool{}
	for i := 0; i < len(mapping.Content); i += 2 {
		key := mapping.Content[i]
		switch {
		case key.Kind == yaml.MappingNode:
			return &Refusal{Reason: ReasonTemplated, Line: key.Line, Message: "{{ }} without quotes is rendered before the file is read"}
		case key.Kind == yaml.ScalarNode && seen[key.Value]:
			return &Refusal{Reason: ReasonInvalid, Line: key.Line, Message: fmt.Sprintf("the key %.80q is there twice", key.Value)}
		}
		seen[key.Value] = true
	}
	return nil
}

// span covers the scalars of a node. It is empty at -1 where there are none in reach.
func (y *yamlFile) span(node *yaml.Node) Range {
	if node.Kind == yaml.ScalarNode {
		if r, ok := y.located[node]; ok {
			return r
		}
	}
	all := Range{-1, -1}
	for _, child := range node.Content {
		if y.left--; y.left < 0 {
			break
		}
		r := y.span(child)
		if r.Start >= 0 && (all.Start < 0 || r.Start < all.Start) {
			all.Start = r.Start
		}
		all.End = max(all.End, r.End)
	}
	return all
}

// locate returns the bytes of a scalar's value without its quotes. It is false for blocks, escapes and values over
// several lines: what stands in the file is then not the value.
func (y *yamlFile) locate(node *yaml.Node) (Range, bool) {
	if node.Kind != yaml.ScalarNode || node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return Range{}, false
	}
	start := y.skipProperties(y.offset(node.Line, node.Column))
	quote := ""
	if node.Style&yaml.DoubleQuotedStyle != 0 {
		quote = `"`
	} else if node.Style&yaml.SingleQuotedStyle != 0 {
		quote = "'"
	}
	if start < 0 || !bytes.HasPrefix(y.content[start:], []byte(quote+node.Value+quote)) {
		return Range{}, false
	}
	start += len(quote)
	return Range{start, start + len(node.Value)}, true
}

// skipProperties steps over an anchor and a tag in front of a value.
func (y *yamlFile) skipProperties(offset int) int {
	for offset >= 0 && offset < len(y.content) && (y.content[offset] == '&' || y.content[offset] == '!') {
		word := bytes.IndexAny(y.content[offset:], " \t\r\n")
		if word < 0 {
			return -1
		}
		offset += word
		for offset < len(y.content) && (y.content[offset] == ' ' || y.content[offset] == '\t') {
			offset++
		}
	}
	return offset
}

// offset of a line and column, which count characters.
func (y *yamlFile) offset(line, column int) int {
	if line < 1 || line > len(y.lines) {
		return -1
	}
	if y.last.line != line || y.last.column > column {
		y.last = mark{line, 1, y.lines[line-1]}
	}
	for ; y.last.column < column && y.last.offset < len(y.content); y.last.column++ {
		_, size := utf8.DecodeRune(y.content[y.last.offset:])
		y.last.offset += size
	}
	return y.last.offset
}

// yamlLines are the offsets of lines as YAML 1.1 divides them.
func yamlLines(content []byte) []int {
	start := 0
	if bytes.HasPrefix(content, bom) {
		start = len(bom)
	}
	starts := []int{start}
	for i := start; i < len(content); {
		r, size := utf8.DecodeRune(content[i:])
		i += size
		switch r {
		case '\r':
			if i < len(content) && content[i] == '\n' {
				i++
			}
			starts = append(starts, i)
		case '\n', '\u0085', '\u2028', '\u2029':
			starts = append(starts, i)
		}
	}
	return starts
}

// readsAsString says whether an unquoted scalar is a string to readers of YAML 1.1 and 1.2.
func readsAsString(value string) bool {
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(value), &node); err != nil || len(node.Content) != 1 {
		return false
	}
	switch scalar := node.Content[0]; {
	case scalar.Kind != yaml.ScalarNode || scalar.Tag != "!!str":
		return false
	default:
		var old any
		return yaml.Unmarshal([]byte(value), &old) == nil && !yaml11Boolean[value]
	}
}

var yaml11Boolean = map[string]bool{
	"y": true, "Y": true, "n": true, "N": true, "yes": true, "Yes": true, "YES": true, "no": true, "No": true, "NO": true,
	"on": true, "On": true, "ON": true, "off": true, "Off": true, "OFF": true,
}
