package database

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// writer puts many values, those of a bucket in order, in few transactions.
type writer struct {
	file *bbolt.DB
	tx   *bbolt.Tx
	puts int
	// last bucket that was put to.
	last []string
	into *bbolt.Bucket
}

// putsPerTransaction bounds what bbolt holds in memory.
const putsPerTransaction = 100_000

// put keeps a value as JSON; the last of the path is its key, the others are buckets.
func (w *writer) put(value any, path ...string) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if w.puts++; w.puts%putsPerTransaction == 0 {
		if err := w.finish(); err != nil {
			return err
		}
	}
	buckets := path[:len(path)-1]
	if w.tx == nil || !slices.Equal(buckets, w.last) {
		if err := w.enter(buckets); err != nil {
			return err
		}
	}
	return w.into.Put([]byte(path[len(path)-1]), text)
}

func (w *writer) enter(buckets []string) (err error) {
	if w.tx == nil {
		if w.tx, err = w.file.Begin(true); err != nil {
			return err
		}
	}
	if w.into, err = w.tx.CreateBucketIfNotExists([]byte(buckets[0])); err != nil {
		return err
	}
	for _, name := range buckets[1:] {
		w.into.FillPercent = 1
		if w.into, err = w.into.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	w.into.FillPercent, w.last = 1, slices.Clone(buckets)
	return nil
}

func (w *writer) finish() error {
	if w.tx == nil {
		return nil
	}
	err := w.tx.Commit()
	w.tx, w.into = nil, nil
	return err
}

type generatedAdvisory struct {
	FixedVersion       string           `json:",omitempty"`
	Status             int              `json:",omitempty"`
	Severity           int              `json:",omitempty"`
	VendorIDs          []string         `json:",omitempty"`
	VulnerableVersions []string         `json:",omitempty"`
	PatchedVersions    []string         `json:",omitempty"`
	Entries            []generatedEntry `json:",omitempty"`
}

type generatedEntry struct {
	FixedVersion string         `json:",omitempty"`
	Status       int            `json:",omitempty"`
	Arches       []string       `json:",omitempty"`
	VendorIDs    []string       `json:",omitempty"`
	Affected     []int          `json:",omitempty"`
	Cves         []generatedCVE `json:",omitempty"`
}

type generatedCVE struct {
	ID       string `json:",omitempty"`
	Severity int
}

// systemAdvisory is mostly fixed in a version before all that run, one in ten
// is not fixed, and one in twenty in a later version.
func (g *generator) systemAdvisory() generatedAdvisory {
	switch n := g.random.IntN(20); {
	case n < 2:
		return generatedAdvisory{Status: 2, Severity: g.random.IntN(5)}
	case n < 3:
		return generatedAdvisory{FixedVersion: fmt.Sprintf("99:%d.%d-1", g.random.IntN(9), g.random.IntN(99)), Severity: 1 + g.random.IntN(4)}
	default:
		return generatedAdvisory{FixedVersion: fmt.Sprintf("0.%d.%d-1+deb12u%d", g.random.IntN(9), g.random.IntN(99), g.random.IntN(9))}
	}
}

func (g *generator) advisoryOfEntries(bucket string, a generatedAdvisory) generatedAdvisory {
	e := generatedEntry{FixedVersion: a.FixedVersion, Status: a.Status, Arches: []string{"aarch64", "noarch", "ppc64le", "s390x", "x86_64"}}
	if bucket == "Red Hat" {
		e.Cves = []generatedCVE{{Severity: a.Severity}}
		for range 1 + g.random.IntN(12) {
			e.Affected = append(e.Affected, g.random.IntN(2_000))
		}
	} else {
		e.VendorIDs = []string{fmt.Sprintf("RLSA-2026:%04d", g.random.IntN(9_999))}
	}
	return generatedAdvisory{Entries: []generatedEntry{e}}
}

// libraryAdvisory ends within the versions that the fleet of the benchmarks has.
func (g *generator) libraryAdvisory() generatedAdvisory {
	from, to := g.random.IntN(6), 1+g.random.IntN(8)
	a := generatedAdvisory{
		VendorIDs:          []string{fmt.Sprintf("GHSA-%04x-%04x-%04x", g.random.IntN(65_536), g.random.IntN(65_536), g.random.IntN(65_536))},
		VulnerableVersions: []string{fmt.Sprintf("<1.%d.0", to)}, PatchedVersions: []string{fmt.Sprintf("1.%d.0", to)},
	}
	if g.random.IntN(2) == 0 {
		a.VulnerableVersions = []string{fmt.Sprintf(">=1.%d.0, <1.%d.0", from, from+to)}
		a.PatchedVersions = []string{fmt.Sprintf("1.%d.0", from+to)}
	}
	return a
}

type generatedDetail struct {
	Title, Description string
	Severity           string
	CweIDs             []string
	VendorSeverity     map[string]int
	CVSS               map[string]map[string]any
	References         []string
	PublishedDate      time.Time
	LastModifiedDate   time.Time
}

var (
	severities    = []string{"UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL"}
	vendors       = []string{"nvd", "redhat", "ghsa", "ubuntu", "amazon", "oracle-oval", "photon", "rocky"}
	loremSentence = "A flaw was found in the way that the parser handled lengths, and a remote attacker could use it to read or write memory. "
)

func (g *generator) detail(i int, id string) generatedDetail {
	r := g.random
	published := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 37 * time.Minute)
	d := generatedDetail{
		Title:       fmt.Sprintf("component-%d: memory is written out of bounds in the parser of %s", r.IntN(9_999), id),
		Description: strings.Repeat(loremSentence, 1+r.IntN(5)), Severity: severities[r.IntN(5)],
		CweIDs: []string{fmt.Sprint("CWE-", r.IntN(1_200))}, VendorSeverity: map[string]int{}, CVSS: map[string]map[string]any{},
		PublishedDate: published, LastModifiedDate: published.Add(time.Duration(r.IntN(900)) * 24 * time.Hour),
	}
	for _, vendor := range vendors[:1+r.IntN(len(vendors))] {
		d.VendorSeverity[vendor] = 1 + r.IntN(4)
	}
	for _, vendor := range vendors[:1+r.IntN(2)] {
		d.CVSS[vendor] = map[string]any{"V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "V3Score": 1 + float64(r.IntN(90))/10}
	}
	for range 2 + r.IntN(14) {
		d.References = append(d.References, fmt.Sprintf("https://lists.example.org/archives/security-announce/2026/%08x.html", r.Uint32()))
	}
	return d
}
