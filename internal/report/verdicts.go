package report

import (
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// verdicts lists the policies' verdicts, worst first, as far as they fit.
func verdicts(all []v1alpha1.PolicyVerdict) []v1alpha1.PolicyVerdict {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b v1alpha1.PolicyVerdict) int { return policy.Worse(b.Result, a.Result) })
	sorted = sorted[:min(len(sorted), maxVerdicts)]
	for i, v := range sorted {
		sorted[i].Violations = violations(v.Violations)
	}
	return fit(sorted, maxVerdicts, verdictsBudget)
}

func violations(all []v1alpha1.Violation) []v1alpha1.Violation {
	bounded := slices.Clone(all[:min(len(all), maxViolations)])
	for i, v := range bounded {
		bounded[i].Message = clip(v.Message, maxMessage)
		bounded[i].Workloads = fit(v.Workloads, maxNamed, namedBudget)
		if more := len(v.Workloads) - len(bounded[i].Workloads); more > 0 {
			bounded[i].Message += fmt.Sprintf(" (and %d more workloads)", more)
		}
	}
	return fit(bounded, maxViolations, violationsBudget)
}
