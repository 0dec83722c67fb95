package scan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

func TestFacts(t *testing.T) {
	built := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	content := &sbom.Image{
		OS: sbom.OS{Family: "debian", Release: "12"},
		Config: sbom.Config{
			Created: built, User: "65532", ExposedPorts: []string{"8080/tcp"}, SecretEnv: []string{"API_TOKEN"},
			Labels: map[string]string{"not": "read"},
		},
		Packages: []sbom.Package{
			{Type: sbom.TypeDpkg, Name: "libssl3", Version: "3.0.1", SourceName: "openssl", SourceVersion: "3.0.1", Layer: "sha256:layer"},
			{Type: sbom.TypeNode, Name: "lodash", Version: "4.0.0", Path: "app/node_modules/lodash/package.json"},
		},
		Programs: []sbom.Program{{Path: "usr/bin/nc", Kind: sbom.ProgramNetcat}},
		Setuid:   []string{"usr/bin/su"},
	}
	found := match.Finding{Match: match.Match{ID: "CVE-1", Severity: match.SeverityHigh, Status: match.StatusFixed, FixedVersion: "3.0.2"}}
	got := Facts(content, []match.Finding{found})
	want := policy.Facts{
		Scanned: true,
		Findings: []policy.Finding{{
			ID: "CVE-1", Package: "libssl3", PURLs: []string{"pkg:deb/debian/libssl3", "pkg:deb/debian/openssl"}, InstalledVersion: "3.0.1",
			FixedVersion: "3.0.2", Severity: v1alpha1.SeverityHigh, Status: v1alpha1.StatusFixed, Layer: "sha256:layer",
		}},
		Packages: []policy.Package{
			{Name: "libssl3", Source: "openssl", Type: "dpkg"},
			{Name: "lodash", Type: "node-pkg", Path: "app/node_modules/lodash/package.json"},
		},
		Programs: []policy.Program{{Path: "usr/bin/nc", Kind: v1alpha1.PackageNetcat}},
		Setuid:   []string{"usr/bin/su"},
		Config:   policy.Config{Created: built, User: "65532", ExposedPorts: []string{"8080/tcp"}, SecretEnv: []string{"API_TOKEN"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

// The two lists of kinds are written down twice, as the API imports no stage.
func TestEachKindOfProgramIsOneThatPoliciesName(t *testing.T) {
	for program, kind := range map[sbom.ProgramKind]v1alpha1.PackageKind{
		sbom.ProgramShell: v1alpha1.PackageShell, sbom.ProgramPackageManager: v1alpha1.PackagePackageManager,
		sbom.ProgramNetcat: v1alpha1.PackageNetcat, sbom.ProgramSudo: v1alpha1.PackageSudo,
		sbom.ProgramSSHServer: v1alpha1.PackageSSHServer, sbom.ProgramCompiler: v1alpha1.PackageCompiler,
	} {
		if string(program) != string(kind) {
			t.Errorf("%s is called %s in policies", program, kind)
		}
	}
}
