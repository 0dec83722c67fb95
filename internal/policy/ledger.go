package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// goneRetention is how long the clock of a finding that has disappeared is
// kept, so that a rollback or a failed rebuild does not start it anew.
const goneRetention = 30 * day

// Ledger records, for the images of one repository, when what deadlines count
// from first held of a vulnerability in a package. Times are in whole seconds
// and never move once set: a severity or a fix that flaps starts no clock anew,
// nor does a rebuild that keeps the finding. The zero Ledger is empty. It must
// not be changed while it is read.
type Ledger struct {
	records map[subject]*record
}

// subject of a record.
type subject struct{ id, pkg string }

// record holds seconds since 1970; zero where something has not been so.
type record struct {
	Observed       int64 `json:"o"`
	FixAvailable   int64 `json:"f,omitempty"`
	KnownExploited int64 `json:"x,omitempty"`
	Gone           int64 `json:"g,omitempty"`
	// Rises says since when the finding had a severity, for each that was
	// higher than all before.
	Rises map[v1alpha1.Severity]int64 `json:"s"`
}

// subjectOf makes names valid UTF-8, so that they survive encoding.
func subjectOf(f Finding) subject {
	return subject{id: strings.ToValidUTF8(f.ID, "\uFFFD"), pkg: strings.ToValidUTF8(f.Package, "\uFFFD")}
}

// Len returns the number of entries.
func (l *Ledger) Len() int { return len(l.records) }

// Observe records what is new in the image's findings, and says whether
// anything is. A finding gets an entry once a deadline of a policy that selects
// the image counts from its observation; without such a policy nothing is
// recorded. Exceptions do not matter here: the clock runs under them.
func (l *Ledger) Observe(facts Facts, policies []Policy, now time.Time) (changed bool) {
	rules := rulesWithDeadlines(facts, policies)
	if !facts.Scanned || len(rules) == 0 && len(l.records) == 0 {
		return false
	}
	for _, f := range facts.Findings {
		s := subjectOf(f)
		known := l.records[s]
		if known != nil && known.forgotten(now) {
			known = nil
		}
		if known == nil {
			if !runsFor(rules, f) {
				continue
			}
			known = l.add(s, now)
			changed = true
		}
		if known.observe(f, now.Unix()) {
			changed = true
		}
	}
	return changed
}

func (l *Ledger) add(s subject, now time.Time) *record {
	if l.records == nil {
		l.records = map[subject]*record{}
	}
	r := &record{Observed: now.Unix(), Rises: map[v1alpha1.Severity]int64{}}
	l.records[s] = r
	return r
}

// Sweep marks the entries of findings that none of the repository's images has
// any more, forgets those that have been gone for 30 days, and says whether it
// changed anything. It needs the findings of all of the repository's images.
func (l *Ledger) Sweep(images [][]Finding, now time.Time) (changed bool) {
	present := map[subject]struct{}{}
	for _, findings := range images {
		for _, f := range findings {
			present[subjectOf(f)] = struct{}{}
		}
	}
	for s, r := range l.records {
		_, found := present[s]
		switch {
		case r.forgotten(now):
			delete(l.records, s)
			changed = true
		case !found && r.Gone == 0:
			r.Gone = now.Unix()
			changed = true
		}
	}
	return changed
}

// forgotten says whether the finding was gone for so long that it counts as new.
func (r *record) forgotten(now time.Time) bool {
	return r.Gone != 0 && now.Unix()-r.Gone >= int64(goneRetention/time.Second)
}

func (r *record) observe(f Finding, now int64) (changed bool) {
	set := func(to *int64, condition bool) {
		if condition && *to == 0 {
			*to = now
			changed = true
		}
	}
	set(&r.FixAvailable, f.Fixable())
	set(&r.KnownExploited, f.KnownExploited)
	severity := f.Severity
	if !knownSeverity(severity) {
		severity = v1alpha1.SeverityUnknown
	}
	if r.higherThanBefore(severity) {
		r.Rises[severity] = now
		changed = true
	}
	if r.Gone != 0 {
		r.Gone = 0
		changed = true
	}
	return changed
}

func (r *record) higherThanBefore(s v1alpha1.Severity) bool {
	for before := range r.Rises {
		if severityRank[before] >= severityRank[s] {
			return false
		}
	}
	return true
}

// since returns when the rule's condition first held of the finding, as far as
// the deadline of the severity goes. It is not known of a finding that was not
// observed, nor of a severity that the finding has never had.
func (l *Ledger) since(rule *v1alpha1.VulnerabilitiesRule, f Finding, s v1alpha1.Severity) (time.Time, bool) {
	if l == nil {
		return time.Time{}, false
	}
	r := l.records[subjectOf(f)]
	if r == nil {
		return time.Time{}, false
	}
	needed := []int64{r.severitySince(f.Severity, s)}
	if rule.Fix == v1alpha1.FixAvailable {
		needed = append(needed, r.FixAvailable)
	}
	if rule.Exploitation == v1alpha1.ExploitationKnown {
		needed = append(needed, r.KnownExploited)
	}
	if slices.Contains(needed, 0) {
		return time.Time{}, false
	}
	return time.Unix(slices.Max(needed), 0).UTC(), true
}

// severitySince returns since when the finding, which has the severity now, had
// the severity s: its present one at least since the first rise that reached
// it, a lower one since it rose to exactly that. Zero: never.
func (r *record) severitySince(now, s v1alpha1.Severity) int64 {
	if severityRank[s] > severityRank[now] {
		return 0
	}
	if s != now {
		return r.Rises[s]
	}
	var since int64
	for severity, at := range r.Rises {
		if severityRank[severity] >= severityRank[s] && (since == 0 || at < since) {
			since = at
		}
	}
	return since
}

// rulesWithDeadlines returns those of the policies that select the image and judge.
func rulesWithDeadlines(facts Facts, policies []Policy) []*v1alpha1.VulnerabilitiesRule {
	var rules []*v1alpha1.VulnerabilitiesRule
	for _, p := range policies {
		if _, selected, err := selects(p.Spec.Selector, facts); err != nil || !selected || p.Spec.Suspend {
			continue
		}
		for _, rule := range p.Spec.Rules {
			if rule.Type == v1alpha1.RuleVulnerabilities && rule.Vulnerabilities != nil && len(rule.Vulnerabilities.Deadlines) > 0 {
				rules = append(rules, rule.Vulnerabilities)
			}
		}
	}
	return rules
}

// runsFor says whether a deadline of the rules counts from the finding's observation.
func runsFor(rules []*v1alpha1.VulnerabilitiesRule, f Finding) bool {
	return slices.ContainsFunc(rules, func(r *v1alpha1.VulnerabilitiesRule) bool {
		return counts(r, f) && hasDeadline(r, f.Severity) && runsFromObservation(r, f)
	})
}
