package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// violates is a check: the policy's only rule is violated, with the message, by the workloads.
func violates(message string, workloads ...string) func(*v1alpha1.ImageReport) string {
	return func(r *v1alpha1.ImageReport) string {
		if len(r.Status.Verdicts) != 1 || len(r.Status.Verdicts[0].Violations) != 1 {
			return fmt.Sprintf("verdicts are %+v, want one violation", r.Status.Verdicts)
		}
		violation := r.Status.Verdicts[0].Violations[0]
		return cmp.Diff(v1alpha1.Violation{Rule: "r", Action: v1alpha1.EnforcementAudit, Message: message, Workloads: workloads}, violation)
	}
}

// withConfig is a small image with a configuration that a test makes up.
func withConfig(t *testing.T, config v1.Config, created time.Time) v1.Image {
	t.Helper()
	deb := vulnerable("sudo")
	deb.Source = "sudo"
	img, err := mutate.Config(compose(t, debian(t, deb)), config)
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.CreatedAt(img, v1.Time{Time: created}); err != nil {
		t.Fatal(err)
	}
	return img
}

// TestPolicyOfEachRuleType: of each type a rule that the image violates, and one that it keeps.
func TestPolicyOfEachRuleType(t *testing.T) {
	ns := namespace(t, nil)
	config := v1.Config{User: "1000", ExposedPorts: map[string]struct{}{"22/tcp": {}}}
	ref := push(t, "rules/app:latest", withConfig(t, config, time.Now()))
	create(t, pod(ns, "app", ref))
	awaitReport(t, ns, ref.Repository, scanned)
	p := imagePolicy(ns, "rules", v1alpha1.Rule{Name: "r", Type: v1alpha1.RuleRegistries, Registries: &v1alpha1.RegistriesRule{Allowed: []string{"**"}}})
	create(t, p)
	for _, step := range []struct {
		violated, kept v1alpha1.Rule
		wantMessage    string
	}{
		{
			violated:    v1alpha1.Rule{Type: v1alpha1.RuleRegistries, Registries: &v1alpha1.RegistriesRule{Allowed: []string{"docker.io/**"}}},
			kept:        v1alpha1.Rule{Type: v1alpha1.RuleRegistries, Registries: &v1alpha1.RegistriesRule{Denied: []string{"docker.io/**"}}},
			wantMessage: ref.Repository + " matches none of the allowed patterns",
		},
		{
			violated:    v1alpha1.Rule{Type: v1alpha1.RulePackages, Packages: &v1alpha1.PackagesRule{DeniedKinds: []v1alpha1.PackageKind{v1alpha1.PackageSudo}}},
			kept:        v1alpha1.Rule{Type: v1alpha1.RulePackages, Packages: &v1alpha1.PackagesRule{Denied: []string{"doas"}}},
			wantMessage: "1 denied package: sudo (Sudo)",
		},
		{
			violated:    v1alpha1.Rule{Type: v1alpha1.RuleImage, Image: &v1alpha1.ImageRule{DeniedTags: []string{"latest"}, DeniedPorts: []int32{22}}},
			kept:        v1alpha1.Rule{Type: v1alpha1.RuleImage, Image: &v1alpha1.ImageRule{MaxAgeDays: new(int32(1)), User: v1alpha1.ImageUserNonRoot}},
			wantMessage: "denied port exposed: 22/tcp; denied tag latest",
		},
		{
			violated:    v1alpha1.Rule{Type: v1alpha1.RuleWorkload, Workload: &v1alpha1.WorkloadRule{ReadOnlyRootFilesystem: v1alpha1.RequirementRequired}},
			kept:        v1alpha1.Rule{Type: v1alpha1.RuleWorkload, Workload: &v1alpha1.WorkloadRule{NonRoot: v1alpha1.RequirementRequired, Profile: v1alpha1.ProfileBaseline}},
			wantMessage: `container "main" can write to its root filesystem`,
		},
	} {
		step.violated.Name, step.kept.Name = "r", "r"
		update(t, p, func(p *v1alpha1.ImagePolicy) { p.Spec.Rules = []v1alpha1.Rule{step.violated} })
		awaitReport(t, ns, ref.Repository, both(hasVerdict(v1alpha1.VerdictFail), violates(step.wantMessage, "Pod/app")))
		update(t, p, func(p *v1alpha1.ImagePolicy) { p.Spec.Rules = []v1alpha1.Rule{step.kept} })
		awaitReport(t, ns, ref.Repository, hasVerdict(v1alpha1.VerdictPass))
	}
}

// TestPolicyFollowsThePodsSettings: a violation names the workloads that violate, until they do not any more.
func TestPolicyFollowsThePodsSettings(t *testing.T) {
	ns := namespace(t, nil)
	ref := small(t, "rules/settings:1")
	good, bad := deployment(ns, "good", ref, 2), deployment(ns, "bad", ref, 2)
	bad.Spec.Template.Spec.HostNetwork = true
	create(t, good)
	create(t, bad)
	create(t, imagePolicy(ns, "pods", v1alpha1.Rule{Name: "r", Type: v1alpha1.RuleWorkload, Workload: &v1alpha1.WorkloadRule{Profile: v1alpha1.ProfileBaseline}}))
	awaitReport(t, ns, ref.Repository, both(scanned, violates("host namespaces (hostNetwork=true)", "Deployment/bad")))

	update(t, bad, func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.HostNetwork = false
		d.Spec.Template.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: new(true)}
	})
	awaitReport(t, ns, ref.Repository, violates(`privileged (container "main" must not set securityContext.privileged=true)`, "Deployment/bad"))
	// Its next pods would be privileged, too.
	scale(t, bad, 0)
	awaitReport(t, ns, ref.Repository, both(usedBy("Deployment/good Running Container:main", "Deployment/bad Idle Container:main"),
		violates(`privileged (container "main" must not set securityContext.privileged=true)`, "Deployment/bad")))
	update(t, bad, func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].SecurityContext = nil })
	scale(t, bad, 1)
	awaitReport(t, ns, ref.Repository, hasVerdict(v1alpha1.VerdictPass))
}

func TestPolicyAgeEndsOnItsSecond(t *testing.T) {
	ns := namespace(t, nil)
	end := time.Now().Add(20 * time.Second).Truncate(time.Second)
	ref := push(t, "rules/aging:1", withConfig(t, v1.Config{}, end.Add(-day)))
	create(t, pod(ns, "app", ref))
	create(t, imagePolicy(ns, "young", v1alpha1.Rule{Name: "r", Type: v1alpha1.RuleImage, Image: &v1alpha1.ImageRule{MaxAgeDays: new(int32(1))}}))
	awaitReport(t, ns, ref.Repository, both(scanned, hasVerdict(v1alpha1.VerdictPass)))
	failed := awaitReport(t, ns, ref.Repository, hasVerdict(v1alpha1.VerdictFail))
	changedOn(t, failed, end)
}
