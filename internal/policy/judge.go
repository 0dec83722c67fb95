package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// verdictRank orders verdicts, worst last. What is known to be wrong outweighs
// what is not known, and that outweighs a pass, so that no image passes on the
// word of one policy while another could not judge it.
var verdictRank = map[v1alpha1.Verdict]int{
	v1alpha1.VerdictNoPolicy: 0,
	v1alpha1.VerdictPass:     1,
	v1alpha1.VerdictUnknown:  2,
	v1alpha1.VerdictFail:     3,
	v1alpha1.VerdictError:    4,
}

// Worse compares verdicts: NoPolicy, Pass, Unknown, Fail, Error, worst last.
func Worse(a, b v1alpha1.Verdict) int { return cmp.Compare(verdictRank[a], verdictRank[b]) }

// enforcementRank orders enforcements, mildest first.
var enforcementRank = map[v1alpha1.Enforcement]int{
	v1alpha1.EnforcementAudit: 0,
	v1alpha1.EnforcementWarn:  1,
	v1alpha1.EnforcementDeny:  2,
}

// ruleSelector stands for the rule's name where a policy's selector cannot be used.
const ruleSelector = "selector"

// Judge judges the image by every policy that selects it and is not suspended.
// The ledger must have observed the facts before: the clock of a finding that
// is not in it, or of all where it is nil, starts now.
func Judge(facts Facts, policies []Policy, ledger *Ledger, now time.Time) Judgement {
	j := Judgement{Verdict: v1alpha1.VerdictNoPolicy}
	for _, p := range slices.SortedFunc(slices.Values(policies), comparePolicies) {
		if p.Spec.Suspend {
			continue
		}
		t := trial{facts: &facts, policy: p, ledger: ledger, now: now, judgement: &j}
		if verdict, selected := t.judge(); selected {
			j.Verdicts = append(j.Verdicts, verdict)
			if Worse(verdict.Result, j.Verdict) > 0 {
				j.Verdict = verdict.Result
			}
		}
	}
	return j
}

func comparePolicies(a, b Policy) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}

// trial of an image by one policy.
type trial struct {
	facts  *Facts
	policy Policy
	ledger *Ledger
	now    time.Time
	// workloads that the policy selects.
	workloads []Workload
	// excepted says of each finding whether the policy's exceptions take it out.
	excepted []bool
	// judgement collects deadlines over all policies.
	judgement *Judgement
}

func (t *trial) judge() (v1alpha1.PolicyVerdict, bool) {
	verdict := v1alpha1.PolicyVerdict{PolicyKind: t.policy.Kind, PolicyName: t.policy.Name}
	workloads, selected, err := selects(t.policy.Spec.Selector, *t.facts)
	if err != nil {
		verdict.Result = v1alpha1.VerdictError
		verdict.Violations = []v1alpha1.Violation{{
			Rule: ruleSelector, Action: t.cap(""), Message: fmt.Sprintf("the policy's selector cannot be used: %v", err),
		}}
		return verdict, true
	}
	if !selected {
		return verdict, false
	}
	t.workloads = workloads
	verdict.Excepted = t.except()
	verdict.Result, verdict.Violations = t.applyAll()
	return verdict, true
}

// applyAll judges by all rules. An image that is not scanned passes no policy,
// nor does one of which no rule was judged.
func (t *trial) applyAll() (result v1alpha1.Verdict, violations []v1alpha1.Violation) {
	result = v1alpha1.VerdictPass
	if !t.facts.Scanned {
		result = v1alpha1.VerdictUnknown
	}
	skipped := 0
	for _, rule := range t.policy.Spec.Rules {
		o := t.apply(rule)
		if o.skipped != "" {
			skipped++
			t.judgement.Skipped = append(t.judgement.Skipped, SkippedRule{
				PolicyKind: t.policy.Kind, PolicyName: t.policy.Name, Rule: rule.Name, Why: o.skipped,
			})
			continue
		}
		if Worse(o.verdict, result) > 0 {
			result = o.verdict
		}
		if o.message != "" {
			violations = append(violations, v1alpha1.Violation{
				Rule: rule.Name, Action: t.cap(rule.Action), Message: o.message, Workloads: t.concerned(o),
			})
		}
	}
	if skipped > 0 && skipped == len(t.policy.Spec.Rules) && Worse(v1alpha1.VerdictUnknown, result) > 0 {
		result = v1alpha1.VerdictUnknown
	}
	return result, violations
}

// concerned names the workloads that a violation is of.
func (t *trial) concerned(o outcome) []string {
	if o.workloads != nil {
		return o.workloads
	}
	return workloadNames(t.workloads)
}

// A check judges by one rule.
type check func(*trial, v1alpha1.Rule) outcome

// checks by the type of rule that they judge.
var checks = map[v1alpha1.RuleType]check{
	v1alpha1.RuleVulnerabilities: checkVulnerabilities,
	v1alpha1.RuleRegistries:      checkRegistries,
	v1alpha1.RulePackages:        checkPackages,
	v1alpha1.RuleImage:           checkImage,
	v1alpha1.RuleWorkload:        checkWorkload,
	v1alpha1.RuleBaseImage:       checkBaseImage,
}

func (t *trial) apply(rule v1alpha1.Rule) outcome {
	judge, ok := checks[rule.Type]
	if !ok {
		return failed(fmt.Sprintf("rules of type %s are not implemented in this version", rule.Type))
	}
	return judge(t, rule)
}

// cap limits a rule's action by the policy's enforcement.
func (t *trial) cap(action v1alpha1.Enforcement) v1alpha1.Enforcement {
	action = cmp.Or(action, v1alpha1.EnforcementDeny)
	ceiling := cmp.Or(t.policy.Spec.Enforcement, v1alpha1.EnforcementAudit)
	if enforcementRank[action] > enforcementRank[ceiling] {
		return ceiling
	}
	return action
}

// changesAt notes that the judgement changes at the instant, if that is to come.
func (t *trial) changesAt(instant time.Time) {
	until := &t.judgement.Until
	if instant.After(t.now) && (until.IsZero() || instant.Before(*until)) {
		*until = instant
	}
}

// due notes a deadline of the finding with the index.
func (t *trial) due(index int, deadline time.Time) {
	if t.judgement.Due == nil {
		t.judgement.Due = map[int]time.Time{}
	}
	if known, ok := t.judgement.Due[index]; !ok || deadline.Before(known) {
		t.judgement.Due[index] = deadline
	}
	t.changesAt(deadline)
}
