package database

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/aquasecurity/trivy-db/pkg/types"
	"go.etcd.io/bbolt"

	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// Spec of a database.
type Spec struct {
	// Built is when it says it was built.
	Built time.Time
	Facts []recipe.Fact
	// Details that take the place of those of the facts, by id.
	Details map[string]types.Vulnerability
	// Sources that take the place of the usual ones, by bucket.
	Sources map[string]types.DataSource
}

// withdrawn is an advisory that the real pair of databases lost meanwhile. It
// concerns no image of the demo.
var withdrawn = recipe.Fact{
	Bucket:   "go::The Go Vulnerability Database (third-party modules)",
	Package:  "github.com/dgraph-io/dgraph/v24",
	ID:       "CVE-2026-41328",
	Advisory: json.RawMessage(`{"VendorIDs":["GHSA-x92x-px7w-4gx4","GO-2026-5749"],"VulnerableVersions":[">=0"]}`),
}

// Older returns a database of facts of July 2026.
func Older() (Spec, error) {
	facts, err := recipe.Facts(true)
	if err != nil {
		return Spec{}, err
	}
	return Spec{Built: time.Date(2026, 7, 20, 12, 0, 0, 0, time.UTC), Facts: append(facts, withdrawn)}, nil
}

// Newer returns one of August 2026: against Older it has more advisories, lacks
// one, and gives one another severity.
func Newer() (Spec, error) {
	facts, err := recipe.Facts(false)
	if err != nil {
		return Spec{}, err
	}
	return Spec{Built: time.Date(2026, 8, 22, 12, 0, 0, 0, time.UTC), Facts: facts}, nil
}

// handle guards trivy-db's writer, which has one open database per process.
var handle sync.Mutex

// Build writes trivy.db and metadata.json to dir, which it makes if need be.
func Build(dir string, spec Spec) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("build database: %w", err)
	}
	if err := write(dir, spec); err != nil {
		return fmt.Errorf("build database: %w", err)
	}
	err := metadata.NewClient(dir).Update(metadata.Metadata{
		Version: db.SchemaVersion, UpdatedAt: spec.Built, NextUpdate: spec.Built.Add(24 * time.Hour),
	})
	if err != nil {
		return fmt.Errorf("build database: %w", err)
	}
	return nil
}

func write(dir string, spec Spec) (err error) {
	handle.Lock()
	defer handle.Unlock()
	// Tests need not survive a power cut.
	if err := db.Init(dir, db.WithBoltOptions(&bbolt.Options{NoSync: true, NoFreelistSync: true})); err != nil {
		return err
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = closeErr
		}
	}()
	return db.Config{}.BatchUpdate(func(tx *bbolt.Tx) error {
		for _, fact := range spec.Facts {
			if err := put(tx, fact); err != nil {
				return fmt.Errorf("%s of %s: %w", fact.ID, fact.Package, err)
			}
		}
		for bucket, source := range spec.Sources {
			if err := (db.Config{}).PutDataSource(tx, bucket, source); err != nil {
				return fmt.Errorf("%s: %w", bucket, err)
			}
		}
		for id, detail := range spec.Details {
			if err := (db.Config{}).PutVulnerability(tx, id, detail); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
		return nil
	})
}

func put(tx *bbolt.Tx, fact recipe.Fact) error {
	var writer db.Config
	if source, ok := sourceOf(fact.Bucket); ok {
		if err := writer.PutDataSource(tx, fact.Bucket, source); err != nil {
			return err
		}
	}
	if err := writer.PutAdvisory(tx, []string{fact.Bucket, fact.Package}, fact.ID, fact.Advisory); err != nil {
		return err
	}
	if fact.Severity == "" {
		return nil
	}
	detail := types.Vulnerability{Severity: fact.Severity} //nolint:staticcheck // schema version 2 has it, and Trivy reads it
	if !fact.Published.IsZero() {
		detail.PublishedDate = &fact.Published
	}
	return writer.PutVulnerability(tx, fact.ID, detail)
}

// sources of buckets by the beginning of their names, as trivy-db records them.
var sources = []struct {
	prefix string
	source types.DataSource
}{
	{"alpine ", types.DataSource{ID: "alpine", Name: "Alpine Secdb", URL: "https://secdb.alpinelinux.org/"}},
	{"debian ", types.DataSource{ID: "debian", Name: "Debian Security Tracker", URL: "https://salsa.debian.org/security-tracker-team/security-tracker"}},
	{"go::", types.DataSource{ID: "govulndb", Name: "The Go Vulnerability Database", URL: "https://pkg.go.dev/vuln/"}},
	{"npm::", types.DataSource{ID: "nodejs-security-wg", Name: "Node.js Ecosystem Security Working Group", URL: "https://github.com/nodejs/security-wg"}},
	{"pip::", types.DataSource{ID: "osv", Name: "Python Packaging Advisory Database", URL: "https://github.com/pypa/advisory-database"}},
	{"ubuntu ", types.DataSource{ID: "ubuntu", Name: "Ubuntu CVE Tracker", URL: "https://git.launchpad.net/ubuntu-cve-tracker"}},
	{"wolfi", types.DataSource{ID: "wolfi", Name: "Wolfi Secdb", URL: "https://packages.wolfi.dev/os/security.json"}},
}

func sourceOf(bucket string) (types.DataSource, bool) {
	for _, s := range sources {
		if strings.HasPrefix(bucket, s.prefix) {
			return s.source, true
		}
	}
	return types.DataSource{}, false
}
