package policy

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Facts are all that a judgement reads of one image as one namespace runs it.
type Facts struct {
	Namespace string
	// Repository in full form; Tags under which it runs.
	Repository string
	Tags       []string
	Digest     string
	// Scanned says whether Findings are known.
	Scanned  bool
	Findings []Finding
	// Workloads that run the image.
	Workloads []Workload
}

// Finding is a vulnerability in a package of the image.
type Finding struct {
	ID        string
	VendorIDs []string
	// Package name and its purl without a version.
	Package          string
	PURL             string
	Path             string
	InstalledVersion string
	FixedVersion     string
	Severity         v1alpha1.Severity
	Status           v1alpha1.VulnerabilityStatus
	KnownExploited   bool
	Published        time.Time
}

// Workload is an owner of pods that run the image.
type Workload struct {
	Group     string
	Kind      string
	Name      string
	PodLabels map[string]string
}

// Policy is an ImagePolicy, or a ClusterImagePolicy that selects the facts' namespace.
type Policy struct {
	Kind string
	Name string
	Spec v1alpha1.ImagePolicySpec
}

// Judgement of all policies on one image.
type Judgement struct {
	Verdict  v1alpha1.Verdict
	Verdicts []v1alpha1.PolicyVerdict
	// Due is the earliest deadline of each finding that has one, by index into the facts' findings.
	Due map[int]time.Time
	// Until is when the judgement changes without any other change: a deadline
	// or an exception's end. Zero: never.
	Until time.Time
}
