package export

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

var sarifLevels = map[v1alpha1.Severity]string{
	v1alpha1.SeverityCritical: "error",
	v1alpha1.SeverityHigh:     "error",
	v1alpha1.SeverityMedium:   "warning",
	v1alpha1.SeverityLow:      "note",
	v1alpha1.SeverityUnknown:  "note",
}

// sarifScores are in the range that GitHub takes for the severity, whatever
// score a source gives: its severity is what we judged by.
var sarifScores = map[v1alpha1.Severity]string{
	v1alpha1.SeverityCritical: "9.5",
	v1alpha1.SeverityHigh:     "8.0",
	v1alpha1.SeverityMedium:   "5.5",
	v1alpha1.SeverityLow:      "2.0",
	v1alpha1.SeverityUnknown:  "0.0",
}

// SARIF writes the findings in version 2.1.0. What was not read or judged are
// notifications of the run.
func (d *Document) SARIF(w io.Writer) error {
	out := sarif.NewReport()
	run := sarif.NewRunWithInformationURI(toolName, "https://plimsoll.dev")
	run.Tool.Driver.WithFullName("Plimsoll").WithVersion(cmp.Or(d.version, "unknown"))
	run.AddInvocation(d.invocation())
	rules := map[string]int{}
	for _, f := range d.Findings {
		index, known := rules[f.VulnerabilityID]
		if !known {
			index = len(rules)
			rules[f.VulnerabilityID] = index
			run.Tool.Driver.AddRule(rule(f))
		}
		run.AddResult(d.sarifResult(f, index))
	}
	out.AddRun(run)
	return out.PrettyWrite(w)
}

func (d *Document) invocation() *sarif.Invocation {
	i := sarif.NewInvocation().WithExecutionSuccessful(d.Scan.Judged)
	if !d.Scan.Judged {
		i.AddToolExecutionNotification(notification("error", d.Scan.Reason+": "+d.Scan.Message))
	}
	for _, line := range d.missing() {
		i.AddToolExecutionNotification(notification("warning", line))
	}
	return i
}

func notification(level, text string) *sarif.Notification {
	return sarif.NewNotification().WithLevel(level).WithMessage(sarif.NewTextMessage(text))
}

func rule(f Finding) *sarif.ReportingDescriptor {
	r := sarif.NewRule(f.VulnerabilityID).WithName("Vulnerability").
		WithShortDescription(&sarif.MultiformatMessageString{Text: plainText(cmp.Or(f.Title, f.VulnerabilityID))}).
		WithFullDescription(&sarif.MultiformatMessageString{Text: plainText(clip(cmp.Or(f.detail.Description, f.Title, f.VulnerabilityID), 1000))}).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarifLevels[f.Severity])).
		WithHelp(&sarif.MultiformatMessageString{Text: plainText(cmp.Or(f.detail.Description, f.Title, f.VulnerabilityID))})
	if links := f.links(); len(links) > 0 {
		r.WithHelpURI(links[0])
	}
	bag := sarif.NewPropertyBag()
	bag.Add("precision", "very-high")
	bag.Add("security-severity", sarifScores[f.Severity])
	bag.WithTags([]string{"security", "vulnerability", strings.ToLower(string(f.Severity))})
	return r.WithProperties(bag)
}

func plainText(s string) *string { return &s }

func (d *Document) sarifResult(f Finding, rule int) *sarif.Result {
	message := fmt.Sprintf("%s %s has %s (%s)", f.Package, f.InstalledVersion, f.VulnerabilityID, f.Severity)
	if f.FixedVersion != "" {
		message += ", fixed in " + f.FixedVersion
	}
	location := sarif.NewLocationWithPhysicalLocation(sarif.NewPhysicalLocation().
		WithArtifactLocation(sarif.NewSimpleArtifactLocation(relativeURI(cmp.Or(f.Path, d.Artifact.Name)))).
		WithRegion(sarif.NewRegion().WithStartLine(1).WithStartColumn(1).WithEndLine(1).WithEndColumn(1))).
		WithMessage(sarif.NewTextMessage(d.Artifact.Name + ": " + f.where()))
	return sarif.NewRuleResult(f.VulnerabilityID).WithRuleIndex(rule).WithLevel(sarifLevels[f.Severity]).
		WithMessage(sarif.NewTextMessage(message)).
		WithLocations([]*sarif.Location{location}).
		WithPartialFingerprints(map[string]string{"plimsollFinding/v1": f.fingerprint()})
}

// relativeURI is what code hosts take for the path of a file: they refuse
// absolute ones, and colons.
func relativeURI(name string) string {
	parts := strings.Split(strings.TrimLeft(strings.ReplaceAll(name, "@", "/"), "/"), "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(part), ":", "%3A")
	}
	return strings.Join(parts, "/")
}
