package export

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/report"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/sbom/document"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

var update = flag.Bool("update", false, "write the golden files")

var (
	now   = time.Date(2026, 8, 22, 12, 0, 0, 0, time.UTC)
	layer = image.Digest("sha256:" + strings.Repeat("a", 64))
)

// hostile is what an image may put where we print it: markup, and what moves a terminal's cursor.
const hostile = "<script>alert(1)</script>\x1b[2J"

// content has a package of every sort, with all that makes its judgement.
func content() *sbom.Image {
	return &sbom.Image{
		OS: sbom.OS{Family: "redhat", Release: "9.4"},
		Config: sbom.Config{
			Platform: image.Platform{OS: "linux", Architecture: "amd64"}, Created: now.Add(-time.Hour), User: "0",
			Entrypoint: []string{"/api"}, ExposedPorts: []string{"8080/tcp"}, Labels: map[string]string{"a": "b"}, SecretEnv: []string{"TOKEN"},
		},
		Packages: sbom.Sorted([]sbom.Package{
			{Type: sbom.TypeRPM, Name: "openssl-libs", Version: "1:3.0.7-27.el9", SourceName: "openssl", SourceVersion: "1:3.0.7-27.el9", Arch: "x86_64", Layer: layer},
			{Type: sbom.TypeRPM, Name: "npm", Version: "1:8.19.4-1", SourceName: "nodejs", SourceVersion: "1:18.14.2-3", Arch: "x86_64", Modularity: "nodejs:18:9020:rhel9", Layer: layer},
			{Type: sbom.TypeRPM, Name: "vendored", Version: "1-1", SourceName: "vendored", SourceVersion: "1-1", Arch: "noarch", Layer: layer, ThirdParty: true},
			{Type: sbom.TypeNode, Name: "@scope/lodash", Version: "4.17.20", Path: "app/node_modules/lodash/package.json", Layer: layer},
			{Type: sbom.TypeNode, Name: "@scope/lodash", Version: "4.17.20", Path: "lib/node_modules/lodash/package.json", Layer: layer},
			{Type: sbom.TypeGoBinary, Name: "github.com/Masterminds/sprig", Version: "v2.22.0+incompatible", Path: "usr/bin/api", Layer: layer},
			{Type: sbom.TypeGoBinary, Name: "stdlib", Version: "v1.22.1", Path: "usr/bin/api", Layer: layer},
			{Type: sbom.TypeJar, Name: "org.example:core", Version: "1.0", Path: "app/" + hostile + ".jar", Layer: layer},
			{Type: sbom.TypeJar, Name: "jstl", Version: "1.1", Path: "app/jstl-1.1.jar", Layer: layer,
				Jar: sbom.Jar{SHA1: strings.Repeat("0f", 20), Group: "Sun", Artifact: "jstl", Version: "1.1", Named: true}},
			{Type: sbom.TypeDotNet, Name: "Newtonsoft.Json", Version: "12.0.1", Path: "app/app.deps.json", Layer: layer},
		}),
		Builds: map[image.Digest]sbom.Build{layer: {ContentSets: []string{"rhel-9-for-x86_64-baseos-rpms"}, NVR: "ubi9-9.4-1", Arch: "x86_64"}},
		Unread: []sbom.Unread{{Path: "app/" + hostile, Reason: v1alpha1.ReasonCorruptPackageDatabase, Message: "node package: unexpected EOF"}},
	}
}

