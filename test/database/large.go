package database

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"go.etcd.io/bbolt"

	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// generatorVersion is to be raised when Generate makes another database, so
// that no one measures by a cached one.
const generatorVersion = 1

// publishedVulnerabilities make a database of about 1 GB, which is what the
// published one is estimated at.
const publishedVulnerabilities = 370_000

// Large returns the directories of two databases with the published one's shape
// and size, the second as a day later. They are made on first use, which takes
// a minute, and kept in the user's cache folder.
func Large() (older, newer string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", "", fmt.Errorf("find the cache of large databases: %w", err)
	}
	dir := filepath.Join(cache, "plimsoll", fmt.Sprint("large-database-", generatorVersion))
	older, newer = filepath.Join(dir, "older"), filepath.Join(dir, "newer")
	if _, err := os.Stat(dir); err == nil {
		return older, newer, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", "", fmt.Errorf("make large databases: %w", err)
	}
	making, err := os.MkdirTemp(filepath.Dir(dir), "large-database-")
	if err != nil {
		return "", "", fmt.Errorf("make large databases: %w", err)
	}
	defer os.RemoveAll(making)
	err = Generate(filepath.Join(making, "older"), publishedVulnerabilities)
	if err == nil {
		err = Change(filepath.Join(making, "older"), filepath.Join(making, "newer"), Day)
	}
	if err == nil {
		err = os.Rename(making, dir)
	}
	if err != nil {
		return "", "", fmt.Errorf("make large databases: %w", err)
	}
	return older, newer, nil
}

// Library returns a library's name; small numbers are those in most images.
// One in eight has advisories in a generated database.
func Library(n int) string { return fmt.Sprintf("lib-%05d", n) }

const (
	// Libraries is how many names of libraries each ecosystem has.
	Libraries = 13_333
	// mostSystemNames are packages of each distribution beside those of the
	// recipes; smaller databases have fewer.
	mostSystemNames = 3_000
)

// Generate writes a database to dir, the same for the same number of
// vulnerabilities: their details, and about six advisories for each of them in
// the buckets of distributions and ecosystems. Names are those of real packages
// and Library's.
func Generate(dir string, vulnerabilities int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("generate database: %w", err)
	}
	err := edit(dir, func(w *writer) error {
		g := generator{writer: w, random: rand.New(rand.NewPCG(7, 7)), ids: identifiers(vulnerabilities)}
		return g.run()
	})
	if err == nil {
		err = Stamp(dir, time.Date(2026, 8, 1, 6, 0, 0, 0, time.UTC))
	}
	if err != nil {
		return fmt.Errorf("generate database %s: %w", dir, err)
	}
	return nil
}

// Stamp says when the database was built.
func Stamp(dir string, built time.Time) error {
	return metadata.NewClient(dir).Update(metadata.Metadata{Version: db.SchemaVersion, UpdatedAt: built, NextUpdate: built.Add(24 * time.Hour)})
}

// identifiers in order, spread over the years.
func identifiers(count int) []string {
	const first, years = 2005, 21
	ids := make([]string, count)
	perYear := (count + years - 1) / years
	for i := range ids {
		ids[i] = fmt.Sprintf("CVE-%d-%05d", first+i/perYear, i%perYear)
	}
	return ids
}

type generator struct {
	*writer
	random *rand.Rand
	ids    []string
}

// distribution is what its releases' buckets have in common.
type distribution struct {
	prefix   string
	releases []string
	// entries says that advisories are for architectures, or Red Hat's products.
	entries bool
}

var distributions = []distribution{
	{"alma ", []string{"8", "9", "10"}, false},
	{"alpine ", []string{"3.15", "3.16", "3.17", "3.18", "3.19", "3.20", "3.21", "3.22", "edge"}, false},
	{"amazon linux ", []string{"1", "2", "2023"}, false},
	{"Azure Linux ", []string{"3.0"}, false},
	{"CBL-Mariner ", []string{"1.0", "2.0"}, false},
	{"chainguard", []string{""}, false},
	{"debian ", []string{"10", "11", "12", "13"}, false},
	{"openSUSE Leap ", []string{"15.4", "15.5", "15.6"}, false},
	{"Oracle Linux ", []string{"7", "8", "9"}, true},
	{"Photon OS ", []string{"4.0", "5.0"}, false},
	{"Red Hat", []string{""}, true},
	{"rocky ", []string{"8", "9"}, true},
	{"SUSE Linux Enterprise ", []string{"12.5", "15.4", "15.5", "15.6"}, false},
	{"ubuntu ", []string{"18.04", "20.04", "22.04", "24.04", "25.04"}, false},
	{"wolfi", []string{""}, false},
}

