package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// start is when findings are observed in these tests.
var start = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

func days(n int) time.Duration { return time.Duration(n) * day }

func find(id, pkg string, severity v1alpha1.Severity, edits ...func(*Finding)) Finding {
	f := Finding{
		ID: id, Package: pkg, PURLs: []string{"pkg:deb/debian/" + pkg}, InstalledVersion: "1",
		Severity: severity, Status: v1alpha1.StatusAffected,
	}
	for _, edit := range edits {
		edit(&f)
	}
	return f
}

func fixed(f *Finding)     { f.Status = v1alpha1.StatusFixed; f.FixedVersion = "2" }
func exploited(f *Finding) { f.KnownExploited = true }
func alias(id string) func(*Finding) {
	return func(f *Finding) { f.VendorIDs = append(f.VendorIDs, id) }
}
func published(t time.Time) func(*Finding) { return func(f *Finding) { f.Published = t } }
func at(path string) func(*Finding)        { return func(f *Finding) { f.Path = path } }
func version(v string) func(*Finding)      { return func(f *Finding) { f.InstalledVersion = v } }
func purls(s ...string) func(*Finding)     { return func(f *Finding) { f.PURLs = s } }

func image(findings ...Finding) Facts {
	return Facts{
		Namespace: "shop", Repository: "registry.example.com/shop/api", Scanned: true, Findings: findings,
		Workloads: []Workload{{Group: "apps", Kind: "Deployment", Name: "api", PodLabels: map[string]string{"tier": "backend"}}},
	}
}

func rule(name string, r v1alpha1.VulnerabilitiesRule) v1alpha1.Rule {
	return v1alpha1.Rule{Name: name, Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &r}
}

func atMost(n int32, severities ...v1alpha1.Severity) v1alpha1.VulnerabilitiesRule {
	return v1alpha1.VulnerabilitiesRule{MaxCount: &n, Severities: severities}
}

func deadlines(d ...v1alpha1.Deadline) v1alpha1.VulnerabilitiesRule {
	return v1alpha1.VulnerabilitiesRule{Deadlines: d}
}

func within(days int32, severity v1alpha1.Severity) v1alpha1.Deadline {
	return v1alpha1.Deadline{Severity: severity, Days: days}
}

func policyOf(name string, rules ...v1alpha1.Rule) Policy {
	return Policy{Kind: "ImagePolicy", Name: name, Spec: v1alpha1.ImagePolicySpec{Rules: rules}}
}

func observed(t *testing.T, facts Facts, policies []Policy, when time.Time) *Ledger {
	t.Helper()
	ledger := &Ledger{}
	ledger.Observe(facts, policies, when)
	return ledger
}

const (
	critical = v1alpha1.SeverityCritical
	high     = v1alpha1.SeverityHigh
	medium   = v1alpha1.SeverityMedium
	low      = v1alpha1.SeverityLow
	unrated  = v1alpha1.SeverityUnknown
)

func TestVerdictIsTheWorstResult(t *testing.T) {
	passes := policyOf("passes", rule("none", atMost(9)))
	fails := policyOf("fails", rule("none", atMost(0)))
	errs := policyOf("errs", v1alpha1.Rule{Name: "signed", Type: v1alpha1.RuleSignatures})
	elsewhere := policyOf("elsewhere", rule("none", atMost(0)))
	elsewhere.Spec.Selector.Images = []string{"docker.io/**"}
	suspended := policyOf("suspended", rule("none", atMost(0)))
	suspended.Spec.Suspend = true

	tests := map[string]struct {
		policies  []Policy
		unscanned bool
		want      v1alpha1.Verdict
	}{
		"no policy at all":                  {want: v1alpha1.VerdictNoPolicy},
		"no policy selects the image":       {policies: []Policy{elsewhere}, want: v1alpha1.VerdictNoPolicy},
		"a suspended policy does not judge": {policies: []Policy{suspended}, want: v1alpha1.VerdictNoPolicy},
		"pass":                              {policies: []Policy{passes, elsewhere, suspended}, want: v1alpha1.VerdictPass},
		"any failure outweighs a pass":      {policies: []Policy{fails, passes}, want: v1alpha1.VerdictFail},
		"an error is worst of all":          {policies: []Policy{passes, errs, fails}, want: v1alpha1.VerdictError},
		"not scanned is never a pass":       {policies: []Policy{passes}, unscanned: true, want: v1alpha1.VerdictUnknown},
		"not scanned without rules":         {policies: []Policy{policyOf("empty")}, unscanned: true, want: v1alpha1.VerdictUnknown},
		"not scanned and no policy":         {policies: []Policy{elsewhere}, unscanned: true, want: v1alpha1.VerdictNoPolicy},
		"not scanned and an error":          {policies: []Policy{passes, errs}, unscanned: true, want: v1alpha1.VerdictError},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			facts := image(find("CVE-1", "openssl", high))
			if tc.unscanned {
				facts.Scanned, facts.Findings = false, nil
			}
			if got := Judge(facts, tc.policies, nil, start).Verdict; got != tc.want {
				t.Errorf("verdict %s, want %s", got, tc.want)
			}
		})
	}
}

