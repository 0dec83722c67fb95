package playground

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	kruntime "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
)

// Namespace of the operator.
const Namespace = "plimsoll-system"

// Options of a playground.
type Options struct {
	// Dir holds everything; empty: a temporary folder. It is needed where Detached.
	Dir      string
	Detached bool
	Nodes    []controlplane.Node
	// Environment of the operator beside this process's, as NAME=value.
	Environment []string
	// Log takes progress lines; nil: standard error.
	Log func(format string, args ...any)
}

// Playground is a running cluster that has the API of Plimsoll.
type Playground struct {
	Cluster *controlplane.Cluster
	Client  client.WithWatch
	// Kubeconfig of the cluster's administrator.
	Kubeconfig string

	environment []string

	program    string
	restricted string
	operator   *controlplane.Program
	metrics    string
}

// Root is the repository's root.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Start returns when the cluster answers and knows the kinds of Plimsoll.
func Start(ctx context.Context, o Options) (*Playground, error) {
	cluster, err := controlplane.Start(ctx, controlplane.Options{Dir: o.Dir, Detached: o.Detached, KWOKNodes: o.Nodes, Log: o.Log})
	if err != nil {
		return nil, err
	}
	p := &Playground{Cluster: cluster, Kubeconfig: cluster.Kubeconfig, environment: o.Environment}
	for _, step := range []func(context.Context) error{p.connect, p.install, p.restrict, p.build} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, cluster.Stop())
		}
	}
	return p, nil
}

// Scheme of the cluster's and Plimsoll's kinds.
func Scheme() *kruntime.Scheme {
	scheme := kruntime.NewScheme()
	for _, add := range []func(*kruntime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return scheme
}

func (p *Playground) connect(context.Context) error {
	config := p.Cluster.Config()
	config.QPS, config.Burst = 200, 400
	c, err := client.NewWithWatch(config, client.Options{Scheme: Scheme()})
	p.Client = c
	return err
}

// install applies the CRDs and the operator's rights, as a user would.
func (p *Playground) install(ctx context.Context) error {
	steps := [][]string{
		{"apply", "--server-side", "-k", filepath.Join(Root(), "config", "crd")},
		{"wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"},
		{"create", "namespace", Namespace},
		{"apply", "--server-side", "-n", Namespace, "-k", filepath.Join(Root(), "config", "rbac")},
	}
	for _, step := range steps {
		if _, err := p.Kubectl(ctx, step...); err != nil {
			return err
		}
	}
	return nil
}

// restrict writes a kubeconfig that has the rights of the operator's ServiceAccount.
func (p *Playground) restrict(context.Context) error {
	config, err := clientcmd.LoadFromFile(p.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	for _, user := range config.AuthInfos {
		impersonate(user)
	}
	p.restricted = filepath.Join(p.Cluster.Dir(), "operator.kubeconfig")
	return clientcmd.WriteToFile(*config, p.restricted)
}

func impersonate(user *clientcmdapi.AuthInfo) {
	user.Impersonate = "system:serviceaccount:" + Namespace + ":plimsoll"
	user.ImpersonateGroups = []string{"system:serviceaccounts", "system:serviceaccounts:" + Namespace, "system:authenticated"}
}

func (p *Playground) build(ctx context.Context) error {
	p.program = filepath.Join(p.Cluster.Dir(), "bin", "plimsoll")
	command := exec.CommandContext(ctx, "go", "build", "-o", p.program, "./cmd/plimsoll")
	command.Dir = Root()
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build the operator: %w\n%s", err, out)
	}
	return nil
}

// Kubectl runs kubectl as administrator, and returns what it prints.
func (p *Playground) Kubectl(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, p.Cluster.Kubectl, args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+p.Kubeconfig)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// StartOperator starts the operator, which must not run, with further flags.
func (p *Playground) StartOperator(ctx context.Context, flags ...string) error {
	// One that was killed has left its lease, which runs out only after 15 s.
	_, err := p.Kubectl(ctx, "delete", "lease", "--namespace", Namespace, "plimsoll.dev", "--ignore-not-found")
	if err != nil {
		return err
	}
	if p.metrics, err = freeAddress(); err != nil {
		return err
	}
	store := filepath.Join(p.Cluster.Dir(), "store")
	p.operator, err = p.runOperator(ctx, "operator", store, p.metrics, flags...)
	return err
}

// StartReplica starts one more operator, whose process and store have the name. It leads once nobody else does.
func (p *Playground) StartReplica(ctx context.Context, name string, flags ...string) (*controlplane.Program, error) {
	return p.runOperator(ctx, name, filepath.Join(p.Cluster.Dir(), "store-"+name), "0", flags...)
}

func (p *Playground) runOperator(ctx context.Context, name, store, metrics string, flags ...string) (*controlplane.Program, error) {
	probes, err := freeAddress()
	if err != nil {
		return nil, err
	}
	args := append([]string{
		"--store=" + store,
		"--namespace=" + Namespace,
		"--health-probe-bind-address=" + probes,
		"--metrics-bind-address=" + metrics,
		"--metrics-secure=false",
		"--leader-elect",
		"--registry-allowed-addresses=127.0.0.0/8",
	}, flags...)
	ready := func(ctx context.Context) error { return ready(ctx, probes) }
	return p.Cluster.Run(ctx, name, p.program, args, append(slices.Clone(p.environment), "KUBECONFIG="+p.restricted), ready)
}

func ready(ctx context.Context, probes string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+probes+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("operator is not ready: %s", response.Status)
	}
	return nil
}

// Operator is the process that runs now, or ran last.
func (p *Playground) Operator() *controlplane.Program { return p.operator }

// Metrics returns the operator's metrics in Prometheus' text format.
func (p *Playground) Metrics(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.metrics+"/metrics", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	return body.String(), err
}

// Impersonated is a client configuration with the operator's rights.
func (p *Playground) Impersonated() *rest.Config {
	config := p.Cluster.Config()
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + Namespace + ":plimsoll"}
	return config
}

// Stop ends everything.
func (p *Playground) Stop() error { return p.Cluster.Stop() }
