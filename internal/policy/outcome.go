package policy

import "github.com/plimsoll-dev/plimsoll/api/v1alpha1"

// outcome of one rule.
type outcome struct {
	verdict v1alpha1.Verdict
	// message is empty unless the rule is violated, or in error.
	message string
	// workloads that violate the rule, as Kind/name; nil: all that the policy selects.
	workloads []string
	// skipped says why the rule was not judged, if so.
	skipped string
}

func passed() outcome  { return outcome{verdict: v1alpha1.VerdictPass} }
func unknown() outcome { return outcome{verdict: v1alpha1.VerdictUnknown} }

func violated(message string) outcome {
	return outcome{verdict: v1alpha1.VerdictFail, message: message}
}

// failed is the outcome of a rule that cannot be used.
func failed(message string) outcome {
	return outcome{verdict: v1alpha1.VerdictError, message: message}
}
