package notify

import (
	"cmp"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Subject is a report, and the policy for which it is looked at.
type Subject struct {
	Namespace, Repository, Digest, Platform string
	PolicyKind, PolicyName                  string
}

// News returns what a report's next status has to tell to a policy that did not hold of the previous one: at
// most one FindingsAdded and one VerdictChanged. A first judgement is no news, nor is what another matcher says of
// the same image and database. The same two statuses give the same events, whenever they are compared.
func News(previous, next *v1alpha1.ImageReportStatus, of Subject) []Event {
	if previous == nil || next == nil || next.LastChange == nil || byMatcher(previous.LastChange, next.LastChange) {
		return nil
	}
	after := verdictOf(next, of)
	if after == nil {
		return nil
	}
	var events []Event
	if e, ok := findingsAdded(previous, next, of); ok {
		events = append(events, e)
	}
	if before := verdictOf(previous, of); before != nil && judged(before.Result) && judged(after.Result) && before.Result != after.Result {
		events = append(events, verdictChanged(before, after, previous, next, of))
	}
	return events
}

func verdictChanged(before, after *v1alpha1.PolicyVerdict, previous, next *v1alpha1.ImageReportStatus, of Subject) Event {
	e := newEvent(VerdictChanged, next, of)
	e.From, e.To = string(before.Result), string(after.Result)
	for _, v := range after.Violations {
		if rule := name(v.Rule); len(e.Rules) < maxRules && !slices.Contains(e.Rules, rule) {
			e.Rules = append(e.Rules, rule)
		}
	}
	e.Key = keyOf(VerdictChanged, of.Namespace, of.Repository, of.Digest, of.Platform, of.PolicyKind, of.PolicyName, e.From, e.To, since(previous))
	return e
}

// since is when a status last changed before: it tells a change from the same one a month ago, and is the same for
// whoever finds it. That of the next status is not, as it may be built anew before it is written.
func since(previous *v1alpha1.ImageReportStatus) string {
	if previous.LastChange == nil {
		return ""
	}
	return previous.LastChange.Time.UTC().Format(time.RFC3339)
}

// byMatcher says whether what changed now is the matcher's doing. The last change stays as it was where nothing changed
// that it is about.
func byMatcher(previous, next *v1alpha1.Change) bool {
	return next.Cause == v1alpha1.CauseMatcher && (previous == nil || *previous != *next)
}

func newEvent(kind Kind, next *v1alpha1.ImageReportStatus, of Subject) Event {
	return Event{Kind: kind, Image: text(cmp.Or(next.Image, of.Repository)), Digest: of.Digest, Namespaces: []string{of.Namespace}}
}

// judged says whether a result says anything of the image.
func judged(result v1alpha1.Verdict) bool {
	return result == v1alpha1.VerdictPass || result == v1alpha1.VerdictFail
}

// verdictOf is the policy's verdict; nil where it does not select the image.
func verdictOf(status *v1alpha1.ImageReportStatus, of Subject) *v1alpha1.PolicyVerdict {
	for i, v := range status.Verdicts {
		if v.PolicyKind == of.PolicyKind && v.PolicyName == of.PolicyName {
			return &status.Verdicts[i]
		}
	}
	return nil
}

// findingsAdded compares findings by id, package and path, whatever the severity.
func findingsAdded(previous, next *v1alpha1.ImageReportStatus, of Subject) (Event, bool) {
	known := previous.Summary != nil && previous.Vulnerabilities != nil && next.Summary != nil && next.Vulnerabilities != nil
	if !known || next.LastChange.Cause != v1alpha1.CauseDatabase {
		return Event{}, false
	}
	added := newFindings(previous.Vulnerabilities, next.Vulnerabilities)
	counts := Counts{}
	key := []string{of.Namespace, of.Repository, of.Digest, of.Platform, since(previous)}
	for _, v := range added {
		*counts.of(v.Severity)++
		key = append(key, v.ID, v.Package, v.Path)
	}
	if previous.Vulnerabilities.Omitted > 0 || next.Vulnerabilities.Omitted > 0 {
		// A list was cut: what it does not show is known by number alone.
		for _, s := range severities {
			*counts.of(s) = max(*counts.of(s), total(next.Summary, s)-total(previous.Summary, s))
		}
		key = append(key, counts.String())
	}
	if counts.Total() == 0 {
		return Event{}, false
	}
	e := newEvent(FindingsAdded, next, of)
	e.Added = &counts
	for _, v := range added[:min(len(added), maxFindings)] {
		e.Findings = append(e.Findings, Finding{ID: name(v.ID), Package: name(v.Package), Severity: v.Severity})
	}
	e.Key = keyOf(FindingsAdded, key...)
	return e, true
}

// newFindings returns those of next, worst first, that previous cannot have had. Where its list was cut, that is known
// only of what would have come before the last one shown.
func newFindings(previous, next *v1alpha1.Vulnerabilities) []v1alpha1.Vulnerability {
	type place struct{ id, pkg, path string }
	before := map[place]bool{}
	for _, v := range previous.Items {
		before[place{v.ID, v.Package, v.Path}] = true
	}
	certain := func(v1alpha1.Vulnerability) bool { return true }
	if previous.Omitted > 0 {
		certain = func(v v1alpha1.Vulnerability) bool {
			if len(previous.Items) == 0 {
				return false
			}
			last := previous.Items[len(previous.Items)-1]
			return !last.KnownExploited && rank(v.Severity) < rank(last.Severity)
		}
	}
	var added []v1alpha1.Vulnerability
	for _, v := range next.Items {
		if p := (place{v.ID, v.Package, v.Path}); !before[p] && certain(v) {
			before[p] = true
			added = append(added, v)
		}
	}
	slices.SortStableFunc(added, func(a, b v1alpha1.Vulnerability) int {
		return cmp.Or(rank(a.Severity)-rank(b.Severity), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Path, b.Path))
	})
	return added
}

// rank of a severity; the worst has the lowest.
func rank(s v1alpha1.Severity) int {
	if i := slices.Index(severities, s); i >= 0 {
		return i
	}
	return len(severities)
}

func total(s *v1alpha1.Summary, severity v1alpha1.Severity) int {
	switch severity {
	case v1alpha1.SeverityCritical:
		return int(s.Critical)
	case v1alpha1.SeverityHigh:
		return int(s.High)
	case v1alpha1.SeverityMedium:
		return int(s.Medium)
	case v1alpha1.SeverityLow:
		return int(s.Low)
	}
	return int(s.Unknown)
}
