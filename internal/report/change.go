package report

import (
	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func previousChange(previous *v1alpha1.ImageReportStatus) *v1alpha1.Change {
	if previous == nil {
		return nil
	}
	return previous.LastChange
}

// lastChange is the change before, unless the findings, the verdict or that of one policy differ
// from those of the previous status.
func lastChange(in Input, summary v1alpha1.Summary, findings []finding) *v1alpha1.Change {
	before := previousChange(in.Previous)
	switch {
	case before == nil:
		return newChange(in, Change{Cause: v1alpha1.CauseImage, Added: len(findings)})
	case in.Change == nil && (in.Previous.Summary == nil || in.Previous.Vulnerabilities == nil):
		// The content was known once and was lost in between: nothing to compare with.
		return before
	}
	change, differs := observedChange(in, summary, findings)
	if !differs {
		return before
	}
	return newChange(in, change)
}

// observedChange takes the caller's word on what changed, else what the
// previous status shows.
func observedChange(in Input, summary v1alpha1.Summary, findings []finding) (change Change, differs bool) {
	if in.Change != nil {
		change = *in.Change
	} else {
		change.Added, change.Resolved = difference(*in.Previous, findings)
	}
	findingsDiffer := change.Added > 0 || change.Resolved > 0 ||
		in.Previous.Summary != nil && *in.Previous.Summary != summary
	if change.Cause == "" {
		change.Cause = presumedCause(in, findingsDiffer)
	}
	return change, findingsDiffer || in.Previous.Verdict != in.Judgement.Verdict || resultsDiffer(in.Previous.Verdicts, in.Judgement.Verdicts)
}

// resultsDiffer says whether a policy judges otherwise than it did. One that is new, or gone, is no change by itself.
func resultsDiffer(previous, next []v1alpha1.PolicyVerdict) bool {
	type name struct{ kind, name string }
	before := make(map[name]v1alpha1.Verdict, len(previous))
	for _, v := range previous {
		before[name{v.PolicyKind, v.PolicyName}] = v.Result
	}
	for _, v := range next {
		if result, known := before[name{v.PolicyKind, v.PolicyName}]; known && result != v.Result {
			return true
		}
	}
	return false
}

// presumedCause of a change that the caller knows no cause of: findings of an
// immutable image change by the database or, with the same one, by the matcher.
func presumedCause(in Input, findingsDiffer bool) v1alpha1.ChangeCause {
	switch {
	case !findingsDiffer:
		return v1alpha1.CausePolicy
	case in.Previous.LastChange.DatabaseRevision != in.DatabaseRevision:
		return v1alpha1.CauseDatabase
	default:
		return v1alpha1.CauseMatcher
	}
}

func newChange(in Input, c Change) *v1alpha1.Change {
	return &v1alpha1.Change{
		Time:             seconds(in),
		Cause:            c.Cause,
		DatabaseRevision: clip(in.DatabaseRevision, maxName),
		Added:            int32(c.Added),
		Resolved:         int32(c.Resolved),
	}
}

// place is where a vulnerability is, whatever the package's version.
type place struct{ id, pkg, path string }

func placeOf(v v1alpha1.Vulnerability) place { return place{id: v.ID, pkg: v.Package, path: v.Path} }

// difference counts what came and what went since the previous status. Where
// its list was cut, what is not listed is taken to have stayed as far as the
// totals allow.
func difference(previous v1alpha1.ImageReportStatus, findings []finding) (added, resolved int) {
	now := make(map[place]bool, len(findings))
	for _, f := range findings {
		now[placeOf(vulnerability(f))] = true
	}
	before := map[place]bool{}
	for _, v := range previous.Vulnerabilities.Items {
		before[placeOf(v)] = true
	}
	resolved = missing(before, now)
	if previous.Vulnerabilities.Omitted == 0 {
		return missing(now, before), resolved
	}
	added = len(findings) - int(previous.Summary.Total) + resolved
	if added < 0 {
		return 0, resolved - added
	}
	return added, resolved
}

// missing counts the places that are not in others.
func missing(places, others map[place]bool) int {
	n := 0
	for p := range places {
		if !others[p] {
			n++
		}
	}
	return n
}
