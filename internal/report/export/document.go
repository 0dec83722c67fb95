package export

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/report"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// schemaVersion of the JSON. It is raised when a reader could misunderstand it.
const schemaVersion = 1

// Input is all that a scan has to say.
type Input struct {
	Artifact Artifact
	Database Database
	Scan     report.Scan
	Content  *sbom.Image
	// Found are the findings to show; Problems what kept packages from being judged.
	Found    []Found
	Problems []string
	// Detail of a vulnerability, as the database has it. May be nil.
	Detail   func(id string) (vulndb.Detail, bool, error)
	Policies []Policy
	// Version of the program, and the time at which it judged.
	Version string
	Now     time.Time
}

// Found is one finding: as it was judged, and in the policies' terms.
type Found struct {
	Match match.Finding
	Terms policy.Finding
}

// Artifact is what was scanned.
type Artifact struct {
	Name string `json:"name"`
	// Type is image, archive, sbom or rootfs.
	Type         string `json:"type"`
	Digest       string `json:"digest,omitempty"`
	ConfigDigest string `json:"configDigest,omitempty"`
	Platform     string `json:"platform,omitempty"`
	OS           *OS    `json:"os,omitempty"`
	PackageCount int    `json:"packageCount"`
}

// OS of an artifact.
type OS struct {
	Family         string     `json:"family"`
	Release        string     `json:"release,omitempty"`
	SupportEndTime *time.Time `json:"supportEndTime,omitempty"`
	// EndOfLife says that support has ended: its vendor publishes no fixes any more.
	EndOfLife bool `json:"endOfLife,omitempty"`
}

// Database by which the artifact was judged.
type Database struct {
	Source    string    `json:"source"`
	Revision  string    `json:"revision"`
	BuiltTime time.Time `json:"builtTime"`
}

// Scan is how far the artifact's content is known.
type Scan struct {
	// Complete says that nothing is missing but the parts in unread and problems.
	Judged  bool   `json:"judged"`
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// Finding is a vulnerability in a package.
type Finding struct {
	VulnerabilityID  string                       `json:"vulnerabilityID"`
	VendorIDs        []string                     `json:"vendorIDs,omitempty"`
	Package          string                       `json:"package"`
	SourcePackage    string                       `json:"sourcePackage,omitempty"`
	Path             string                       `json:"path,omitempty"`
	PURL             string                       `json:"purl,omitempty"`
	InstalledVersion string                       `json:"installedVersion"`
	FixedVersion     string                       `json:"fixedVersion,omitempty"`
	Severity         v1alpha1.Severity            `json:"severity"`
	SeveritySource   string                       `json:"severitySource,omitempty"`
	Status           v1alpha1.VulnerabilityStatus `json:"status"`
	KnownExploited   bool                         `json:"knownExploited,omitempty"`
	Title            string                       `json:"title,omitempty"`
	PrimaryURL       string                       `json:"primaryURL,omitempty"`
	DataSource       *DataSource                  `json:"dataSource,omitempty"`
	PublishedTime    *time.Time                   `json:"publishedTime,omitempty"`
	Layer            string                       `json:"layer,omitempty"`

	terms  policy.Finding
	pkg    int
	detail vulndb.Detail
}

// DataSource of an advisory.
type DataSource struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	URL  string `json:"url,omitempty"`
}

