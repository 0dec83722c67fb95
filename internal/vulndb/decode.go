package vulndb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/types"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

type rawRecord struct {
	bucket string
	source []byte
	// any says that the bucket has advisories of the key, wanted or not.
	any        bool
	advisories []rawAdvisory
	// cpes is a list of indices, which a record has nothing beside of.
	cpes []byte
}

type rawAdvisory struct {
	id       string
	advisory []byte
	// detail is nil where the database has none.
	detail []byte
	// named holds the details of the vulnerabilities that the advisory names.
	named map[string][]byte
}

func (r *rawAdvisory) name(id string, detail []byte) {
	if r.named == nil {
		r.named = map[string][]byte{}
	}
	r.named[id] = bytes.Clone(detail)
}

// storedAdvisory has the shapes of all families.
type storedAdvisory struct {
	VendorIDs          []string
	Arches             []string
	Status             int
	Severity           types.Severity
	FixedVersion       string
	AffectedVersion    string
	VulnerableVersions []string
	PatchedVersions    []string
	UnaffectedVersions []string
	Entries            []storedEntry
}

type storedEntry struct {
	FixedVersion string
	VendorIDs    []string
	Arches       []string
	Status       int
	Cves         []struct {
		ID       string
		Severity types.Severity
	}
	Affected []int
}

// namedIn lists the vulnerabilities that one of Red Hat's advisories names.
// Where it cannot be decoded, decoding the record tells.
func namedIn(advisory []byte) []string {
	var stored storedAdvisory
	if err := json.Unmarshal(advisory, &stored); err != nil {
		return nil
	}
	var ids []string
	for _, e := range stored.Entries {
		for _, cve := range e.Cves {
			if cve.ID != "" && !slices.Contains(ids, cve.ID) {
				ids = append(ids, cve.ID)
			}
		}
	}
	return ids
}

func (r rawRecord) decode() (match.Record, error) {
	record := match.Record{Bucket: r.bucket}
	if r.cpes != nil {
		if err := json.Unmarshal(r.cpes, &record.CPEs); err != nil {
			return match.Record{}, fmt.Errorf("CPE indices: %w", err)
		}
	}
	if r.source != nil {
		var source types.DataSource
		if err := json.Unmarshal(r.source, &source); err != nil {
			return match.Record{}, fmt.Errorf("data source: %w", err)
		}
		record.Source = match.DataSource{
			ID: string(source.ID), Name: source.Name, URL: source.URL, BaseID: string(source.BaseID),
		}
	}
	for _, raw := range r.advisories {
		advisory, err := raw.decode()
		if err != nil {
			return match.Record{}, err
		}
		record.Advisories = append(record.Advisories, advisory)
	}
	return record, nil
}

func (r rawAdvisory) decode() (match.Advisory, error) {
	var stored storedAdvisory
	if err := json.Unmarshal(r.advisory, &stored); err != nil {
		return match.Advisory{}, fmt.Errorf("advisory %s: %w", r.id, err)
	}
	advisory := match.Advisory{
		ID:                 r.id,
		VendorIDs:          stored.VendorIDs,
		Status:             statusOf(stored.Status),
		Severity:           severityOf(stored.Severity),
		FixedVersion:       stored.FixedVersion,
		AffectedVersion:    stored.AffectedVersion,
		VulnerableVersions: stored.VulnerableVersions,
		PatchedVersions:    stored.PatchedVersions,
		UnaffectedVersions: stored.UnaffectedVersions,
		Arches:             stored.Arches,
	}
	var err error
	if advisory.Detail, err = decodeJudged(r.id, r.detail); err != nil {
		return match.Advisory{}, err
	}
	for _, e := range stored.Entries {
		entry, err := r.decodeEntry(e)
		if err != nil {
			return match.Advisory{}, err
		}
		advisory.Entries = append(advisory.Entries, entry)
	}
	return advisory, nil
}

func (r rawAdvisory) decodeEntry(stored storedEntry) (match.Entry, error) {
	entry := match.Entry{
		FixedVersion: stored.FixedVersion, VendorIDs: stored.VendorIDs, Arches: stored.Arches,
		Status: statusOf(stored.Status), Affected: stored.Affected,
	}
	for _, cve := range stored.Cves {
		detail, err := decodeJudged(cve.ID, r.named[cve.ID])
		if err != nil {
			return match.Entry{}, err
		}
		entry.CVEs = append(entry.CVEs, match.CVE{ID: cve.ID, Severity: severityOf(cve.Severity), Detail: detail})
	}
	return entry, nil
}

// judged is the part of a vulnerability's record that judging reads. The rest
// is most of the record, and decoding it would be most of the cost.
type judged struct {
	Severity       string
	VendorSeverity types.VendorSeverity
	PublishedDate  *time.Time
}

func decodeJudged(id string, raw []byte) (*match.Detail, error) {
	if raw == nil {
		return nil, nil
	}
	var stored judged
	if err := json.Unmarshal(raw, &stored); err != nil {
		return nil, fmt.Errorf("vulnerability %s: %w", id, err)
	}
	// A severity that trivy-db does not know is an unknown one.
	flat, _ := types.NewSeverity(stored.Severity)
	detail := &match.Detail{Severity: severityOf(flat)}
	if stored.PublishedDate != nil {
		detail.Published = *stored.PublishedDate
	}
	if len(stored.VendorSeverity) > 0 {
		detail.VendorSeverity = make(map[string]match.Severity, len(stored.VendorSeverity))
		for source, severity := range stored.VendorSeverity {
			detail.VendorSeverity[string(source)] = severityOf(severity)
		}
	}
	return detail, nil
}

func severityOf(s types.Severity) match.Severity {
	if s < types.SeverityUnknown || s > types.SeverityCritical {
		return match.SeverityUnknown
	}
	return match.Severity(s)
}

func statusOf(s int) match.Status {
	if s < int(match.StatusUnknown) || s > int(match.StatusEndOfLife) {
		return match.StatusUnknown
	}
	return match.Status(s)
}
