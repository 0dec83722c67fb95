package perf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// fleetImages of imagePackages packages on average are the fleet of the budgets.
const (
	fleetImages   = 10_000
	imagePackages = 254
	// bases are releases of base images.
	bases = 12
)

// shape of a fleet. How many distinct subjects it has, which is what cold
// judging and the index cost, follows from how much its images have in common.
type shape struct {
	name string
	// builds of each application that run at once, each with a few
	// dependencies newer than the one before.
	builds int
	// versions in which each library is found.
	versions int
}

// The fleet of the budgets is one company's. 10,000 images that run are not
// 10,000 programs: they are 1,250 applications, of each of which eight builds
// run at once, in stages, regions and on branches. A build has the dependencies
// of the one before, one in twelve of them a version newer. Applications take
// most of their dependencies from the same few hundred popular libraries, which
// have up to 24 versions in use, and their system packages from twelve releases
// of a few bases. So 2,500,000 instances come down to some 200,000 subjects:
// twelve images to a subject on average, thousands to those of a base. (The row
// beside the budgets says how many exactly.)
//
// The harder fleets have no builds: every image is an application of its own
// whose versions have nothing to do with those of any other. That is no company,
// but shows what happens when less is shared.
var (
	company   = shape{name: "a company", builds: 8, versions: 24}
	strangers = shape{name: "strangers of 12 versions", builds: 1, versions: 12}
	scattered = shape{name: "strangers of 72 versions", builds: 1, versions: 72}
)

// built is when the fleet's images were judged; it decides which systems are supported.
var built = time.Date(2026, time.August, 1, 0, 0, 0, 0, time.UTC)

// generator makes images, each a pure function of its number and the shape.
// System packages are the real lists of Debian 12, Ubuntu 22.04 and Alpine 3.21,
// in versions that differ by release of the base image. Language packages have
// the names of the recipes' real advisories and, as most packages of an
// application have none, invented ones.
type generator struct {
	shape
	systems []system
	known   map[sbom.PackageType][]string
}

// system is a base image, in its releases.
type system struct {
	os       sbom.OS
	releases [bases][]sbom.Package
}

var ecosystems = map[string]sbom.PackageType{"npm": sbom.TypeNode, "pip": sbom.TypePython, "go": sbom.TypeGoBinary}

func newGenerator(s shape) (*generator, error) {
	g := &generator{shape: s, known: map[sbom.PackageType][]string{}}
	facts, err := recipe.Facts(false)
	if err != nil {
		return nil, err
	}
	for _, fact := range facts {
		ecosystem, _, _ := strings.Cut(fact.Bucket, "::")
		if kind, ok := ecosystems[ecosystem]; ok {
			g.known[kind] = append(g.known[kind], fact.Package)
		}
	}
	debian12, ubuntu := sbom.OS{Family: "debian", Release: "12.12"}, sbom.OS{Family: "ubuntu", Release: "22.04"}
	alpine321 := sbom.OS{Family: "alpine", Release: "3.21.0", RepositoryFamily: "alpine", RepositoryRelease: "3.21"}
	g.systems = []system{
		debs(debian12, "debian-12", "base", "app"), debs(debian12, "debian-12", "base"),
		debs(ubuntu, "ubuntu-22.04", "base", "app"), apks(alpine321, "alpine-3.21", "base", "app"),
	}
	return g, nil
}

func debs(os sbom.OS, list string, sets ...string) system {
	s := system{os: os}
	for release := range bases {
		suffix := ""
		if release > 0 {
			suffix = fmt.Sprintf("+u%d", release)
		}
		for _, set := range sets {
			for _, d := range recipe.Debs(list, set, "amd64") {
				s.releases[release] = append(s.releases[release], debian(d, suffix))
			}
		}
	}
	return s
}

func apks(os sbom.OS, list string, sets ...string) system {
	s := system{os: os}
	for release := range bases {
		for _, set := range sets {
			for _, a := range recipe.APKs(list, set, "x86_64") {
				s.releases[release] = append(s.releases[release], alpine(a, release))
			}
		}
	}
	return s
}

func debian(d recipe.Deb, suffix string) sbom.Package {
	p := sbom.Package{
		Type: sbom.TypeDpkg, Name: d.Name, Version: d.Version + suffix, Arch: d.Arch,
		SourceName: d.Source, SourceVersion: d.SourceVersion + suffix,
	}
	if d.Source == "" {
		p.SourceName = p.Name
	}
	if d.SourceVersion == "" {
		p.SourceVersion = p.Version
	}
	return p
}

func alpine(a recipe.APK, release int) sbom.Package {
	version, _, _ := strings.Cut(a.Version, "-r")
	p := sbom.Package{Type: sbom.TypeAPK, Name: a.Name, Version: fmt.Sprintf("%s-r%d", version, release), Arch: a.Arch, SourceName: a.Origin}
	if a.Origin == "" {
		p.SourceName = p.Name
	}
	p.SourceVersion = p.Version
	return p
}

// image returns the n-th image: a build of an application.
func (g *generator) image(n int) *store.Image {
	application, build := n/g.builds, n%g.builds
	r := rand.New(rand.NewPCG(1, uint64(application)))
	s := g.systems[r.IntN(len(g.systems))]
	release := (r.IntN(bases) + build/4) % bases
	kind := []sbom.PackageType{sbom.TypeNode, sbom.TypeNode, sbom.TypePython, sbom.TypeGoBinary}[r.IntN(4)]
	count := imagePackages - 60 + r.IntN(121)
	packages := append(make([]sbom.Package, 0, count), s.releases[release]...)
	for i := len(packages); i < count; i++ {
		packages = append(packages, g.library(r, kind, i, build))
	}
	return &store.Image{ManifestDigest: digest("manifest", n), ConfigDigest: digest("config", n), Content: sbom.Image{OS: s.os, Packages: packages}}
}

// library is the i-th dependency of an application in one of its builds. It
// draws as often for each build, so that builds have the same dependencies.
func (g *generator) library(r *rand.Rand, kind sbom.PackageType, i, build int) sbom.Package {
	name := database.Library(int(float64(database.Libraries) * math.Pow(r.Float64(), 3)))
	known := g.known[kind]
	if other := known[r.IntN(len(known))]; r.IntN(20) == 0 {
		name = other
	}
	version := r.IntN(g.versions)
	for b := range g.builds {
		if r.IntN(12) == 0 && b < build {
			version++
		}
	}
	p := sbom.Package{Type: kind, Name: name, Version: fmt.Sprintf("1.%d.0", min(version, g.versions-1)), Path: fmt.Sprint("app/", i)}
	if kind == sbom.TypeGoBinary {
		p.Version = "v" + p.Version
	}
	return p
}

func digest(kind string, n int) image.Digest {
	sum := sha256.Sum256(fmt.Append(nil, kind, n))
	return image.Digest("sha256:" + hex.EncodeToString(sum[:]))
}
