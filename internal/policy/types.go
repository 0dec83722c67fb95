package policy

import (
	"cmp"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Facts are all that a judgement reads of one image as one namespace runs it.
// Without a workload, as in a build's check, they are judged by the policies
// that do not ask for a pod's labels.
type Facts struct {
	Namespace string
	// Repository in full form; Tags under which it runs.
	Repository string
	Tags       []string
	Digest     string
	// Scanned says whether what the image contains is known: the fields below but
	// for the workloads.
	Scanned  bool
	Findings []Finding
	Packages []Package
	Programs []Program
	// Setuid are the paths of files with the setuid or setgid bit.
	Setuid []string
	Config Config
	// Base is nil where nobody looked for a base image.
	Base *Base
	// Workloads that run the image.
	Workloads []Workload
}

// Package that is installed in the image.
type Package struct {
	Name string
	// Source is the name of the package that it was built from, empty for a language's package.
	Source string
	// Type is where it was found, in Trivy's terms.
	Type string
	// Path of the file that shows it, empty for a system's package.
	Path string
}

// Program is a file that enlarges the image's attack surface.
type Program struct {
	Path string
	Kind v1alpha1.PackageKind
}

// Config is what the image says of itself.
type Config struct {
	// Created is zero where the image does not say.
	Created time.Time
	User    string
	// ExposedPorts as port[-port][/protocol].
	ExposedPorts []string
	// SecretEnv are the names of environment variables that look like secrets.
	SecretEnv []string
}

// Finding is a vulnerability in a package of the image.
type Finding struct {
	ID        string
	VendorIDs []string
	// Package name, and its purls without a version: its own and that of the
	// source that it was built from.
	Package          string
	PURLs            []string
	Path             string
	InstalledVersion string
	FixedVersion     string
	Severity         v1alpha1.Severity
	Status           v1alpha1.VulnerabilityStatus
	KnownExploited   bool
	Published        time.Time
	// Layer is the diff ID of the layer that brought the package. Empty where it is not known.
	Layer string
}

// Key tells findings apart where they are counted.
type Key struct {
	ID               string
	Package          string
	InstalledVersion string
	Path             string
}

// Key of the finding.
func (f Finding) Key() Key {
	return Key{ID: f.ID, Package: f.Package, InstalledVersion: f.InstalledVersion, Path: f.Path}
}

// Fixable says whether the vendor has released a fix.
func (f Finding) Fixable() bool { return f.Status == v1alpha1.StatusFixed }

// Compare orders findings worst first: those known to be exploited, then by
// severity, those with a fix before those without, then by name.
func Compare(a, b Finding) int {
	return cmp.Or(
		first(a.KnownExploited, b.KnownExploited),
		cmp.Compare(severityRank[b.Severity], severityRank[a.Severity]),
		first(a.Fixable(), b.Fixable()),
		cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.Package, b.Package),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.InstalledVersion, b.InstalledVersion),
	)
}

// first orders what is so before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// severityRank orders severities, least first. What is not listed ranks with Unknown.
var severityRank = map[v1alpha1.Severity]int{
	v1alpha1.SeverityUnknown:  0,
	v1alpha1.SeverityLow:      1,
	v1alpha1.SeverityMedium:   2,
	v1alpha1.SeverityHigh:     3,
	v1alpha1.SeverityCritical: 4,
}

// Workload is an owner of pods that run the image. It is there once for each
// kind of pods that it has.
type Workload struct {
	Group     string
	Kind      string
	Name      string
	PodLabels map[string]string
	// Tags under which these pods run the image.
	Tags []string
	// Pod is nil where it is not known, or no container of it runs the image.
	Pod *Pod
}

// name of the workload as violations name it.
func (w Workload) name() string { return w.Kind + "/" + w.Name }

// Pod is how a pod runs the image: of its spec the security settings, and of its
// containers those that run the image.
type Pod struct {
	Annotations map[string]string
	Spec        corev1.PodSpec
}

// Policy is an ImagePolicy, or a ClusterImagePolicy that selects the facts' namespace.
type Policy struct {
	Kind string
	Name string
	Spec v1alpha1.ImagePolicySpec
}

// Judgement of all policies on one image.
type Judgement struct {
	// Verdict is the worst result, NoPolicy where no policy selects the image.
	Verdict v1alpha1.Verdict
	// Verdicts of the policies that select the image, by kind and name.
	Verdicts []v1alpha1.PolicyVerdict
	// Due is the earliest deadline of each finding that has one, by index into the facts' findings.
	Due map[int]time.Time
	// Skipped are the rules that could not be judged for want of a pod or a base
	// image. A policy all of whose rules were skipped is Unknown.
	Skipped []SkippedRule
	// Until is the first instant after now at which time alone can change the
	// judgement: a deadline, an exception's end or an age. Zero: never.
	Until time.Time
}

// SkippedRule was not judged.
type SkippedRule struct {
	PolicyKind string
	PolicyName string
	Rule       string
	// Why it was not judged, for people.
	Why string
}
