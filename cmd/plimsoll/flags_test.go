package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// parse returns the flags of a command line, without running it.
func parse(t *testing.T, args ...string) flags {
	t.Helper()
	var f flags
	command := newCommand()
	command.ResetFlags()
	f.add(command)
	if err := command.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDefaults(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "")
	want := flags{
		namespace: "plimsoll-system", store: "/var/lib/plimsoll",
		metricsAddress: "0", metricsSecure: true, probeAddress: ":8081", logLevel: "info",
		reportRetention: 24 * time.Hour, reportRate: 20,
		scanConcurrency: 2, scanTimeout: 15 * time.Minute, scanMaxLayerBytes: 8 << 30,
		databaseMaxBytes: 8 << 30, databaseMaxAge: 120 * time.Hour,
		baseInterval: time.Hour, forgeInterval: 5 * time.Minute, argoCDNamespaces: []string{"argocd", "openshift-gitops"},
	}
	got := parse(t)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(flags{})); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if err := got.check(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	t.Setenv("POD_NAMESPACE", "elsewhere")
	if got := parse(t).namespace; got != "elsewhere" {
		t.Errorf("namespace %q, want the pod's", got)
	}
	if got := parse(t, "--namespace=here").namespace; got != "here" {
		t.Errorf("namespace %q, want the flag's", got)
	}
}

func TestLists(t *testing.T) {
	f := parse(t, "--database-sources=a.example/db:2,/mnt/db", "--database-sources=b.example/db:2", "--pull-secrets=a,b", "--insecure-registries=c:5000")
	if diff := cmp.Diff([]string{"a.example/db:2", "/mnt/db", "b.example/db:2"}, f.databaseSources); diff != "" {
		t.Errorf("database sources (-want +got):\n%s", diff)
	}
	options, err := withStore(t, f).options()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.databaseSources, options.DatabaseSources); diff != "" {
		t.Errorf("database sources of the controllers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, options.PullSecrets.Namespaces); diff != "" {
		t.Errorf("namespaces of pull secrets (-want +got):\n%s", diff)
	}
}

func TestJavaSources(t *testing.T) {
	for name, tc := range map[string]struct {
		arg  string
		want []vulndb.Source
	}{
		"off":         {"", nil},
		"references":  {"a.example/java:1,b.example/java:1", []vulndb.Source{{Reference: "a.example/java:1"}, {Reference: "b.example/java:1"}}},
		"a directory": {"/mnt/java", []vulndb.Source{{Directory: "/mnt/java"}}},
	} {
		t.Run(name, func(t *testing.T) {
			options, err := withStore(t, parse(t, "--java-database="+tc.arg)).options()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, options.JavaSources); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func withStore(t *testing.T, f flags) flags {
	f.store = t.TempDir()
	return f
}

func TestPrefixes(t *testing.T) {
	got, err := prefixes([]string{"10.1.2.3/8", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("prefixes (-want +got):\n%s", diff)
	}
}

func TestMirrors(t *testing.T) {
	got, err := mirrors([]string{"docker.io=a", "quay.io=c:5000", "docker.io=b"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"docker.io": {"a", "b"}, "quay.io": {"c:5000"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mirrors (-want +got):\n%s", diff)
	}
}

func TestCertificates(t *testing.T) {
	if pool, err := registry.Authorities(""); pool != nil || err != nil {
		t.Errorf("no file: %v, %v", pool, err)
	}
	authority, file := newAuthority(t)
	pool, err := registry.Authorities(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := authority.Verify(x509.VerifyOptions{Roots: pool}); err != nil {
		t.Errorf("the file's authority is not trusted: %v", err)
	}
}

func newAuthority(t *testing.T) (*x509.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return authority, file
}

// TestRefused runs the whole program: it must end with a message that names the flag.
func TestRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.crt")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{
		"--no-such-flag":                         "unknown flag: --no-such-flag",
		"argument":                               `unknown command "argument"`,
		"--log-level=loud":                       "read --log-level: ",
		"--registry-allowed-addresses=10.0.0.0":  `read --registry-allowed-addresses: netip.ParsePrefix("10.0.0.0")`,
		"--registry-mirrors=docker.io":           `read --registry-mirrors: "docker.io" is not registry=mirror`,
		"--registry-mirrors==a":                  `read --registry-mirrors: "=a" is not registry=mirror`,
		"--registry-mirrors=docker.io=https://a": `read --registry-mirrors: "docker.io=https://a" names a scheme, want host[:port]`,
		"--insecure-registries=http://a":         `read --insecure-registries: "http://a" is not host[:port]`,
		"--registry-ca-file=/no/such/file":       "read --registry-ca-file: open /no/such/file: ",
		"--registry-ca-file=" + empty:            "read --registry-ca-file: no certificate in " + empty,
		"--report-rate=0":                        "read --report-rate: it must be more than 0",
		"--report-retention=-1s":                 "read --report-retention: it must not be less than 0",
		"--report-retention=1day":                `invalid argument "1day" for "--report-retention"`,
		"--scan-concurrency=0":                   "read --scan-concurrency: it must be more than 0",
		"--scan-timeout=0":                       "read --scan-timeout: it must be more than 0",
		"--scan-max-layer-bytes=-1":              "read --scan-max-layer-bytes: it must be more than 0",
		"--database-max-bytes=0":                 "read --database-max-bytes: it must be more than 0",
		"--java-database=/a,b.example/c:1":       "read --java-database: beside the directory /a nothing else can be named",
		"--java-database=b.example/c:1,/a":       "read --java-database: beside the directory /a nothing else can be named",
		"--java-database=./a":                    "read --java-database: ",
		"--database-max-age=0":                   "read --database-max-age: it must be more than 0",
	} {
		t.Run(arg, func(t *testing.T) {
			command := newCommand()
			command.SetArgs([]string{arg, "--store=" + t.TempDir()})
			if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %s", err, want)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	command := newCommand()
	var out strings.Builder
	command.SetOut(&out)
	command.SetArgs([]string{"--version"})
	if err := command.Execute(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "plimsoll version "+version+"\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}
