package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func TestDefaults(t *testing.T) {
	cases := map[string]struct {
		kind, plural, spec, want string
	}{
		"policy": {
			"ImagePolicy", "imagepolicies",
			`{rules: [{name: a, type: Vulnerabilities, vulnerabilities: {maxCount: 0}}]}`,
			`{enforcement: Audit, enforceOn: NewImages, unknownImages: Allow, rules: [{name: a, type: Vulnerabilities, action: Deny,
			  vulnerabilities: {maxCount: 0, fix: Any, exploitation: Any, clock: FirstObserved}}]}`,
		},
		"cluster policy": {
			"ClusterImagePolicy", "clusterimagepolicies", `{}`, `{enforcement: Audit, enforceOn: NewImages, unknownImages: Allow}`,
		},
		"remediation": {
			"ImagePolicy", "imagepolicies", `{remediation: {rebuilds: [{name: a, type: Webhook, url: "https://x"}]}}`,
			`{enforcement: Audit, enforceOn: NewImages, unknownImages: Allow, remediation: {updates: DryRun, majors: Never, minReleaseAgeDays: 3, maxOpen: 5,
			  draft: Never, autoMerge: Never, grouping: Base, rebuilds: [{name: a, type: Webhook, url: "https://x", timeoutMinutes: 60}]}}`,
		},
		"database": {
			"VulnerabilityDatabase", "vulnerabilitydatabases",
			`{sources: [{directory: /a}]}`, `{sources: [{directory: /a}], intervalMinutes: 60}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := resource(tc.plural).Create(t.Context(), object(t, tc.kind, "defaults", tc.spec),
				metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			if err != nil {
				t.Fatal(err)
			}
			want := object(t, tc.kind, "defaults", tc.want)
			if diff := cmp.Diff(want.Object["spec"], got.Object["spec"]); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
		})
	}
}

// store writes an object of our Go types with its status, as the operator does,
// and refuses what the API server would drop.
func store(t *testing.T, kind, plural string, typed any) {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetAPIVersion(v1alpha1.GroupVersion.String())
	u.SetKind(kind)
	created, err := resource(plural).Create(t.Context(), u, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustKubectl(t, nil, "delete", plural, u.GetName()) })
	created.Object["status"] = fields["status"]
	updated, err := resource(plural).UpdateStatus(t.Context(), created, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fields["status"], updated.Object["status"]); diff != "" {
		t.Errorf("status as the API server keeps it (-want +got):\n%s", diff)
	}
}

func condition(kind string, status metav1.ConditionStatus) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: "Succeeded", ObservedGeneration: 1, LastTransitionTime: now()}
}

// now is a fixed time: ages are not compared.
func now() metav1.Time { return metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) }

func TestReportColumnsAndSelectors(t *testing.T) {
	store(t, "ImageReport", "imagereports", fullReport())
	got := table(mustKubectl(t, nil, "get", "imrep"))
	want := [][]string{
		{"NAME", "IMAGE", "VERDICT", "CRITICAL", "HIGH", "FIXABLE", "UPDATE", "AGE"},
		{"api-9f2c1b7e04", "registry.example.com/shop/api:1.8.2", "Fail", "3", "12", "9", "Proposed"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	got = table(mustKubectl(t, nil, "get", "imrep", "-o", "wide"))
	wantWide := []string{"DIGEST", "PLATFORM", "MEDIUM", "LOW", "UNKNOWN", "BASE", "READY"}
	if diff := cmp.Diff(append(want[0], wantWide...), got[0]); diff != "" {
		t.Errorf("wide columns (-want +got):\n%s", diff)
	}
	for selector, found := range map[string]bool{
		"status.verdict=Fail": true, "status.verdict=Pass": false,
		"spec.repository=registry.example.com/shop/api": true, "spec.repository=x": false,
		"spec.digest=" + fullReport().Spec.Digest: true, "spec.digest=x": false,
	} {
		out := mustKubectl(t, nil, "get", "imrep", "--field-selector", selector, "-o", "name")
		if strings.Contains(out, "api-9f2c1b7e04") != found {
			t.Errorf("selector %s finds %q", selector, out)
		}
	}
	if out := mustKubectl(t, nil, "get", "plimsoll", "-o", "name"); !strings.Contains(out, "imagereport.plimsoll.dev/api-9f2c1b7e04") {
		t.Errorf("the category finds %q", out)
	}
}

func TestColumnsOfOtherKinds(t *testing.T) {
	images := &v1alpha1.PolicyImages{Matched: 7, Passing: 4, Failing: 2, Unknown: 1}
	status := v1alpha1.ImagePolicyStatus{
		ObservedGeneration: 1, Images: images, Conditions: []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionTrue)},
		Violations: []v1alpha1.RuleViolations{{Rule: "a", Images: 2}},
	}
	built := now()
	cases := map[string]struct {
		kind  string
		typed any
		want  []string
		row   []string
	}{
		"imagepolicies": {
			"ImagePolicy", &v1alpha1.ImagePolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: v1alpha1.ImagePolicySpec{}, Status: status},
			[]string{"NAME", "ENFORCEMENT", "MATCHED", "PASSING", "FAILING", "READY", "AGE"}, []string{"p", "Audit", "7", "4", "2", "True"},
		},
		"clusterimagepolicies": {
			"ClusterImagePolicy", &v1alpha1.ClusterImagePolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Status: status},
			[]string{"NAME", "ENFORCEMENT", "MATCHED", "PASSING", "FAILING", "READY", "AGE"}, []string{"p", "Audit", "7", "4", "2", "True"},
		},
		"imageupdates": {
			"ImageUpdate", fullUpdate(),
			[]string{"NAME", "BASE", "TO", "FIXES", "ADDS", "PHASE", "READY", "AGE"},
			[]string{"u", "docker.io/library/debian:12.1", "12.2", "1", "0", "Proposed", "True"},
		},
		"vulnerabilitydatabases": {
			"VulnerabilityDatabase", fullDatabase(&built),
			[]string{"NAME", "REVISION", "BUILT", "CHECKED", "IMAGES", "UNCOVERED", "FRESH", "AGE"}, []string{"d", "sha256:r", "*", "*", "5", "1", "True"},
		},
	}
	for plural, tc := range cases {
		t.Run(plural, func(t *testing.T) {
			store(t, tc.kind, plural, tc.typed)
			got := table(mustKubectl(t, nil, "get", plural))
			for i, cell := range tc.row {
				if cell == "*" && len(got) > 1 && len(got[1]) > i {
					got[1][i] = "*" // an age
				}
			}
			if diff := cmp.Diff([][]string{tc.want, tc.row}, got); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
		})
	}
}

// table splits what kubectl prints, and leaves out the last cell of the rows, the age.
func table(out string) [][]string {
	var rows [][]string
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		cells := strings.Fields(line)
		if i > 0 {
			cells = cells[:len(cells)-1]
		}
		rows = append(rows, cells)
	}
	return rows
}
