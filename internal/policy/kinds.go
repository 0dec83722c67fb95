package policy

import "github.com/plimsoll-dev/plimsoll/api/v1alpha1"

// kind is what people mean by a PackageKind. Its patterns are over names alone,
// and never over those of sources: libgcc is built from gcc.
type kind struct {
	name v1alpha1.PackageKind
	// system are patterns over the names of systems' packages, in all distributions.
	system []string
	// language are names of packages by the type of place that they are found in.
	language map[string][]string
}

// kinds by what they are worth to an attacker, most first.
var kinds = []kind{
	{
		name:   v1alpha1.PackageSSHServer,
		system: []string{"openssh-server*", "dropbear*", "tinyssh*", "lsh-server"},
	},
	{
		name:   v1alpha1.PackageSudo,
		system: []string{"sudo", "sudo-ldap", "sudo-rs", "doas", "opendoas", "pkexec"},
	},
	{
		name:   v1alpha1.PackageNetcat,
		system: []string{"netcat*", "gnu-netcat", "nc", "nc6", "ncat", "nmap-ncat", "cryptcat", "socat"},
	},
	{
		name: v1alpha1.PackageCompiler,
		system: []string{
			// gcc-12-base is no compiler, and each Debian has it.
			"gcc", "gcc{,-}{[0-9],[0-9][0-9],[0-9].[0-9]}", "gcc-*-linux-gnu*", "gcc-c++", "gcc-toolset-*-gcc", "gcc-gfortran", "gccgo*",
			"g++", "g++-{[0-9],[0-9][0-9],[0-9].[0-9]}", "g++-*-linux-gnu*", "gfortran", "gfortran-{[0-9],[0-9][0-9]}",
			"clang", "clang{,-}{[0-9],[0-9][0-9]}", "tcc", "build-essential", "build-base",
			"golang", "golang-go", "golang-bin", "golang-[0-9]*-go", "go", "go{,-}[0-9].[0-9]*",
			"rust", "rust{,-}[0-9].[0-9]*", "rustc", "rustc-[0-9]*", "ghc", "zig",
		},
	},
	{
		name: v1alpha1.PackagePackageManager,
		system: []string{
			"apt", "aptitude", "dpkg", "apk-tools", "yum", "dnf", "dnf[0-9]", "microdnf", "tdnf", "rpm", "zypper", "pacman", "opkg", "snapd", "flatpak", "nix",
			"npm", "yarn", "yarnpkg", "pnpm", "pip", "python3-pip", "python3*-pip", "py3-pip", "py3*-pip", "pipx", "conda", "composer", "cargo", "rubygems", "bundler", "ruby-bundler",
		},
		language: map[string][]string{
			"node-pkg": {"npm", "yarn", "pnpm"}, "python-pkg": {"pip", "pipx", "pipenv", "poetry", "uv", "conda"}, "gemspec": {"bundler"}, "conda-pkg": {"conda", "mamba", "pip"},
		},
	},
	{
		name: v1alpha1.PackageShell,
		system: []string{
			"bash", "bash-static", "dash", "ash", "busybox*", "toybox*", "zsh", "zsh-static", "ksh", "ksh93*", "mksh", "loksh", "oksh", "fish", "tcsh", "csh", "yash", "posh", "sash",
		},
	},
}
