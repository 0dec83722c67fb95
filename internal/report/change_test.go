package report

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

func TestLastChange(t *testing.T) {
	later := metav1.NewTime(now.Add(time.Hour))
	first := v1alpha1.Change{Time: metav1.NewTime(now), Cause: v1alpha1.CauseImage, DatabaseRevision: "sha256:db1", Added: 4}
	unscanned := func(in *Input) { in.Scan = Scan{Reason: v1alpha1.ReasonRegistryUnavailable} }
	tests := map[string]struct {
		before func(*Input)
		after  func(*Input)
		want   v1alpha1.Change
	}{
		"nothing": {want: first},
		"a revision that changes nothing here": {
			after: func(in *Input) { in.DatabaseRevision = "sha256:db2" },
			want:  first,
		},
		"the caller's word": {
			after: func(in *Input) {
				in.DatabaseRevision = "sha256:db2"
				in.Change = &Change{Cause: v1alpha1.CauseDatabase, Added: 2, Resolved: 1}
			},
			want: v1alpha1.Change{Time: later, Cause: v1alpha1.CauseDatabase, DatabaseRevision: "sha256:db2", Added: 2, Resolved: 1},
		},
		"the caller's word without a cause": {
			after: func(in *Input) { in.Change = &Change{Added: 2} },
			want:  v1alpha1.Change{Time: later, Cause: v1alpha1.CauseMatcher, DatabaseRevision: "sha256:db1", Added: 2},
		},
		"the caller's word that nothing changed": {
			after: func(in *Input) { in.Change = &Change{Cause: v1alpha1.CauseDatabase} },
			want:  first,
		},
		"the caller's word on a verdict": {
			after: func(in *Input) {
				in.Judgement.Verdict = v1alpha1.VerdictPass
				in.Change = &Change{Cause: v1alpha1.CauseException}
			},
			want: v1alpha1.Change{Time: later, Cause: v1alpha1.CauseException, DatabaseRevision: "sha256:db1"},
		},
		"a verdict alone": {
			after: func(in *Input) { in.Judgement.Verdict = v1alpha1.VerdictPass },
			want:  v1alpha1.Change{Time: later, Cause: v1alpha1.CausePolicy, DatabaseRevision: "sha256:db1"},
		},
		"one policy's verdict, beside a worse one": {
			before: func(in *Input) { in.Judgement.Verdicts = judgedBy(v1alpha1.VerdictFail, v1alpha1.VerdictPass) },
			after:  func(in *Input) { in.Judgement.Verdicts = judgedBy(v1alpha1.VerdictFail, v1alpha1.VerdictFail) },
			want:   v1alpha1.Change{Time: later, Cause: v1alpha1.CausePolicy, DatabaseRevision: "sha256:db1"},
		},
		"another policy that judges the same": {
			before: func(in *Input) { in.Judgement.Verdicts = judgedBy(v1alpha1.VerdictFail) },
			after:  func(in *Input) { in.Judgement.Verdicts = judgedBy(v1alpha1.VerdictFail, v1alpha1.VerdictPass) },
			want:   first,
		},
		"findings, by another database": {
			after: func(in *Input) {
				in.DatabaseRevision = "sha256:db2"
				in.Findings = append(in.Findings[1:], policy.Finding{ID: "CVE-9", Package: "x"}, policy.Finding{ID: "CVE-8", Package: "x"})
			},
			want: v1alpha1.Change{Time: later, Cause: v1alpha1.CauseDatabase, DatabaseRevision: "sha256:db2", Added: 2, Resolved: 1},
		},
		"findings, by the same database": {
			after: func(in *Input) { in.Findings = in.Findings[1:] },
			want:  v1alpha1.Change{Time: later, Cause: v1alpha1.CauseMatcher, DatabaseRevision: "sha256:db1", Resolved: 1},
		},
		"a severity": {
			after: func(in *Input) {
				in.DatabaseRevision = "sha256:db2"
				in.Findings[0].Severity = v1alpha1.SeverityCritical
			},
			want: v1alpha1.Change{Time: later, Cause: v1alpha1.CauseDatabase, DatabaseRevision: "sha256:db2"},
		},
		"a version of the same package": {
			after: func(in *Input) { in.Findings[0].InstalledVersion = "9" },
			want:  first,
		},
		"first scanned": {
			before: unscanned,
			want:   v1alpha1.Change{Time: later, Cause: v1alpha1.CauseImage, DatabaseRevision: "sha256:db1", Added: 4},
		},
		"no longer scanned": {after: unscanned, want: first},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			in := scannedInput()
			if tc.before != nil {
				tc.before(&in)
			}
			previous := Build(in)
			in = scannedInput()
			in.Previous, in.Now = &previous, later.Time
			if tc.after != nil {
				tc.after(&in)
			}
			if diff := cmp.Diff(&tc.want, Build(in).LastChange); diff != "" {
				t.Errorf("last change (-want +got):\n%s", diff)
			}
		})
	}
}

// judgedBy as many policies.
func judgedBy(results ...v1alpha1.Verdict) (verdicts []v1alpha1.PolicyVerdict) {
	for i, result := range results {
		verdicts = append(verdicts, v1alpha1.PolicyVerdict{PolicyKind: "ImagePolicy", PolicyName: fmt.Sprint("p", i), Result: result})
	}
	return verdicts
}

func TestLastChangeOutlivesALostStore(t *testing.T) {
	in := scannedInput()
	first := Build(in)
	lost := input()
	lost.Previous, lost.Now = &first, now.Add(time.Hour)
	between := Build(lost)
	in.Previous, in.Now = &between, now.Add(2*time.Hour)
	if diff := cmp.Diff(first.LastChange, Build(in).LastChange); diff != "" {
		t.Errorf("last change (-want +got):\n%s", diff)
	}
}

// TestDifferenceOfCutLists takes what is not listed to have stayed as far as the totals allow.
func TestDifferenceOfCutLists(t *testing.T) {
	tests := map[string]struct {
		from, to                int
		wantAdded, wantResolved int32
	}{
		"more":                   {from: 500, to: 520, wantAdded: 20},
		"fewer, those unlisted":  {from: 500, to: 480, wantResolved: 20},
		"none of a list so long": {from: 500, to: 0, wantResolved: 500},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			in := scannedInput()
			in.Findings = many(tc.from)
			previous := Build(in)
			if previous.Vulnerabilities.Omitted == 0 {
				t.Fatal("the list was not cut")
			}
			in.Previous, in.Findings = &previous, many(tc.to)
			got := Build(in).LastChange
			if got.Added != tc.wantAdded || got.Resolved != tc.wantResolved {
				t.Errorf("added %d and resolved %d, want %d and %d", got.Added, got.Resolved, tc.wantAdded, tc.wantResolved)
			}
		})
	}
}
