package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ImageReportSpec identifies what a report is about. It never changes.
type ImageReportSpec struct {
	// repository is the image's repository as workloads name it, in full form.
	Repository string `json:"repository"`
	// digest is the image's digest as the kubelet reports it.
	Digest string `json:"digest"`
	// platform is the platform of the nodes that run it.
	Platform string `json:"platform"`
}

// Verdict is the worst judgement of all policies that select an image.
type Verdict string

const (
	VerdictNoPolicy Verdict = "NoPolicy"
	VerdictUnknown  Verdict = "Unknown"
	VerdictPass     Verdict = "Pass"
	VerdictFail     Verdict = "Fail"
	VerdictError    Verdict = "Error"
)

// Actionable says whose move it is to make an image better.
type Actionable string

const (
	ActionableUpdate   Actionable = "Update"
	ActionableRebuild  Actionable = "Rebuild"
	ActionableUpstream Actionable = "Upstream"
	ActionableNone     Actionable = "None"
)

// ChangeCause says what changed a report last.
type ChangeCause string

const (
	CauseImage     ChangeCause = "Image"
	CauseDatabase  ChangeCause = "Database"
	CausePolicy    ChangeCause = "Policy"
	CauseException ChangeCause = "Exception"
	CauseMatcher   ChangeCause = "Matcher"
)

// Severity of a vulnerability, as Trivy chooses it.
type Severity string

const (
	SeverityCritical Severity = "Critical"
	SeverityHigh     Severity = "High"
	SeverityMedium   Severity = "Medium"
	SeverityLow      Severity = "Low"
	SeverityUnknown  Severity = "Unknown"
)

// ImageReportStatus is what is known of the image.
type ImageReportStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	// image is the reference as workloads write it, for people.
	Image string `json:"image,omitempty"`
	// tags under which workloads run this digest.
	Tags []string `json:"tags,omitempty"`
	// manifestDigest is the digest of the platform's manifest.
	ManifestDigest string `json:"manifestDigest,omitempty"`
	// configDigest is the digest of the image's configuration.
	ConfigDigest string     `json:"configDigest,omitempty"`
	Verdict      Verdict    `json:"verdict,omitempty"`
	Actionable   Actionable `json:"actionable,omitempty"`
	// lastChange is the last change of the findings or the verdict.
	LastChange *Change          `json:"lastChange,omitempty"`
	OS         *OperatingSystem `json:"os,omitempty"`
	// packageCount is absent before the first scan.
	PackageCount *int32     `json:"packageCount,omitempty"`
	Workloads    *Workloads `json:"workloads,omitempty"`
	// summary counts every finding, excepted ones too. It is absent, not zero, before the first scan.
	Summary         *Summary         `json:"summary,omitempty"`
	Vulnerabilities *Vulnerabilities `json:"vulnerabilities,omitempty"`
	Base            *BaseImage       `json:"base,omitempty"`
	Update          *UpdateSummary   `json:"update,omitempty"`
	Verdicts        []PolicyVerdict  `json:"verdicts,omitempty"`
	// unread lists parts of the image that could not be read, and why.
	Unread []UnreadPart `json:"unread,omitempty"`
	// contentHash is a hash of everything else here; an equal one means no write.
	ContentHash string `json:"contentHash,omitempty"`
}

// Change of a report.
type Change struct {
	Time             metav1.Time `json:"time"`
	Cause            ChangeCause `json:"cause"`
	DatabaseRevision string      `json:"databaseRevision,omitempty"`
	Added            int32       `json:"added"`
	Resolved         int32       `json:"resolved"`
}

// OperatingSystem of an image.
type OperatingSystem struct {
	Family  string `json:"family"`
	Release string `json:"release,omitempty"`
	// supportEndTime is when the release's security support ends or ended.
	SupportEndTime *metav1.Time `json:"supportEndTime,omitempty"`
}

// Workloads that run the image, or last ran it and still exist.
type Workloads struct {
	Total int32      `json:"total"`
	Items []Workload `json:"items,omitempty"`
}

// WorkloadState says whether a workload runs the image now.
type WorkloadState string

const (
	WorkloadRunning WorkloadState = "Running"
	WorkloadIdle    WorkloadState = "Idle"
)

// Workload that runs the image.
type Workload struct {
	Group      string              `json:"group,omitempty"`
	Kind       string              `json:"kind"`
	Name       string              `json:"name"`
	State      WorkloadState       `json:"state"`
	Containers []WorkloadContainer `json:"containers,omitempty"`
}

// ContainerType says where in a pod an image is used.
type ContainerType string

const (
	ContainerTypeContainer ContainerType = "Container"
	ContainerTypeInit      ContainerType = "Init"
	ContainerTypeEphemeral ContainerType = "Ephemeral"
	ContainerTypeVolume    ContainerType = "Volume"
)

