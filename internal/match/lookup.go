package match

import (
	"cmp"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// contents is what the lookup of one package needs of its image.
type contents struct {
	os     sbom.OS
	bucket string
	builds map[image.Digest]sbom.Build
}

// sourceLookup names a package by its source. A package that names no source is
// its own.
func sourceLookup(p sbom.Package, in contents) (Key, bool) {
	return Key{Bucket: in.bucket, Name: cmp.Or(p.SourceName, p.Name)}, true
}

func binaryLookup(p sbom.Package, in contents) (Key, bool) {
	return Key{Bucket: in.bucket, Name: p.Name}, true
}

// moduleLookup tells the streams of a module apart: they are patched apart.
func moduleLookup(p sbom.Package, in contents) (Key, bool) {
	return Key{Bucket: in.bucket, Name: moduleName(p)}, true
}

// almaLookup leaves out packages of modules that have lost their label: they
// would be compared with those of another stream.
func almaLookup(p sbom.Package, in contents) (Key, bool) {
	if p.Modularity == "" && strings.Contains(releaseOf(p.Version), ".module_el") {
		return Key{}, false
	}
	return moduleLookup(p, in)
}

// moduleName puts the module and the stream, the first two of the label's
// parts, before the package's name.
func moduleName(p sbom.Package) string {
	parts := strings.SplitN(p.Modularity, ":", 3)
	if len(parts) < 3 {
		return p.Name
	}
	return parts[0] + ":" + parts[1] + "::" + p.Name
}

// releaseOf an RPM's version; "" where it has none.
func releaseOf(version string) string {
	_, release, _ := strings.Cut(version, "-")
	return release
}
