package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func TestPolicyCountsReportsByResult(t *testing.T) {
	tests := map[v1alpha1.Verdict]v1alpha1.PolicyImages{
		v1alpha1.VerdictPass:    {Matched: 1, Passing: 1},
		v1alpha1.VerdictFail:    {Matched: 1, Failing: 1},
		v1alpha1.VerdictError:   {Matched: 1, Failing: 1},
		v1alpha1.VerdictUnknown: {Matched: 1, Unknown: 1},
	}
	r := newImagePolicyReconciler(nil, nil)
	for result, want := range tests {
		t.Run(string(result), func(t *testing.T) {
			reports := []v1alpha1.ImageReport{{Status: v1alpha1.ImageReportStatus{Verdicts: []v1alpha1.PolicyVerdict{
				{PolicyKind: kindImagePolicy, PolicyName: "mine", Result: result},
				{PolicyKind: kindClusterImagePolicy, PolicyName: "mine", Result: v1alpha1.VerdictPass},
				{PolicyKind: kindImagePolicy, PolicyName: "another", Result: v1alpha1.VerdictPass},
			}}}}
			if diff := cmp.Diff(&want, r.count("mine", reports).Images); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}
