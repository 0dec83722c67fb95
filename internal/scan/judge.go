package scan

import (
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Database is what one image is judged by.
type Database interface {
	Records(match.Key) ([]match.Record, error)
	HasBucket(name string) (bool, error)
}

// Judgement of one image by a database.
type Judgement struct {
	State State
	// Findings in the order of the image's packages and then of their ids.
	Findings []match.Finding
	// Problems are what kept packages from being judged completely, sorted.
	Problems []string
}

// Judge judges one image. The operator's fleet does the same for many.
func Judge(content *sbom.Image, db Database, now time.Time) (Judgement, error) {
	components := match.Components(content, now)
	j := Judgement{State: StateOf(content)}
	matches := map[match.Subject][]match.Match{}
	for _, c := range components {
		if _, judged := matches[c.Subject]; judged {
			continue
		}
		records, err := db.Records(c.Subject.Key)
		if err != nil {
			return Judgement{}, fmt.Errorf("read the advisories of %s in %s: %w", c.Subject.Key.Name, c.Subject.Key.Bucket, err)
		}
		found, problems := match.Judge(c.Subject, records)
		matches[c.Subject] = found
		j.Problems = append(j.Problems, problems...)
	}
	j.Findings = match.Findings(content.Packages, components, func(s match.Subject) []match.Match { return matches[s] })
	slices.Sort(j.Problems)
	j.Problems = slices.Compact(j.Problems)
	return j.covered(SystemBucket(components), db)
}

// covered says so where the database knows nothing of the operating system.
func (j Judgement) covered(bucket string, db Database) (Judgement, error) {
	if bucket != "" {
		known, err := db.HasBucket(bucket)
		if err != nil {
			return Judgement{}, fmt.Errorf("look for %s in the database: %w", bucket, err)
		}
		if !known {
			j.State = UnknownRelease(bucket)
		}
	}
	j.State, _ = j.State.blinded(j.Problems)
	return j, nil
}
