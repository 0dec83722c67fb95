package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// podWith has one container, main, which runs the image.
func podWith(edits ...func(*corev1.PodSpec)) *Pod {
	pod := &Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}}}}
	for _, edit := range edits {
		edit(&pod.Spec)
	}
	return pod
}

func set(context corev1.SecurityContext) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) { s.Containers[0].SecurityContext = &context }
}

func podSet(context corev1.PodSecurityContext) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) { s.SecurityContext = &context }
}

func runs(edits ...func(*corev1.PodSpec)) func(*Facts) {
	return func(f *Facts) { f.Workloads[0].Pod = podWith(edits...) }
}

func workloadRule(r v1alpha1.WorkloadRule) v1alpha1.Rule {
	return v1alpha1.Rule{Type: v1alpha1.RuleWorkload, Workload: &r}
}

func TestWorkloadNonRoot(t *testing.T) {
	rule := workloadRule(v1alpha1.WorkloadRule{NonRoot: v1alpha1.RequirementRequired})
	user := func(user string, edit func(*Facts)) func(*Facts) {
		return func(f *Facts) {
			edit(f)
			f.Config.User = user
		}
	}
	notScanned := func(edit func(*Facts)) func(*Facts) {
		return func(f *Facts) {
			edit(f)
			unscanned(f)
		}
	}
	yes, no := new(true), new(false)
	judgeRules(t, map[string]ruleCase{
		"the image's user":         {rule: rule, edit: user("1000", runs()), want: pass},
		"the image's root":         {rule: rule, edit: runs(), want: fail, wantMessage: `container "main" sets no user, and the image sets no user, and runs as root`},
		"the image's name":         {rule: rule, edit: user("web", runs()), want: fail, wantMessage: `container "main" sets no user, and the image's user "web" is no number, so that it may be root`},
		"the container's user":     {rule: rule, edit: runs(set(corev1.SecurityContext{RunAsUser: new(int64(1000))})), want: pass},
		"the container's root":     {rule: rule, edit: user("1000", runs(set(corev1.SecurityContext{RunAsUser: new(int64(0))}))), want: fail, wantMessage: `container "main" runs as user 0`},
		"the pod's user":           {rule: rule, edit: runs(podSet(corev1.PodSecurityContext{RunAsUser: new(int64(1000))})), want: pass},
		"the pod's root":           {rule: rule, edit: user("1000", runs(podSet(corev1.PodSecurityContext{RunAsUser: new(int64(0))}))), want: fail, wantMessage: `container "main" runs as user 0`},
		"the container's outranks": {rule: rule, edit: runs(podSet(corev1.PodSecurityContext{RunAsUser: new(int64(0))}), set(corev1.SecurityContext{RunAsUser: new(int64(7))})), want: pass},
		"the kubelet looks":        {rule: rule, edit: runs(set(corev1.SecurityContext{RunAsNonRoot: yes})), want: pass},
		"it looks at all":          {rule: rule, edit: runs(podSet(corev1.PodSecurityContext{RunAsNonRoot: yes})), want: pass},
		"it looks at all but one": {rule: rule, edit: runs(podSet(corev1.PodSecurityContext{RunAsNonRoot: yes}), set(corev1.SecurityContext{RunAsNonRoot: no})), want: fail,
			wantMessage: `container "main" sets no user, and the image sets no user, and runs as root`},
		"the image's, not scanned":     {rule: rule, edit: notScanned(runs()), want: open},
		"the container's, not scanned": {rule: rule, edit: notScanned(runs(set(corev1.SecurityContext{RunAsUser: new(int64(0))}))), want: fail, wantMessage: `container "main" runs as user 0`},
		"ignored": {rule: workloadRule(v1alpha1.WorkloadRule{NonRoot: v1alpha1.RequirementIgnored, NoPrivilegeEscalation: v1alpha1.RequirementRequired}),
			edit: runs(set(corev1.SecurityContext{RunAsUser: new(int64(0)), AllowPrivilegeEscalation: no})), want: pass},
		"all ignored": {rule: workloadRule(v1alpha1.WorkloadRule{NonRoot: v1alpha1.RequirementIgnored}), edit: runs(), want: inError,
			wantMessage: "the rule requires nothing of a workload"},
		"an init container": {rule: rule, want: fail, wantMessage: `container "setup" runs as user 0`, edit: runs(func(s *corev1.PodSpec) {
			s.Containers, s.InitContainers = nil, []corev1.Container{{Name: "setup", SecurityContext: &corev1.SecurityContext{RunAsUser: new(int64(0))}}}
		})},
		"an ephemeral container": {rule: rule, want: fail, wantMessage: `container "debug" runs as user 0`, edit: runs(func(s *corev1.PodSpec) {
			common := corev1.EphemeralContainerCommon{Name: "debug", SecurityContext: &corev1.SecurityContext{RunAsUser: new(int64(0))}}
			s.Containers, s.EphemeralContainers = nil, []corev1.EphemeralContainer{{EphemeralContainerCommon: common}}
		})},
		"no member": {rule: v1alpha1.Rule{Type: v1alpha1.RuleWorkload}, want: inError, wantMessage: "the rule does not set workload"},
	})
}

