package scan

import (
	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
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

// Facts are what policies read of an image that was scanned: all but where and how it runs.
func Facts(content *sbom.Image, findings []match.Finding) policy.Facts {
	facts := policy.Facts{
		Scanned:  true,
		Findings: Findings(content, findings),
		Packages: make([]policy.Package, 0, len(content.Packages)),
		Setuid:   content.Setuid,
		Config: policy.Config{
			Created:      content.Config.Created,
			User:         content.Config.User,
			ExposedPorts: content.Config.ExposedPorts,
			SecretEnv:    content.Config.SecretEnv,
		},
	}
	for _, p := range content.Packages {
		facts.Packages = append(facts.Packages, policy.Package{Name: p.Name, Source: p.SourceName, Type: string(p.Type), Path: p.Path})
	}
	for _, p := range content.Programs {
		facts.Programs = append(facts.Programs, policy.Program{Path: p.Path, Kind: v1alpha1.PackageKind(p.Kind)})
	}
	return facts
}

// Findings puts the findings of an image into the policies' terms.
func Findings(content *sbom.Image, findings []match.Finding) []policy.Finding {
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
			Layer:            string(pkg.Layer),
		})
	}
	return out
}
