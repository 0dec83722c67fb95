package api

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/plimsoll-dev/plimsoll/test/controlplane"
)

const (
	chart     = root + "/charts/plimsoll"
	namespace = "plimsoll-system"
	// chartNamespace is where the chart goes, so that both installations can be in one cluster.
	chartNamespace = "plimsoll-chart"
)

// runTool runs one of the pinned tools. Only what it prints on its standard output is returned without an error.
func runTool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	path, err := controlplane.Tool(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String() + stderr.String(), err
	}
	return stdout.String(), nil
}

func mustTool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := runTool(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func kustomized(t *testing.T) string {
	return mustTool(t, "kustomize", "build", root+"/config/default")
}

// templated renders the chart as a release called plimsoll.
func templated(t *testing.T, args ...string) string {
	t.Helper()
	return mustTool(t, "helm", append([]string{"template", "plimsoll", chart, "--namespace", chartNamespace}, args...)...)
}

// indexed objects by kind and name.
func indexed(t *testing.T, stream string) map[string]*unstructured.Unstructured {
	t.Helper()
	byName := map[string]*unstructured.Unstructured{}
	for _, u := range documents(t, []byte(stream)) {
		key := u.GetKind() + "/" + u.GetName()
		if u.GetNamespace() != "" && u.GetNamespace() != namespace && u.GetNamespace() != chartNamespace {
			key += "." + u.GetNamespace()
		}
		if byName[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		byName[key] = u
	}
	return byName
}

// TestChartEqualsBase: the two ways to install differ in labels and namespace alone.
func TestChartEqualsBase(t *testing.T) {
	base := indexed(t, kustomized(t))
	delete(base, "Namespace/"+namespace) // Helm makes it itself, or finds it
	release := indexed(t, templated(t))
	for _, objects := range []map[string]*unstructured.Unstructured{base, release} {
		for key, u := range objects {
			objects[key] = normalized(t, u)
		}
	}
	if len(base) != 17 {
		t.Errorf("the base has %d objects besides its namespace, want 17", len(base))
	}
	if diff := cmp.Diff(base, release); diff != "" {
		t.Errorf("objects (-base +chart):\n%s", diff)
	}
}

// normalized drops what may differ: the names of the namespace, labels that say how it was installed, and Helm's annotation.
func normalized(t *testing.T, u *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	content, err := yaml.Marshal(u.Object)
	if err != nil {
		t.Fatal(err)
	}
	u = documents(t, bytes.ReplaceAll(content, []byte(chartNamespace), []byte(namespace)))[0]
	labels := map[string]string{}
	for key, value := range u.GetLabels() {
		if strings.HasPrefix(key, "rbac.authorization.k8s.io/") {
			labels[key] = value
		}
	}
	u.SetLabels(labels)
	annotations := u.GetAnnotations()
	delete(annotations, "helm.sh/resource-policy")
	u.SetAnnotations(annotations)
	for _, path := range [][]string{
		{"spec", "selector", "app.kubernetes.io/instance"},
		{"spec", "selector", "matchLabels", "app.kubernetes.io/instance"},
		{"spec", "podSelector", "matchLabels", "app.kubernetes.io/instance"},
		{"spec", "template", "metadata", "labels", "app.kubernetes.io/instance"},
	} {
		unstructured.RemoveNestedField(u.Object, path...)
	}
	return u
}

// TestInstall applies both renderings to an API server that enforces the
// restricted profile, and asks it what the operator may do then.
func TestInstall(t *testing.T) {
	ways := map[string]struct {
		namespace string
		render    func(*testing.T) string
	}{
		"kustomize": {namespace, kustomized},
		"helm":      {chartNamespace, func(t *testing.T) string { return restrictedNamespace + templated(t) }},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			manifests := way.render(t)
			noWarning(t, mustKubectl(t, []byte(manifests), "apply", "--server-side", "--force-conflicts", "-f", "-"))
			noWarning(t, mustKubectl(t, podOf(t, manifests), "create", "--dry-run=server", "--namespace", way.namespace, "-f", "-"))
			mayDo(t, "system:serviceaccount:"+way.namespace+":plimsoll", way.namespace)
		})
	}
}

const restrictedNamespace = `apiVersion: v1
kind: Namespace
metadata:
  name: ` + chartNamespace + `
  labels: {pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/warn: restricted}
---
`

func noWarning(t *testing.T, out string) {
	t.Helper()
	if strings.Contains(out, "Warning") {
		t.Errorf("the API server warns:\n%s", out)
	}
}