// Unread is a part that could not be read.
type Unread struct {
	Path    string `json:"path"`
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// Policy and its result.
type Policy struct {
	Kind       string           `json:"kind"`
	Name       string           `json:"name"`
	Result     v1alpha1.Verdict `json:"result"`
	Excepted   int32            `json:"excepted,omitempty"`
	Violations []Violation      `json:"violations,omitempty"`
	// Skipped are the rules that need what only a cluster knows. They are not passed.
	Skipped []string `json:"skipped,omitempty"`
}

// Violation of a policy's rule.
type Violation struct {
	Rule    string `json:"rule"`
	Action  string `json:"action"`
	Message string `json:"message"`
}

// Document is what the formats are made of, and as JSON one of them. What could
// not be read or judged is in it wherever the format has a place for that.
type Document struct {
	SchemaVersion int              `json:"schemaVersion"`
	Artifact      Artifact         `json:"artifact"`
	Database      Database         `json:"database"`
	Scan          Scan             `json:"scan"`
	Summary       v1alpha1.Summary `json:"summary"`
	Findings      []Finding        `json:"findings"`
	Unread        []Unread         `json:"unread"`
	Problems      []string         `json:"problems"`
	Policies      []Policy         `json:"policies"`
	ImageFacts    *ImageFacts      `json:"imageFacts,omitempty"`

	content *sbom.Image
	version string
	now     time.Time
}

// New returns the document. The error is the database's.
func New(in Input) (*Document, error) {
	d := &Document{
		SchemaVersion: schemaVersion,
		Artifact:      in.Artifact,
		Database:      in.Database,
		Scan:          Scan{Judged: in.Scan.Done, Reason: in.Scan.Reason, Message: in.Scan.Message},
		Findings:      make([]Finding, 0, len(in.Found)),
		Unread:        []Unread{},
		Problems:      append([]string{}, in.Problems...),
		Policies:      append([]Policy{}, in.Policies...),
		ImageFacts:    factsOf(in),
		content:       in.Content,
		version:       in.Version,
		now:           in.Now.UTC(),
	}
	d.Artifact.PackageCount = len(in.Content.Packages)
	d.Artifact.OS = systemOf(in.Scan.OS, in.Now)
	for _, u := range in.Content.Unread {
		d.Unread = append(d.Unread, Unread{Path: u.Path, Reason: u.Reason, Message: u.Message})
	}
	for _, found := range in.Found {
		f, err := d.finding(found, in.Detail)
		if err != nil {
			return nil, err
		}
		d.Findings = append(d.Findings, f)
	}
	slices.SortStableFunc(d.Findings, func(a, b Finding) int {
		return cmp.Or(policy.Compare(a.terms, b.terms), cmp.Compare(a.pkg, b.pkg))
	})
	d.Summary = report.Summarize(d.terms())
	return d, nil
}

func (d *Document) terms() []policy.Finding {
	list := make([]policy.Finding, len(d.Findings))
	for i := range d.Findings {
		list[i] = d.Findings[i].terms
	}
	return list
}

// distinct are the findings that a reader can tell apart, as the summary counts
// them: two architectures of a package are one.
func (d *Document) distinct() []Finding {
	seen := make(map[policy.Key]struct{}, len(d.Findings))
	return slices.DeleteFunc(slices.Clone(d.Findings), func(f Finding) bool {
		_, known := seen[f.terms.Key()]
		seen[f.terms.Key()] = struct{}{}
		return known
	})
}

func systemOf(os *v1alpha1.OperatingSystem, now time.Time) *OS {
	if os == nil {
		return nil
	}
	out := &OS{Family: os.Family, Release: os.Release}
	if os.SupportEndTime != nil {
		end := os.SupportEndTime.UTC()
		out.SupportEndTime, out.EndOfLife = &end, now.After(end)
	}
	return out
}

func (d *Document) finding(found Found, detail func(string) (vulndb.Detail, bool, error)) (Finding, error) {
	p := d.content.Packages[found.Match.Package]
	f := Finding{
		VulnerabilityID:  found.Match.ID,
		VendorIDs:        found.Match.VendorIDs,
		Package:          p.Name,
		SourcePackage:    p.SourceName,
		Path:             p.Path,
		PURL:             PURL(d.content.OS, p),
		InstalledVersion: found.Terms.InstalledVersion,
		FixedVersion:     found.Match.FixedVersion,
		Severity:         found.Terms.Severity,
		SeveritySource:   found.Match.SeveritySource,
		Status:           found.Terms.Status,
		KnownExploited:   found.Terms.KnownExploited,
		Layer:            string(p.Layer),
		terms:            found.Terms,
		pkg:              found.Match.Package,
	}
	if s := found.Match.Source; s.ID != "" {
		f.DataSource = &DataSource{ID: s.ID, Name: s.Name, URL: s.URL}
	}
	if published := found.Match.Published; !published.IsZero() {
		published = published.UTC()
		f.PublishedTime = &published
	}
	if detail != nil {
		var err error
		if f.detail, _, err = detail(f.VulnerabilityID); err != nil {
			return Finding{}, fmt.Errorf("read what the database says of %s: %w", f.VulnerabilityID, err)
		}
	}
	f.Title = f.detail.Title
	f.PrimaryURL = match.PrimaryURL(f.VulnerabilityID, f.detail.References, found.Match.Source)
	return f, nil
}

// Failed says whether the image violates the policy.
func (p Policy) Failed() bool { return p.Result == v1alpha1.VerdictFail }

// Undecided says whether the policy could not be judged.
func (p Policy) Undecided() bool {
	return p.Result == v1alpha1.VerdictUnknown || p.Result == v1alpha1.VerdictError
}

// Idle says whether the policy does not select the image.
func (p Policy) Idle() bool { return p.Result == v1alpha1.VerdictNoPolicy }
