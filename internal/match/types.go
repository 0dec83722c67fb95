package match

import "time"

// Subject is the unit of judgement: findings are a pure function of it and of
// the records under its key. Equal subjects in any number of images are judged once.
type Subject struct {
	Key Key
	// Family of the operating system, after its supplier's name if the package is
	// a supplier's ("seal debian"), or the ecosystem ("npm"): selects the rules.
	Family string
	// Version that is compared.
	Version string
	// Arch of the package, where the family's advisories are for some.
	Arch string
}

// Component is a subject with the packages of one image that it stands for.
type Component struct {
	Subject Subject
	// Packages are indices into the image's packages.
	Packages []int
}

// DataSource says where a bucket's advisories come from.
type DataSource struct {
	ID     string
	Name   string
	URL    string
	BaseID string
}

// Record holds the advisories of one package in one bucket, sorted by id.
type Record struct {
	Bucket     string
	Source     DataSource
	Advisories []Advisory
	// CPEs are what an entry of one of Red Hat's tables says, of which a record
	// has nothing else.
	CPEs []int
}

// Advisory is what one bucket says of a vulnerability in one package.
type Advisory struct {
	ID                 string
	VendorIDs          []string
	Status             Status
	Severity           Severity
	FixedVersion       string
	AffectedVersion    string
	VulnerableVersions []string
	PatchedVersions    []string
	UnaffectedVersions []string
	Arches             []string
	// Entries are an advisory's parts, where the family's have some.
	Entries []Entry
	// Detail of the vulnerability; nil where the database has none.
	Detail *Detail
}

// Entry is what an advisory says of some architectures, and of Red Hat's of
// some products.
type Entry struct {
	FixedVersion string
	VendorIDs    []string
	Arches       []string
	Status       Status
	// CVEs that the entry is about: of Red Hat alone.
	CVEs []CVE
	// Affected holds the indices of the CPEs of Red Hat's products.
	Affected []int
}

// CVE is one of the vulnerabilities that an advisory of Red Hat is about.
type CVE struct {
	// ID is empty where it is the advisory's own.
	ID       string
	Severity Severity
	// Detail of the vulnerability; nil where the database has none.
	Detail *Detail
}

// Detail is what judging needs of a vulnerability's own record.
type Detail struct {
	// Severity is the record's flat severity.
	Severity Severity
	// VendorSeverity by source.
	VendorSeverity map[string]Severity
	Published      time.Time
}

// Severity in trivy-db's numbers, least first.
type Severity int8

const (
	SeverityUnknown Severity = iota
	SeverityLow
	SeverityMedium
	SeverityHigh
	SeverityCritical
)

// Status in trivy-db's numbers.
type Status int8

const (
	StatusUnknown Status = iota
	StatusNotAffected
	StatusAffected
	StatusFixed
	StatusUnderInvestigation
	StatusWillNotFix
	StatusFixDeferred
	StatusEndOfLife
)

// Match is a vulnerability of a subject.
type Match struct {
	ID             string
	VendorIDs      []string
	FixedVersion   string
	Status         Status
	Severity       Severity
	SeveritySource string
	Source         DataSource
	Published      time.Time
}

// Finding is a match in a package of an image.
type Finding struct {
	Match
	// Package is an index into the image's packages.
	Package int
}
