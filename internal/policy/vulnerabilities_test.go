package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func TestMaxCount(t *testing.T) {
	withFix := atMost(0)
	withFix.Fix = v1alpha1.FixAvailable
	knownExploited := atMost(0)
	knownExploited.Exploitation = v1alpha1.ExploitationKnown
	byDeadlines := atMost(0)
	byDeadlines.Deadlines = []v1alpha1.Deadline{within(30, high)}
	tests := map[string]struct {
		rule     v1alpha1.VulnerabilitiesRule
		findings []Finding
		want     string
	}{
		"as many as tolerated": {rule: atMost(1), findings: []Finding{find("CVE-1", "a", high)}},
		"one more than tolerated": {
			rule:     atMost(1),
			findings: []Finding{find("CVE-1", "a", low), find("CVE-2", "b", critical)},
			want:     "2 Critical or Low findings, 1 tolerated: CVE-2 (b), CVE-1 (a)",
		},
		"severities are exact": {
			rule:     atMost(0, medium),
			findings: []Finding{find("CVE-1", "a", critical), find("CVE-2", "a", high), find("CVE-3", "a", low), find("CVE-4", "a", unrated)},
		},
		"unknown is a severity": {
			rule:     atMost(0, unrated),
			findings: []Finding{find("CVE-1", "a", critical), find("CVE-4", "a", unrated)},
			want:     "1 Unknown finding, 0 tolerated: CVE-4 (a)",
		},
		"without severities, those of the deadlines": {
			rule:     byDeadlines,
			findings: []Finding{find("CVE-1", "a", critical), find("CVE-2", "a", high)},
			want:     "1 High finding, 0 tolerated: CVE-2 (a)",
		},
		"fix Available means status fixed": {
			rule: withFix,
			findings: []Finding{
				find("CVE-1", "a", high, fixed),
				find("CVE-2", "a", high, func(f *Finding) { f.FixedVersion = "2" }),
				find("CVE-3", "a", high, func(f *Finding) { f.Status = v1alpha1.StatusWillNotFix }),
			},
			want: "1 High finding with a fix, 0 tolerated: CVE-1 (a)",
		},
		"exploitation Known": {
			rule:     knownExploited,
			findings: []Finding{find("CVE-1", "a", critical), find("CVE-2", "a", low, exploited)},
			want:     "1 known exploited Low finding, 0 tolerated: CVE-2 (a)",
		},
		"findings differ by id, package, version and path": {
			rule: atMost(0),
			findings: []Finding{
				find("CVE-1", "a", high), find("CVE-1", "a", high), find("CVE-1", "b", high),
				find("CVE-1", "a", high, version("2")), find("CVE-1", "a", high, at("/app")), find("CVE-2", "a", high),
			},
			want: "5 High findings, 0 tolerated: CVE-1 (a), CVE-1 (b), CVE-2 (a)",
		},
		"the worst three are named": {
			rule: atMost(0),
			findings: []Finding{
				find("CVE-5", "a", medium), find("CVE-4", "a", high), find("CVE-3", "a", high, fixed),
				find("CVE-2", "a", critical), find("CVE-1", "a", low, exploited),
			},
			want: "5 Critical, High, Medium or Low findings, 0 tolerated: CVE-1 (a), CVE-2 (a), CVE-3 (a) and 2 more",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			facts, policies := image(tc.findings...), []Policy{policyOf("p", rule("r", tc.rule))}
			got := Judge(facts, policies, observed(t, facts, policies, start), start)
			if message := onlyMessage(t, got); message != tc.want {
				t.Errorf("message %q, want %q", message, tc.want)
			}
		})
	}
}

// onlyMessage returns the one violation's message, or "" for a pass.
func onlyMessage(t *testing.T, j Judgement) string {
	t.Helper()
	if j.Verdict == v1alpha1.VerdictPass {
		return ""
	}
	if j.Verdict != v1alpha1.VerdictFail || len(j.Verdicts) != 1 || len(j.Verdicts[0].Violations) != 1 {
		t.Fatalf("want one violation, got %+v", j)
	}
	return j.Verdicts[0].Violations[0].Message
}

