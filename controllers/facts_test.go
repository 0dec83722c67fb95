package controllers

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	standards "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// standardVersion is the newest for which the module of the standards has pods.
const standardVersion = "v1.37"

// standardPods are upstream's pods that keep a profile, or do not, by the names of their files.
func standardPods(t *testing.T, profile, result string) map[string]*corev1.Pod {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output()
	if err != nil {
		t.Fatalf("find the module of the Pod Security Standards: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "test/testdata", profile, standardVersion, result, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of pods: %v", len(files), err)
	}
	pods := map[string]*corev1.Pod{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pod := &corev1.Pod{}
		if err := yaml.UnmarshalStrict(content, pod); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		pods[strings.TrimSuffix(filepath.Base(file), ".yaml")] = pod
	}
	return pods
}

// judgePod judges a pod as the operator sees it: stripped, and through the inventory.
func judgePod(t *testing.T, pod *corev1.Pod, profile v1alpha1.PodSecurityProfile, containers ...string) v1alpha1.PolicyVerdict {
	t.Helper()
	object, err := stripPod(pod.DeepCopy())
	if err != nil {
		t.Fatal(err)
	}
	taken := inventory.NewPod(object.(*corev1.Pod), amd64, inventory.Owner{Kind: "Pod", Name: pod.Name})
	workloads, err := policyWorkloads([]inventory.Workload{{
		Owner: taken.Owner, Variants: []inventory.Variant{{Containers: containers, Security: taken.Security}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	rule := v1alpha1.Rule{Name: "pod", Type: v1alpha1.RuleWorkload, Workload: &v1alpha1.WorkloadRule{Profile: profile}}
	policies := []policy.Policy{{Name: "p", Spec: v1alpha1.ImagePolicySpec{Rules: []v1alpha1.Rule{rule}}}}
	return policy.Judge(policy.Facts{Scanned: true, Workloads: workloads}, policies, nil, time.Unix(0, 0)).Verdicts[0]
}

func containerNames(pod *corev1.Pod) []string {
	var names []string
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		names = append(names, c.Name)
	}
	return names
}

// Of each control, a pod that keeps it and one that does not, as Kubernetes itself tests them.
func TestWorkloadsAreJudgedByThePodSecurityStandards(t *testing.T) {
	number := regexp.MustCompile(`[0-9]+$`)
	controls := map[string]bool{}
	for _, profile := range []v1alpha1.PodSecurityProfile{v1alpha1.ProfileBaseline, v1alpha1.ProfileRestricted} {
		for result, want := range map[string]v1alpha1.Verdict{"pass": v1alpha1.VerdictPass, "fail": v1alpha1.VerdictFail} {
			for name, pod := range standardPods(t, strings.ToLower(string(profile)), result) {
				t.Run(string(profile)+"/"+result+"/"+name, func(t *testing.T) {
					got := judgePod(t, pod, profile, containerNames(pod)...)
					if got.Result != want {
						t.Errorf("%+v, want %s", got, want)
					}
				})
				if result == "fail" {
					controls[number.ReplaceAllString(name, "")] = true
				}
			}
		}
	}
	for _, check := range standards.DefaultChecks() {
		if !controls[strings.ToLower(string(check.ID))] {
			t.Errorf("no pod fails control %s, but those of %v", check.ID, slices.Sorted(maps.Keys(controls)))
		}
	}
}

// What the inventory drops must not matter to any profile, whatever kind of volume comes next.
func TestDroppedVolumesAreThoseThatEachProfileAllows(t *testing.T) {
	evaluator, err := standards.NewEvaluator(standards.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	sources := reflect.TypeFor[corev1.VolumeSource]()
	for i := range sources.NumField() {
		var source corev1.VolumeSource
		field := sources.Field(i)
		reflect.ValueOf(&source).Elem().Field(i).Set(reflect.New(field.Type.Elem()))
		spec := corev1.PodSpec{Volumes: []corev1.Volume{{Name: "v", VolumeSource: source}}}
		kept := inventory.SecuritySpec(&spec)
		for _, level := range []api.Level{api.LevelBaseline, api.LevelRestricted} {
			judge := func(spec *corev1.PodSpec) bool {
				results := evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()}, &metav1.ObjectMeta{}, spec)
				return standards.AggregateCheckResults(results).Allowed
			}
			if full, stripped := judge(&spec), judge(&kept); full != stripped {
				t.Errorf("volume %s at %s: allowed %t, but %t once stripped", field.Name, level, full, stripped)
			}
		}
	}
}

// A container is judged with its own image, and not for its neighbours.
func TestOnlyContainersThatRunTheImageAreJudged(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Annotations: map[string]string{
			corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix + "worse": "unconfined",
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "good"}, {Name: "bad", SecurityContext: &corev1.SecurityContext{Privileged: new(true)}}, {Name: "worse"},
		}},
	}
	for _, tc := range []struct {
		containers []string
		want       v1alpha1.Verdict
	}{
		{[]string{"good"}, v1alpha1.VerdictPass},
		{[]string{"bad"}, v1alpha1.VerdictFail},
		{[]string{"worse"}, v1alpha1.VerdictFail},
		{[]string{"bad", "good"}, v1alpha1.VerdictFail},
		{nil, v1alpha1.VerdictUnknown}, // a volume
	} {
		if got := judgePod(t, pod, v1alpha1.ProfileBaseline, tc.containers...); got.Result != tc.want {
			t.Errorf("%v: %+v, want %s", tc.containers, got, tc.want)
		}
	}
}