// podOf makes a Pod of the Deployment's template.
func podOf(t *testing.T, manifests string) []byte {
	t.Helper()
	deployment := indexed(t, manifests)["Deployment/plimsoll"]
	template, _, err := unstructured.NestedMap(deployment.Object, "spec", "template")
	if err != nil {
		t.Fatal(err)
	}
	pod := &unstructured.Unstructured{Object: template}
	pod.SetAPIVersion("v1")
	pod.SetKind("Pod")
	pod.SetName("probe")
	content, err := yaml.Marshal(pod.Object)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestRestrictedIsEnforced proves that the pod above could have been refused.
func TestRestrictedIsEnforced(t *testing.T) {
	manifests := strings.ReplaceAll(kustomized(t), "runAsNonRoot: true", "runAsNonRoot: false")
	mustKubectl(t, []byte(manifests), "apply", "--server-side", "--force-conflicts", "-f", "-")
	out, err := kubectl(t.Context(), podOf(t, manifests), "create", "--dry-run=server", "--namespace", namespace, "-f", "-")
	if err == nil || !strings.Contains(out, `violates PodSecurity "restricted`) {
		t.Errorf("a pod that may run as root: %v\n%s", err, out)
	}
	mustKubectl(t, []byte(kustomized(t)), "apply", "--server-side", "--force-conflicts", "-f", "-")
}

// mayDo holds the operator to its least rights. The namespace "" asks for the whole cluster.
func mayDo(t *testing.T, user, own string) {
	t.Helper()
	cases := []struct {
		verb, resource, namespace string
		allowed                   bool
	}{
		{"list", "secrets", "", false},
		{"get", "secrets", "default", false},
		{"list", "secrets", own, true},
		{"create", "secrets", own, false},
		{"list", "configmaps", "", false},
		{"update", "configmaps", own, true},
		{"create", "leases.coordination.k8s.io", own, true},
		{"create", "leases.coordination.k8s.io", "", false},
		{"watch", "pods", "", true},
		{"delete", "pods", "", false},
		{"create", "pods", own, false},
		{"get", "serviceaccounts", "", true},
		{"list", "serviceaccounts", "", false},
		{"create", "serviceaccounts/token", own, false},
		{"watch", "nodes", "", true},
		{"watch", "replicasets.apps", "", true},
		{"patch", "deployments.apps", "", false},
		{"watch", "cronjobs.batch", "", true},
		{"get", "applications.argoproj.io", "", true},
		{"list", "applications.argoproj.io", "", false},
		{"get", "kustomizations.kustomize.toolkit.fluxcd.io", "", true},
		{"get", "helmreleases.helm.toolkit.fluxcd.io", "", true},
		{"get", "gitrepositories.source.toolkit.fluxcd.io", "", true},
		{"patch", "imageupdates.plimsoll.dev", "", true},
		{"patch", "imageupdates/status.plimsoll.dev", "", true},
		{"patch", "imagereports.plimsoll.dev", "", true},
		{"patch", "imagereports/status.plimsoll.dev", "", true},
		{"patch", "imagepolicies.plimsoll.dev", "", false},
		{"patch", "imagepolicies/status.plimsoll.dev", "", true},
		{"create", "vulnerabilitydatabases.plimsoll.dev", "", true},
		{"patch", "vulnerabilitydatabases.plimsoll.dev", "", false},
		{"delete", "vulnerabilitydatabases.plimsoll.dev", "", false},
		{"patch", "vulnerabilitydatabases/status.plimsoll.dev", "", true},
		{"create", "events", "", true},
		{"create", "events.events.k8s.io", "", true},
		{"create", "tokenreviews.authentication.k8s.io", "", true},
		{"create", "subjectaccessreviews.authorization.k8s.io", "", true},
		{"bind", "clusterroles.rbac.authorization.k8s.io", "", false},
		{"*", "*", "", false},
	}
	for _, tc := range cases {
		if got := allowed(t, user, tc.verb, tc.resource, tc.namespace); got != tc.allowed {
			t.Errorf("%s may %s %s in %q: %t, want %t", user, tc.verb, tc.resource, tc.namespace, got, tc.allowed)
		}
	}
}

// allowed asks about a resource written as resource[/subresource][.group].
func allowed(t *testing.T, user, verb, resource, namespace string) bool {
	t.Helper()
	resource, group, _ := strings.Cut(resource, ".")
	resource, subresource, _ := strings.Cut(resource, "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: group, Resource: resource, Subresource: subresource,
		},
	}}
	answer, err := typed.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status.Allowed
}

func TestSamples(t *testing.T) {
	samples := mustTool(t, "kustomize", "build", root+"/config/samples")
	out := mustKubectl(t, []byte(samples), "create", "--dry-run=server", "--validate=strict", "-f", "-")
	for _, name := range []string{"imagepolicy.plimsoll.dev/fix-in-time", "clusterimagepolicy.plimsoll.dev/production", "clusterimagepolicy.plimsoll.dev/baseline", "vulnerabilitydatabase.plimsoll.dev/default"} {
		if !strings.Contains(out, name) {
			t.Errorf("no %s among the samples:\n%s", name, out)
		}
	}
}

// TestPullSecretsBase gives one namespace's secrets to the operator and no others.
func TestPullSecretsBase(t *testing.T) {
	dir := t.TempDir()
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	absolute, err := filepath.Abs(root + "/config/pull-secrets")
	if err != nil {
		t.Fatal(err)
	}
	base, err := filepath.Rel(resolved, absolute)
	if err != nil {
		t.Fatal(err)
	}
	kustomization := "namespace: shop\nresources: [" + filepath.ToSlash(base) + "]\n"
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	mustKubectl(t, nil, "create", "namespace", "shop")
	mustKubectl(t, []byte(mustTool(t, "kustomize", "build", dir)), "apply", "--server-side", "-f", "-")
	user := "system:serviceaccount:" + namespace + ":plimsoll"
	for place, want := range map[string]bool{"shop": true, "default": false, "": false} {
		if got := allowed(t, user, "get", "secrets", place); got != want {
			t.Errorf("%s may get secrets in %q: %t, want %t", user, place, got, want)
		}
	}
	if allowed(t, user, "list", "secrets", "shop") {
		t.Errorf("%s may list secrets", user)
	}
}
