package pullrequest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func debian() BaseChange {
	return BaseChange{
		Repository: "docker.io/library/debian",
		From:       BaseVersion{"12.1", digest("a")}, To: BaseVersion{"12.2", digest("b")},
		Fixes: []Finding{
			{ID: "CVE-2024-0002", Package: "zlib1g", Severity: "Low", InstalledVersion: "1:1.2.13", FixedVersion: "1:1.2.14"},
			{ID: "CVE-2024-0001", Package: "openssl", Severity: "Critical", InstalledVersion: "3.0.9", FixedVersion: "3.0.11"},
			{ID: "GHSA-aaaa-bbbb-cccc", Package: "@scope/pkg", Severity: "High", InstalledVersion: "1.0.0", FixedVersion: "1.0.1"},
			{ID: "DLA-1-1", Package: "bash", Severity: "Medium", InstalledVersion: "5.2", FixedVersion: "5.3", KnownExploited: true},
		},
		Adds:        []Finding{{ID: "CVE-2025-0001", Package: "curl", Severity: "Low", InstalledVersion: "8.0"}},
		Files:       []Position{{"build/Dockerfile", 3}, {"README.md", 0}},
		Exposed:     []Position{{"build/Dockerfile", 9}},
		PassedOver:  []PassedOver{{"13.0", "larger step"}},
		Smaller:     &SmallerBase{Reference: "gcr.io/distroless/static-debian12:nonroot", Fixes: 70, Adds: 0},
		Workloads:   []string{"shop/Deployment/web", "shop/CronJob/report"},
		Unpredicted: 7,
	}
}

func TestBody(t *testing.T) {
	second := BaseChange{Repository: "docker.io/library/nginx", From: BaseVersion{"1.25.3", digest("c")}, To: BaseVersion{"1.25.4", digest("d")},
		Fixes: []Finding{{ID: "CVE-2024-0003", Package: "nginx", Severity: "High", InstalledVersion: "1.25.3", FixedVersion: "1.25.4"}}, Workloads: []string{"shop/Deployment/proxy"}}
	for name, in := range map[string]BodyInput{
		"private": {By: Proposer{"east", "ImagePolicy shop/p"}, Bases: []BaseChange{debian()}},
		"public":  {By: Proposer{"east", "ImagePolicy shop/p"}, Public: true, Bases: []BaseChange{debian()}},
		"grouped": {By: Proposer{"east", "ImagePolicy shop/p"}, Bases: []BaseChange{debian(), second}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "body-"+name+".md")
			got := Body(in)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("Body() (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPublicBodyTellsNothingOfFindingsAndWorkloads(t *testing.T) {
	got := Body(BodyInput{By: Proposer{"east", "ImagePolicy shop/p"}, Public: true, Bases: []BaseChange{debian()}})
	for _, secret := range []string{"CVE", "GHSA", "openssl", "ritical", "shop", "east", "distroless", "7", "larger step", "exploited"} {
		if strings.Contains(got, secret) {
			t.Errorf("the public text tells %q:\n%s", secret, got)
		}
	}
}

func TestBodyDoesNotDependOnOrder(t *testing.T) {
	a, b := debian(), debian()
	b.Fixes[0], b.Fixes[2] = b.Fixes[2], b.Fixes[0]
	if diff := cmp.Diff(Body(BodyInput{By: Proposer{"east", "ImagePolicy shop/p"}, Bases: []BaseChange{a}}), Body(BodyInput{By: Proposer{"east", "ImagePolicy shop/p"}, Bases: []BaseChange{b}})); diff != "" {
		t.Error(diff)
	}
}

func TestClustersShareAllButTheirSection(t *testing.T) {
	other := debian()
	other.Workloads, other.Unpredicted = []string{"blog/Deployment/web"}, 0
	east := parseDocument(Body(BodyInput{By: Proposer{"east", "ImagePolicy shop/p"}, Bases: []BaseChange{debian()}}))
	west := parseDocument(Body(BodyInput{By: Proposer{"west", "ImagePolicy shop/p"}, Bases: []BaseChange{other}}))
	if diff := cmp.Diff(east.shared, west.shared); diff != "" {
		t.Errorf("the shared text differs:\n%s", diff)
	}
	if len(east.sections) != 1 || !strings.Contains(east.sections[0].text, "shop/Deployment/web") {
		t.Errorf("the section is %+v", east.sections)
	}
}

func TestBodyIsCutWorstFirst(t *testing.T) {
	b := debian()
	for i := range 5000 {
		b.Fixes = append(b.Fixes, Finding{ID: fmt.Sprintf("CVE-2020-%05d", i), Package: "linux", Severity: "Medium", InstalledVersion: "1", FixedVersion: "2"})
	}
	got := Body(BodyInput{By: Proposer{"east", "ImagePolicy shop/p"}, Bases: []BaseChange{b}})
	if len(got) > maxBody || !strings.Contains(got, "| and 4804 more |") || !strings.Contains(got, "CVE-2024-0001") || strings.Contains(got, "CVE-2024-0002") {
		t.Errorf("the text of %d bytes is not cut worst first", len(got))
	}
	bases := make([]BaseChange, 300)
	for i := range bases {
		bases[i] = b
	}
	if got := Body(BodyInput{By: Proposer{"east", "ImagePolicy shop/p"}, Bases: bases}); len(got) > maxBody || !strings.Contains(got, "more bases.") {
		t.Errorf("the text of 300 bases has %d bytes", len(got))
	}
}

// hostile texts must show as they are, and do nothing.
var hostile = []string{
	"@everyone", "#1 fixes #2", "<script>alert(1)</script>", "<!-- plimsoll:end -->", "a`b`@c", "``` \n# title\n", "a|b|c", "[x](https://evil.example)",
	"https://evil.example", "![x](y)", "a\r\nb", "\u202eevil", "\x00\x1b[31m", "$\\`math`$", "\xff\xfe", "", "CVE-2024-1234](https://evil.example)", "GHSA-<b>-x-y",
	strings.Repeat("x", 10_000), strings.Repeat("💥", 500), "<!-- plimsoll:candidates= title= text= withdrawn -->",
}

// outsideCode is a text without its code spans and our own hidden lines.
func outsideCode(text string) string {
	text = markerPattern.ReplaceAllString(sectionLines.ReplaceAllString(text, ""), "")
	return codeSpan.ReplaceAllString(text, "")
}

var (
	codeSpan     = regexp.MustCompile("`[^`\n]*`")
	sectionLines = regexp.MustCompile(`<!-- plimsoll:(section [0-9a-f]{16} [0-9a-f]{16}|base [0-9a-f]{8}|end) -->\n`)
)

func expectHarmless(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) || len(text) > maxBody {
		t.Errorf("the text is not valid, or has %d bytes", len(text))
	}
	rest := outsideCode(text)
	if strings.ContainsAny(rest, "@<>`\\$\x00\u202e") || strings.Contains(rest, "evil") || strings.Contains(rest, "![") {
		t.Errorf("the text has more than our own words outside of code:\n%s", rest)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "| ") && strings.Count(line, "|") != 6 && strings.Count(line, "|") != 4 {
			t.Errorf("the row has other cells: %q", line)
		}
	}
}

