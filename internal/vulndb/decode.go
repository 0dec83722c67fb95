package vulndb

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/types"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

type rawRecord struct {
	bucket     string
	source     []byte
	advisories []rawAdvisory
}

type rawAdvisory struct {
	id       string
	advisory []byte
	// detail is nil where the database has none.
	detail []byte
}

func (r rawRecord) decode() (match.Record, error) {
	record := match.Record{Bucket: r.bucket}
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
	var stored types.Advisory
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
	if r.detail == nil {
		return advisory, nil
	}
	detail, err := decodeJudged(r.detail)
	if err != nil {
		return match.Advisory{}, fmt.Errorf("vulnerability %s: %w", r.id, err)
	}
	advisory.Detail = detail
	return advisory, nil
}

// judged is the part of a vulnerability's record that judging reads. The rest
// is most of the record, and decoding it would be most of the cost.
type judged struct {
	Severity       string
	VendorSeverity types.VendorSeverity
	PublishedDate  *time.Time
}

func decodeJudged(raw []byte) (*match.Detail, error) {
	var stored judged
	if err := json.Unmarshal(raw, &stored); err != nil {
		return nil, err
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

func statusOf(s types.Status) match.Status {
	if s < types.StatusUnknown || s > types.StatusEndOfLife {
		return match.StatusUnknown
	}
	return match.Status(s)
}