func TestWorkloadSettings(t *testing.T) {
	readOnly := workloadRule(v1alpha1.WorkloadRule{ReadOnlyRootFilesystem: v1alpha1.RequirementRequired})
	escalation := workloadRule(v1alpha1.WorkloadRule{NoPrivilegeEscalation: v1alpha1.RequirementRequired})
	baseline := workloadRule(v1alpha1.WorkloadRule{Profile: v1alpha1.ProfileBaseline})
	yes, no := new(true), new(false)
	const writes, gains = `container "main" can write to its root filesystem`, `container "main" can gain privileges`
	judgeRules(t, map[string]ruleCase{
		"read-only":             {rule: readOnly, edit: runs(set(corev1.SecurityContext{ReadOnlyRootFilesystem: yes})), want: pass},
		"writable":              {rule: readOnly, edit: runs(set(corev1.SecurityContext{ReadOnlyRootFilesystem: no})), want: fail, wantMessage: writes},
		"writable by default":   {rule: readOnly, edit: runs(), want: fail, wantMessage: writes},
		"no escalation":         {rule: escalation, edit: runs(set(corev1.SecurityContext{AllowPrivilegeEscalation: no})), want: pass},
		"escalation":            {rule: escalation, edit: runs(set(corev1.SecurityContext{AllowPrivilegeEscalation: yes})), want: fail, wantMessage: gains},
		"escalation by default": {rule: escalation, edit: runs(), want: fail, wantMessage: gains},
		"both": {rule: workloadRule(v1alpha1.WorkloadRule{ReadOnlyRootFilesystem: v1alpha1.RequirementRequired, NoPrivilegeEscalation: v1alpha1.RequirementRequired}),
			edit: runs(), want: fail, wantMessage: gains + ", " + writes},
		"a profile that is kept": {rule: baseline, edit: runs(), want: pass},
		"a profile that is not": {rule: baseline, edit: runs(func(s *corev1.PodSpec) { s.HostNetwork = true }), want: fail,
			wantMessage: "host namespaces (hostNetwork=true)"},
		"a profile that there is not": {rule: workloadRule(v1alpha1.WorkloadRule{Profile: "Strict"}), edit: runs(), want: inError,
			wantMessage: `workload.profile "Strict" is not implemented in this version`},
		"a workload of two": {
			rule: baseline, want: fail, wantMessage: "host namespaces (hostPID=true)", wantWorkloads: []string{"CronJob/nightly"},
			edit: func(f *Facts) {
				runs()(f)
				f.Workloads = append(f.Workloads, Workload{Kind: "CronJob", Name: "nightly", Pod: podWith(func(s *corev1.PodSpec) { s.HostPID = true })})
			},
		},
		"workloads with one fault": {
			rule: baseline, want: fail, wantMessage: "host namespaces (hostPID=true)", wantWorkloads: []string{"CronJob/nightly", "Deployment/api"},
			edit: func(f *Facts) {
				runs(func(s *corev1.PodSpec) { s.HostPID = true })(f)
				f.Workloads = append(f.Workloads, Workload{Kind: "CronJob", Name: "nightly", Pod: f.Workloads[0].Pod})
			},
		},
		"workloads with different faults": {
			rule: baseline, want: fail, wantWorkloads: []string{"CronJob/a", "CronJob/b", "Deployment/api"},
			wantMessage: "CronJob/a and 1 more: host namespaces (hostIPC=true); Deployment/api: host namespaces (hostPID=true)",
			edit: func(f *Facts) {
				runs(func(s *corev1.PodSpec) { s.HostPID = true })(f)
				other := podWith(func(s *corev1.PodSpec) { s.HostIPC = true })
				f.Workloads = append(f.Workloads, Workload{Kind: "CronJob", Name: "b", Pod: other}, Workload{Kind: "CronJob", Name: "a", Pod: other})
			},
		},
		"variants of a workload": {
			rule: baseline, want: fail, wantMessage: "host namespaces (hostIPC=true), host namespaces (hostPID=true)",
			edit: func(f *Facts) {
				runs(func(s *corev1.PodSpec) { s.HostPID = true })(f)
				variant := f.Workloads[0]
				variant.Pod = podWith(func(s *corev1.PodSpec) { s.HostIPC = true })
				f.Workloads = append(f.Workloads, variant)
			},
		},
	})
}

