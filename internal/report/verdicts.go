package report

import (
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// detail is how much is told of each policy's violations.
type detail struct {
	violations int
	// bytes of a message, and of the names of workloads.
	message, workloads int
}

// details from the most to the least: fewer violations first, then shorter messages.
var details = []detail{
	{16, 512, namedBudget}, {8, 512, namedBudget}, {4, 512, namedBudget}, {2, 512, namedBudget}, {1, 512, namedBudget},
	{1, 256, 256}, {1, 128, 128}, {1, 64, 64},
}

// verdicts lists the policies' verdicts, worst first. Each policy's result is
// told as long as the budget in bytes allows, because policies' statuses count
// reports by it; violations have what is left.
func verdicts(all []v1alpha1.PolicyVerdict, budget int) []v1alpha1.PolicyVerdict {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b v1alpha1.PolicyVerdict) int { return policy.Worse(b.Result, a.Result) })
	bare := slices.Clone(sorted)
	for i := range bare {
		bare[i].Violations = nil
	}
	bare = fit(bare, maxVerdicts, budget)
	addViolations(bare, sorted[:len(bare)], min(budget, size(bare)+violationsBudget))
	return bare
}

// addViolations tells all policies' violations in the same detail, the most that
// fits. Where even the least does not fit, the last policies do without.
func addViolations(bare, full []v1alpha1.PolicyVerdict, budget int) {
	for _, d := range details {
		for i := range bare {
			bare[i].Violations = d.of(full[i].Violations)
		}
		if size(bare) <= budget {
			return
		}
	}
	for i := len(bare) - 1; i >= 0 && size(bare) > budget; i-- {
		bare[i].Violations = nil
	}
}

func (d detail) of(all []v1alpha1.Violation) []v1alpha1.Violation {
	bounded := slices.Clone(all[:min(len(all), d.violations)])
	for i, v := range bounded {
		names := make([]string, 0, min(len(v.Workloads), maxNamed))
		for _, name := range v.Workloads[:cap(names)] {
			names = append(names, clip(name, maxWorkloadName))
		}
		bounded[i].Message = clip(v.Message, d.message)
		bounded[i].Workloads = fit(names, maxNamed, d.workloads)
		if more := len(v.Workloads) - len(bounded[i].Workloads); more > 0 {
			bounded[i].Message += fmt.Sprintf(" (and %d more workloads)", more)
		}
	}
	return bounded
}
