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
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// The fleet of the budgets: 10,000 images of 250 packages each.
const (
	fleetImages   = 10_000
	imagePackages = 250
	// bases are releases of base images; images share them.
	bases = 12
	// libraries are the names that the packages of one of three ecosystems take, few of them often.
	libraries = 40_000 / 3
	// versions of each library that the fleet has: how many distinct packages
	// there are to judge follows from it, and with them all costs.
	usualVersions, manyVersions = 12, 72
)

// built is when the fleet's images were judged; it decides which systems are supported.
var built = time.Date(2026, time.August, 1, 0, 0, 0, 0, time.UTC)

// generator makes images whose system packages are real lists of Debian 12 and
// Alpine 3.21, in versions that differ by release of the base image. Language
// packages are those of the recipes' real advisories and, as most packages of an
// application have none, invented names.
type generator struct {
	random *rand.Rand
	// versions in which each library is found among the images.
	versions int
	debian   [bases][]sbom.Package
	alpine   [bases][]sbom.Package
	known    map[sbom.PackageType][]string
}

var ecosystems = map[string]sbom.PackageType{"npm": sbom.TypeNode, "pip": sbom.TypePython, "go": sbom.TypeGoBinary}

func newGenerator(versions int) (*generator, error) {
	g := &generator{versions: versions, random: rand.New(rand.NewPCG(1, 2)), known: map[sbom.PackageType][]string{}}
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
	for release := range bases {
		suffix := ""
		if release > 0 {
			suffix = fmt.Sprintf("+u%d", release)
		}
		for _, set := range []string{"base", "app"} {
			for _, d := range recipe.Debs("debian-12", set, "amd64") {
				g.debian[release] = append(g.debian[release], debian(d, suffix))
			}
			for _, a := range recipe.APKs("alpine-3.21", set, "x86_64") {
				g.alpine[release] = append(g.alpine[release], alpine(a, release))
			}
		}
	}
	return g, nil
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

// image returns the n-th image: two thirds are Debian, the others Alpine.
func (g *generator) image(n int) *store.Image {
	r := g.random
	content := sbom.Image{OS: sbom.OS{Family: "debian", Release: "12.12"}, Packages: make([]sbom.Package, 0, imagePackages)}
	system := g.debian[r.IntN(bases)]
	if r.IntN(3) == 0 {
		content.OS = sbom.OS{Family: "alpine", Release: "3.21.0", RepositoryFamily: "alpine", RepositoryRelease: "3.21"}
		system = g.alpine[r.IntN(bases)]
	}
	content.Packages = append(content.Packages, system...)
	kind := []sbom.PackageType{sbom.TypeNode, sbom.TypeNode, sbom.TypePython, sbom.TypeGoBinary}[r.IntN(4)]
	for i := len(content.Packages); i < imagePackages; i++ {
		content.Packages = append(content.Packages, g.library(kind, i))
	}
	return &store.Image{ManifestDigest: digest("manifest", n), ConfigDigest: digest("config", n), Content: content}
}

func (g *generator) library(kind sbom.PackageType, i int) sbom.Package {
	r := g.random
	name := fmt.Sprint("lib-", int(float64(libraries)*math.Pow(r.Float64(), 3)))
	if known := g.known[kind]; r.IntN(20) == 0 {
		name = known[r.IntN(len(known))]
	}
	p := sbom.Package{Type: kind, Name: name, Version: fmt.Sprintf("1.%d.0", r.IntN(g.versions)), Path: fmt.Sprint("app/", i)}
	if kind == sbom.TypeGoBinary {
		p.Version = "v" + p.Version
	}
	return p
}

func digest(kind string, n int) image.Digest {
	sum := sha256.Sum256(fmt.Append(nil, kind, n))
	return image.Digest("sha256:" + hex.EncodeToString(sum[:]))
}
