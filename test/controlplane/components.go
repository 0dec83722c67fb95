package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/plimsoll-dev/plimsoll/test/controlplane/binaries"
)

//go:embed kwok.yaml
var kwokConfig []byte

const (
	loopback     = "127.0.0.1"
	serviceRange = "10.0.0.0/16"
	portAttempts = 5
)

// serviceIP is the address of the kubernetes service: the first one of serviceRange.
var serviceIP = net.IPv4(10, 0, 0, 1)

// startEtcd starts etcd and returns its address. Its peers' port needs no address: it has no peers.
func (c *Cluster) startEtcd(ctx context.Context) (string, error) {
	port, err := c.listening(ctx, binaries.Etcd, "/health", func(port int) []string {
		address := "https://" + hostPort(port)
		return []string{
			"--data-dir=" + filepath.Join(c.dir, "etcd"),
			"--listen-client-urls=" + address,
			"--advertise-client-urls=" + address,
			"--listen-peer-urls=http://" + hostPort(0),
			"--client-cert-auth",
			"--trusted-ca-file=" + c.pkiFile("ca.crt"),
			"--cert-file=" + c.pkiFile("serving.crt"),
			"--key-file=" + c.pkiFile("serving.key"),
			"--unsafe-no-fsync",
			"--log-level=warn",
		}
	})
	return "https://" + hostPort(port), err
}

// startAPIServer starts the API server and returns its address.
func (c *Cluster) startAPIServer(ctx context.Context, etcd string) (string, error) {
	port, err := c.listening(ctx, binaries.APIServer, "/readyz", func(port int) []string {
		args := []string{
			"--etcd-servers=" + etcd,
			"--etcd-cafile=" + c.pkiFile("ca.crt"),
			"--etcd-certfile=" + c.pkiFile("admin.crt"),
			"--etcd-keyfile=" + c.pkiFile("admin.key"),
			"--bind-address=" + loopback,
			"--advertise-address=" + loopback,
			"--secure-port=" + strconv.Itoa(port),
			"--endpoint-reconciler-type=none",
			"--authorization-mode=Node,RBAC",
			// Else a test could not report the digest of an image volume, as kubelets with this gate do.
			"--feature-gates=ImageVolumeWithDigest=true",
			"--allow-privileged",
			"--profiling=false",
			"--service-cluster-ip-range=" + serviceRange,
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-key-file=" + c.pkiFile("sa.pub"),
			"--service-account-signing-key-file=" + c.pkiFile("sa.key"),
			"--client-ca-file=" + c.pkiFile("ca.crt"),
			"--tls-cert-file=" + c.pkiFile("serving.crt"),
			"--tls-private-key-file=" + c.pkiFile("serving.key"),
		}
		if c.options.APIOnly {
			// Nothing makes the service accounts that this plugin would ask for.
			args = append(args, "--disable-admission-plugins=ServiceAccount")
		}
		return append(args, c.options.APIServerArgs...)
	})
	return "https://" + hostPort(port), err
}

func (c *Cluster) startControllerManager(ctx context.Context) error {
	_, err := c.listening(ctx, binaries.ControllerManager, "/healthz", func(port int) []string {
		return append(c.clientArgs(port),
			"--service-account-private-key-file="+c.pkiFile("sa.key"),
			"--root-ca-file="+c.pkiFile("ca.crt"),
		)
	})
	return err
}

func (c *Cluster) startScheduler(ctx context.Context) error {
	_, err := c.listening(ctx, binaries.Scheduler, "/healthz", c.clientArgs)
	return err
}

// clientArgs is what the controller manager and the scheduler share.
func (c *Cluster) clientArgs(port int) []string {
	return []string{
		"--kubeconfig=" + c.Kubeconfig,
		"--leader-elect=false",
		"--kube-api-qps=200",
		"--kube-api-burst=400",
		"--profiling=false",
		"--bind-address=" + loopback,
		"--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + c.pkiFile("serving.crt"),
		"--tls-private-key-file=" + c.pkiFile("serving.key"),
	}
}

// startKWOK needs no port: a fake node serves neither logs nor exec. That its nodes are ready shows that it is.
func (c *Cluster) startKWOK(ctx context.Context) error {
	config := filepath.Join(c.dir, "kwok.yaml")
	if err := os.WriteFile(config, kwokConfig, 0o644); err != nil {
		return fmt.Errorf("write KWOK's stages: %w", err)
	}
	// Without a folder of its own it would also read the user's ~/.kwok.
	env := []string{"KWOK_WORKDIR=" + filepath.Join(c.dir, "kwok")}
	args := []string{"--kubeconfig=" + c.Kubeconfig, "--config=" + config}
	p, err := startProcess(c.dir, "kwok", c.kwok, args, env, c.options.Detached)
	if err != nil {
		return err
	}
	c.processes = append(c.processes, p)
	return p.awaitReady(ctx, c.nodesReady)
}

// listening starts a component on a free port, waits until it answers on the path, and returns the port.
func (c *Cluster) listening(ctx context.Context, name, path string, args func(port int) []string) (int, error) {
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return 0, fmt.Errorf("start %s: %w", name, err)
		}
		p, err := startProcess(c.dir, name, filepath.Join(c.assets, name), args(port), nil, c.options.Detached)
		if err != nil {
			return 0, err
		}
		c.processes = append(c.processes, p)
		url := "https://" + hostPort(port) + path
		err = p.awaitReady(ctx, func(ctx context.Context) error { return c.probe(ctx, url) })
		if !errors.Is(err, errPortTaken) || attempt == portAttempts {
			return port, err
		}
		c.processes = c.processes[:len(c.processes)-1]
	}
}

func (c *Cluster) probe(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := c.prober.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 2048))
		return fmt.Errorf("%s: %s: %s", url, response.Status, body)
	}
	return nil
}

// newProber trusts only this cluster's authority, so another process that took a port cannot pass for ours.
func newProber(keys pki) (*http.Client, error) {
	client, err := tls.X509KeyPair(keys.admin.cert, keys.admin.key)
	if err != nil {
		return nil, fmt.Errorf("load admin certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(keys.ca)
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{client}, MinVersion: tls.VersionTLS12},
	}}, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", hostPort(0))
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func hostPort(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

func (c *Cluster) pkiFile(name string) string { return filepath.Join(c.dir, "pki", name) }
