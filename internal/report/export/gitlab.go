package export

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// gitlabSchema is the version of GitLab's schema of security reports.
const gitlabSchema = "15.2.1"

type gitlabReport struct {
	Version         string                `json:"version"`
	Schema          string                `json:"schema"`
	Scan            gitlabScan            `json:"scan"`
	Vulnerabilities []gitlabVulnerability `json:"vulnerabilities"`
	Remediations    []struct{}            `json:"remediations"`
}

type gitlabScan struct {
	Analyzer  gitlabTool      `json:"analyzer"`
	Scanner   gitlabTool      `json:"scanner"`
	Type      string          `json:"type"`
	StartTime string          `json:"start_time"`
	EndTime   string          `json:"end_time"`
	Status    string          `json:"status"`
	Messages  []gitlabMessage `json:"messages,omitempty"`
}

type gitlabTool struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	URL     string       `json:"url"`
	Vendor  gitlabVendor `json:"vendor"`
	Version string       `json:"version"`
}

type gitlabVendor struct {
	Name string `json:"name"`
}

type gitlabMessage struct {
	Level string `json:"level"`
	Value string `json:"value"`
}

type gitlabVulnerability struct {
	ID          string             `json:"id"`
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Severity    v1alpha1.Severity  `json:"severity"`
	Solution    string             `json:"solution,omitempty"`
	Location    gitlabLocation     `json:"location"`
	Identifiers []gitlabIdentifier `json:"identifiers"`
	Links       []gitlabLink       `json:"links,omitempty"`
}

type gitlabLocation struct {
	Dependency      gitlabDependency `json:"dependency"`
	OperatingSystem string           `json:"operating_system"`
	Image           string           `json:"image"`
}

type gitlabDependency struct {
	Package gitlabPackage `json:"package"`
	Version string        `json:"version"`
}

type gitlabPackage struct {
	Name string `json:"name"`
}

type gitlabIdentifier struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
	URL   string `json:"url,omitempty"`
}

type gitlabLink struct {
	URL string `json:"url"`
}

// GitLab writes a container scanning report.
func (d *Document) GitLab(w io.Writer) error {
	tool := gitlabTool{ID: toolName, Name: "Plimsoll", URL: "https://plimsoll.dev", Vendor: gitlabVendor{"Plimsoll"}, Version: cmp.Or(d.version, "unknown")}
	now := d.now.Format("2006-01-02T15:04:05")
	r := gitlabReport{
		Version: gitlabSchema,
		Schema: "https://gitlab.com/gitlab-org/security-products/security-report-schemas/-/raw/v" + gitlabSchema +
			"/dist/container-scanning-report-format.json",
		Scan:            gitlabScan{Analyzer: tool, Scanner: tool, Type: "container_scanning", StartTime: now, EndTime: now, Status: "success"},
		Vulnerabilities: []gitlabVulnerability{},
		Remediations:    []struct{}{},
	}
	if !d.Scan.Judged {
		r.Scan.Status = "failure"
		r.Scan.Messages = append(r.Scan.Messages, gitlabMessage{"fatal", d.Scan.Reason + ": " + d.Scan.Message})
	}
	for _, line := range d.missing() {
		r.Scan.Messages = append(r.Scan.Messages, gitlabMessage{"warn", line})
	}
	for _, f := range d.Findings {
		r.Vulnerabilities = append(r.Vulnerabilities, d.gitlabVulnerability(f))
	}
	return writeJSON(w, r)
}

// missing are the parts that were not read or not judged, a line each.
func (d *Document) missing() []string {
	var list []string
	for _, u := range d.Unread {
		list = append(list, fmt.Sprintf("Not read: %s (%s: %s)", u.Path, u.Reason, u.Message))
	}
	for _, problem := range d.Problems {
		list = append(list, "Not judged completely: "+problem)
	}
	return list
}

func (d *Document) gitlabVulnerability(f Finding) gitlabVulnerability {
	v := gitlabVulnerability{
		ID:          f.fingerprint(),
		Name:        clip(f.VulnerabilityID+" in "+f.Package, 255),
		Description: clip(cmp.Or(f.detail.Description, f.Title), 100_000),
		Severity:    f.Severity,
		Location: gitlabLocation{
			Dependency:      gitlabDependency{Package: gitlabPackage{f.where()}, Version: f.InstalledVersion},
			OperatingSystem: clip(cmp.Or(systemText(d.Artifact.OS), "unknown"), 255),
			Image:           d.Artifact.Name,
		},
	}
	if f.FixedVersion != "" {
		v.Solution = clip(fmt.Sprintf("Update %s from %s to %s", f.Package, f.InstalledVersion, f.FixedVersion), 7000)
	}
	links := f.links()
	id := gitlabIdentifier{Type: identifierType(f.VulnerabilityID), Name: f.VulnerabilityID, Value: f.VulnerabilityID}
	if len(links) > 0 {
		id.URL = links[0]
	}
	v.Identifiers = append(v.Identifiers, id)
	for _, other := range f.VendorIDs {
		v.Identifiers = append(v.Identifiers, gitlabIdentifier{Type: identifierType(other), Name: other, Value: other})
	}
	for _, link := range links {
		v.Links = append(v.Links, gitlabLink{link})
	}
	return v
}

// where names the package and, for a library, its file: GitLab tells findings apart by it.
func (f Finding) where() string {
	if f.Path == "" {
		return f.Package
	}
	return f.Package + " (" + f.Path + ")"
}

func identifierType(id string) string {
	kind, _, ok := strings.Cut(id, "-")
	if !ok {
		return "plimsoll"
	}
	return strings.ToLower(kind)
}

// fingerprint is the same for the same finding in every scan.
func (f Finding) fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.VulnerabilityID, f.PURL, f.Path}, "\n")))
	return hex.EncodeToString(sum[:])
}

// clip cuts to a number of bytes, between letters.
func clip(s string, size int) string {
	if len(s) <= size {
		return s
	}
	return strings.ToValidUTF8(s[:size], "")
}