// A rule that needs a pod where there is none has not passed.
func TestRulesWithoutAPodAreSkipped(t *testing.T) {
	named := func(name string, r v1alpha1.Rule) v1alpha1.Rule {
		r.Name = name
		return r
	}
	baseline := named("pod", workloadRule(v1alpha1.WorkloadRule{Profile: v1alpha1.ProfileBaseline}))
	skipped := []SkippedRule{{PolicyKind: "ImagePolicy", PolicyName: "p", Rule: "pod", Why: "no container of a known pod runs the image"}}
	none := func(f *Facts) { f.Workloads = nil }
	elsewhere := Workload{Kind: "CronJob", Name: "other", Pod: podWith(func(s *corev1.PodSpec) { s.HostPID = true })}
	tests := map[string]struct {
		rules       []v1alpha1.Rule
		edit        func(*Facts)
		want        v1alpha1.Verdict
		wantSkipped []SkippedRule
	}{
		"nothing runs":                {[]v1alpha1.Rule{baseline}, none, open, skipped},
		"no pod is known":             {[]v1alpha1.Rule{baseline}, func(*Facts) {}, open, skipped},
		"another rule passes":         {[]v1alpha1.Rule{baseline, rule("count", atMost(9))}, none, pass, skipped},
		"another rule fails":          {[]v1alpha1.Rule{baseline, rule("count", atMost(0))}, none, fail, skipped},
		"another's pod is not judged": {[]v1alpha1.Rule{baseline}, func(f *Facts) { f.Workloads = append(f.Workloads, elsewhere) }, open, skipped},
		"a pod is known":              {[]v1alpha1.Rule{baseline}, runs(), pass, nil},
		"not scanned":                 {[]v1alpha1.Rule{baseline, rule("count", atMost(9))}, func(f *Facts) { none(f); unscanned(f) }, open, skipped},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			facts := image(find("CVE-1", "openssl", high))
			facts.Workloads[0].PodLabels = map[string]string{"tier": "backend"}
			tc.edit(&facts)
			p := policyOf("p", tc.rules...)
			if name == "another's pod is not judged" {
				p.Spec.Selector.PodSelector = backend()
			}
			got := Judge(facts, []Policy{p}, nil, start)
			if got.Verdict != tc.want {
				t.Errorf("verdict %s, want %s", got.Verdict, tc.want)
			}
			if diff := cmp.Diff(tc.wantSkipped, got.Skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
		})
	}
}

func backend() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "backend"}}
}
