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
	"strings"
	"sync/atomic"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

var (
	_ Divisible = (*database)(nil)
	_ Judge     = match.Judge

	errDamaged = errors.New("damaged page")
)

// database is a Database in memory. Like trivy-db's its fingerprints are of
// bytes, so they differ where only an order differs.
type database struct {
	records map[match.Key][]match.Record
	sums    map[match.Key]uint64

	fingerprints, reads, divisions atomic.Int64
	// failAt is the number of the call that fails; 0 for none.
	failAt int64
	calls  atomic.Int64
}

func newDatabase(records map[match.Key][]match.Record) *database {
	db := &database{records: records, sums: map[match.Key]uint64{}}
	for key, r := range records {
		db.sums[key] = sum(r)
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

// Parts divides the keys of all but Red Hat, as vulndb does.
func (db *database) Parts(key match.Key) (frame uint64, parts map[string]uint64, err error) {
	if key.System() == "Red Hat" {
		return 0, nil, nil
	}
	db.divisions.Add(1)
	said := map[string][]any{}
	var frames []any
	for i, r := range db.records[key] {
		if len(r.Advisories) == 0 {
			continue
		}
		frames = append(frames, r.Bucket, r.Source)
		for _, a := range r.Advisories {
			said[a.ID] = append(said[a.ID], i, a)
		}
	}
	parts = map[string]uint64{}
	for id, all := range said {
		parts[id] = sum(all)
	}
	return sum(frames), parts, db.call()
}

func (db *database) RecordsOf(key match.Key, ids map[string]bool) ([]match.Record, error) {
	var found []match.Record
	for _, r := range db.records[key] {
		if len(r.Advisories) == 0 {
			continue
		}
		all := r.Advisories
		r.Advisories = nil
		for _, a := range all {
			if ids[a.ID] {
				r.Advisories = append(r.Advisories, a)
			}
		}
		found = append(found, r)
	}
	return found, db.call()
}

// undivided is a Database that is no more than that.
type undivided struct{ db *database }

func (u undivided) Fingerprint(key match.Key) (uint64, error)     { return u.db.Fingerprint(key) }
func (u undivided) Records(key match.Key) ([]match.Record, error) { return u.db.Records(key) }

func sum(value any) uint64 {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	hash := fnv.New64a()
	hash.Write(text)
	return hash.Sum64()
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
		switch r.IntN(5) {
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
		case 3:
			// It may be a version of Seal's, whose bucket is read beside the others.
			packages = append(packages, node(name, version+".0.0-sp1", fmt.Sprint("seal/", i)))
		}
	}
	r.Shuffle(len(packages), func(i, j int) { packages[i], packages[j] = packages[j], packages[i] })
	if r.IntN(4) == 0 {
		return redHatImage(packages)
	}
	return debianImage(packages...)
}

// redHatImage makes RPMs of the system's packages.
func redHatImage(packages []sbom.Package) contents {
	for i := range packages {
		if p := &packages[i]; p.Type == sbom.TypeDpkg {
			*p = sbom.Package{Type: sbom.TypeRPM, Name: p.Name, Version: p.Version + "-1", SourceName: p.Name, SourceVersion: p.Version + "-1", Arch: "x86_64"}
		}
	}
	img := &sbom.Image{OS: sbom.OS{Family: "redhat", Release: "9.4"}, Packages: packages}
	return contents{packages, match.Components(img, time.Unix(1.7e9, 0))}
}

// redHatTables are those of the release's default repositories.
var redHatTables = []string{
	"Red Hat CPE/repository/rhel-9-for-x86_64-appstream-rpms", "Red Hat CPE/repository/rhel-9-for-x86_64-baseos-rpms",
}

func redHatKey(name string) match.Key {
	return match.Key{Bucket: "Red Hat\n" + strings.Join(redHatTables, "\n"), Name: name}
}

func sealKey(name string) match.Key { return match.Key{Bucket: "npm::\nseal npm::", Name: name} }

func (r random) database() map[match.Key][]match.Record {
	records := map[match.Key][]match.Record{}
	for i := range 12 {
		r.rewrite(records, fmt.Sprint("lib", i))
	}
	return records
}

// rewrite gives all packages of that name other advisories.
func (r random) rewrite(records map[match.Key][]match.Record, name string) {
	var debian, npm, more []match.Advisory
	for id := range 4 {
		if r.IntN(3) > 0 {
			a := fixed(fmt.Sprint("CVE-2024-", id), strconv.Itoa(r.IntN(8)), match.Severity(r.IntN(5)))
			a.Detail = &match.Detail{Published: time.Unix(int64(r.IntN(2))*1e9, 0).UTC()}
			debian = append(debian, a)
		}
		if r.IntN(3) > 0 {
			npm = append(npm, r.npmAdvisory(fmt.Sprint("CVE-2025-", id)))
		}
		if r.IntN(6) == 0 {
			more = append(more, r.npmAdvisory(fmt.Sprint("CVE-2025-", id)))
		}
	}
	records[debianKey(name)], records[npmKey(name)] = debianRecords(debian...), npmRecords(npm...)
	records[sealKey(name)] = npmRecords(npm...)
	if len(more) > 0 {
		other := match.Record{Bucket: "npm::Other", Source: match.DataSource{ID: "other"}, Advisories: more}
		records[npmKey(name)] = append(records[npmKey(name)], other)
		other.Bucket = "seal npm::Other"
		records[sealKey(name)] = append(records[sealKey(name)], other)
	}
	records[redHatKey(name)] = r.redHatRecords()
	for _, key := range []match.Key{debianKey(name), npmKey(name), sealKey(name), redHatKey(name)} {
		if r.IntN(4) == 0 {
			delete(records, key)
		}
	}
}

// redHatRecords tell of a vulnerability in several advisories, for some products.
func (r random) redHatRecords() []match.Record {
	var records []match.Record
	for _, table := range redHatTables {
		if r.IntN(3) > 0 {
			records = append(records, match.Record{Bucket: table, CPEs: []int{r.IntN(3)}})
		}
	}
	advisories := match.Record{Bucket: "Red Hat"}
	for id := range r.IntN(4) {
		e := match.Entry{FixedVersion: fmt.Sprint(r.IntN(8), "-1"), Affected: []int{r.IntN(3)}}
		for range 2 {
			detail := &match.Detail{Severity: match.Severity(r.IntN(5))}
			e.CVEs = append(e.CVEs, match.CVE{ID: fmt.Sprint("CVE-2026-", r.IntN(3)), Severity: match.Severity(r.IntN(5)), Detail: detail})
		}
		advisories.Advisories = append(advisories.Advisories, match.Advisory{ID: fmt.Sprint("RHSA-", id), Entries: []match.Entry{e}})
	}
	return append(records, advisories)
}

func (r random) npmAdvisory(id string) match.Advisory {
	a := match.Advisory{ID: id, VendorIDs: []string{"GHSA-a", "GHSA-b"}}
	a.Detail = &match.Detail{VendorSeverity: map[string]match.Severity{"ghsa": match.Severity(r.IntN(5))}}
	a.VulnerableVersions = []string{fmt.Sprintf("<%d.0.0", 1+r.IntN(3)), fmt.Sprintf(">=%d.0.0, <%d.0.0", 3+r.IntN(2), 5+r.IntN(3))}
	return a
}

// change returns records of which some say something else, in one of the ways
// that databases do.
func (r random) change(records map[match.Key][]match.Record) map[match.Key][]match.Record {
	changed := map[match.Key][]match.Record{}
	maps.Copy(changed, records)
	alter := []func(match.Record) (match.Record, bool){r.otherSeverity, r.otherSource, r.brokenRange, without}[r.IntN(4)]
	for range 1 + r.IntN(3) {
		name := fmt.Sprint("lib", r.IntN(12))
		if r.IntN(2) == 0 {
			r.rewrite(changed, name)
			continue
		}
		for _, key := range []match.Key{debianKey(name), npmKey(name), sealKey(name), redHatKey(name)} {
			if old := slices.Clone(changed[key]); len(old) > 0 {
				at := r.IntN(len(old))
				if now, ok := alter(old[at]); ok {
					old[at] = now
				} else {
					old = slices.Delete(old, at, at+1)
				}
				changed[key] = old
			}
		}
	}
	return changed
}

// without takes the bucket away.
func without(record match.Record) (match.Record, bool) { return record, false }

func (r random) otherSource(record match.Record) (match.Record, bool) {
	record.Source.ID = fmt.Sprint("source-", r.IntN(3))
	return record, true
}

func (r random) otherSeverity(record match.Record) (match.Record, bool) {
	record.Advisories = slices.Clone(record.Advisories)
	for i := range record.Advisories {
		a := &record.Advisories[i]
		if a.Detail == nil || r.IntN(2) == 0 {
			continue
		}
		detail := *a.Detail
		detail.Severity, detail.VendorSeverity = match.Severity(r.IntN(5)), map[string]match.Severity{"nvd": match.Severity(r.IntN(5))}
		a.Detail = &detail
	}
	return record, true
}

func (r random) brokenRange(record match.Record) (match.Record, bool) {
	record.Advisories = slices.Clone(record.Advisories)
	for i := range record.Advisories {
		if a := &record.Advisories[i]; len(a.VulnerableVersions) > 0 && r.IntN(2) == 0 {
			a.VulnerableVersions = []string{fmt.Sprint("<<", r.IntN(2))}
		}
	}
	return record, true
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
