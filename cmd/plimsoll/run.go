package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/controllers"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// serviceTimeout bounds a request to a forge, a pipeline or whoever is notified.
const serviceTimeout = time.Minute

// probePatience is less than the second for which a kubelet waits.
const probePatience = 500 * time.Millisecond

func run(ctx context.Context, f flags) error {
	if err := f.setLoggers(os.Stderr); err != nil {
		return err
	}
	options, err := f.options()
	if err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	config.QPS, config.Burst = 50, 100
	if options.ClusterName, err = f.cluster(ctx, config); err != nil {
		return err
	}
	m, err := ctrl.NewManager(config, f.manager())
	if err != nil {
		return fmt.Errorf("start the manager: %w", err)
	}
	if err := m.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := m.AddReadyzCheck("caches", synced(m.GetCache())); err != nil {
		return err
	}
	if err := controllers.Setup(ctx, m, options); err != nil {
		return fmt.Errorf("set up the controllers: %w", err)
	}
	return m.Start(ctx)
}

// setLoggers has everything that is logged in this process go through one logger to out.
func (f flags) setLoggers(out io.Writer) error {
	level, err := zapcore.ParseLevel(f.logLevel)
	if err != nil {
		return fmt.Errorf("read --log-level: %w", err)
	}
	logger := zap.New(zap.Level(level), zap.WriteTo(out))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	// net/http prints there what a server sends unasked: a registry could write into our log.
	log.SetOutput(io.Discard)
	return nil
}

// synced is ready once all that the controllers watch has been listed. What
// may not be listed shows so as a pod that does not become ready.
func synced(c cache.Cache) healthz.Checker {
	return func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), probePatience)
		defer cancel()
		if !c.WaitForCacheSync(ctx) {
			return errors.New("not all objects have been listed yet")
		}
		return nil
	}
}

func (f flags) manager() ctrl.Options {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err) // Two packages claim one kind: a fault of this build.
		}
	}
	metrics := metricsserver.Options{BindAddress: f.metricsAddress, SecureServing: f.metricsSecure}
	if f.metricsSecure {
		metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return ctrl.Options{
		Scheme:                        scheme,
		Cache:                         controllers.CacheOptions(),
		Metrics:                       metrics,
		HealthProbeBindAddress:        f.probeAddress,
		LeaderElection:                f.leaderElect,
		LeaderElectionID:              "plimsoll.dev",
		LeaderElectionNamespace:       f.namespace,
		LeaderElectionReleaseOnCancel: true,
	}
}

// cluster is the name that leaves it.
func (f flags) cluster(ctx context.Context, config *rest.Config) (string, error) {
	if f.clusterName != "" {
		return f.clusterName, nil
	}
	c, err := client.New(config, client.Options{})
	if err != nil {
		return "", fmt.Errorf("connect to the cluster: %w", err)
	}
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := c.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, namespace); err != nil {
		return "", fmt.Errorf("find the name of the cluster, which --cluster-name would give: %w", err)
	}
	return string(namespace.UID), nil
}

// checksum of this program. A version would not tell two builds of one commit apart.
func checksum() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	file, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (f flags) options() (controllers.Options, error) {
	if err := f.check(); err != nil {
		return controllers.Options{}, err
	}
	addresses, err := prefixes(f.allowedAddresses)
	if err != nil {
		return controllers.Options{}, err
	}
	hosts, err := mirrors(f.mirrors)
	if err != nil {
		return controllers.Options{}, err
	}
	authorities, err := registry.Authorities(f.caFile)
	if err != nil {
		return controllers.Options{}, fmt.Errorf("read --registry-ca-file: %w", err)
	}
	java, err := javaSources(f.javaDatabase)
	if err != nil {
		return controllers.Options{}, err
	}
	images, err := store.Open(filepath.Join(f.store, "images"), store.Options{Extractor: sbom.ExtractorVersion})
	if err != nil {
		return controllers.Options{}, err
	}
	program, err := checksum()
	if err != nil {
		return controllers.Options{}, err
	}
	limits := vulndb.DefaultLimits
	limits.Unpacked = f.databaseMaxBytes
	network := registry.Options{
		AllowedAddresses: addresses,
		InsecureHosts:    f.insecureRegistries,
		Mirrors:          hosts,
		CAs:              authorities,
		UserAgent:        "plimsoll/" + version,
		Now:              time.Now,
		OnBytes:          controllers.RegistryBytes,
	}
	services := network
	services.OnBytes = nil
	return controllers.Options{
		Namespace:         f.namespace,
		Program:           program,
		Now:               time.Now,
		Store:             images,
		StoreEphemeral:    f.storeEphemeral,
		Registry:          registry.New(network),
		HTTP:              &http.Client{Transport: registry.NewTransport(services), Timeout: serviceTimeout},
		BaseInterval:      f.baseInterval,
		ForgeInterval:     f.forgeInterval,
		ArgoCDNamespaces:  f.argoCDNamespaces,
		PullSecrets:       controllers.PullSecrets{Namespace: f.namespace, Namespaces: f.pullSecrets},
		DatabaseSources:   f.databaseSources,
		DatabaseDirectory: filepath.Join(f.store, "database"),
		DatabaseLimits:    limits,
		DatabaseMaxAge:    f.databaseMaxAge,
		AllowRollback:     f.allowDatabaseRollback,
		JavaSources:       java,
		JavaDirectory:     filepath.Join(f.store, "java", "database"),
		ScanLimits:        sbom.Limits{Bytes: f.scanMaxLayerBytes},
		ScanTimeout:       f.scanTimeout,
		ScanConcurrency:   f.scanConcurrency,
		ReportRate:        float64(f.reportRate),
		ReportRetention:   f.reportRetention,
	}, nil
}
