package vulndb

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/types"
	"go.etcd.io/bbolt"
)

// Detail describes a vulnerability to people.
type Detail struct {
	Title       string
	Description string
	CWEs        []string
	References  []string
	// CVSS by source.
	CVSS map[string]CVSS
	// Published and Modified are zero where they are not known.
	Published time.Time
	Modified  time.Time
}

// CVSS holds a source's vectors and scores; "" and 0 where it gives none.
type CVSS struct {
	V2Vector, V3Vector, V40Vector string
	V2Score, V3Score, V40Score    float64
}

// Detail returns what the database says of a vulnerability, and false where it
// has no record of it.
func (d *DB) Detail(id string) (Detail, bool, error) {
	var raw []byte
	err := d.view(func(tx *bbolt.Tx) error {
		raw = bytes.Clone(get(tx.Bucket(detailBucket), []byte(id)))
		return nil
	})
	if err != nil || raw == nil {
		return Detail{}, false, err
	}
	var stored types.Vulnerability
	if err := json.Unmarshal(raw, &stored); err != nil {
		return Detail{}, false, invalidf("decode vulnerability %s: %w", id, err)
	}
	detail := Detail{
		Title: stored.Title, Description: stored.Description, CWEs: stored.CweIDs, References: stored.References,
	}
	if stored.PublishedDate != nil {
		detail.Published = *stored.PublishedDate
	}
	if stored.LastModifiedDate != nil {
		detail.Modified = *stored.LastModifiedDate
	}
	for source, score := range stored.CVSS {
		if detail.CVSS == nil {
			detail.CVSS = map[string]CVSS{}
		}
		detail.CVSS[string(source)] = CVSS(score)
	}
	return detail, true, nil
}
