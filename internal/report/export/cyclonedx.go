package export

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// CycloneDX writes a bill of materials with vulnerabilities. What the format
// has no place for is in properties, such that to read it again gives the same findings.
func (d *Document) CycloneDX(w io.Writer) error {
	bom := cyclonedx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + d.uuid()
	subject := cyclonedx.Component{BOMRef: "artifact", Type: cyclonedx.ComponentTypeContainer, Name: d.Artifact.Name, Version: d.Artifact.Digest}
	if d.Artifact.Type == "rootfs" || d.Artifact.Type == "sbom" {
		subject.Type = cyclonedx.ComponentTypeFile
	}
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: d.now.Format(time.RFC3339),
		Tools: &cyclonedx.ToolsChoice{Components: &[]cyclonedx.Component{
			{Type: cyclonedx.ComponentTypeApplication, Name: toolName, Version: d.version},
		}},
		Component:  &subject,
		Properties: properties(append(unreadNotes(d.content), d.problemNotes()...)),
	}
	refs, components := d.components()
	bom.Components = &components
	bom.Vulnerabilities = d.vulnerabilities(refs)
	encoder := cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON)
	encoder.SetPretty(true)
	encoder.SetEscapeHTML(false)
	// Newer ones are not read by many yet.
	return encoder.EncodeVersion(bom, cyclonedx.SpecVersion1_6)
}

const toolName = "plimsoll"

// problemNotes tell what was not judged completely, and that an image was not at all.
func (d *Document) problemNotes() []note {
	var list []note
	for _, problem := range d.Problems {
		list = append(list, note{prefixNote, "Problem", problem})
	}
	if !d.Scan.Judged {
		list = append(list, note{prefixNote, "NotJudged", d.Scan.Reason + ": " + d.Scan.Message})
	}
	return list
}

const prefixNote = "plimsoll:"

