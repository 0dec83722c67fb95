package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

var (
	_ Database = (*database)(nil)
	_ Judge    = match.Judge

	errDamaged = errors.New("damaged page")
)

// database is a Database in memory. Like trivy-db's its fingerprints are of
// bytes, so they differ where only an order differs.
type database struct {
	records map[match.Key][]match.Record
	sums    map[match.Key]uint64

	fingerprints, reads atomic.Int64
	// failAt is the number of the call that fails; 0 for none.
	failAt int64
	calls  atomic.Int64
}

func newDatabase(records map[match.Key][]match.Record) *database {
	db := &database{records: records, sums: map[match.Key]uint64{}}
	for key, r := range records {
		text, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		sum := fnv.New64a()
		sum.Write(text)
		db.sums[key] = sum.Sum64()
	}
	return db
}

func (db *database) Fingerprint(key match.Key) (uint64, error) {
	db.fingerprints.Add(1)
	return db.sums[key], db.call()
}

func (db *database) Records(key match.Key) ([]match.Record, error) {
	db.reads.Add(1)
	return db.records[key], db.call()
}

func (db *database) call() error {
	if db.calls.Add(1) == db.failAt {
		return errDamaged
	}
	return nil
}

var (
	debianSource = match.DataSource{ID: "debian", Name: "Debian Security Tracker"}
	npmSource    = match.DataSource{ID: "ghsa", Name: "GitHub Security Advisory npm"}
)

func debianKey(name string) match.Key { return match.Key{Bucket: "debian 12", Name: name} }
func npmKey(name string) match.Key    { return match.Key{Bucket: "npm::", Name: name} }

// fixed is a Debian package's advisory.
func fixed(id, version string, severity match.Severity) match.Advisory {
	return match.Advisory{ID: id, FixedVersion: version, Severity: severity}
}

func debianRecords(advisories ...match.Advisory) []match.Record {
	return []match.Record{{Bucket: "debian 12", Source: debianSource, Advisories: advisories}}
}

func npmRecords(advisories ...match.Advisory) []match.Record {
	return []match.Record{{Bucket: "npm::GitHub Security Advisory npm", Source: npmSource, Advisories: advisories}}
}

func dpkg(name, version string) sbom.Package {
	return sbom.Package{Type: sbom.TypeDpkg, Name: name, Version: version, SourceName: name, SourceVersion: version}
}

func node(name, version, path string) sbom.Package {
	return sbom.Package{Type: sbom.TypeNode, Name: name, Version: version, Path: path}
}

// contents is an image of Debian 12 with its components.
type contents struct {
	packages   []sbom.Package
	components []match.Component
}

func debianImage(packages ...sbom.Package) contents {
	img := &sbom.Image{OS: sbom.OS{Family: "debian", Release: "12"}, Packages: packages}
	return contents{packages, match.Components(img, time.Unix(1.7e9, 0))}
}

func digest(n int) image.Digest { return image.Digest(fmt.Sprintf("sha256:%064x", n)) }

// random makes databases and images that have much in common.
type random struct{ *rand.Rand }

func (r random) image() contents {
	var packages []sbom.Package
	for i := range 10 {
		name, version := fmt.Sprint("lib", i), strconv.Itoa(1+r.IntN(6))
		switch r.IntN(4) {
		case 0:
			packages = append(packages, dpkg(name, version))
		case 1:
			p := dpkg(name, version)
			p.Arch = "amd64"
			twin := p
			twin.Arch = "i386"
			packages = append(packages, p, twin)
		case 2:
			packages = append(packages, node(name, version+".0.0", fmt.Sprint("app/", i)), node(name, version+".0.0", fmt.Sprint("old/", i)))
		}
	}
	r.Shuffle(len(packages), func(i, j int) { packages[i], packages[j] = packages[j], packages[i] })
	return debianImage(packages...)
}

func (r random) database() map[match.Key][]match.Record {
	records := map[match.Key][]match.Record{}
	for i := range 12 {
		r.rewrite(records, fmt.Sprint("lib", i))
	}
	return records
}

// rewrite gives both packages of that name other advisories.
func (r random) rewrite(records map[match.Key][]match.Record, name string) {
	var debian, npm []match.Advisory
	for id := range 4 {
		if r.IntN(3) > 0 {
			a := fixed(fmt.Sprint("CVE-2024-", id), strconv.Itoa(r.IntN(8)), match.Severity(r.IntN(5)))
			a.Detail = &match.Detail{Published: time.Unix(int64(r.IntN(2))*1e9, 0).UTC()}
			debian = append(debian, a)
		}
		if r.IntN(3) > 0 {
			npm = append(npm, r.npmAdvisory(fmt.Sprint("CVE-2025-", id)))
		}
	}
	records[debianKey(name)], records[npmKey(name)] = debianRecords(debian...), npmRecords(npm...)
	if r.IntN(4) == 0 {
		delete(records, debianKey(name))
	}
}

func (r random) npmAdvisory(id string) match.Advisory {
	a := match.Advisory{ID: id, VendorIDs: []string{"GHSA-a", "GHSA-b"}}
	a.Detail = &match.Detail{VendorSeverity: map[string]match.Severity{"ghsa": match.Severity(r.IntN(5))}}
	a.VulnerableVersions = []string{fmt.Sprintf("<%d.0.0", 1+r.IntN(3)), fmt.Sprintf(">=%d.0.0, <%d.0.0", 3+r.IntN(2), 5+r.IntN(3))}
	return a
}

// change returns records of which some say something else.
func (r random) change(records map[match.Key][]match.Record) map[match.Key][]match.Record {
	changed := map[match.Key][]match.Record{}
	maps.Copy(changed, records)
	for range 1 + r.IntN(3) {
		r.rewrite(changed, fmt.Sprint("lib", r.IntN(12)))
	}
	return changed
}

// flap returns records that say the same in another order.
func (r random) flap(records map[match.Key][]match.Record) map[match.Key][]match.Record {
	flapped := map[match.Key][]match.Record{}
	for key, old := range records {
		for _, record := range old {
			record.Advisories = slices.Clone(record.Advisories)
			for i := range record.Advisories {
				a := &record.Advisories[i]
				a.VendorIDs, a.VulnerableVersions = r.shuffled(a.VendorIDs), r.shuffled(a.VulnerableVersions)
			}
			flapped[key] = append(flapped[key], record)
		}
	}
	return flapped
}

func (r random) shuffled(list []string) []string {
	list = slices.Clone(list)
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}