func TestDeadlines(t *testing.T) {
	week := deadlines(within(7, critical), within(30, high))
	fixWeek := week
	fixWeek.Fix = v1alpha1.FixAvailable
	publishedWeek := week
	publishedWeek.Clock = v1alpha1.ClockPublished
	counted := deadlines(within(7, critical))
	counted.MaxCount, counted.Severities = new(int32(1)), []v1alpha1.Severity{critical, high}
	tests := map[string]struct {
		rule     v1alpha1.VulnerabilitiesRule
		findings []Finding
		after    time.Duration
		due      map[int]time.Time
		want     string
	}{
		"a second before": {
			rule: week, findings: []Finding{find("CVE-1", "a", critical)},
			after: days(7) - time.Second, due: map[int]time.Time{0: start.Add(days(7))},
		},
		"on its second": {
			rule: week, findings: []Finding{find("CVE-1", "a", critical)},
			after: days(7), due: map[int]time.Time{0: start.Add(days(7))},
			want: "1 Critical finding past its deadline of 7 days: CVE-1 (a)",
		},
		"per severity": {
			rule: week, findings: []Finding{find("CVE-1", "a", critical), find("CVE-2", "b", high), find("CVE-3", "c", medium)},
			after: days(8), due: map[int]time.Time{0: start.Add(days(7)), 1: start.Add(days(30))},
			want: "1 Critical finding past its deadline of 7 days: CVE-1 (a)",
		},
		"of all severities": {
			rule: week, findings: []Finding{find("CVE-2", "b", high), find("CVE-1", "a", critical), find("CVE-4", "d", high)},
			after: days(31), due: map[int]time.Time{0: start.Add(days(30)), 1: start.Add(days(7)), 2: start.Add(days(30))},
			want: "1 Critical finding past its deadline of 7 days, 2 High findings past their deadline of 30 days: CVE-1 (a), CVE-2 (b), CVE-4 (d)",
		},
		"zero days are at once": {
			rule: deadlines(within(0, low)), findings: []Finding{find("CVE-1", "a", low)},
			due: map[int]time.Time{0: start}, want: "1 Low finding past its deadline of 0 days: CVE-1 (a)",
		},
		"no fix, no deadline": {
			rule: fixWeek, findings: []Finding{find("CVE-1", "a", critical), find("CVE-2", "a", critical, fixed)},
			after: days(7), due: map[int]time.Time{1: start.Add(days(7))},
			want: "1 Critical finding past its deadline of 7 days: CVE-2 (a)",
		},
		"from publication": {
			rule: publishedWeek, findings: []Finding{find("CVE-1", "a", critical, published(start.Add(-days(6)+time.Millisecond)))},
			after: days(1), due: map[int]time.Time{0: start.Add(days(1))},
			want: "1 Critical finding past its deadline of 7 days: CVE-1 (a)",
		},
		"publication unknown: from observation": {
			rule: publishedWeek, findings: []Finding{find("CVE-1", "a", critical)},
			after: days(6), due: map[int]time.Time{0: start.Add(days(7))},
		},
		"count and deadline violate together": {
			rule: counted, findings: []Finding{find("CVE-1", "a", critical), find("CVE-2", "a", high)},
			after: days(7), due: map[int]time.Time{0: start.Add(days(7))},
			want: "1 Critical finding past its deadline of 7 days: CVE-1 (a); 2 Critical or High findings, 1 tolerated: CVE-1 (a), CVE-2 (a)",
		},
		"count alone": {
			rule: counted, findings: []Finding{find("CVE-1", "a", critical), find("CVE-2", "a", high)},
			after: days(6), due: map[int]time.Time{0: start.Add(days(7))},
			want: "2 Critical or High findings, 1 tolerated: CVE-1 (a), CVE-2 (a)",
		},
		"deadline alone": {
			rule: counted, findings: []Finding{find("CVE-1", "a", critical)},
			after: days(7), due: map[int]time.Time{0: start.Add(days(7))},
			want: "1 Critical finding past its deadline of 7 days: CVE-1 (a)",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			facts, policies := image(tc.findings...), []Policy{policyOf("p", rule("r", tc.rule))}
			got := Judge(facts, policies, observed(t, facts, policies, start), start.Add(tc.after))
			if message := onlyMessage(t, got); message != tc.want {
				t.Errorf("message %q, want %q", message, tc.want)
			}
			if diff := cmp.Diff(tc.due, got.Due); diff != "" {
				t.Errorf("due (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDueIsTheEarliestOfAllPolicies(t *testing.T) {
	facts := image(find("CVE-1", "a", critical), find("CVE-2", "a", critical))
	slow := policyOf("slow", rule("r", deadlines(within(30, critical))))
	fast := policyOf("fast", rule("r", deadlines(within(7, critical))), rule("later", deadlines(within(9, critical))))
	fast.Spec.Exceptions = []v1alpha1.Exception{{Name: "e", Vulnerabilities: []string{"CVE-2"}, Status: v1alpha1.ExceptionFixed}}
	policies := []Policy{slow, fast}
	got := Judge(facts, policies, observed(t, facts, policies, start), start)
	want := map[int]time.Time{0: start.Add(days(7)), 1: start.Add(days(30))}
	if diff := cmp.Diff(want, got.Due); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	if !got.Until.Equal(start.Add(days(7))) {
		t.Errorf("until %s, want in 7 days", got.Until)
	}
}

func TestWithoutALedgerTheClockStartsNow(t *testing.T) {
	facts, policies := image(find("CVE-1", "a", critical)), []Policy{policyOf("p", rule("r", deadlines(within(7, critical))))}
	for name, ledger := range map[string]*Ledger{"none": nil, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			now := start.Add(days(100))
			got := Judge(facts, policies, ledger, now.Add(time.Millisecond))
			if got.Verdict != v1alpha1.VerdictPass || !got.Until.Equal(now.Add(days(7))) {
				t.Errorf("%s until %s, want Pass for 7 days, in whole seconds", got.Verdict, got.Until)
			}
		})
	}
}
