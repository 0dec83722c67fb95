package sbom

import (
	"debug/buildinfo"
	"io/fs"
	"strings"
)

// isExecutable says whether a file may be run; what it really is, its first bytes say.
func isExecutable(_ string, mode fs.FileMode) bool { return mode&0o111 != 0 }

// executableMagic begins ELF, PE and Mach-O (32 and 64 bit, either byte order, fat) files.
var executableMagic = []string{
	"\x7fELF", "MZ", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe",
}

// readExecutable reads what Go's linker writes into every program, or what
// cargo-auditable writes into one of Rust's. For the former the standard
// library's reader is used: scalibr's extractor, which calls the same one, takes
// the v from versions.
func readExecutable(e *entry) (File, error) {
	is, err := e.startsWith(executableMagic...)
	if err != nil || !is {
		return File{}, err
	}
	content, err := e.random(e.limits.ExecutableBytes)
	if err != nil {
		return File{}, err
	}
	info, err := buildinfo.Read(content)
	if err != nil {
		// Most executables are not Go's, and the error does not tell.
		return rustPackages(content, e.limits)
	}
	return goPackages(info, e.limits.Packages)
}

func goPackages(info *buildinfo.BuildInfo, limit int) (File, error) {
	var file File
	add := func(name, version string) {
		if name != "" && legible(name, version) {
			file.Packages = append(file.Packages, Package{Type: TypeGoBinary, Name: name, Version: version})
		}
	}
	if len(info.Deps) > limit {
		return File{}, &tooLarge{what: "packages", limit: int64(limit)}
	}
	// "go1.22.1 X:boringcrypto" is release 1.22.1, built with an experiment.
	release, _, _ := strings.Cut(info.GoVersion, " ")
	if number, ok := strings.CutPrefix(release, "go"); ok {
		add("stdlib", "v"+number)
	}
	add(info.Main.Path, mainVersion(info))
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		add(module.Path, goVersion(module.Version))
	}
	return file, nil
}

// goVersion is empty for a module that was built from a working directory.
func goVersion(version string) string {
	if version == "(devel)" {
		return ""
	}
	return version
}
