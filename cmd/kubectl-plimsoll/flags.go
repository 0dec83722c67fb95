package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// flags of a scan, as the command line gives them.
type flags struct {
	reference string
	archive   string
	sbom      string
	rootfs    string
	platform  string
	as        string

	databases        []string
	javaDatabase     string
	skipDatabase     bool
	databaseMaxBytes int64
	policies         []string
	severities       []string
	ignoreUnfixed    bool
	exitCode         int

	format string
	output string
	quiet  bool

	cacheDir string
	noCache  bool
	timeout  time.Duration

	allowedAddresses   []string
	insecureRegistries []string
	caFile             string
}

// publishedDatabases are where Trivy's project publishes its database.
var publishedDatabases = []string{"mirror.gcr.io/aquasec/trivy-db:2", "ghcr.io/aquasecurity/trivy-db:2"}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "kubectl-plimsoll",
		Short:         "Judge container images by a vulnerability database and by image policies",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl plimsoll"},
	}
	root.AddCommand(newScanCommand())
	return root
}

func newScanCommand() *cobra.Command {
	var f flags
	command := &cobra.Command{
		Use:   "scan [IMAGE]",
		Short: "Scan one image, and judge it by policies",
		Long: `Scan one image, and judge it by policies: an image in a registry, an archive of
one, a bill of materials or a directory. No cluster is needed.

Exit codes: 0 where nothing is wrong, 1 where a policy fails, 2 where the image
could not be judged, the code of --exit-code where there are findings and no policy.`,
		Example: `  kubectl plimsoll scan registry.example.com/shop/api:1.8.2
  kubectl plimsoll scan --archive image.tar --policy policy.yaml --format sarif --output scan.sarif
  kubectl plimsoll scan --sbom bom.json --severity critical,high --exit-code 1`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				f.reference = args[0]
			}
			return run(c.Context(), f, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.add(command)
	return command
}

func (f *flags) add(command *cobra.Command) {
	set := command.Flags()
	set.StringVar(&f.archive, "archive", "", "scan an image in a file or directory: a tar of docker save, or an OCI layout")
	set.StringVar(&f.sbom, "sbom", "", "scan a bill of materials: CycloneDX or SPDX, as JSON")
	set.StringVar(&f.rootfs, "rootfs", "", "scan a directory that holds a root file system")
	set.StringVar(&f.platform, "platform", "", "os/architecture[/variant] of the image, by default that of Linux on this machine")
	set.StringVar(&f.as, "as", "", "reference that policies take the image for, by default its own or that in the archive")

	set.StringSliceVar(&f.databases, "db", publishedDatabases, "vulnerability database: a directory or an OCI reference; the first of several that answers is used")
	set.StringVar(&f.javaDatabase, "java-db", "", "database that names Java archives which do not say their group, such as ghcr.io/aquasecurity/trivy-java-db:1: a directory or an OCI reference")
	set.BoolVar(&f.skipDatabase, "skip-db-update", false, "use the database that the cache has, and ask no source for a newer one")
	set.Int64Var(&f.databaseMaxBytes, "db-max-bytes", vulndb.DefaultLimits.Unpacked, "largest vulnerability database that is used, unpacked, in bytes")
	set.StringSliceVar(&f.policies, "policy", nil, "file with ImagePolicies or ClusterImagePolicies as YAML")
	set.StringSliceVar(&f.severities, "severity", nil, "show findings of these severities only: critical, high, medium, low, unknown")
	set.BoolVar(&f.ignoreUnfixed, "ignore-unfixed", false, "show findings only where a fix is released")
	set.IntVar(&f.exitCode, "exit-code", 0, "exit code where findings are shown and there is no policy")

	set.StringVar(&f.format, "format", "table", "of the output: "+strings.Join(formatNames(), ", "))
	set.StringVarP(&f.output, "output", "o", "", "file to write to, by default the standard output")
	set.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")

	set.StringVar(&f.cacheDir, "cache-dir", "", "directory for what was read of images and for databases, by default plimsoll in the user's cache directory")
	set.BoolVar(&f.noCache, "no-cache", false, "keep nothing, and use nothing that was kept")
	set.DurationVar(&f.timeout, "timeout", 30*time.Minute, "how long the scan may take")

	set.StringSliceVar(&f.allowedAddresses, "registry-allowed-addresses", nil, "networks (CIDR) beside the public ones to which a registry may redirect; the registry itself may be anywhere")
	set.StringSliceVar(&f.insecureRegistries, "insecure-registries", nil, "registries (host[:port]) without TLS")
	set.StringVar(&f.caFile, "registry-ca-file", "", "PEM file of certificate authorities to trust beside the system's")
}

// options are the flags, understood.
type options struct {
	flags
	platform   image.Platform
	severities []v1alpha1.Severity
}

func (f flags) parse() (options, error) {
	o := options{flags: f}
	given := 0
	for _, input := range []string{f.reference, f.archive, f.sbom, f.rootfs} {
		if input != "" {
			given++
		}
	}
	if given != 1 {
		return o, errors.New("name one image, or one of --archive, --sbom and --rootfs")
	}
	if _, ok := formats[f.format]; !ok {
		return o, fmt.Errorf("read --format: %q is none of %s", f.format, strings.Join(formatNames(), ", "))
	}
	if f.exitCode < 0 || f.exitCode > 255 {
		return o, errors.New("read --exit-code: it must be 0 to 255")
	}
	if f.timeout <= 0 {
		return o, errors.New("read --timeout: it must be more than 0")
	}
	if f.databaseMaxBytes <= 0 {
		return o, errors.New("read --db-max-bytes: it must be more than 0")
	}
	if len(f.databases) == 0 {
		return o, errors.New("read --db: name a database")
	}
	var err error
	if f.platform != "" {
		if o.platform, err = image.ParsePlatform(f.platform); err != nil {
			return o, fmt.Errorf("read --platform: %w", err)
		}
	}
	o.severities, err = severities(f.severities)
	return o, err
}

func severities(names []string) ([]v1alpha1.Severity, error) {
	known := []v1alpha1.Severity{
		v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium, v1alpha1.SeverityLow, v1alpha1.SeverityUnknown,
	}
	var list []v1alpha1.Severity
	for _, name := range names {
		i := slices.IndexFunc(known, func(s v1alpha1.Severity) bool { return strings.EqualFold(string(s), name) })
		if i < 0 {
			return nil, fmt.Errorf("read --severity: %q is none of critical, high, medium, low, unknown", name)
		}
		list = append(list, known[i])
	}
	return list, nil
}