func (g *generator) run() error {
	if err := g.sources(); err != nil {
		return err
	}
	for _, d := range distributions {
		for _, release := range d.releases {
			if err := g.distribution(d, d.prefix+release); err != nil {
				return err
			}
		}
	}
	for _, bucket := range ecosystemBuckets {
		if err := g.ecosystem(bucket); err != nil {
			return err
		}
	}
	for i, id := range g.ids {
		if err := g.put(g.detail(i, id), "vulnerability", id); err != nil {
			return err
		}
	}
	return nil
}

var ecosystemBuckets = []string{
	"go::GitHub Security Advisory Go", "maven::GitHub Security Advisory Maven", "npm::GitHub Security Advisory npm",
	"npm::Node.js Ecosystem Security Working Group", "pip::GitHub Security Advisory pip", "pip::Python Packaging Advisory Database",
}

func (g *generator) sources() error {
	for _, d := range distributions {
		for _, release := range d.releases {
			source := map[string]string{"ID": d.prefix, "Name": d.prefix + "security data", "URL": "https://security.example.org/" + d.prefix}
			if err := g.put(source, "data-source", d.prefix+release); err != nil {
				return err
			}
		}
	}
	for _, bucket := range ecosystemBuckets {
		if err := g.put(map[string]string{"ID": "ghsa", "Name": bucket, "URL": "https://github.com/advisories"}, "data-source", bucket); err != nil {
			return err
		}
	}
	return nil
}

// SystemPackages are the sources' names of the recipes' lists: those that fleets have.
func SystemPackages() []string {
	var names []string
	for _, list := range []string{"debian-12", "ubuntu-22.04"} {
		for _, set := range []string{"base", "app"} {
			for _, d := range recipe.Debs(list, set, "amd64") {
				names = append(names, cmp.Or(d.Source, d.Name))
			}
		}
	}
	for _, set := range []string{"base", "app"} {
		for _, a := range recipe.APKs("alpine-3.21", set, "x86_64") {
			names = append(names, cmp.Or(a.Origin, a.Name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (g *generator) distribution(d distribution, bucket string) error {
	names := SystemPackages()
	for i := range min(mostSystemNames, len(g.ids)/100) {
		names = append(names, fmt.Sprintf("package-%04d", i))
	}
	slices.Sort(names)
	for _, name := range names {
		for _, id := range g.some(name, g.few(10)) {
			advisory := g.systemAdvisory()
			if d.entries {
				advisory = g.advisoryOfEntries(bucket, advisory)
			}
			if err := g.put(advisory, bucket, name, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *generator) ecosystem(bucket string) error {
	for n := range Libraries {
		if g.random.IntN(8) > 0 {
			continue
		}
		for _, id := range g.some(Library(n), g.few(2)) {
			if err := g.put(g.libraryAdvisory(), bucket, Library(n), id); err != nil {
				return err
			}
		}
	}
	return nil
}

// few are mostly some, and once in a while thousands, as the kernel has.
func (g *generator) few(usual float64) int {
	return min(1+int(usual*0.4/math.Pow(1-g.random.Float64(), 0.7)), 4_000)
}

// some are vulnerabilities of a package; those of the same name are mostly the
// same ones in all releases.
func (g *generator) some(name string, count int) []string {
	seed := uint64(0)
	for _, c := range []byte(name) {
		seed = seed*131 + uint64(c)
	}
	of := rand.New(rand.NewPCG(seed, 1))
	picked := make([]int, min(count, len(g.ids)))
	for i := range picked {
		picked[i] = of.IntN(len(g.ids))
	}
	slices.Sort(picked)
	picked = slices.Compact(picked)
	ids := make([]string, len(picked))
	for i, at := range picked {
		ids[i] = g.ids[at]
	}
	return ids
}

// copyFile makes a database that may then be changed.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// edit opens the file for writing. It need not survive a power cut.
func edit(dir string, change func(*writer) error) (err error) {
	file, err := bbolt.Open(filepath.Join(dir, "trivy.db"), 0o600, &bbolt.Options{NoSync: true, NoFreelistSync: true, InitialMmapSize: 1 << 31})
	if err != nil {
		return err
	}
	w := &writer{file: file}
	return errors.Join(change(w), w.finish(), file.Close())
}
