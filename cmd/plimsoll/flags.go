package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/source"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// flags are the operator's settings, as the command line gives them.
type flags struct {
	namespace      string
	store          string
	storeEphemeral bool
	metricsAddress string
	metricsSecure  bool
	probeAddress   string
	leaderElect    bool
	logLevel       string

	reportRetention time.Duration
	reportRate      int

	allowedAddresses   []string
	insecureRegistries []string
	mirrors            []string
	caFile             string
	pullSecrets        []string

	scanConcurrency   int
	scanTimeout       time.Duration
	scanMaxLayerBytes int64

	databaseSources       []string
	databaseMaxBytes      int64
	databaseMaxAge        time.Duration
	allowDatabaseRollback bool

	javaDatabase []string

	clusterName   string
	baseInterval  time.Duration
	forgeInterval time.Duration

	argoCDNamespaces []string
}

func newCommand() *cobra.Command {
	var f flags
	command := &cobra.Command{
		Use:           "plimsoll",
		Short:         "Watch every image that runs in a cluster, and judge it again whenever the vulnerability database changes",
		Version:       version,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(c *cobra.Command, _ []string) error { return run(c.Context(), f) },
	}
	f.add(command)
	return command
}

func (f *flags) add(command *cobra.Command) {
	set := command.Flags()
	namespace := os.Getenv("POD_NAMESPACE")
	if namespace == "" {
		namespace = "plimsoll-system"
	}
	set.StringVar(&f.namespace, "namespace", namespace, "the operator's own namespace; by default the environment's POD_NAMESPACE")
	set.StringVar(&f.store, "store", "/var/lib/plimsoll", "directory for what was extracted of images, and for the vulnerability database")
	set.BoolVar(&f.storeEphemeral, "store-ephemeral", false, "say in the status that the store does not outlive the pod")
	set.StringVar(&f.metricsAddress, "metrics-bind-address", "0", "address of the metrics, 0 for none")
	set.BoolVar(&f.metricsSecure, "metrics-secure", true, "serve metrics over HTTPS, and to authorized users only")
	set.StringVar(&f.probeAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz, 0 for none")
	set.BoolVar(&f.leaderElect, "leader-elect", false, "work only while holding the lease in the operator's namespace")
	set.StringVar(&f.logLevel, "log-level", "info", "debug, info or error")

	set.DurationVar(&f.reportRetention, "report-retention", 24*time.Hour, "how long a report outlives the last use of its image")
	set.IntVar(&f.reportRate, "report-rate", 20, "how many reports are written a second at the most")

	set.StringSliceVar(&f.allowedAddresses, "registry-allowed-addresses", nil, "networks (CIDR) beside the public ones in which registries may be")
	set.StringSliceVar(&f.insecureRegistries, "insecure-registries", nil, "registries (host[:port]) without TLS")
	set.StringSliceVar(&f.mirrors, "registry-mirrors", nil, "mirrors as registry=mirror; the first of several for one registry is tried first")
	set.StringVar(&f.caFile, "registry-ca-file", "", "PEM file of certificate authorities to trust beside the system's")
	set.StringSliceVar(&f.pullSecrets, "pull-secrets", nil, "namespaces whose pull secrets may be read; beside them only the operator's own")

	set.IntVar(&f.scanConcurrency, "scan-concurrency", 2, "how many images are pulled and read at the same time")
	set.DurationVar(&f.scanTimeout, "scan-timeout", 15*time.Minute, "how long one layer may take to pull and read")
	set.Int64Var(&f.scanMaxLayerBytes, "scan-max-layer-bytes", 8<<30, "largest uncompressed layer that is read, in bytes")

	set.StringSliceVar(&f.databaseSources, "database-sources", nil, "OCI references, or absolute paths of directories, of the VulnerabilityDatabase called default that is made at the start where there is none")
	set.Int64Var(&f.databaseMaxBytes, "database-max-bytes", vulndb.DefaultLimits.Unpacked, "largest vulnerability database that is used, unpacked, in bytes")
	set.DurationVar(&f.databaseMaxAge, "database-max-age", 5*24*time.Hour, "age from which a vulnerability database is called outdated")
	set.BoolVar(&f.allowDatabaseRollback, "allow-database-rollback", false, "let a source replace the vulnerability database by an older one")

	set.StringSliceVar(&f.javaDatabase, "java-database", nil, "OCI references, or one absolute path of a directory, of the database that names Java archives which do not say their group; none is used by default")

	set.StringVar(&f.clusterName, "cluster-name", "", "name of the cluster in pull requests, triggers and notifications; by default the UID of the namespace kube-system")
	set.DurationVar(&f.baseInterval, "base-interval", time.Hour, "how often the tags of base images are looked at")
	set.DurationVar(&f.forgeInterval, "forge-interval", 5*time.Minute, "how often open pull requests are looked at")
	set.StringSliceVar(&f.argoCDNamespaces, "argocd-namespaces", source.ArgoCDNamespaces, "namespaces in which Argo CD is installed; Applications elsewhere are found where the mark of the workload names their namespace")
}

// check refuses numbers that would stop the operator from working.
func (f *flags) check() error {
	for _, flag := range []struct {
		name  string
		value int64
	}{
		{"report-rate", int64(f.reportRate)},
		{"scan-concurrency", int64(f.scanConcurrency)},
		{"scan-timeout", int64(f.scanTimeout)},
		{"scan-max-layer-bytes", f.scanMaxLayerBytes},
		{"database-max-bytes", f.databaseMaxBytes},
		{"database-max-age", int64(f.databaseMaxAge)},
		{"base-interval", int64(f.baseInterval)},
		{"forge-interval", int64(f.forgeInterval)},
	} {
		if flag.value <= 0 {
			return fmt.Errorf("read --%s: it must be more than 0", flag.name)
		}
	}
	for _, host := range f.insecureRegistries {
		if strings.Contains(host, "/") {
			return fmt.Errorf("read --insecure-registries: %q is not host[:port]", host)
		}
	}
	if f.reportRetention < 0 {
		return errors.New("read --report-retention: it must not be less than 0")
	}
	return nil
}

// javaSources of the database that names Java archives.
func javaSources(list []string) ([]vulndb.Source, error) {
	var out []vulndb.Source
	for _, s := range list {
		if strings.HasPrefix(s, "/") {
			if len(list) > 1 {
				return nil, fmt.Errorf("read --java-database: beside the directory %s nothing else can be named", s)
			}
			return []vulndb.Source{{Directory: s}}, nil
		}
		if _, err := image.ParseReference(s); err != nil {
			return nil, fmt.Errorf("read --java-database: %w", err)
		}
		out = append(out, vulndb.Source{Reference: s})
	}
	return out, nil
}

func prefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("read --registry-allowed-addresses: %w", err)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

func mirrors(list []string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, s := range list {
		host, mirror, ok := strings.Cut(s, "=")
		if !ok || host == "" || mirror == "" {
			return nil, fmt.Errorf("read --registry-mirrors: %q is not registry=mirror", s)
		}
		if strings.Contains(s, "://") {
			return nil, fmt.Errorf("read --registry-mirrors: %q names a scheme, want host[:port]", s)
		}
		out[host] = append(out[host], mirror)
	}
	return out, nil
}
