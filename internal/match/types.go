package match

import "time"

// Key names what a subject's judgement reads from the database: the package
// Name in the bucket Bucket or, where Bucket ends in "::", in every bucket
// with that prefix, in key order.
type Key struct {
	Bucket string
	Name   string
}

// Subject is the unit of judgement: findings are a pure function of it and of
// the records under its key. Equal subjects in any number of images are judged once.
type Subject struct {
	Key Key
	// Family of the operating system, or the ecosystem ("npm", "go", "pip"): selects the rules.
	Family string
	// Version that is compared.
	Version string
	Arch    string
	// Flavour of an Oracle Linux package.
	Flavour string
	// CPEs of a Red Hat package's content sets, sorted and joined by a comma.
	CPEs string
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
