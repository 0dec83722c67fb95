package policy

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func TestPackages(t *testing.T) {
	names := func(s ...string) v1alpha1.Rule {
		return v1alpha1.Rule{Type: v1alpha1.RulePackages, Packages: &v1alpha1.PackagesRule{Denied: s}}
	}
	sources := func(s ...string) v1alpha1.Rule {
		return v1alpha1.Rule{Type: v1alpha1.RulePackages, Packages: &v1alpha1.PackagesRule{DeniedSources: s}}
	}
	kind := func(k ...v1alpha1.PackageKind) v1alpha1.Rule {
		return v1alpha1.Rule{Type: v1alpha1.RulePackages, Packages: &v1alpha1.PackagesRule{DeniedKinds: k}}
	}
	has := func(packages ...Package) func(*Facts) { return func(f *Facts) { f.Packages = packages } }
	system := func(name, source string) Package { return Package{Name: name, Source: source, Type: "dpkg"} }
	lodash := Package{Name: "lodash", Type: "node-pkg", Path: "app/lodash/package.json"}
	programs := func(programs ...Program) func(*Facts) { return func(f *Facts) { f.Programs = programs } }
	judgeRules(t, map[string]ruleCase{
		"another package":        {rule: names("sudo"), edit: has(system("sudoku", "sudoku"), lodash), want: pass},
		"a package":              {rule: names("sudo"), edit: has(system("sudo", "sudo")), want: fail, wantMessage: "1 denied package: sudo"},
		"a pattern":              {rule: names("netcat*"), edit: has(system("netcat-openbsd", "n")), want: fail, wantMessage: "1 denied package: netcat-openbsd"},
		"a language's package":   {rule: names("lodash"), edit: has(lodash), want: fail, wantMessage: "1 denied package: lodash"},
		"a star ends at a slash": {rule: names("@scope*"), edit: has(Package{Name: "@scope/a", Type: "node-pkg"}), want: pass},
		"a name is no source":    {rule: names("gcc*"), edit: has(system("libgcc-s1", "gcc-12")), want: pass},
		"a source is no name":    {rule: sources("libgcc*"), edit: has(system("libgcc-s1", "gcc-12"), lodash), want: pass},
		"a source":               {rule: sources("openssh"), edit: has(system("ssh-client", "openssh")), want: fail, wantMessage: "1 denied package: ssh-client (built from openssh)"},
		"many, each once": {
			rule: names("a", "b*"), edit: has(system("b2", "b"), system("b1", "b"), system("a", "a"), system("b1", "b"), system("b3", "b")),
			want: fail, wantMessage: "4 denied packages: a, b1, b2 and 1 more",
		},
		"none of a kind":  {rule: kind(v1alpha1.PackageShell), edit: has(system("sudo", "sudo")), want: pass},
		"a kind":          {rule: kind(v1alpha1.PackageShell), edit: has(system("dash", "dash")), want: fail, wantMessage: "1 denied package: dash (Shell)"},
		"not by a source": {rule: kind(v1alpha1.PackageCompiler), edit: has(system("libgcc-s1", "gcc-12")), want: pass},
		"npm is one":      {rule: kind(v1alpha1.PackagePackageManager), edit: has(Package{Name: "npm", Type: "node-pkg"}), want: fail, wantMessage: "1 denied package: npm (PackageManager)"},
		"a library called bash": {
			rule: kind(v1alpha1.PackageShell), edit: has(Package{Name: "bash", Type: "node-pkg"}), want: pass,
		},
		"kinds, worst first": {
			rule: kind(v1alpha1.PackageShell, v1alpha1.PackageSSHServer), edit: has(system("bash", "bash"), system("openssh-server", "openssh")), want: fail,
			wantMessage: "2 denied packages: openssh-server (SSHServer), bash (Shell)",
		},
		"a program of another kind": {rule: kind(v1alpha1.PackageShell), edit: programs(Program{"usr/bin/nc", v1alpha1.PackageNetcat}), want: pass},
		"a copied program": {rule: kind(v1alpha1.PackageNetcat), edit: programs(Program{"usr/bin/nc", v1alpha1.PackageNetcat}), want: fail,
			wantMessage: "1 denied program: usr/bin/nc (Netcat)"},
		"both": {
			rule: kind(v1alpha1.PackageNetcat), want: fail, wantMessage: "1 denied package: ncat (Netcat); 1 denied program: usr/bin/nc (Netcat)",
			edit: func(f *Facts) {
				has(system("ncat", "nmap"))(f)
				programs(Program{"usr/bin/nc", v1alpha1.PackageNetcat})(f)
			},
		},
		"not scanned":  {rule: names("sudo"), edit: unscanned, want: open},
		"neither":      {rule: names(), want: inError, wantMessage: "the rule sets none of packages.denied, packages.deniedSources and packages.deniedKinds"},
		"bad pattern":  {rule: names("["), want: inError, wantMessage: `packages.denied: pattern "[": syntax error in pattern`},
		"bad source":   {rule: sources("["), want: inError, wantMessage: `packages.deniedSources: pattern "[": syntax error in pattern`},
		"unknown kind": {rule: kind("Debugger"), want: inError, wantMessage: `packages.deniedKinds: "Debugger" is not implemented in this version`},
	})
}