func hostileInput(text string) BodyInput {
	f := Finding{ID: text, Package: text, Severity: text, InstalledVersion: text, FixedVersion: text, KnownExploited: true}
	return BodyInput{By: Proposer{text, text}, Bases: []BaseChange{{
		Repository: text, From: BaseVersion{text, text}, To: BaseVersion{text, text}, Fixes: []Finding{f}, Adds: []Finding{f},
		Files: []Position{{text, 1}}, Exposed: []Position{{text, 2}}, PassedOver: []PassedOver{{text, text}},
		Smaller: &SmallerBase{Reference: text}, Workloads: []string{text}, Unpredicted: 1,
	}}}
}

func TestHostileTexts(t *testing.T) {
	for _, text := range hostile {
		t.Run(fmt.Sprintf("%.20q", text), func(t *testing.T) {
			got := Body(hostileInput(text))
			expectHarmless(t, got)
			if d := parseDocument(got); d.marker.withdrawn || len(d.sections) != 1 || d.sections[0].content != key(d.sections[0].text) {
				t.Errorf("the text is taken for a hidden line: %+v", d)
			}
		})
	}
}

func TestLargestHostileBody(t *testing.T) {
	in := hostileInput(strings.Repeat("💥", 500))
	b := in.Bases[0]
	for range 100 {
		b.Fixes, b.Adds = append(b.Fixes, b.Fixes[0]), append(b.Adds, b.Adds[0])
		b.Files, b.Workloads = append(b.Files, b.Files[0]), append(b.Workloads, b.Workloads[0])
		in.Bases = append(in.Bases, b)
	}
	if got := Body(in); len(got) > maxBody {
		t.Errorf("the text has %d bytes", len(got))
	}
}

func FuzzBody(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { expectHarmless(t, Body(hostileInput(text))) })
}
