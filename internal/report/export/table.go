package export

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// colours of severities and results on a terminal.
var colours = map[string]string{
	string(v1alpha1.SeverityCritical): "\x1b[1;31m",
	string(v1alpha1.SeverityHigh):     "\x1b[31m",
	string(v1alpha1.SeverityMedium):   "\x1b[33m",
	string(v1alpha1.SeverityLow):      "\x1b[36m",
	string(v1alpha1.VerdictFail):      "\x1b[1;31m",
	string(v1alpha1.VerdictError):     "\x1b[1;31m",
	string(v1alpha1.VerdictUnknown):   "\x1b[33m",
	string(v1alpha1.VerdictPass):      "\x1b[32m",
}

const endColour = "\x1b[0m"

// printer of text for people.
type printer struct {
	w      *bufio.Writer
	colour bool
}

// Table writes the document for people to read, in colours if asked to.
func (d *Document) Table(w io.Writer, colour bool) error {
	p := &printer{w: bufio.NewWriter(w), colour: colour}
	p.head(d)
	if len(d.Findings) > 0 {
		p.findings(d.distinct())
	}
	p.line("%s", SummaryLine(d))
	for _, u := range d.Unread {
		p.line("Not read: %s (%s: %s)", u.Path, u.Reason, u.Message)
	}
	for _, problem := range d.Problems {
		p.line("Not judged completely: %s", problem)
	}
	if !d.Scan.Judged {
		p.line("This is not the whole of it (%s): %s", d.Scan.Reason, d.Scan.Message)
	}
	p.policies(d.Policies)
	return p.w.Flush()
}

// line writes a line without the control characters that an image may have
// brought into its arguments.
func (p *printer) line(format string, args ...any) {
	fmt.Fprintln(p.w, Printable(fmt.Sprintf(format, args...)))
}

func (p *printer) head(d *Document) {
	a := d.Artifact
	about := []string{}
	for _, part := range []string{a.Type, a.Platform, systemText(a.OS), fmt.Sprintf("%d packages", a.PackageCount)} {
		if part != "" {
			about = append(about, part)
		}
	}
	p.line("%s (%s)", a.Name, strings.Join(about, ", "))
	p.line("Database of %s, %s", d.Database.BuiltTime.UTC().Format("2006-01-02 15:04 MST"), cmp.Or(d.Database.Revision, d.Database.Source))
	if a.OS != nil && a.OS.EndOfLife {
		p.line("%s is not supported by its vendor any more: there may be vulnerabilities that no one tells of", systemText(a.OS))
	}
	p.line("")
}

func systemText(os *OS) string {
	if os == nil {
		return ""
	}
	return strings.TrimSpace(os.Family + " " + os.Release)
}

func (p *printer) findings(findings []Finding) {
	rows := [][]string{{"SEVERITY", "VULNERABILITY", "PACKAGE", "INSTALLED", "FIXED", "STATUS", "PATH"}}
	for _, f := range findings {
		rows = append(rows, []string{string(f.Severity), f.VulnerabilityID, f.Package, f.InstalledVersion, cmp.Or(f.FixedVersion, "-"), string(f.Status), cmp.Or(f.Path, "-")})
	}
	p.rows(rows)
	p.line("")
}

// maxColumn is the widest cell, in letters, that its column makes room for. A
// longer list of versions moves the rest of its own row alone.
const maxColumn = 24

// rows aligns the columns by what is visible of them.
func (p *printer) rows(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			row[i] = Printable(cell)
			if n := utf8.RuneCountInString(row[i]); n <= maxColumn {
				widths[i] = max(widths[i], n)
			}
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			text := cell
			if i < len(row)-1 {
				text += strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))+2)
			}
			p.coloured(cell, text)
		}
		fmt.Fprintln(p.w)
	}
}

func (p *printer) coloured(key, text string) {
	start, ok := colours[key]
	if !p.colour || !ok {
		fmt.Fprint(p.w, text)
		return
	}
	fmt.Fprint(p.w, start+text+endColour)
}

func (p *printer) policies(policies []Policy) {
	for _, policy := range policies {
		fmt.Fprint(p.w, "\n"+Printable(policy.Kind+" "+policy.Name)+": ")
		p.coloured(string(policy.Result), string(policy.Result))
		fmt.Fprintln(p.w)
		for _, v := range policy.Violations {
			p.line("  %s: %s", v.Rule, v.Message)
		}
		for _, rule := range policy.Skipped {
			p.line("  skipped: %s", rule)
		}
		if policy.Excepted > 0 {
			p.line("  %d findings are excepted", policy.Excepted)
		}
	}
}

// SummaryLine counts the findings in one line.
func SummaryLine(d *Document) string {
	s := d.Summary
	return fmt.Sprintf("%d vulnerabilities: %d critical, %d high, %d medium, %d low, %d unknown; %d of them can be fixed",
		s.Total, s.Critical, s.High, s.Medium, s.Low, s.Unknown, s.Fixable)
}

// Printable replaces what could change a terminal's state, and tabs with a space.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case r == '\t':
			return ' '
		}
		return '\uFFFD'
	}, s)
}

// Lines is Printable but for the ends of lines.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
