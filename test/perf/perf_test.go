package perf

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/report"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// BenchmarkExtract reads one layer like those of real images, and compares that
// with what nobody can do without: to uncompress it and to walk its archive.
func BenchmarkExtract(b *testing.B) {
	layer := blob(b, layerOf(b))
	const rounds = 5
	for b.Loop() {
		walked, extracted := 0.0, 0.0
		for range rounds {
			walked += timed(b, func() { walk(b, bytes.NewReader(layer)) })
			extracted += timed(b, func() { extract(b, bytes.NewReader(layer)) })
		}
		record(b, "extraction of a layer, digests verified, against its gunzip and walk", extracted/walked, 1.5, "times")
		record(b, "extraction of a layer", extracted/rounds, 0, "CPU s")
		record(b, "peak heap, layer of packages", peak(func() { extract(b, bytes.NewReader(layer)) }), 256, "MiB")
	}
}

// BenchmarkExtractLarge reads a layer of 1 GiB, which is one file.
func BenchmarkExtractLarge(b *testing.B) {
	bomb, err := recipe.Bomb("opt/app/data.bin", 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	layer := blob(b, bomb)
	for b.Loop() {
		record(b, "peak heap, layer of 1 GiB in one file", peak(func() { extract(b, bytes.NewReader(layer)) }), 256, "MiB")
	}
}

func timed(b *testing.B, do func()) float64 {
	b.Helper()
	start := cpu(b)
	do()
	return cpu(b) - start
}

// layerOf returns a layer of 118 Debian packages, 600 npm modules and 64 MiB of files that hardly compress.
func layerOf(b *testing.B) v1.Layer {
	b.Helper()
	files := append(recipe.DebianRelease("12", "12.12"),
		recipe.Dpkg(append(recipe.Debs("debian-12", "base", "amd64"), recipe.Debs("debian-12", "app", "amd64")...)...)...)
	modules := make([]recipe.Module, 600)
	for i := range modules {
		modules[i] = recipe.Module{Name: fmt.Sprint("lib-", i), Version: "1.2.3"}
	}
	files = append(files, recipe.Node("app", modules...)...)
	random := rand.NewChaCha8([32]byte{1})
	for i := range 4096 {
		body := make([]byte, 16<<10)
		_, _ = random.Read(body[:len(body)/2])
		files = append(files, recipe.File{Path: fmt.Sprintf("usr/share/data/%d/%d", i%64, i), Body: body})
	}
	layer, err := recipe.Layer(files...)
	if err != nil {
		b.Fatal(err)
	}
	return layer
}

func blob(b *testing.B, layer v1.Layer) []byte {
	b.Helper()
	stream, err := layer.Compressed()
	if err != nil {
		b.Fatal(err)
	}
	raw, err := io.ReadAll(stream)
	if err := errors.Join(err, stream.Close()); err != nil {
		b.Fatal(err)
	}
	return raw
}

func walk(b *testing.B, compressed io.Reader) {
	b.Helper()
	plain, err := gzip.NewReader(compressed)
	if err != nil {
		b.Fatal(err)
	}
	archive := tar.NewReader(plain)
	for err == nil {
		_, err = archive.Next()
	}
	if err != io.EOF {
		b.Fatal(err)
	}
}

// extract does what the operator does with a layer: it also verifies the digests of the blob and of its content.
func extract(b *testing.B, compressed io.Reader) {
	b.Helper()
	plain, err := gzip.NewReader(io.TeeReader(compressed, sha256.New()))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := sbom.Read(b.Context(), digest("layer", 0), io.TeeReader(plain, sha256.New()), sbom.Limits{}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkReport builds reports of the largest kind and of the usual one.
func BenchmarkReport(b *testing.B) {
	for b.Loop() {
		record(b, "ImageReport of 5,000 findings, as JSON", float64(reportBytes(b, 5_000))/1024, 32, "KiB")
		record(b, "ImageReport of 40 findings, as JSON", float64(reportBytes(b, 40))/1024, 8, "KiB")
	}
}

func reportBytes(b *testing.B, findings int) int {
	b.Helper()
	facts := policy.Facts{Namespace: "shop", Repository: "registry.example.com/shop/api", Tags: []string{"1.8.2"}, Digest: string(digest("manifest", 0)), Scanned: true}
	for i := range findings {
		facts.Findings = append(facts.Findings, policy.Finding{
			ID: fmt.Sprintf("CVE-2024-%05d", i), Package: fmt.Sprint("library-of-some-length-", i), InstalledVersion: "1.2.3-4+deb12u5",
			FixedVersion: "1.2.3-4+deb12u6", Severity: v1alpha1.SeverityHigh, Status: v1alpha1.StatusFixed, Published: built, Path: fmt.Sprint("app/node_modules/", i),
		})
	}
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
