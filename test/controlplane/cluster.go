package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/plimsoll-dev/plimsoll/test/controlplane/binaries"
)

// startTimeout is for everything after the programs are there: an idle machine needs 10 seconds, a busy one minutes.
const startTimeout = 3 * time.Minute

// Options say what to start. The zero value is a cluster without nodes.
type Options struct {
	// Dir holds state, logs, pids and the kubeconfig. A stopped cluster in it is replaced by a
	// new, empty one. Empty: a temporary folder that Stop removes.
	Dir string
	// Detached lets the cluster outlive this process; StopDir ends it. It needs a Dir.
	Detached bool
	// APIOnly starts etcd and the API server alone: no controllers, no scheduling, no pods that run.
	APIOnly bool
	// KWOKNodes are the fake nodes; none: no KWOK.
	KWOKNodes []Node
	// APIServerArgs are appended to the API server's command line.
	APIServerArgs []string
	// Log takes progress lines; nil: standard error.
	Log binaries.Logf
}

// Node is a fake node.
type Node struct {
	Name         string
	Architecture string // as in kubernetes.io/arch: amd64, arm64
}

// Cluster is a running Kubernetes. Its user is in group system:masters.
type Cluster struct {
	Kubeconfig string // path of a file
	Kubectl    string // path of the program

	dir       string
	options   Options
	assets    string // the folder of the control plane's programs
	kwok      string // the program; empty without nodes
	config    *rest.Config
	prober    *http.Client
	etcd      string     // its address
	processes []*process // in the order of their start
	stop      sync.Once
	stopErr   error
}

// Assets returns the folder of the control plane's programs: see binaries.Assets.
func Assets(ctx context.Context, log binaries.Logf) (string, error) {
	return binaries.Assets(ctx, log)
}

// Tool returns the path of a pinned developer tool: see binaries.Tool.
func Tool(ctx context.Context, name string) (string, error) { return binaries.Tool(ctx, name) }

// Start starts a cluster and returns when it answers, its default service account exists and all its nodes are ready.
// After an error nothing of it runs.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	c, err := newCluster(options)
	if err != nil {
		return nil, fmt.Errorf("start cluster: %w", err)
	}
	if err := c.findPrograms(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start cluster: %w", err), c.Stop())
	}
	if err := c.run(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start cluster in %s: %w", c.dir, err), c.Stop())
	}
	return c, nil
}

// findPrograms may take minutes on first use, so its time is not the start's.
func (c *Cluster) findPrograms(ctx context.Context) (err error) {
	need := []string{binaries.Etcd, binaries.APIServer, binaries.Kubectl}
	if !c.options.APIOnly {
		need = append(need, binaries.ControllerManager, binaries.Scheduler)
	}
	c.assets, err = binaries.Assets(ctx, c.options.Log, need...)
	if err != nil {
		return err
	}
	c.Kubectl = filepath.Join(c.assets, binaries.Kubectl)
	if len(c.options.KWOKNodes) > 0 {
		c.kwok, err = binaries.Tool(ctx, "kwok")
	}
	return err
}

// newCluster prepares the folder.
func newCluster(options Options) (*Cluster, error) {
	if options.Log == nil {
		options.Log = log.Printf
	}
	if options.APIOnly && len(options.KWOKNodes) > 0 {
		return nil, errors.New("fake nodes need the controller manager and the scheduler")
	}
	if options.Dir == "" {
		if options.Detached {
			return nil, errors.New("a detached cluster needs a folder that is known later")
		}
		dir, err := os.MkdirTemp("", "plimsoll-cluster-")
		if err != nil {
			return nil, err
		}
		return &Cluster{dir: dir, options: options, Kubeconfig: filepath.Join(dir, "kubeconfig")}, nil
	}
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return nil, err
	}
	if err := clearDir(dir); err != nil {
		return nil, err
	}
	return &Cluster{dir: dir, options: options, Kubeconfig: filepath.Join(dir, "kubeconfig")}, nil
}

// clearDir removes the state of a stopped cluster and refuses where one runs.
func clearDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if Running(dir) {
		return fmt.Errorf("a cluster already runs in %s: stop it first", dir)
	}
	for _, name := range []string{"etcd", "pki", "kubeconfig"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	keys, err := c.makePKI()
	if err != nil {
		return err
	}
	if c.etcd, err = c.startEtcd(ctx); err != nil {
		return err
	}
	server, err := c.startAPIServer(ctx, c.etcd)
	if err != nil {
		return err
	}
	if err := c.writeKubeconfig(server, keys); err != nil {
		return err
	}
	if c.options.APIOnly {
		return nil
	}
	return c.runControllers(ctx)
}

func (c *Cluster) runControllers(ctx context.Context) error {
	if err := c.startControllerManager(ctx); err != nil {
		return err
	}
	if err := c.startScheduler(ctx); err != nil {
		return err
	}
	if err := c.awaitServiceAccount(ctx); err != nil {
		return err
	}
	if len(c.options.KWOKNodes) == 0 {
		return nil
	}
	if err := c.createNodes(ctx); err != nil {
		return err
	}
	return c.startKWOK(ctx)
}

func (c *Cluster) makePKI() (pki, error) {
	keys, err := newPKI(time.Now())
	if err != nil {
		return pki{}, err
	}
	c.prober, err = newProber(keys)
	if err != nil {
		return pki{}, err
	}
	dir := filepath.Join(c.dir, "pki")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return pki{}, fmt.Errorf("make key folder: %w", err)
	}
	return keys, keys.write(dir)
}

// writeKubeconfig writes the one kubeconfig, with everything in it, so that the file can be moved and mounted.
func (c *Cluster) writeKubeconfig(server string, keys pki) error {
	const name = "plimsoll"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: keys.ca}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: keys.admin.cert, ClientKeyData: keys.admin.key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	if err := clientcmd.WriteToFile(*config, c.Kubeconfig); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	var err error
	c.config, err = clientcmd.NewDefaultClientConfig(*config, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("load kubeconfig: %w", err)
	}
	return nil
}

// Config returns a copy of the cluster's client configuration.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Stop ends all processes of the cluster, and removes its folder where that was a temporary one. Calling it
// again is harmless.
func (c *Cluster) Stop() error {
	c.stop.Do(func() { c.stopErr = c.end() })
	return c.stopErr
}

func (c *Cluster) end() error {
	var errs []error
	for i := len(c.processes) - 1; i >= 0; i-- {
		errs = append(errs, c.processes[i].kill())
	}
	if c.options.Dir != "" {
		return errors.Join(append(errs, StopDir(c.dir))...)
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}