func TestWorseIsATotalOrder(t *testing.T) {
	order := []v1alpha1.Verdict{
		v1alpha1.VerdictNoPolicy, v1alpha1.VerdictPass, v1alpha1.VerdictUnknown, v1alpha1.VerdictFail, v1alpha1.VerdictError,
	}
	for i, a := range order {
		for j, b := range order {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := Worse(a, b); got != want {
				t.Errorf("Worse(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestRulesOfOtherTypesNeverPass(t *testing.T) {
	types := []v1alpha1.RuleType{
		v1alpha1.RuleSignatures, v1alpha1.RuleCEL, "Novel",
	}
	for _, kind := range types {
		t.Run(string(kind), func(t *testing.T) {
			p := policyOf("p", v1alpha1.Rule{Name: "r", Type: kind}, rule("none", atMost(0)))
			got := Judge(image(find("CVE-1", "openssl", high)), []Policy{p}, nil, start)
			if got.Verdict != v1alpha1.VerdictError {
				t.Errorf("verdict %s, want Error", got.Verdict)
			}
			want := []v1alpha1.Violation{
				{
					Rule: "r", Action: v1alpha1.EnforcementAudit, Workloads: []string{"Deployment/api"},
					Message: "rules of type " + string(kind) + " are not implemented in this version",
				},
				{
					Rule: "none", Action: v1alpha1.EnforcementAudit, Workloads: []string{"Deployment/api"},
					Message: "1 High finding, 0 tolerated: CVE-1 (openssl)",
				},
			}
			if diff := cmp.Diff(want, got.Verdicts[0].Violations); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARuleThatAsksNothingIsAnError(t *testing.T) {
	for name, r := range map[string]v1alpha1.Rule{
		"no member": {Name: "r", Type: v1alpha1.RuleVulnerabilities},
		"no limit":  rule("r", v1alpha1.VulnerabilitiesRule{Severities: []v1alpha1.Severity{high}}),
	} {
		t.Run(name, func(t *testing.T) {
			if got := Judge(image(), []Policy{policyOf("p", r)}, nil, start).Verdict; got != v1alpha1.VerdictError {
				t.Errorf("verdict %s, want Error", got)
			}
		})
	}
}

func TestActionIsCappedByEnforcement(t *testing.T) {
	const audit, warn, deny = v1alpha1.EnforcementAudit, v1alpha1.EnforcementWarn, v1alpha1.EnforcementDeny
	tests := map[string]struct{ enforcement, action, want v1alpha1.Enforcement }{
		"both absent":                  {want: audit},
		"the default action is Deny":   {enforcement: deny, want: deny},
		"the default ceiling is Audit": {action: deny, want: audit},
		"capped":                       {enforcement: warn, action: deny, want: warn},
		"below the ceiling":            {enforcement: deny, action: warn, want: warn},
		"far below the ceiling":        {enforcement: deny, action: audit, want: audit},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := rule("none", atMost(0))
			r.Action = tc.action
			p := policyOf("p", r)
			p.Spec.Enforcement = tc.enforcement
			got := Judge(image(find("CVE-1", "openssl", high)), []Policy{p}, nil, start)
			if got.Verdict != v1alpha1.VerdictFail {
				t.Errorf("verdict %s: any violated rule makes Fail, whatever its action", got.Verdict)
			}
			if action := got.Verdicts[0].Violations[0].Action; action != tc.want {
				t.Errorf("action %s, want %s", action, tc.want)
			}
		})
	}
}

func TestNamespacedAndClusterPoliciesBothApply(t *testing.T) {
	strict := policyOf("strict", rule("none", atMost(0)))
	lax := Policy{Kind: "ClusterImagePolicy", Name: "lax", Spec: policyOf("", rule("few", atMost(9))).Spec}
	lax.Spec.Exceptions = []v1alpha1.Exception{{Name: "all", Vulnerabilities: []string{"CVE-1"}, Status: v1alpha1.ExceptionNotAffected}}
	want := []v1alpha1.PolicyVerdict{
		{PolicyKind: "ClusterImagePolicy", PolicyName: "lax", Result: v1alpha1.VerdictPass, Excepted: 1},
		{PolicyKind: "ImagePolicy", PolicyName: "strict", Result: v1alpha1.VerdictFail, Violations: []v1alpha1.Violation{{
			Rule: "none", Action: v1alpha1.EnforcementAudit, Workloads: []string{"Deployment/api"},
			Message: "1 High finding, 0 tolerated: CVE-1 (openssl)",
		}}},
	}
	for name, policies := range map[string][]Policy{"one order": {strict, lax}, "the other": {lax, strict}} {
		t.Run(name, func(t *testing.T) {
			got := Judge(image(find("CVE-1", "openssl", high)), policies, nil, start)
			if diff := cmp.Diff(want, got.Verdicts, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("verdicts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSelectorSelectsImagesInWorkloads(t *testing.T) {
	labels := func(tier string) map[string]string { return map[string]string{"tier": tier} }
	backend := &metav1.LabelSelector{MatchLabels: labels("backend")}
	all := []Workload{
		{Kind: "StatefulSet", Name: "queue", PodLabels: labels("backend")},
		{Kind: "Deployment", Name: "web", PodLabels: labels("frontend")},
		{Kind: "Deployment", Name: "api", PodLabels: labels("backend")},
		{Group: "extensions", Kind: "Deployment", Name: "api", PodLabels: labels("backend")},
	}
	tests := map[string]struct {
		selector  v1alpha1.PolicySelector
		workloads []Workload
		want      []string
		not       bool
	}{
		"empty selects all":            {workloads: all, want: []string{"Deployment/api", "Deployment/web", "StatefulSet/queue"}},
		"two stars cross slashes":      {selector: v1alpha1.PolicySelector{Images: []string{"registry.example.com/**"}}, workloads: all[1:2], want: []string{"Deployment/web"}},
		"one star does not":            {selector: v1alpha1.PolicySelector{Images: []string{"registry.example.com/*"}}, workloads: all, not: true},
		"one star in a segment":        {selector: v1alpha1.PolicySelector{Images: []string{"registry.example.com/*/a*"}}, workloads: all[1:2], want: []string{"Deployment/web"}},
		"not a prefix":                 {selector: v1alpha1.PolicySelector{Images: []string{"registry.example.com/shop"}}, workloads: all, not: true},
		"any pattern":                  {selector: v1alpha1.PolicySelector{Images: []string{"docker.io/**", "registry.example.com/shop/api"}}, workloads: all[1:2], want: []string{"Deployment/web"}},
		"pods by labels, per workload": {selector: v1alpha1.PolicySelector{PodSelector: backend}, workloads: all, want: []string{"Deployment/api", "StatefulSet/queue"}},
		"image and pods":               {selector: v1alpha1.PolicySelector{PodSelector: backend, Images: []string{"docker.io/**"}}, workloads: all, not: true},
		"no workload has the labels":   {selector: v1alpha1.PolicySelector{PodSelector: backend}, workloads: all[1:2], not: true},
		"no workload, any pod":         {selector: v1alpha1.PolicySelector{PodSelector: &metav1.LabelSelector{}}},
		"no workload, certain pods":    {selector: v1alpha1.PolicySelector{PodSelector: backend}, not: true},
		"no workload, absent labels": {not: true, selector: v1alpha1.PolicySelector{PodSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpDoesNotExist}},
		}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := policyOf("p", rule("none", atMost(0)))
			p.Spec.Selector = tc.selector
			facts := image(find("CVE-1", "openssl", high))
			facts.Workloads = tc.workloads
			got := Judge(facts, []Policy{p}, nil, start)
			if tc.not {
				if got.Verdict != v1alpha1.VerdictNoPolicy {
					t.Errorf("verdict %s, want NoPolicy", got.Verdict)
				}
				return
			}
			if got.Verdict != v1alpha1.VerdictFail {
				t.Fatalf("verdict %s, want Fail", got.Verdict)
			}
			if diff := cmp.Diff(tc.want, got.Verdicts[0].Violations[0].Workloads); diff != "" {
				t.Errorf("workloads (-want +got):\n%s", diff)
			}
		})
	}
}

func TestABadSelectorIsAnError(t *testing.T) {
	tests := map[string]v1alpha1.PolicySelector{
		"pattern":     {Images: []string{"registry.example.com/**", "docker.io/["}},
		"podSelector": {PodSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: "Like"}}}},
	}
	for name, selector := range tests {
		t.Run(name, func(t *testing.T) {
			p := policyOf("p")
			p.Spec.Selector = selector
			got := Judge(image(), []Policy{p}, nil, start)
			if got.Verdict != v1alpha1.VerdictError || got.Verdicts[0].Violations[0].Rule != ruleSelector {
				t.Errorf("got %+v, want an Error that names the selector", got)
			}
			if Validate(p.Spec) == nil {
				t.Error("Validate takes it")
			}
		})
	}
}
