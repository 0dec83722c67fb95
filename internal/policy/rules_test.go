package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// ruleCase is how one rule judges.
type ruleCase struct {
	rule v1alpha1.Rule
	// edit changes the image that all cases begin with.
	edit func(*Facts)
	want v1alpha1.Verdict
	// wantMessage of the violation, and whose it is if not all workloads'.
	wantMessage   string
	wantWorkloads []string
}

func judgeRules(t *testing.T, tests map[string]ruleCase) {
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			facts := image()
			if tc.edit != nil {
				tc.edit(&facts)
			}
			tc.rule.Name = "r"
			got := Judge(facts, []Policy{policyOf("p", tc.rule)}, nil, start)
			want := v1alpha1.PolicyVerdict{PolicyKind: "ImagePolicy", PolicyName: "p", Result: tc.want}
			if tc.wantMessage != "" {
				if tc.wantWorkloads == nil {
					tc.wantWorkloads = []string{"Deployment/api"}
				}
				want.Violations = []v1alpha1.Violation{{
					Rule: "r", Action: v1alpha1.EnforcementAudit, Message: tc.wantMessage, Workloads: tc.wantWorkloads,
				}}
			}
			if diff := cmp.Diff([]v1alpha1.PolicyVerdict{want}, got.Verdicts); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

const (
	pass    = v1alpha1.VerdictPass
	fail    = v1alpha1.VerdictFail
	open    = v1alpha1.VerdictUnknown
	inError = v1alpha1.VerdictError
)

func unscanned(f *Facts) {
	f.Scanned, f.Findings, f.Packages, f.Programs, f.Setuid, f.Config, f.Base = false, nil, nil, nil, nil, Config{}, nil
}

func TestRegistries(t *testing.T) {
	from := func(allowed, denied []string) v1alpha1.Rule {
		return v1alpha1.Rule{Type: v1alpha1.RuleRegistries, Registries: &v1alpha1.RegistriesRule{Allowed: allowed, Denied: denied}}
	}
	list := func(s ...string) []string { return s }
	const none = "registry.example.com/shop/api matches none of the allowed patterns"
	judgeRules(t, map[string]ruleCase{
		"allowed":                      {rule: from(list("docker.io/library/*", "registry.example.com/**"), nil), want: open, edit: unscanned},
		"allowed, and scanned":         {rule: from(list("registry.example.com/**"), nil), want: pass},
		"a star ends at a slash":       {rule: from(list("registry.example.com/*"), nil), want: fail, wantMessage: none},
		"a host alone":                 {rule: from(list("registry.example.com"), nil), want: fail, wantMessage: none},
		"a host that begins likewise":  {rule: from(list("registry.example.co/**"), nil), want: fail, wantMessage: none},
		"not allowed, and not scanned": {rule: from(list("docker.io/**"), nil), edit: unscanned, want: fail, wantMessage: none},
		"not denied":                   {rule: from(nil, list("docker.io/**")), want: pass},
		"denied":                       {rule: from(nil, list("**/api")), want: fail, wantMessage: `registry.example.com/shop/api is denied by "**/api"`},
		"denied wins": {rule: from(list("registry.example.com/**"), list("docker.io/**", "registry.example.com/shop/**")), want: fail,
			wantMessage: `registry.example.com/shop/api is denied by "registry.example.com/shop/**"`},
		"neither":     {rule: from(nil, nil), want: inError, wantMessage: "the rule sets neither registries.allowed nor registries.denied"},
		"bad allowed": {rule: from(list("["), nil), want: inError, wantMessage: `registries.allowed: pattern "[": syntax error in pattern`},
		"bad denied":  {rule: from(nil, list("[")), want: inError, wantMessage: `registries.denied: pattern "[": syntax error in pattern`},
	})
}
