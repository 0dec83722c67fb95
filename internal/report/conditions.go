package report

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// final reasons: no retry can mend them as long as the image, its reference and
// the operator's settings stay as they are. All others are retried.
var final = map[string]bool{
	v1alpha1.ReasonImageNotFound:          true,
	v1alpha1.ReasonDigestMismatch:         true,
	v1alpha1.ReasonDigestNotPullable:      true,
	v1alpha1.ReasonAddressNotAllowed:      true,
	v1alpha1.ReasonPlatformNotFound:       true,
	v1alpha1.ReasonNotAnImage:             true,
	v1alpha1.ReasonTruncatedLayer:         true,
	v1alpha1.ReasonLimitExceeded:          true,
	v1alpha1.ReasonCorruptPackageDatabase: true,
	v1alpha1.ReasonUnsupportedOS:          true,
}

// Final says whether a report whose scan failed for the reason is Stalled,
// rather than Reconciling until a retry succeeds.
func Final(reason string) bool { return final[reason] }

// conditions in a fixed order. A condition keeps the time of its last transition
// while its status stays.
func conditions(in Input) []metav1.Condition {
	wanted := []metav1.Condition{ready(in), scanned(in), compliant(in)}
	if progress, ok := unfinished(in); ok {
		wanted = append(wanted, progress)
	}
	for i := range wanted {
		c := &wanted[i]
		c.Message = clip(c.Message, maxText)
		c.ObservedGeneration = in.Generation
		c.LastTransitionTime = seconds(in)
		if in.Previous == nil {
			continue
		}
		if before := meta.FindStatusCondition(in.Previous.Conditions, c.Type); before != nil && before.Status == c.Status {
			c.LastTransitionTime = before.LastTransitionTime
		}
	}
	return wanted
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

// ready is False only where the operator or the image itself is at fault: a
// registry that is down leaves it Unknown.
func ready(in Input) metav1.Condition {
	reason := scanReason(in.Scan)
	switch {
	case in.Scan.Done:
		return condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "The report is current")
	case Final(reason):
		return condition(v1alpha1.ConditionReady, metav1.ConditionFalse, reason, in.Scan.Message)
	case reason == v1alpha1.ReasonStoreFailed:
		return condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRetrying, in.Scan.Message)
	default:
		return condition(v1alpha1.ConditionReady, metav1.ConditionUnknown, retryReason(reason), in.Scan.Message)
	}
}

// unfinished is Stalled or Reconciling, for a report that is not Ready.
func unfinished(in Input) (metav1.Condition, bool) {
	reason := scanReason(in.Scan)
	switch {
	case in.Scan.Done:
		return metav1.Condition{}, false
	case Final(reason):
		return condition(v1alpha1.ConditionStalled, metav1.ConditionTrue, reason, in.Scan.Message), true
	default:
		return condition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, retryReason(reason), in.Scan.Message), true
	}
}

func scanReason(s Scan) string { return cmp.Or(s.Reason, v1alpha1.ReasonPending) }

func retryReason(reason string) string {
	if reason == v1alpha1.ReasonPending {
		return v1alpha1.ReasonProgressing
	}
	return v1alpha1.ReasonRetrying
}

func scanned(in Input) metav1.Condition {
	switch {
	case !in.Scan.Done:
		return condition(v1alpha1.ConditionScanned, metav1.ConditionFalse, scanReason(in.Scan), in.Scan.Message)
	case len(in.Scan.Unread) > 0:
		first := in.Scan.Unread[0]
		message := fmt.Sprintf("Parts that could not be read: %d; the first is %s: %s",
			len(in.Scan.Unread), clip(first.Path, maxPath), clip(first.Reason, maxPath))
		return condition(v1alpha1.ConditionScanned, metav1.ConditionTrue, v1alpha1.ReasonPartiallyScanned, message)
	default:
		return condition(v1alpha1.ConditionScanned, metav1.ConditionTrue, v1alpha1.ReasonScanned, "The image's packages are known")
	}
}

func compliant(in Input) metav1.Condition {
	all := len(in.Judgement.Verdicts)
	switch in.Judgement.Verdict {
	case v1alpha1.VerdictPass:
		return condition(v1alpha1.ConditionCompliant, metav1.ConditionTrue, v1alpha1.ReasonPoliciesPassed,
			fmt.Sprintf("Policies that pass: %d of %d", all, all))
	case v1alpha1.VerdictFail:
		return condition(v1alpha1.ConditionCompliant, metav1.ConditionFalse, v1alpha1.ReasonPolicyViolated,
			"Policies that are violated: "+named(in, v1alpha1.VerdictFail))
	case v1alpha1.VerdictError:
		return condition(v1alpha1.ConditionCompliant, metav1.ConditionFalse, v1alpha1.ReasonPolicyError,
			"Policies that could not be judged: "+named(in, v1alpha1.VerdictError))
	case v1alpha1.VerdictUnknown:
		if in.Scan.Done {
			return condition(v1alpha1.ConditionCompliant, metav1.ConditionUnknown, v1alpha1.ReasonRulesSkipped,
				"Policies that could not be judged without a pod or a base image: "+named(in, v1alpha1.VerdictUnknown))
		}
		return condition(v1alpha1.ConditionCompliant, metav1.ConditionUnknown, v1alpha1.ReasonNotScanned, "The image is not scanned")
	default:
		return condition(v1alpha1.ConditionCompliant, metav1.ConditionUnknown, v1alpha1.ReasonNoPolicy, "No policy selects the image")
	}
}

// named counts the policies with the result, and names as many as fit.
func named(in Input, result v1alpha1.Verdict) string {
	var names []string
	for _, v := range in.Judgement.Verdicts {
		if v.Result == result {
			names = append(names, v.PolicyKind+"/"+v.PolicyName)
		}
	}
	shown := fit(names, maxNamed, namedBudget)
	text := fmt.Sprintf("%d of %d: %s", len(names), len(in.Judgement.Verdicts), strings.Join(shown, ", "))
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
