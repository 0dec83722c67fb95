package controllers

import (
	"slices"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

var severities = map[match.Severity]v1alpha1.Severity{
	match.SeverityUnknown:  v1alpha1.SeverityUnknown,
	match.SeverityLow:      v1alpha1.SeverityLow,
	match.SeverityMedium:   v1alpha1.SeverityMedium,
	match.SeverityHigh:     v1alpha1.SeverityHigh,
	match.SeverityCritical: v1alpha1.SeverityCritical,
}

var statuses = map[match.Status]v1alpha1.VulnerabilityStatus{
	match.StatusUnknown:            v1alpha1.StatusUnknown,
	match.StatusNotAffected:        v1alpha1.StatusNotAffected,
	match.StatusAffected:           v1alpha1.StatusAffected,
	match.StatusFixed:              v1alpha1.StatusFixed,
	match.StatusUnderInvestigation: v1alpha1.StatusUnderInvestigation,
	match.StatusWillNotFix:         v1alpha1.StatusWillNotFix,
	match.StatusFixDeferred:        v1alpha1.StatusFixDeferred,
	match.StatusEndOfLife:          v1alpha1.StatusEndOfLife,
}

// policyFindings puts the findings of an image into the policies' terms.
func policyFindings(content *sbom.Image, findings []match.Finding) []policy.Finding {
	out := make([]policy.Finding, 0, len(findings))
	for _, f := range findings {
		pkg := content.Packages[f.Package]
		out = append(out, policy.Finding{
			ID:               f.ID,
			VendorIDs:        f.VendorIDs,
			Package:          pkg.Name,
			PURLs:            pkg.PURLs(content.OS),
			Path:             pkg.Path,
			InstalledVersion: match.InstalledVersion(content.OS, pkg),
			FixedVersion:     f.FixedVersion,
			Severity:         severities[f.Severity],
			Status:           statuses[f.Status],
			Published:        f.Published,
		})
	}
	return out
}

// policyWorkloads lists a workload once for each distinct set of its pods' labels.
func policyWorkloads(workloads []inventory.Workload) []policy.Workload {
	var out []policy.Workload
	for _, w := range workloads {
		for _, labels := range w.PodLabels {
			out = append(out, policy.Workload{Group: w.Owner.Group, Kind: w.Owner.Kind, Name: w.Owner.Name, PodLabels: labels})
		}
	}
	return out
}

// imageTags returns the distinct tags of references, sorted.
func imageTags(references []image.Reference) []string {
	var tags []string
	for _, ref := range references {
		if ref.Tag != "" {
			tags = append(tags, ref.Tag)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}
