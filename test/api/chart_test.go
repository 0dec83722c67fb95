package api

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/plimsoll-dev/plimsoll/test/controlplane"
)

func TestChartLint(t *testing.T) {
	out := mustTool(t, "helm", "lint", "--strict", chart)
	if strings.Contains(out, "[WARNING]") || strings.Contains(out, "[ERROR]") {
		t.Errorf("helm lint:\n%s", out)
	}
}

// TestChartCRDs: the chart's files are copies, and only Helm's annotation is put in.
func TestChartCRDs(t *testing.T) {
	originals, err := filepath.Glob(crdFiles)
	if err != nil || len(originals) != 5 {
		t.Fatalf("%d CRDs in %s, want 5: %v", len(originals), crdFiles, err)
	}
	copies, err := filepath.Glob(chart + "/files/crds/*")
	if err != nil || len(copies) != len(originals) {
		t.Fatalf("%d CRDs in the chart, want %d: %v", len(copies), len(originals), err)
	}
	for _, file := range originals {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(chart, "files/crds", filepath.Base(file)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("the chart's copy of %s differs: copy config/crd/bases to charts/plimsoll/files/crds", filepath.Base(file))
		}
	}
	for flag, want := range map[string]string{"true": "keep", "false": ""} {
		for key, u := range indexed(t, templated(t, "--set", "crds.keep="+flag)) {
			if got := u.GetAnnotations()["helm.sh/resource-policy"]; u.GetKind() == "CustomResourceDefinition" && got != want {
				t.Errorf("crds.keep=%s: policy of %s is %q, want %q", flag, key, got, want)
			}
		}
	}
}

func TestChartRefuses(t *testing.T) {
	cases := map[string]struct{ set, want string }{
		"two replicas":       {"replicas=2", "replicas: 2: more than one replica needs a shared store, which is not implemented in this version"},
		"unknown value":      {"replicaCount=1", "additional properties 'replicaCount' not allowed"},
		"unknown part":       {"crds.install=true", "additional properties 'install' not allowed"},
		"source of no kind":  {"database.sources[0].url=https://x", "/database/sources/0"},
		"two sources in one": {"database.sources={a/b\\,c/d}", "/database/sources/0"},
		"a Java source":      {"javaDatabase.sources={a b}", "/javaDatabase/sources/0"},
		"wrong level":        {"logLevel=loud", "/logLevel"},
		"wrong digest":       {"image.digest=latest", "/image/digest"},
		"wrong duration":     {"reportRetention=1day", "/reportRetention"},
		"name with a space":  {"remediation.clusterName=a b", "/remediation/clusterName"},
		"wrong interval":     {"remediation.baseInterval=daily", "/remediation/baseInterval"},
		"negative interval":  {"remediation.forgeInterval=-1m", "/remediation/forgeInterval"},
		"negative size":      {"database.maxBytes=-1", "/database/maxBytes"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := runTool(t, "helm", "template", "plimsoll", chart, "--set", tc.set)
			if err == nil || !strings.Contains(out, tc.want) {
				t.Errorf("--set %s: %v, want %q in\n%s", tc.set, err, tc.want, out)
			}
		})
	}
}

