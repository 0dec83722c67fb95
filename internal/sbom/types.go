package sbom

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// PackageType is the kind of place that a package was found in, in Trivy's terms.
type PackageType string

const (
	TypeDpkg PackageType = "dpkg"
	TypeAPK  PackageType = "apk"
	TypeRPM  PackageType = "rpm"

	TypeGoBinary   PackageType = "gobinary"
	TypeNode       PackageType = "node-pkg"
	TypePython     PackageType = "python-pkg"
	TypeJar        PackageType = "jar"
	TypeGem        PackageType = "gemspec"
	TypeRustBinary PackageType = "rustbinary"
	TypeComposer   PackageType = "composer-vendor"
	TypeDotNet     PackageType = "dotnet-core"
	TypeConan      PackageType = "conan"
	TypeBitnami    PackageType = "bitnami"
	TypeJulia      PackageType = "julia"
	TypeNuGet      PackageType = "nuget"
	TypeSwift      PackageType = "swift"
	TypeCocoaPods  PackageType = "cocoapods"
	TypePub        PackageType = "pub"
	TypeHex        PackageType = "hex"
	TypeKubernetes PackageType = "kubernetes"
	TypeConda      PackageType = "conda-pkg"
)

// OfSystem says whether the package belongs to the operating system.
func (t PackageType) OfSystem() bool { return t == TypeDpkg || t == TypeAPK || t == TypeRPM }

// Package is one installed package.
type Package struct {
	Type PackageType `json:"t"`
	// Name as the package itself spells it. Go's standard library is "stdlib".
	// A jar's is group:artifact, or the artifact alone where the jar does not say
	// its group: no advisory is about that name.
	Name string `json:"n"`
	// Version is complete: [epoch:]version[-release]. Those of Go modules, but where the
	// linker was told another, and of
	// stdlib begin with v. Empty where a Go module was built without one, or where a
	// jar does not say it.
	Version string `json:"v,omitempty"`
	// SourceName and SourceVersion of the package that a system package was built
	// from: never empty for one, and empty for language packages.
	SourceName    string `json:"sn,omitempty"`
	SourceVersion string `json:"sv,omitempty"`
	Arch          string `json:"a,omitempty"`
	// Modularity is the label name:stream:version:context of an RPM that is part
	// of a module.
	Modularity string `json:"m,omitempty"`
	// Path of the file that shows a language package. Empty for system packages.
	Path string `json:"f,omitempty"`
	// Layer is the diff ID of the layer that brought the package.
	Layer image.Digest `json:"l,omitempty"`
	// ThirdParty marks a system package that the system's vendor did not make.
	ThirdParty bool `json:"x,omitempty"`
	// Jar is what a Java archive without a description of its own offers to find
	// its group by.
	Jar Jar `json:"j,omitzero"`
}

// Jar is what a Java archive says of itself without naming its group for sure.
type Jar struct {
	// SHA1 of the archive, in hexadecimal.
	SHA1 string `json:"h,omitempty"`
	// Group, Artifact and Version as its manifest has them: any may be a mere title.
	// All are empty where one is.
	Group    string `json:"g,omitempty"`
	Artifact string `json:"a,omitempty"`
	Version  string `json:"v,omitempty"`
	// Named says that the package's name and version are those of the file's name.
	Named bool `json:"n,omitempty"`
}

// OS is an operating system's family and release, in Trivy's terms.
type OS struct {
	Family  string `json:"f,omitempty"`
	Release string `json:"r,omitempty"`
	// ESM says whether Ubuntu's Expanded Security Maintenance is enabled.
	ESM bool `json:"e,omitempty"`
	// RapidFort says whether the image has RapidFort's mark, the file
	// usr/share/rapidfort/curated.json.
	RapidFort bool `json:"c,omitempty"`
	// RepositoryFamily and RepositoryRelease are those that /etc/apk/repositories names.
	RepositoryFamily  string `json:"rf,omitempty"`
	RepositoryRelease string `json:"rr,omitempty"`
}

// Build is what Red Hat says of the packages that a layer brought.
type Build struct {
	// ContentSets are the names of the repositories that they came from.
	ContentSets []string `json:"c,omitempty"`
	// NVR is the name, version and release of the image that the layer was built
	// as, and Arch its architecture.
	NVR  string `json:"n,omitempty"`
	Arch string `json:"a,omitempty"`
}

// Config holds the facts of the image's own configuration.
type Config struct {
	Platform     image.Platform
	Created      time.Time
	User         string
	Entrypoint   []string
	Cmd          []string
	ExposedPorts []string
	Labels       map[string]string
	// SecretEnv are the names of environment variables that look like secrets. Their
	// values are never kept.
	SecretEnv []string
	// DiffIDs of the layers, lowest first.
	DiffIDs []image.Digest
}

// Unread is a part of an image that could not be read.
type Unread struct {
	Path string
	// Reason is one of the API's reasons, such as CorruptPackageDatabase or LimitExceeded.
	Reason  string
	Message string
	// Database says that the part is a package database: without it, the image's
	// system packages are not known.
	Database bool
}

// ProgramKind is what a program of an image is good for, to an attacker too.
type ProgramKind string

const (
	ProgramShell          ProgramKind = "Shell"
	ProgramPackageManager ProgramKind = "PackageManager"
	ProgramNetcat         ProgramKind = "Netcat"
	ProgramSudo           ProgramKind = "Sudo"
	ProgramSSHServer      ProgramKind = "SSHServer"
	ProgramCompiler       ProgramKind = "Compiler"
)

// Program is a file that makes an image's attack surface larger, by its name in
// one of the usual directories of programs.
type Program struct {
	Path string
	Kind ProgramKind
	// Layer is the diff ID of the layer that brought it.
	Layer image.Digest
}

// Image is what an image contains.
type Image struct {
	OS       OS
	Config   Config
	Packages []Package
	// Programs by path.
	Programs []Program
	// Setuid are the paths of regular files with the setuid or setgid bit, sorted.
	Setuid []string
	// Builds of the layers that have one, or that stand above one that has.
	Builds map[image.Digest]Build
	Unread []Unread
}

// Error is a failure to read an image.
type Error struct {
	// Reason is one of the API's reasons, such as TruncatedLayer or LimitExceeded.
	Reason string
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }
