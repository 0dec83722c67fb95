package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/plimsoll-dev/plimsoll/test/controlplane"
)

const (
	root     = "../.."
	crdFiles = root + "/config/crd/bases/*.yaml"
	group    = "plimsoll.dev"
	version  = "v1alpha1"
)

// The one API server of this package's tests, and ways to talk to it.
var (
	cluster *controlplane.Cluster
	client  dynamic.Interface
	typed   kubernetes.Interface
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	cluster, err = controlplane.Start(ctx, controlplane.Options{APIOnly: true})
	if err != nil {
		return 0, err
	}
	defer func() {
		if stopErr := cluster.Stop(); err == nil {
			err = stopErr
		}
	}()
	// Requests are many and small here; the default of 5 a second would be the slowest part.
	config := cluster.Config()
	config.QPS = -1
	if client, err = dynamic.NewForConfig(config); err != nil {
		return 0, err
	}
	if typed, err = kubernetes.NewForConfig(config); err != nil {
		return 0, err
	}
	if out, err := kubectl(ctx, nil, "apply", "--server-side", "-f", root+"/config/crd/bases"); err != nil {
		return 0, fmt.Errorf("apply CRDs: %w\n%s", err, out)
	}
	if out, err := kubectl(ctx, nil, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"); err != nil {
		return 0, fmt.Errorf("wait for CRDs: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// kubectl runs it against the tests' API server and returns all that it prints.
func kubectl(ctx context.Context, stdin []byte, args ...string) (string, error) {
	return kubectlIn(ctx, cluster, stdin, args...)
}

func kubectlIn(ctx context.Context, c *controlplane.Cluster, stdin []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.Kubectl, append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustKubectl(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	return mustKubectlIn(t, cluster, stdin, args...)
}

func mustKubectlIn(t *testing.T, c *controlplane.Cluster, stdin []byte, args ...string) string {
	t.Helper()
	// Clean-ups run after the test's context has ended.
	out, err := kubectlIn(context.WithoutCancel(t.Context()), c, stdin, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// resource returns the client of one of our kinds by its plural. Namespaced ones are used in "default".
func resource(plural string) dynamic.ResourceInterface {
	r := client.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: plural})
	if plural == "clusterimagepolicies" || plural == "vulnerabilitydatabases" {
		return r
	}
	return r.Namespace(metav1.NamespaceDefault)
}

// object returns an object of one of our kinds with a spec written in YAML.
func object(t *testing.T, kind, name, spec string) *unstructured.Unstructured {
	t.Helper()
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(spec), &fields); err != nil {
		t.Fatalf("spec of %s: %v\n%s", kind, err, spec)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"spec": fields}}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: version, Kind: kind})
	u.SetName(name)
	return u
}

// crds returns our committed CustomResourceDefinitions by kind.
func crds(t *testing.T) map[string]*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	files, err := filepath.Glob(crdFiles)
	if err != nil || len(files) == 0 {
		t.Fatalf("find %s: %v", crdFiles, err)
	}
	byKind := map[string]*apiextensionsv1.CustomResourceDefinition{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(content, crd); err != nil {
			t.Fatalf("parse %s: %v", file, err)
		}
		byKind[crd.Spec.Names.Kind] = crd
	}
	return byKind
}

// documents parses a stream of YAML documents.
func documents(t *testing.T, stream []byte) []*unstructured.Unstructured {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(stream), 4096)
	var objects []*unstructured.Unstructured
	for {
		u := &unstructured.Unstructured{}
		err := decoder.Decode(&u.Object)
		if err == io.EOF {
			return objects
		}
		if err != nil {
			t.Fatalf("parse manifests: %v", err)
		}
		if len(u.Object) > 0 {
			objects = append(objects, u)
		}
	}
}