// What distributions call it, and what only looks like it.
func TestKinds(t *testing.T) {
	are := map[v1alpha1.PackageKind]string{
		v1alpha1.PackageNetcat: "netcat netcat-openbsd netcat-traditional nmap-ncat ncat socat gnu-netcat",
		v1alpha1.PackageSudo:   "sudo sudo-ldap sudo-rs doas opendoas pkexec", v1alpha1.PackageSSHServer: "openssh-server openssh-server-pam dropbear dropbear-bin tinyssh tinysshd",
		v1alpha1.PackageCompiler: "gcc gcc-12 gcc-9 gcc-4.9 gcc12 gcc-x86-64-linux-gnu gcc-14-x86-64-linux-gnu gcc-c++ g++ g++-13 clang clang-14 clang17 tcc " +
			"golang golang-go golang-bin golang-1.22-go go go-1.22 go1.22 gccgo-12 rust rustc rustc-1.75 rust1.75 build-essential build-base gcc-toolset-13-gcc",
		v1alpha1.PackagePackageManager: "apt dpkg apk-tools yum dnf dnf5 microdnf tdnf rpm zypper pacman npm yarn python3-pip python3.11-pip py3-pip py3.12-pip composer cargo",
		v1alpha1.PackageShell:          "bash dash busybox busybox-binsh busybox-static zsh mksh fish",
	}
	const none = "gcc-12-base gcc-14-base libgcc libgcc-s1 libstdc++6 libgcc_s1 gcc-libs cpp bash-completion libapt-pkg6.0 apt-utils-doc rpm-libs " +
		"dnf-data libdnf openssh-client openssh openssh-clients clang-libs clang17-libs golang-src libsudo python3-pip-whl git gopher gosu nodejs rustls sudoku dashboard"
	for _, k := range kinds {
		for _, name := range strings.Fields(are[k.name]) {
			if !k.has(Package{Name: name, Type: "rpm"}) {
				t.Errorf("%s is no %s", name, k.name)
			}
		}
		for _, name := range strings.Fields(none) {
			if k.has(Package{Name: name, Type: "rpm"}) {
				t.Errorf("%s is a %s", name, k.name)
			}
		}
		for _, p := range k.system {
			if !doublestar.ValidatePattern(p) {
				t.Errorf("pattern %q is bad", p)
			}
		}
	}
	if len(kinds) != len(are) {
		t.Errorf("%d kinds are tested, want %d", len(are), len(kinds))
	}
}

// The page says of each kind which packages it is.
func TestKindsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/spec/imagepolicy.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		row := fmt.Sprintf("| `%s` | `%s` |", k.name, strings.Join(k.system, "` `"))
		if !strings.Contains(string(page), row) {
			t.Errorf("the page has no row\n%s", row)
		}
	}
}
