package sbom

import (
	"archive/tar"
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
)

// programKinds by the name of a program, less a version at its end.
var programKinds = kindsByName(map[ProgramKind]string{
	ProgramShell: "sh bash rbash dash ash zsh ksh mksh lksh csh tcsh fish yash hush posh pwsh busybox toybox",
	ProgramPackageManager: "apt apt-get aptitude dpkg apk yum dnf microdnf tdnf rpm zypper urpmi pacman emerge opkg snap flatpak " +
		"brew nix-env pip pipx uv poetry conda mamba micromamba npm pnpm yarn gem composer",
	ProgramNetcat:    "nc netcat ncat socat nc.openbsd nc.traditional cryptcat",
	ProgramSudo:      "sudo sudo-rs doas",
	ProgramSSHServer: "sshd dropbear tinysshd",
	ProgramCompiler: "gcc cc g++ c++ clang clang++ tcc go gccgo gfortran gdc gnat rustc javac ecj ghc ocamlopt ldc dmd zig nim fpc " +
		"swiftc kotlinc scalac nvcc mcs csc",
})

func kindsByName(names map[ProgramKind]string) map[string]ProgramKind {
	kinds := map[string]ProgramKind{}
	for kind, list := range names {
		for name := range strings.FieldsSeq(list) {
			kinds[name] = kind
		}
	}
	return kinds
}

// programKind is empty where the path is not that of a program of interest.
func programKind(name string) ProgramKind {
	dir, base := path.Split(name)
	if !holdsPrograms(dir) {
		return ""
	}
	// Such as pip3.11 and gcc-12.
	unversioned := strings.TrimSuffix(strings.TrimRight(base, "0123456789."), "-")
	return cmp.Or(programKinds[base], programKinds[unversioned])
}

// holdsPrograms says whether a shell would look in the directory for programs: it
// is bin or sbin, at the top or where software is installed. Distroless images
// for debugging have a busybox at the top.
func holdsPrograms(dir string) bool {
	switch dir {
	case "bin/", "sbin/", "busybox/":
		return true
	}
	if !strings.HasSuffix(dir, "/bin/") && !strings.HasSuffix(dir, "/sbin/") {
		return false
	}
	switch top, _, _ := strings.Cut(dir, "/"); top {
	case "usr", "opt", "root", "home":
		return !strings.Contains(dir, "/node_modules/")
	}
	return false
}

const (
	setIDBits  = 0o6000
	executable = 0o111
)

// facts are what a path's header alone says of it.
func facts(name string, header *tar.Header) File {
	var file File
	if header.Typeflag == tar.TypeSymlink {
		file.Program = programKind(name) != ""
		return file
	}
	file.Setuid = header.Mode&setIDBits != 0
	file.Program = header.Mode&executable != 0 && programKind(name) != ""
	return file
}

// withFacts keeps what f says and lets its own header tell the rest.
func (f File) withFacts(own File) File {
	f.Program, f.Setuid, f.Target = own.Program, own.Setuid, own.Target
	return f
}

// programs are those that are visible, by path.
func (v view) programs() []Program {
	var list []Program
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if file := v[name]; file.Program && v.runs(name) {
			list = append(list, Program{Path: name, Kind: programKind(name), Layer: file.brought})
		}
	}
	return list
}

// runs is false for a symbolic link that ends where a program of interest would
// have been seen, and is not: so it is with the links to a busybox that was removed.
func (v view) runs(name string) bool {
	for range maxLinks {
		file := v.program(name)
		switch {
		case file == nil:
			return programKind(name) == ""
		case file.Target == "":
			return true
		}
		name = file.Target
	}
	return false
}

// program is the one at the path, or at the path that it has where one of bin,
// sbin, usr/bin and usr/sbin is a link to another.
func (v view) program(name string) *shown {
	dir, base := path.Split(name)
	dirs := []string{dir}
	if short := strings.TrimPrefix(dir, "usr/"); short == "bin/" || short == "sbin/" {
		dirs = append(dirs, "bin/", "sbin/", "usr/bin/", "usr/sbin/")
	}
	for _, dir := range dirs {
		if file, ok := v[dir+base]; ok && file.Program {
			return file
		}
	}
	return nil
}

func (v view) setuid() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if v[name].Setuid {
			list = append(list, name)
		}
	}
	return list
}