func input() Input {
	c := content()
	index := func(name string) int {
		for i, p := range c.Packages {
			if p.Name == name {
				return i
			}
		}
		panic(name)
	}
	found := func(name string, m match.Match, severity v1alpha1.Severity, status v1alpha1.VulnerabilityStatus) Found {
		i := index(name)
		return Found{Match: match.Finding{Match: m, Package: i}, Terms: policy.Finding{
			ID: m.ID, Package: name, Path: c.Packages[i].Path, InstalledVersion: c.Packages[i].Version, FixedVersion: m.FixedVersion,
			Severity: severity, Status: status, Published: m.Published,
		}}
	}
	return Input{
		Artifact: Artifact{
			Name: "registry.example.com/shop/api:1", Type: "image", Platform: "linux/amd64",
			Digest: "sha256:" + strings.Repeat("b", 64), ConfigDigest: "sha256:" + strings.Repeat("c", 64),
		},
		Database: Database{Source: "db.example.com/db:2", Revision: "sha256:" + strings.Repeat("d", 64), BuiltTime: now.Add(-6 * time.Hour)},
		Scan: report.Scan{
			Done: true, Reason: v1alpha1.ReasonPartiallyScanned, Message: "1 parts of the image could not be read",
			OS: &v1alpha1.OperatingSystem{Family: "redhat", Release: "9.4", SupportEndTime: &metav1.Time{Time: now.Add(-24 * time.Hour)}},
		},
		Content: c,
		Found: []Found{
			found("stdlib", match.Match{ID: "CVE-2026-0003", Status: match.StatusFixed, FixedVersion: "1.22.9", SeveritySource: "nvd",
				Source: match.DataSource{ID: "govulndb", Name: "The Go Vulnerability Database", URL: "https://pkg.go.dev/vuln/"}}, v1alpha1.SeverityLow, v1alpha1.StatusFixed),
			found("openssl-libs", match.Match{ID: "CVE-2026-0001", VendorIDs: []string{"RHSA-2026:1"}, Status: match.StatusFixed, FixedVersion: "1:3.0.7-28.el9",
				SeveritySource: "redhat", Published: now.Add(-100 * time.Hour)}, v1alpha1.SeverityCritical, v1alpha1.StatusFixed),
			found("org.example:core", match.Match{ID: "GHSA-aaaa-bbbb-cccc", Status: match.StatusAffected}, v1alpha1.SeverityUnknown, v1alpha1.StatusAffected),
			found("@scope/lodash", match.Match{ID: "CVE-2026-0001", Status: match.StatusWillNotFix}, v1alpha1.SeverityMedium, v1alpha1.StatusWillNotFix),
		},
		Problems: []string{"lodash: version \"" + hostile + "\""},
		Detail: func(id string) (vulndb.Detail, bool, error) {
			if id != "CVE-2026-0001" {
				return vulndb.Detail{}, false, nil
			}
			return vulndb.Detail{
				Title: "openssl: " + hostile, Description: "Long <b>words</b>.", CWEs: []string{"CWE-79", "other"}, Modified: now,
				References: []string{"https://example.com/a?b=c&d=e", "javascript:alert(1)", "not a link"},
				CVSS: map[string]vulndb.CVSS{
					"nvd":    {V3Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", V3Score: 9.8, V2Vector: "AV:N/AC:L/Au:N/C:P/I:P/A:P", V2Score: 7.5},
					"redhat": {V3Vector: "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", V3Score: 9.1},
				},
			}, true, nil
		},
		Policies: []Policy{
			{Kind: "ImagePolicy", Name: "gate", Result: v1alpha1.VerdictFail, Excepted: 2, Skipped: []string{"pods"},
				Violations: []Violation{{Rule: "none", Action: "Deny", Message: "1 finding is more than 0: " + hostile}}},
			{Kind: "ClusterImagePolicy", Name: "other", Result: v1alpha1.VerdictPass},
		},
		Version: "v1.2.3", Now: now,
	}
}

func mustNew(t testing.TB, in Input) *Document {
	t.Helper()
	d, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var formats = map[string]func(*Document, io.Writer) error{
	"table.txt":      func(d *Document, w io.Writer) error { return d.Table(w, false) },
	"colours.txt":    func(d *Document, w io.Writer) error { return d.Table(w, true) },
	"document.json":  (*Document).JSON,
	"sarif.json":     (*Document).SARIF,
	"cyclonedx.json": (*Document).CycloneDX,
	"spdx.json":      (*Document).SPDX,
	"gitlab.json":    (*Document).GitLab,
	"page.html":      (*Document).HTML,
}

func written(t testing.TB, format string, in Input) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := formats[format](mustNew(t, in), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFormats(t *testing.T) {
	for name := range formats {
		t.Run(name, func(t *testing.T) {
			got := written(t, name, input())
			golden := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
			if again := written(t, name, input()); !bytes.Equal(got, again) {
				t.Error("the same scan is written in two ways")
			}
		})
	}
}

// No format drops a finding, what was not read or what was not judged.
func TestNothingIsDropped(t *testing.T) {
	for name := range formats {
		t.Run(name, func(t *testing.T) {
			got := string(written(t, name, input()))
			want := []string{"node package: unexpected EOF", "lodash: version"}
			if name != "spdx.json" {
				want = append(want, "CVE-2026-0001", "CVE-2026-0003", "GHSA-aaaa-bbbb-cccc")
			}
			for _, text := range want {
				if !strings.Contains(got, text) {
					t.Errorf("it does not have %q", text)
				}
			}
			in := input()
			in.Scan.Done, in.Scan.Reason, in.Scan.Message = false, v1alpha1.ReasonUnsupportedOS, "nobody knows it"
			if !strings.Contains(string(written(t, name, in)), "nobody knows it") {
				t.Error("it does not say that the image was not judged")
			}
		})
	}
}

// Two architectures of an RPM package are two findings to programs. To people
// they look the same, and are one.
func TestArchitecturesOfAPackage(t *testing.T) {
	in := input()
	in.Found = in.Found[1:2]
	twin := in.Content.Packages[in.Found[0].Match.Package]
	twin.Arch = "i686"
	in.Content.Packages = append(in.Content.Packages, twin)
	second := in.Found[0]
	second.Match.Package = len(in.Content.Packages) - 1
	in.Found = append(in.Found, second)
	for format, want := range map[string]int{"table.txt": 1, "page.html": 1, "document.json": 2, "sarif.json": 2, "gitlab.json": 2} {
		text := map[string]string{"table.txt": "CVE-2026-0001", "page.html": ">CVE-2026-0001<", "document.json": `"vulnerabilityID"`, "sarif.json": `"ruleIndex"`, "gitlab.json": `"severity"`}[format]
		if got := strings.Count(string(written(t, format, in)), text); got != want {
			t.Errorf("%s tells of %d findings, want %d", format, got, want)
		}
	}
}

// One long list of versions must not push the rest of every row out of sight.
func TestLongCellsWidenNoColumn(t *testing.T) {
	in := input()
	short := written(t, "table.txt", in)
	in.Found[0].Match.FixedVersion = strings.Repeat("1.2.3, ", 20)
	long := string(written(t, "table.txt", in))
	for row := range strings.Lines(string(short)) {
		if !strings.Contains(row, "CVE-2026-0003") && !strings.Contains(long, strings.TrimSpace(row)) {
			t.Errorf("another row changes: %s", row)
		}
	}
	if !strings.Contains(long, "1.2.3, "+"  fixed") {
		t.Errorf("the long row: %s", long)
	}
}

func TestHostileWordsStayWords(t *testing.T) {
	for _, name := range []string{"table.txt", "page.html"} {
		got := string(written(t, name, input()))
		if strings.Contains(got, "\x1b") && name == "table.txt" || strings.Contains(got, "<script>") && name == "page.html" {
			t.Errorf("%s lets an image write to the terminal, or into the page", name)
		}
	}
	if page := string(written(t, "page.html", input())); strings.Contains(page, "javascript:") {
		t.Error("a reference leads to a script")
	}
}

// TestReadAgain: a bill of materials of ours says all that judging needs.
func TestReadAgain(t *testing.T) {
	for _, name := range []string{"cyclonedx.json", "spdx.json"} {
		t.Run(name, func(t *testing.T) {
			got, err := document.Read(written(t, name, input()))
			if err != nil {
				t.Fatal(err)
			}
			want := content()
			want.Config = sbom.Config{}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("content (-written +read):\n%s", diff)
			}
		})
	}
}

func TestEverySystemIsReadAgain(t *testing.T) {
	for name, c := range map[string]*sbom.Image{
		"debian, epoch and binNMU": {OS: sbom.OS{Family: "debian", Release: "12.5"}, Packages: []sbom.Package{
			{Type: sbom.TypeDpkg, Name: "libc6", Version: "1:2.36-9+b1", SourceName: "glibc", SourceVersion: "1:2.36-9", Arch: "amd64"},
		}},
		"ubuntu, ESM": {OS: sbom.OS{Family: "ubuntu", Release: "18.04", ESM: true}, Packages: []sbom.Package{
			{Type: sbom.TypeDpkg, Name: "bash", Version: "4.4.18-2ubuntu1", SourceName: "bash", SourceVersion: "4.4.18-2ubuntu1", Arch: "amd64"},
		}},
		"alpine, moved to edge": {OS: sbom.OS{Family: "alpine", Release: "3.20.1", RepositoryFamily: "alpine", RepositoryRelease: "edge"}, Packages: []sbom.Package{
			{Type: sbom.TypeAPK, Name: "libssl3", Version: "3.3.1-r0", SourceName: "openssl", SourceVersion: "3.3.1-r0", Arch: "x86_64"},
		}},
		"RapidFort": {OS: sbom.OS{Family: "debian", Release: "12", RapidFort: true}},
		"no system": {Packages: []sbom.Package{{Type: sbom.TypeNuGet, Name: "A.B", Version: "1"}, {Type: sbom.TypePython, Name: "Some_Name", Version: "1"}}},
	} {
		for _, format := range []string{"cyclonedx.json", "spdx.json"} {
			t.Run(name+", "+format, func(t *testing.T) {
				c.Packages = sbom.Sorted(c.Packages)
				got, err := document.Read(written(t, format, Input{Content: c, Now: now, Artifact: Artifact{Name: "a", Type: "rootfs"}}))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c, got); diff != "" {
					t.Errorf("content (-written +read):\n%s", diff)
				}
			})
		}
	}
}

func TestSARIFIsValid(t *testing.T) {
	for _, in := range []Input{input(), {Content: &sbom.Image{}, Now: now, Artifact: Artifact{Name: "a", Type: "rootfs"}}} {
		r, err := sarif.FromBytes(written(t, "sarif.json", in))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestCycloneDXRefersToComponentsThatItHas(t *testing.T) {
	var bom cyclonedx.BOM
	if err := json.Unmarshal(written(t, "cyclonedx.json", input()), &bom); err != nil {
		t.Fatal(err)
	}
	refs := map[string]bool{}
	for _, c := range *bom.Components {
		if refs[c.BOMRef] {
			t.Errorf("two components are called %s", c.BOMRef)
		}
		refs[c.BOMRef] = true
	}
	for _, v := range *bom.Vulnerabilities {
		for _, a := range *v.Affects {
			if !refs[a.Ref] {
				t.Errorf("%s affects %s, which is no component", v.ID, a.Ref)
			}
		}
	}
}

// brokenWriter has no room.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWriteErrors(t *testing.T) {
	d := mustNew(t, input())
	for name, write := range formats {
		if err := write(d, brokenWriter{}); err == nil {
			t.Errorf("%s: no error, though nothing was written", name)
		}
	}
}

func TestDatabaseError(t *testing.T) {
	in := input()
	in.Detail = func(string) (vulndb.Detail, bool, error) { return vulndb.Detail{}, false, io.ErrUnexpectedEOF }
	if _, err := New(in); err == nil || !strings.Contains(err.Error(), "CVE-2026") {
		t.Errorf("error %v", err)
	}
}
