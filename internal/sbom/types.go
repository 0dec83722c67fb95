package sbom

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// PackageType is the kind of place that a package was found in, in Trivy's terms.
type PackageType string

const (
	TypeDpkg     PackageType = "dpkg"
	TypeAPK      PackageType = "apk"
	TypeGoBinary PackageType = "gobinary"
	TypeNode     PackageType = "node-pkg"
	TypePython   PackageType = "python-pkg"
)

// OfSystem says whether the package belongs to the operating system.
func (t PackageType) OfSystem() bool { return t == TypeDpkg || t == TypeAPK }

// Package is one installed package.
type Package struct {
	Type PackageType
	Name string
	// Version is complete: [epoch:]version[-release].
	Version string
	// SourceName and SourceVersion of the package that a system package was built from.
	SourceName    string
	SourceVersion string
	Arch          string
	// Path of the file that shows a language package. Empty for system packages.
	Path string
	// Layer is the diff ID of the layer that brought the package.
	Layer image.Digest
	// ThirdParty marks a system package that the system's vendor did not make.
	ThirdParty bool
}

// OS is an operating system's family and release, in Trivy's terms.
type OS struct {
	Family  string
	Release string
	// ESM says whether Ubuntu's Expanded Security Maintenance is enabled.
	ESM bool
	// RepositoryFamily and RepositoryRelease are those that /etc/apk/repositories names.
	RepositoryFamily  string
	RepositoryRelease string
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
	// DiffIDs of the layers, lowest first.
	DiffIDs []image.Digest
}

// Unread is a part of an image that could not be read.
type Unread struct {
	Path string
	// Reason is one of the API's reasons, such as CorruptPackageDatabase or LimitExceeded.
	Reason  string
	Message string
}

// Image is what an image contains.
type Image struct {
	OS       OS
	Config   Config
	Packages []Package
	Unread   []Unread
}

// Error is a failure to read an image.
type Error struct {
	// Reason is one of the API's reasons, such as TruncatedLayer or LimitExceeded.
	Reason string
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }
