package perf

import (
	"encoding/json"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/report"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
)

// reportedImages of the company's fleet are reported, to find the usual size.
const reportedImages = 301

// BenchmarkReport builds a report of the largest kind, and those of a fleet.
func BenchmarkReport(b *testing.B) {
	older, _, pair := databases(b)
	for b.Loop() {
		record(b, "ImageReport of 5,000 findings, as JSON", float64(reportBytes(b, invented(5_000)))/1024, 32, "KiB")
		record(b, fmt.Sprintf("ImageReport, median of %d of a company's images, %s, as JSON", reportedImages, pair), median(reported(b, older)), 8, "KiB")
	}
}

// reported are the sizes of the reports of some images.
func reported(b *testing.B, dir string) []float64 {
	b.Helper()
	f := fill(b, company, reportedImages)
	db := open(b, dir)
	defer shut(b, db)
	swap(b, f, db)
	g := mustGenerate(b, company)
	sizes := make([]float64, 0, reportedImages)
	for n := range reportedImages {
		img := g.image(n)
		judgement, ok := f.Judgement(img.ManifestDigest)
		if !ok {
			b.Fatalf("image %d is not judged", n)
		}
		sizes = append(sizes, float64(reportBytes(b, scan.Facts(&img.Content, judgement.Findings)))/1024)
	}
	return sizes
}

// invented are facts with many findings that have long names.
func invented(findings int) policy.Facts {
	facts := policy.Facts{Scanned: true}
	for i := range findings {
		facts.Findings = append(facts.Findings, policy.Finding{
			ID: fmt.Sprintf("CVE-2024-%05d", i), Package: fmt.Sprint("library-of-some-length-", i), InstalledVersion: "1.2.3-4+deb12u5",
			FixedVersion: "1.2.3-4+deb12u6", Severity: v1alpha1.SeverityHigh, Status: v1alpha1.StatusFixed, Published: built, Path: fmt.Sprint("app/node_modules/", i),
		})
	}
	return facts
}

// reportBytes is the size of the report of facts under a policy that they mostly violate.
func reportBytes(b *testing.B, facts policy.Facts) int {
	b.Helper()
	facts.Namespace, facts.Repository, facts.Tags, facts.Digest = "shop", "registry.example.com/shop/api", []string{"1.8.2"}, string(digest("manifest", 0))
	rule := v1alpha1.VulnerabilitiesRule{Severities: []v1alpha1.Severity{v1alpha1.SeverityHigh}, MaxCount: new(int32(0))}
	policies := []policy.Policy{{Kind: "ImagePolicy", Name: "none", Spec: v1alpha1.ImagePolicySpec{
		Rules: []v1alpha1.Rule{{Name: "none", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &rule}},
	}}}
	object := v1alpha1.ImageReport{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "api-9f2c1b7e04"},
		Spec:       v1alpha1.ImageReportSpec{Repository: facts.Repository, Digest: facts.Digest, Platform: "linux/amd64"},
	}
	object.Status = report.Build(report.Input{
		Identity: object.Spec, Generation: 1, Tags: facts.Tags, ManifestDigest: facts.Digest, ConfigDigest: facts.Digest,
		Scan: report.Scan{Done: true, Reason: v1alpha1.ReasonScanned, PackageCount: 250}, Findings: facts.Findings,
		Judgement: policy.Judge(facts, policies, nil, built), DatabaseRevision: facts.Digest, Now: built,
	})
	raw, err := json.Marshal(object)
	if err != nil {
		b.Fatal(err)
	}
	return len(raw)
}
