package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// verbose returns failing policies, each with violations that concern a workload
// and have messages of so many bytes, and as many that pass.
func verbose(failing, violations, message, name int) []v1alpha1.PolicyVerdict {
	var all []v1alpha1.PolicyVerdict
	for i := range 2 * failing {
		v := v1alpha1.PolicyVerdict{
			PolicyKind: "ClusterImagePolicy", PolicyName: fmt.Sprintf("%03d%s", i, strings.Repeat("n", name-3)),
			Result: v1alpha1.VerdictPass, Excepted: int32(i),
		}
		if i%2 > 0 {
			v.Result = v1alpha1.VerdictFail
			for n := range violations {
				v.Violations = append(v.Violations, v1alpha1.Violation{
					Rule: fmt.Sprintf("rule-%d", n), Action: v1alpha1.EnforcementDeny,
					Message: strings.Repeat("m", message), Workloads: []string{"Deployment/api"},
				})
			}
		}
		all = append(all, v)
	}
	return all
}

// results are the verdicts without their violations, by policy.
func results(all []v1alpha1.PolicyVerdict) map[string]v1alpha1.PolicyVerdict {
	byName := map[string]v1alpha1.PolicyVerdict{}
	for _, v := range all {
		v.Violations = nil
		byName[v.PolicyName] = v
	}
	return byName
}

// Policies' statuses count reports by the results that are listed.
func TestNoResultGivesWayToViolations(t *testing.T) {
	tests := map[string]struct {
		in []v1alpha1.PolicyVerdict
		// told are the violations in the list, and whole those with all of their message.
		told, whole int
	}{
		"a few short ones":          {verbose(3, 3, 40, 20), 9, 9},
		"one policy, verbose":       {verbose(1, 16, 500, 20), 8, 8},
		"several, verbose":          {verbose(4, 16, 500, 20), 8, 8},
		"ten, verbose":              {verbose(10, 16, 500, 20), 10, 10},
		"twenty, with long names":   {verbose(20, 16, 500, 60), 20, 0},
		"as many as there may be":   {verbose(64, 64, 1024, 40), 17, 0},
		"messages without an end":   {verbose(5, 1, 100_000, 20), 5, 0},
		"violations without an end": {verbose(2, 5000, 20, 20), 32, 32},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			in := scannedInput()
			in.Findings = many(5000)
			in.Judgement.Verdicts = tc.in
			status := Build(in)
			if diff := cmp.Diff(results(tc.in), results(status.Verdicts)); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			told, whole := 0, 0
			for _, v := range status.Verdicts {
				told += len(v.Violations)
				for _, violation := range v.Violations {
					if !strings.HasSuffix(violation.Message, ellipsis) {
						whole++
					}
				}
			}
			if told != tc.told || whole != tc.whole {
				t.Errorf("%d violations told, %d of them whole; want %d and %d", told, whole, tc.told, tc.whole)
			}
			if stored := object(t, in); len(stored) > maxObject || size(status) > statusBudget {
				t.Errorf("the object takes %d bytes, and its status %d", len(stored), size(status))
			}
			if len(status.Vulnerabilities.Items) < 4 {
				t.Errorf("%d findings are left", len(status.Vulnerabilities.Items))
			}
		})
	}
}

func TestWhatIsCutIsTheInputsNoMore(t *testing.T) {
	in := scannedInput()
	in.Judgement.Verdicts = verbose(10, 16, 500, 20)
	Build(in)
	if diff := cmp.Diff(verbose(10, 16, 500, 20), in.Judgement.Verdicts); diff != "" {
		t.Errorf("the judgement was changed (-before +after):\n%s", diff)
	}
}

// With names as long as they may be even the results do not fit: the worst stay.
func TestTheWorstResultsStay(t *testing.T) {
	in := scannedInput()
	in.Judgement.Verdicts = verbose(64, 16, 500, 253)
	status := Build(in)
	if n := len(status.Verdicts); n < 40 || n == 128 || size(status) > statusBudget {
		t.Errorf("%d results in %d bytes", n, size(status))
	}
	for i, v := range status.Verdicts {
		if v.Result != v1alpha1.VerdictFail && i < 40 {
			t.Errorf("result %d is %s", i, v.Result)
		}
	}
}
