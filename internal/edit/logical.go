package edit

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// logicalLine joins the lines of an instruction as BuildKit's parser does, and keeps where each byte came from. It is
// false where the result differs from what the parser read.
func (f *dockerfile) logicalLine(node *parser.Node) (text, bool) {
	continued := continuation(f.escape)
	var joined strings.Builder
	var at []int
	for number := node.StartLine; number <= node.EndLine && number <= len(f.lines); number++ {
		line := f.physicalLine(number)
		if number == node.StartLine {
			line = line.slice(len(line.value)-len(strings.TrimLeftFunc(line.value, unicode.IsSpace)), len(line.value))
		} else if skipped(line.value) {
			continue
		}
		end, more := len(line.value), false
		if cut := continued.FindStringSubmatchIndex(line.value); cut != nil {
			// What stands before the escape belongs to the line.
			end, more = max(cut[0], cut[3]), true
		}
		joined.WriteString(line.value[:end])
		at = append(at, line.at[:end]...)
		if !more {
			break
		}
	}
	line := text{value: joined.String(), at: at}
	return line, line.value == node.Original
}

func (f *dockerfile) physicalLine(number int) text {
	start, end := f.lines[number-1], len(f.content)
	if number < len(f.lines) {
		end = f.lines[number]
	}
	line := f.content[start:end]
	if number == 1 && bytes.HasPrefix(line, bom) {
		start += len(bom)
		line = line[len(bom):]
	}
	return literal(f.content, start, start+len(bytes.TrimRight(line, "\r\n")))
}

// skipped says whether a line within an instruction is a comment or empty.
func skipped(line string) bool {
	trimmed := strings.TrimLeftFunc(line, unicode.IsSpace)
	return trimmed == "" || trimmed[0] == '#'
}

var (
	backslash = regexp.MustCompile(`([^\\])\\[ \t]*$|^\\[ \t]*$`)
	backtick  = regexp.MustCompile("([^\\`])\\`[ \\t]*$|^\\`[ \\t]*$")
)

func continuation(escape byte) *regexp.Regexp {
	if escape == '`' {
		return backtick
	}
	return backslash
}

// words divides an instruction's arguments at blanks outside of quotes, flags first.
func (f *dockerfile) words(line text) (flags, words []text) {
	all := f.fields(line)
	if len(all) > 0 {
		all = all[1:]
	}
	for len(all) > 0 && strings.HasPrefix(all[0].value, "--") {
		flags = append(flags, all[0])
		all = all[1:]
	}
	return flags, all
}

func (f *dockerfile) fields(line text) []text {
	var found []text
	for start := 0; start < len(line.value); {
		end := start + f.fieldLength(line.value[start:])
		if end > start {
			found = append(found, line.slice(start, end))
		}
		start = end + 1
	}
	return found
}

// fieldLength is how far it is to a blank outside of quotes.
func (f *dockerfile) fieldLength(s string) int {
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == 0 && strings.IndexByte(" \t\r\v\f", c) >= 0:
			return i
		case c == f.escape && quote != '\'':
			i++
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return len(s)
}
