package sbom

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Wants says whether the content of a file matters, by its path without a
// leading slash, and whether it is, or would hold, a database of system packages.
func Wants(name string, perm fs.FileMode) (wanted, database bool) {
	return extractorOf(name, perm) != nil, isDatabase(name) || isDatabaseDir(name)
}

// MayHoldDatabase says whether a database of system packages may be in a
// directory, at whatever depth.
func MayHoldDatabase(dir string) bool {
	places := append([]string{dpkgStatus, dpkgStatusDir, rpmManifest, "lib/apk/db/installed", "usr/lib/apk/db/installed"}, rpmDirs...)
	return dir == "." || isDatabaseDir(dir) || slices.ContainsFunc(places, func(place string) bool { return strings.HasPrefix(place, dir+"/") })
}

// SingleLayer is the configuration of a file system that is no image's: one
// layer without a digest.
func SingleLayer() Config { return Config{DiffIDs: []image.Digest{""}} }

// Sorted returns packages that others listed in the order of Image, each once.
func Sorted(packages []Package) []Package {
	slices.SortFunc(packages, comparePackages)
	return slices.Compact(packages)
}

// Family is the family of operating systems that os-release calls id; empty
// where it is not known.
func Family(id string) string { return familyOf[id] }