// WorkloadContainer is a container or an image volume of a workload.
type WorkloadContainer struct {
	Name string        `json:"name"`
	Type ContainerType `json:"type"`
}

// Summary counts findings.
type Summary struct {
	Critical       int32 `json:"critical"`
	High           int32 `json:"high"`
	Medium         int32 `json:"medium"`
	Low            int32 `json:"low"`
	Unknown        int32 `json:"unknown"`
	Fixable        int32 `json:"fixable"`
	KnownExploited int32 `json:"knownExploited"`
	Total          int32 `json:"total"`
}

// Vulnerabilities found, worst first.
type Vulnerabilities struct {
	// omitted counts the findings that are not in items.
	Omitted int32           `json:"omitted"`
	Items   []Vulnerability `json:"items,omitempty"`
}

// VulnerabilityStatus is the vendor's word on a vulnerability, in Trivy's terms.
type VulnerabilityStatus string

const (
	StatusUnknown            VulnerabilityStatus = "unknown"
	StatusNotAffected        VulnerabilityStatus = "not_affected"
	StatusAffected           VulnerabilityStatus = "affected"
	StatusFixed              VulnerabilityStatus = "fixed"
	StatusUnderInvestigation VulnerabilityStatus = "under_investigation"
	StatusWillNotFix         VulnerabilityStatus = "will_not_fix"
	StatusFixDeferred        VulnerabilityStatus = "fix_deferred"
	StatusEndOfLife          VulnerabilityStatus = "end_of_life"
)

// LayerOrigin says who brought a package: the base image or the application.
type LayerOrigin string

const (
	LayerBase LayerOrigin = "Base"
	LayerApp  LayerOrigin = "App"
)

// Vulnerability is one finding.
type Vulnerability struct {
	ID               string              `json:"id"`
	Package          string              `json:"package"`
	Path             string              `json:"path,omitempty"`
	InstalledVersion string              `json:"installedVersion"`
	FixedVersion     string              `json:"fixedVersion,omitempty"`
	Severity         Severity            `json:"severity"`
	Status           VulnerabilityStatus `json:"status,omitempty"`
	Layer            LayerOrigin         `json:"layer,omitempty"`
	KnownExploited   bool                `json:"knownExploited,omitempty"`
	PublishedTime    *metav1.Time        `json:"publishedTime,omitempty"`
	// dueTime is the earliest deadline that a policy sets for this finding.
	DueTime *metav1.Time `json:"dueTime,omitempty"`
}

// BaseImageSource says how a base image was found.
type BaseImageSource string

const (
	BaseAnnotation BaseImageSource = "Annotation"
	BaseProvenance BaseImageSource = "Provenance"
	BaseLayers     BaseImageSource = "Layers"
	BaseDockerfile BaseImageSource = "Dockerfile"
)

// BaseImage of an image.
type BaseImage struct {
	Name    string          `json:"name"`
	Digest  string          `json:"digest,omitempty"`
	Source  BaseImageSource `json:"source"`
	Summary *Summary        `json:"summary,omitempty"`
}

// UpdatePhase is where an ImageUpdate stands.
type UpdatePhase string

const (
	UpdateNone       UpdatePhase = "None"
	UpdateAvailable  UpdatePhase = "Available"
	UpdateDryRun     UpdatePhase = "DryRun"
	UpdateProposed   UpdatePhase = "Proposed"
	UpdateIgnored    UpdatePhase = "Ignored"
	UpdateMerged     UpdatePhase = "Merged"
	UpdateRolledOut  UpdatePhase = "RolledOut"
	UpdateSuperseded UpdatePhase = "Superseded"
)

// UpdateSummary is a projection of the image's ImageUpdate.
type UpdateSummary struct {
	State     UpdatePhase `json:"state"`
	Candidate string      `json:"candidate,omitempty"`
	Fixes     int32       `json:"fixes"`
	Adds      int32       `json:"adds"`
	URL       string      `json:"url,omitempty"`
}

// PolicyVerdict is one policy's judgement.
type PolicyVerdict struct {
	PolicyKind string      `json:"policyKind"`
	PolicyName string      `json:"policyName"`
	Result     Verdict     `json:"result"`
	Excepted   int32       `json:"excepted"`
	Violations []Violation `json:"violations,omitempty"`
}

// Violation of a rule.
type Violation struct {
	Rule    string      `json:"rule"`
	Action  Enforcement `json:"action"`
	Message string      `json:"message"`
	// workloads that the violation concerns, as Kind/name.
	Workloads []string `json:"workloads,omitempty"`
}

// UnreadPart is a part of an image that could not be read.
type UnreadPart struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// ImageReport says what one image, as one namespace runs it, contains, and how policies judge it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
type ImageReport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ImageReportSpec   `json:"spec"`
	Status ImageReportStatus `json:"status,omitempty"`
}

// ImageReportList is a list of ImageReports.
//
// +kubebuilder:object:root=true
type ImageReportList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ImageReport `json:"items"`
}
