package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// examples is how many findings a message names.
const examples = 3

// overdueMessage counts the findings per deadline and names the worst. They come worst first.
func overdueMessage(overdue []overdueFinding) string {
	type group struct {
		severity v1alpha1.Severity
		days     int32
	}
	var order []group
	counts := map[group]int{}
	findings := make([]Finding, len(overdue))
	for i, f := range overdue {
		findings[i] = f.Finding
		g := group{severity: f.Severity, days: f.days}
		if counts[g] == 0 {
			order = append(order, g)
		}
		counts[g]++
	}
	parts := make([]string, len(order))
	for i, g := range order {
		whose := "their"
		if counts[g] == 1 {
			whose = "its"
		}
		parts[i] = fmt.Sprintf("%s past %s deadline of %s",
			plural(counts[g], string(g.severity)+" finding"), whose, plural(int(g.days), "day"))
	}
	return strings.Join(parts, ", ") + ": " + worst(findings)
}

// countMessage counts the findings, says how many the rule tolerates and names the worst.
func countMessage(r *v1alpha1.VulnerabilitiesRule, counted []Finding) string {
	var which []string
	for _, f := range counted {
		if s := string(f.Severity); !slices.Contains(which, s) {
			which = append(which, s)
		}
	}
	slices.SortFunc(which, func(a, b string) int {
		return severityRank[v1alpha1.Severity(b)] - severityRank[v1alpha1.Severity(a)]
	})
	kind := list(which) + " finding"
	if r.Exploitation == v1alpha1.ExploitationKnown {
		kind = "known exploited " + kind
	}
	message := plural(len(counted), kind)
	if r.Fix == v1alpha1.FixAvailable {
		message += " with a fix"
	}
	return fmt.Sprintf("%s, %d tolerated: %s", message, *r.MaxCount, worst(counted))
}

// worst names the first of the findings, and counts the others.
func worst(findings []Finding) string {
	names := make([]string, 0, len(findings))
	for _, f := range findings {
		name := fmt.Sprintf("%s (%s)", f.ID, f.Package)
		if !slices.Contains(names[:min(len(names), examples)], name) {
			names = append(names, name)
		}
	}
	return some(names)
}

// some names the first few, and counts the others.
func some(names []string) string {
	if left := len(names) - examples; left > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:examples], ", "), left)
	}
	return strings.Join(names, ", ")
}

// list joins words as in "Critical, High or Low".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func plural(n int, what string) string { return fmt.Sprintf("%d %s", n, pluralOf(n, what)) }

func pluralOf(n int, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}