func TestChartArguments(t *testing.T) {
	always := []string{"--store=/var/lib/plimsoll", "--metrics-bind-address=:8443", "--health-probe-bind-address=:8081", "--leader-elect"}
	const sources = "--database-sources=mirror.gcr.io/aquasec/trivy-db:2,ghcr.io/aquasecurity/trivy-db:2"
	// A value, and the arguments that follow those that are always there.
	cases := map[string][]string{
		"replicas=1":            {sources},
		"database.sources=null": nil,
		"database.sources={a.example/db:2,/mnt/db}":             {"--database-sources=a.example/db:2,/mnt/db"},
		"persistence.enabled=false":                             {"--store-ephemeral", sources},
		"reportRetention=1h30m":                                 {"--report-retention=1h30m", sources},
		"reportRate=50":                                         {"--report-rate=50", sources},
		"scan.concurrency=4":                                    {"--scan-concurrency=4", sources},
		"remediation.clusterName=east":                          {"--cluster-name=east", sources},
		"remediation.baseInterval=30m":                          {"--base-interval=30m", sources},
		"remediation.forgeInterval=1m30s":                       {"--forge-interval=1m30s", sources},
		"remediation.argoCDNamespaces={argo,ops}":               {"--argocd-namespaces=argo,ops", sources},
		"logLevel=debug":                                        {"--log-level=debug", sources},
		"database.allowRollback=true":                           {sources, "--allow-database-rollback"},
		"database.maxBytes=3000000000":                          {sources, "--database-max-bytes=3000000000"},
		"javaDatabase.sources={a.example/j:1,b.example/j:1}":    {sources, "--java-database=a.example/j:1,b.example/j:1"},
		"registry.caConfigMap=ca":                               {sources, "--registry-ca-file=/etc/plimsoll/registry-ca/ca.crt"},
		"registry.insecure={a,b:5000}":                          {sources, "--insecure-registries=a,b:5000"},
		"registry.mirrors={a=b,c=d}":                            {sources, "--registry-mirrors=a=b,c=d"},
		"pullSecrets.namespaces={a,b}":                          {sources, "--pull-secrets=a,b"},
		"extraArgs={--x=1,--y}":                                 {sources, "--x=1", "--y"},
		"registry.allowedAddresses={10.0.0.0/8,192.168.0.0/16}": {sources, "--registry-allowed-addresses=10.0.0.0/8,192.168.0.0/16"},
	}
	flags, err := os.ReadFile(root + "/cmd/plimsoll/flags.go")
	if err != nil {
		t.Fatal(err)
	}
	for set, want := range cases {
		t.Run(set, func(t *testing.T) {
			for _, arg := range append(want, always...) {
				name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
				if !strings.HasPrefix(set, "extraArgs") && !strings.Contains(string(flags), `"`+name+`", `) {
					t.Errorf("the operator has no flag --%s", name)
				}
			}
			container := containerOf(t, indexed(t, templated(t, "--set", set))["Deployment/plimsoll"])
			got, _, err := unstructured.NestedStringSlice(container, "args")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(append([]string{}, always...), want...), got); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

func containerOf(t *testing.T, deployment *unstructured.Unstructured) map[string]any {
	t.Helper()
	containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 {
		t.Fatalf("%d containers, want 1: %v", len(containers), err)
	}
	return containers[0].(map[string]any)
}

// TestChartOptions says which objects a value adds (+) or takes away (-).
func TestChartOptions(t *testing.T) {
	cases := map[string]struct {
		args []string
		want []string
	}{
		"pull secrets": {[]string{"--set", "pullSecrets.namespaces={a,b}"}, []string{
			"+Role/plimsoll-pull-secrets.a", "+Role/plimsoll-pull-secrets.b", "+RoleBinding/plimsoll-pull-secrets.a", "+RoleBinding/plimsoll-pull-secrets.b"}},
		"disruption budget":     {[]string{"--set", "podDisruptionBudget.enabled=true"}, []string{"+PodDisruptionBudget/plimsoll"}},
		"monitor, unknown kind": {[]string{"--set", "serviceMonitor.enabled=true"}, nil},
		"monitor":               {[]string{"--set", "serviceMonitor.enabled=true", "--api-versions=monitoring.coreos.com/v1/ServiceMonitor"}, []string{"+ServiceMonitor/plimsoll"}},
		"no network policy":     {[]string{"--set", "networkPolicy.enabled=false"}, []string{"-NetworkPolicy/plimsoll"}},
		"no persistence":        {[]string{"--set", "persistence.enabled=false"}, []string{"-PersistentVolumeClaim/plimsoll"}},
		"given claim":           {[]string{"--set", "persistence.existingClaim=mine"}, []string{"-PersistentVolumeClaim/plimsoll"}},
		"no CRDs": {[]string{"--set", "crds.enabled=false"}, []string{
			"-CustomResourceDefinition/clusterimagepolicies.plimsoll.dev", "-CustomResourceDefinition/imagepolicies.plimsoll.dev",
			"-CustomResourceDefinition/imagereports.plimsoll.dev", "-CustomResourceDefinition/imageupdates.plimsoll.dev",
			"-CustomResourceDefinition/vulnerabilitydatabases.plimsoll.dev"}},
	}
	before := indexed(t, templated(t))
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			after := indexed(t, templated(t, tc.args...))
			got := map[string]bool{}
			for key := range after {
				if before[key] == nil {
					got["+"+key] = true
				}
			}
			for key := range before {
				if after[key] == nil {
					got["-"+key] = true
				}
			}
			want := map[string]bool{}
			for _, key := range tc.want {
				want[key] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChartVolumes(t *testing.T) {
	cases := map[string]struct {
		set  string
		want map[string]any
	}{
		"claim":       {"persistence.enabled=true", map[string]any{"name": "store", "persistentVolumeClaim": map[string]any{"claimName": "plimsoll"}}},
		"given claim": {"persistence.existingClaim=mine", map[string]any{"name": "store", "persistentVolumeClaim": map[string]any{"claimName": "mine"}}},
		"none":        {"persistence.enabled=false", map[string]any{"name": "store", "emptyDir": map[string]any{}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			deployment := indexed(t, templated(t, "--set", tc.set))["Deployment/plimsoll"]
			volumes, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "volumes")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(any(tc.want), volumes[0]); diff != "" {
				t.Errorf("volume of the store (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChartImage(t *testing.T) {
	digest := "sha256:" + long("a", 64)
	cases := map[string]struct{ set, want string }{
		"default": {"replicas=1", "ghcr.io/plimsoll-dev/plimsoll:v0.1.0"},
		"tag":     {"image.tag=v9", "ghcr.io/plimsoll-dev/plimsoll:v9"},
		"digest":  {"image.tag=v9,image.digest=" + digest, "ghcr.io/plimsoll-dev/plimsoll@" + digest},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			container := containerOf(t, indexed(t, templated(t, "--set", tc.set))["Deployment/plimsoll"])
			if container["image"] != tc.want {
				t.Errorf("image %v, want %s", container["image"], tc.want)
			}
		})
	}
}

// TestChartRelease installs, upgrades and uninstalls with Helm itself, in a cluster that has never heard of our kinds.
func TestChartRelease(t *testing.T) {
	fresh, err := controlplane.Start(t.Context(), controlplane.Options{APIOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fresh.Stop(); err != nil {
			t.Error(err)
		}
	})
	helm := func(args ...string) string {
		return mustTool(t, "helm", append(args, "--namespace", chartNamespace, "--kubeconfig", fresh.Kubeconfig)...)
	}
	kubectl := func(args ...string) string { return mustKubectlIn(t, fresh, nil, args...) }
	upgrade := []string{"upgrade", "--install", "plimsoll", chart, "--create-namespace"}

	helm(upgrade...)
	kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
	// The release makes no VulnerabilityDatabase, so that an upgrade changes none either.
	kubectl("create", "-f", root+"/config/samples/vulnerabilitydatabase.yaml")
	before := kubectl("get", "vdb", "default", "-o", "jsonpath={.metadata.resourceVersion}")
	helm(append(upgrade, "--set", "database.sources={a.example/db:2}")...)
	if after := kubectl("get", "vdb", "default", "-o", "jsonpath={.metadata.resourceVersion}"); after != before {
		t.Errorf("an upgrade changes the VulnerabilityDatabase: resource version %s, was %s", after, before)
	}
	if out := helm(append(upgrade, "--set", "database.sources=null")...); !strings.Contains(out, "no image is judged") {
		t.Errorf("the notes do not say that there will be no database:\n%s", out)
	}
	helm("uninstall", "plimsoll")
	if out := kubectl("get", "crd", "-o", "name"); strings.Count(out, ".plimsoll.dev") != 5 {
		t.Errorf("CRDs that are left after the release:\n%s", out)
	}
}