// uuid is the same for the same content at the same time.
func (d *Document) uuid() string {
	sum := sha256.New()
	fmt.Fprintln(sum, d.Artifact.Name, d.Artifact.Digest, d.Artifact.ConfigDigest, d.Database.Revision, d.now.UnixNano())
	for _, p := range d.content.Packages {
		fmt.Fprintln(sum, PURL(d.content.OS, p), p.Path, p.Layer)
	}
	b := sum.Sum(nil)[:16]
	// A UUID of version 8 is one whose bits are the maker's own business.
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func properties(list []note) *[]cyclonedx.Property {
	if len(list) == 0 {
		return nil
	}
	out := make([]cyclonedx.Property, len(list))
	for i, n := range list {
		out[i] = cyclonedx.Property{Name: n.prefix + n.name, Value: n.value}
	}
	return &out
}

// components are the packages, whose references are returned by their index,
// and before them the operating system.
func (d *Document) components() ([]string, []cyclonedx.Component) {
	var list []cyclonedx.Component
	if os := d.content.OS; os.Family != "" {
		list = append(list, cyclonedx.Component{
			BOMRef: "os", Type: cyclonedx.ComponentTypeOS, Name: os.Family, Version: os.Release, Properties: properties(systemNotes(d.content)),
		})
	}
	refs := make([]string, len(d.content.Packages))
	seen := map[string]bool{}
	for i, p := range d.content.Packages {
		purl := PURL(d.content.OS, p)
		if refs[i] = purl; seen[purl] {
			refs[i] = purl + "#" + strconv.Itoa(i)
		}
		seen[purl] = true
		list = append(list, cyclonedx.Component{
			BOMRef: refs[i], Type: cyclonedx.ComponentTypeLibrary, Name: p.Name, Version: p.Version,
			PackageURL: purl, Properties: properties(packageNotes(d.content.OS, p)),
		})
	}
	return refs, list
}

// vulnerabilities has one entry for each id, with all that it affects.
func (d *Document) vulnerabilities(refs []string) *[]cyclonedx.Vulnerability {
	list := []cyclonedx.Vulnerability{}
	at := map[string]int{}
	for _, f := range d.Findings {
		i, known := at[f.VulnerabilityID]
		if !known {
			i = len(list)
			at[f.VulnerabilityID] = i
			list = append(list, vulnerability(f))
		}
		v := &list[i]
		*v.Affects = append(*v.Affects, cyclonedx.Affects{Ref: refs[f.pkg], Range: &[]cyclonedx.AffectedVersions{
			{Version: f.InstalledVersion, Status: cyclonedx.VulnerabilityStatusAffected},
		}})
		if f.FixedVersion != "" {
			advice := fmt.Sprintf("Update %s to %s.", f.Package, f.FixedVersion)
			if !strings.Contains(v.Recommendation, advice) {
				v.Recommendation = strings.TrimSpace(v.Recommendation + " " + advice)
			}
		}
	}
	return &list
}

func vulnerability(f Finding) cyclonedx.Vulnerability {
	v := cyclonedx.Vulnerability{
		BOMRef: "vulnerability:" + f.VulnerabilityID, ID: f.VulnerabilityID, Description: cmp.Or(f.detail.Description, f.Title),
		Affects: &[]cyclonedx.Affects{}, Ratings: ratings(f),
	}
	if f.DataSource != nil {
		v.Source = &cyclonedx.Source{Name: f.DataSource.ID, URL: f.DataSource.URL}
	}
	if f.PublishedTime != nil {
		v.Published = f.PublishedTime.Format(time.RFC3339)
	}
	if !f.detail.Modified.IsZero() {
		v.Updated = f.detail.Modified.UTC().Format(time.RFC3339)
	}
	var cwes []int
	for _, text := range f.detail.CWEs {
		if n, err := strconv.Atoi(strings.TrimPrefix(text, "CWE-")); err == nil {
			cwes = append(cwes, n)
		}
	}
	if len(cwes) > 0 {
		v.CWEs = &cwes
	}
	var advisories []cyclonedx.Advisory
	for _, url := range f.links() {
		advisories = append(advisories, cyclonedx.Advisory{URL: url})
	}
	if len(advisories) > 0 {
		v.Advisories = &advisories
	}
	return v
}

// links are the page to read first, and the references.
func (f Finding) links() []string {
	var list []string
	for _, url := range append([]string{f.PrimaryURL}, f.detail.References...) {
		web := strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")
		if web && !strings.ContainsAny(url, " \t\r\n<>\"\\^`{|}") && !slices.Contains(list, url) {
			list = append(list, url)
		}
	}
	return list
}

var cyclonedxSeverities = map[v1alpha1.Severity]cyclonedx.Severity{
	v1alpha1.SeverityCritical: cyclonedx.SeverityCritical,
	v1alpha1.SeverityHigh:     cyclonedx.SeverityHigh,
	v1alpha1.SeverityMedium:   cyclonedx.SeverityMedium,
	v1alpha1.SeverityLow:      cyclonedx.SeverityLow,
	v1alpha1.SeverityUnknown:  cyclonedx.SeverityUnknown,
}

// ratings begin with the severity that the finding has.
func ratings(f Finding) *[]cyclonedx.VulnerabilityRating {
	first := cyclonedx.VulnerabilityRating{Severity: cyclonedxSeverities[f.Severity]}
	if f.SeveritySource != "" {
		first.Source = &cyclonedx.Source{Name: f.SeveritySource}
	}
	list := []cyclonedx.VulnerabilityRating{first}
	for _, source := range slices.Sorted(maps.Keys(f.detail.CVSS)) {
		list = append(list, scores(source, f.detail.CVSS[source])...)
	}
	return &list
}

func scores(source string, c vulndb.CVSS) []cyclonedx.VulnerabilityRating {
	var list []cyclonedx.VulnerabilityRating
	add := func(method cyclonedx.ScoringMethod, vector string, score float64) {
		if vector != "" {
			list = append(list, cyclonedx.VulnerabilityRating{Source: &cyclonedx.Source{Name: source}, Method: method, Vector: vector, Score: &score})
		}
	}
	v3 := cyclonedx.ScoringMethodCVSSv3
	if strings.HasPrefix(c.V3Vector, "CVSS:3.1/") {
		v3 = cyclonedx.ScoringMethodCVSSv31
	}
	add(cyclonedx.ScoringMethodCVSSv4, c.V40Vector, c.V40Score)
	add(v3, c.V3Vector, c.V3Score)
	add(cyclonedx.ScoringMethodCVSSv2, c.V2Vector, c.V2Score)
	return list
}
