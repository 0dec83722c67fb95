package main

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	comment = regexp.MustCompile(`(?s)<!--.*?-->\n?`)
	link    = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	rule    = regexp.MustCompile(`^\|[-| ]+\|$`)
	blank   = regexp.MustCompile(`\n{3,}`)
)

// plainText shows the Markdown of a pull request on a terminal: its tables get columns, and what only a
// browser needs goes.
func plainText(markdown string) string {
	text := link.ReplaceAllString(comment.ReplaceAllString(markdown, ""), "$1")
	text = strings.NewReplacer("`", "", "**", "").Replace(text)
	var out, table []string
	for _, line := range append(strings.Split(text, "\n"), "") {
		switch {
		case rule.MatchString(line):
		case strings.HasPrefix(line, "|"):
			table = append(table, line)
		default:
			out = append(append(out, columns(table)...), strings.TrimLeft(line, "# "))
			table = nil
		}
	}
	return strings.TrimSpace(blank.ReplaceAllString(strings.Join(out, "\n"), "\n\n"))
}

// maxRows of a table that are shown.
const maxRows = 12

// columns aligns the cells of a table's first rows.
func columns(table []string) []string {
	if more := len(table) - maxRows; more > 0 {
		table = append(table[:maxRows:maxRows], fmt.Sprintf("| ... and %d more", more))
	}
	var widths []int
	rows := make([][]string, len(table))
	for i, line := range table {
		for j, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			cell = strings.TrimSpace(cell)
			if rows[i] = append(rows[i], cell); j == len(widths) {
				widths = append(widths, 0)
			}
			widths[j] = max(widths[j], utf8.RuneCountInString(cell))
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		var s strings.Builder
		for j, cell := range row {
			s.WriteString(cell + strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell)+2))
		}
		lines[i] = strings.TrimRight(s.String(), " ")
	}
	return lines
}

// indent moves a text to the right, and drops spaces at the ends of lines.
func indent(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("    "+line, " ")
	}
	return strings.Join(lines, "\n")
}
