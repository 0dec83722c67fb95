package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const day = 24 * time.Hour

// checkVulnerabilities fails on more findings than the rule tolerates, and on
// findings past their deadline. It is Unknown for an image that is not scanned.
func checkVulnerabilities(t *trial, rule v1alpha1.Rule) outcome {
	r := rule.Vulnerabilities
	if r == nil || r.MaxCount == nil && len(r.Deadlines) == 0 {
		return failed("the rule sets neither vulnerabilities.maxCount nor vulnerabilities.deadlines")
	}
	if !t.facts.Scanned {
		return unknown()
	}
	counted, overdue := t.count(r)
	var complaints []string
	if len(overdue) > 0 {
		complaints = append(complaints, overdueMessage(overdue))
	}
	if r.MaxCount != nil && len(counted) > int(*r.MaxCount) {
		complaints = append(complaints, countMessage(r, counted))
	}
	if len(complaints) == 0 {
		return passed()
	}
	return violated(strings.Join(complaints, "; "))
}

// overdueFinding is past a deadline of so many days.
type overdueFinding struct {
	Finding
	days int32
}

// count returns the distinct findings that the rule counts, worst first, and
// those of them that are past a deadline.
func (t *trial) count(r *v1alpha1.VulnerabilitiesRule) (counted []Finding, overdue []overdueFinding) {
	for i, f := range t.facts.Findings {
		if t.excepted[i] || !counts(r, f) {
			continue
		}
		counted = append(counted, f)
		due, days, ok := t.deadline(r, f)
		if !ok {
			continue
		}
		t.due(i, due)
		if !t.now.Before(due) {
			overdue = append(overdue, overdueFinding{Finding: f, days: days})
		}
	}
	slices.SortFunc(counted, Compare)
	slices.SortFunc(overdue, func(a, b overdueFinding) int { return Compare(a.Finding, b.Finding) })
	return distinct(counted), distinct(overdue)
}

// distinct keeps the first of the findings that are told apart by their keys.
func distinct[F interface{ Key() Key }](findings []F) []F {
	seen := make(map[Key]struct{}, len(findings))
	return slices.DeleteFunc(findings, func(f F) bool {
		_, known := seen[f.Key()]
		seen[f.Key()] = struct{}{}
		return known
	})
}

// counts says whether the rule counts the finding, exceptions aside.
func counts(r *v1alpha1.VulnerabilitiesRule, f Finding) bool {
	switch {
	case r.Fix == v1alpha1.FixAvailable && !f.Fixable():
		return false
	case r.Exploitation == v1alpha1.ExploitationKnown && !f.KnownExploited:
		return false
	case len(r.Severities) > 0:
		return slices.Contains(r.Severities, f.Severity)
	default:
		return len(r.Deadlines) == 0 || hasDeadline(r, f.Severity)
	}
}

func hasDeadline(r *v1alpha1.VulnerabilitiesRule, s v1alpha1.Severity) bool {
	return slices.ContainsFunc(r.Deadlines, func(d v1alpha1.Deadline) bool { return d.Severity == s })
}

// deadline of a finding that the rule counts, and its days. It is that of the
// finding's severity, or an earlier one that already ran when the severity rose:
// no finding gains time by getting worse.
func (t *trial) deadline(r *v1alpha1.VulnerabilitiesRule, f Finding) (due time.Time, days int32, ok bool) {
	if !hasDeadline(r, f.Severity) {
		return time.Time{}, 0, false
	}
	for _, d := range r.Deadlines {
		start, applies := t.clock(r, f, d.Severity)
		if !applies {
			continue
		}
		if end := start.Add(time.Duration(d.Days) * day); !ok || end.Before(due) {
			due, days, ok = end, d.Days, true
		}
	}
	return due, days, ok
}

// clock returns when the deadline of the severity began to run for the finding,
// in whole seconds, which is what the API's times hold.
func (t *trial) clock(r *v1alpha1.VulnerabilitiesRule, f Finding, s v1alpha1.Severity) (start time.Time, applies bool) {
	if !runsFromObservation(r, f) {
		return seconds(f.Published), s == f.Severity
	}
	if start, known := t.ledger.since(r, f, s); known {
		return start, true
	}
	return seconds(t.now), s == f.Severity
}

// runsFromObservation says whether the rule's clock needs the ledger. A
// vulnerability without a date of publication is as old as its first observation.
func runsFromObservation(r *v1alpha1.VulnerabilitiesRule, f Finding) bool {
	return r.Clock != v1alpha1.ClockPublished || f.Published.IsZero()
}

func seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
