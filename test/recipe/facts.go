package recipe

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Rows of the two real databases of the tests that concern the demo's packages,
// most of them findings, some not; the rows of Ubuntu and Wolfi are public facts
// (USN-6450-1 and USN-6986-1, Wolfi's advisories for openssl) that those
// databases have no bucket for. Only their vulnerabilities have a publication date.
//
//go:embed testdata/facts_old.tsv testdata/facts_new.tsv
var facts embed.FS

// Fact is an advisory of a vulnerability in a package, with what a database says
// of the vulnerability itself.
type Fact struct {
	// Bucket as trivy-db names it, such as "debian 12".
	Bucket  string
	Package string
	ID      string
	// Advisory is trivy-db's JSON.
	Advisory json.RawMessage
	// Severity of the vulnerability's own record, such as "HIGH".
	Severity string
	// Published is zero where the database does not say.
	Published time.Time
}

// Facts returns those of the older or of the newer database, sorted by bucket,
// package and id: enough to build a small database that the demo differs under.
func Facts(older bool) ([]Fact, error) {
	name := "testdata/facts_new.tsv"
	if older {
		name = "testdata/facts_old.tsv"
	}
	body, err := facts.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	var all []Fact
	for i, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")[1:] {
		fact, err := parseFact(line)
		if err != nil {
			return nil, fmt.Errorf("parse %s:%d: %w", name, i+2, err)
		}
		all = append(all, fact)
	}
	return all, nil
}

func parseFact(line string) (Fact, error) {
	cells := strings.Split(line, "\t")
	if len(cells) != 6 {
		return Fact{}, fmt.Errorf("%d columns, want 6", len(cells))
	}
	fact := Fact{Bucket: cells[0], Package: cells[1], ID: cells[2], Advisory: json.RawMessage(cells[3]), Severity: cells[4]}
	if !json.Valid(fact.Advisory) {
		return Fact{}, fmt.Errorf("advisory of %s is no JSON", fact.ID)
	}
	if cells[5] == "" {
		return fact, nil
	}
	var err error
	if fact.Published, err = time.Parse(time.RFC3339, cells[5]); err != nil {
		return Fact{}, fmt.Errorf("publication of %s: %w", fact.ID, err)
	}
	return fact, nil
}
