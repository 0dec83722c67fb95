package pullrequest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const maxCode = 200 // runes of a name or a version

var (
	cve  = regexp.MustCompile(`^CVE-[0-9]{4}-[0-9]{4,12}$`)
	ghsa = regexp.MustCompile(`^GHSA(-[0-9a-z]{4}){3}$`)
)

// severities, worst first.
var severities = []string{"Critical", "High", "Medium", "Low", "Unknown"}

// code shows a text that others chose as it is. Within code there are no links, mentions and tags; only a backtick ends it, and only a bar
// ends a table's cell, so these two are replaced by what looks alike.
func code(text string) string {
	runes := 0
	text = strings.Map(func(r rune) rune {
		runes++
		switch {
		case runes > maxCode || r == unicode.ReplacementChar:
			return -1
		case r == '`':
			return '\''
		case r == '|':
			return '¦'
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r): // controls, and what changes the direction of text
			return -1
		}
		return r
	}, text)
	// Our own hidden lines begin like this: a name must not look like one of them.
	text = strings.ReplaceAll(strings.TrimSpace(text), "<!--", "<! --")
	if text == "" {
		return "-"
	}
	if runes > maxCode {
		text += "…"
	}
	return "`" + text + "`"
}

// advisory links an id to where it is published, where its form says so.
func advisory(id string) string {
	switch {
	case cve.MatchString(id):
		return fmt.Sprintf("[%s](https://nvd.nist.gov/vuln/detail/%s)", id, id)
	case ghsa.MatchString(id):
		return fmt.Sprintf("[%s](https://github.com/advisories/%s)", id, id)
	}
	return code(id)
}

// rank of a severity, 0 for the worst. Any other word is Unknown.
func rank(severity string) int {
	if i := slices.Index(severities, severity); i >= 0 {
		return i
	}
	return len(severities) - 1
}

// worstFirst sorts by known exploitation, severity, id, and what else differs, so that equal findings give equal texts.
func worstFirst(findings []Finding) []Finding {
	sorted := slices.Clone(findings)
	slices.SortFunc(sorted, func(a, b Finding) int {
		if a.KnownExploited != b.KnownExploited {
			if a.KnownExploited {
				return -1
			}
			return 1
		}
		if d := rank(a.Severity) - rank(b.Severity); d != 0 {
			return d
		}
		return slices.Compare([]string{a.ID, a.Package, a.InstalledVersion, a.FixedVersion, a.Severity}, []string{b.ID, b.Package, b.InstalledVersion, b.FixedVersion, b.Severity})
	})
	return sorted
}

// summary counts findings by severity: "3 findings (1 critical, 2 low)".
func summary(findings []Finding) string {
	if len(findings) == 0 {
		return "nothing"
	}
	counts := make([]int, len(severities))
	exploited := 0
	for _, f := range findings {
		counts[rank(f.Severity)]++
		if f.KnownExploited {
			exploited++
		}
	}
	var parts []string
	for i, n := range counts {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ToLower(severities[i])))
		}
	}
	if exploited > 0 {
		parts = append(parts, fmt.Sprintf("%d known exploited", exploited))
	}
	return fmt.Sprintf("**%s** (%s)", plural(len(findings), "finding"), strings.Join(parts, ", "))
}
