package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ImageReportSpec identifies what a report is about. It never changes.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="spec is immutable: it identifies the report"
type ImageReportSpec struct {
	// repository is the image's repository as workloads name it, in full form.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^\S+$`
	Repository string `json:"repository"`
	// digest is the image's digest as the kubelet reports it.
	//
	// +required
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^sha256:[a-f0-9]{64}$`
	Digest string `json:"digest"`
	// platform is the platform of the nodes that run it: os/architecture, or os/architecture/variant.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-z0-9_]+/[a-z0-9_]+(/[a-z0-9_.]+)?$`
	Platform string `json:"platform"`
}

// Verdict is the worst judgement of all policies that select an image.
//
// +kubebuilder:validation:Enum=NoPolicy;Unknown;Pass;Fail;Error
type Verdict string

const (
	// VerdictNoPolicy: no policy selects the image.
	VerdictNoPolicy Verdict = "NoPolicy"
	// VerdictUnknown: the image is not scanned, or the policy has only rules that need a pod, and none is known.
	VerdictUnknown Verdict = "Unknown"
	VerdictPass    Verdict = "Pass"
	VerdictFail    Verdict = "Fail"
	// VerdictError: a policy could not be judged.
	VerdictError Verdict = "Error"
)

// Actionable says whose move it is to make an image better.
//
// +kubebuilder:validation:Enum=Update;Rebuild;Upstream;None
type Actionable string

const (
	ActionableUpdate   Actionable = "Update"
	ActionableRebuild  Actionable = "Rebuild"
	ActionableUpstream Actionable = "Upstream"
	ActionableNone     Actionable = "None"
)

// ChangeCause says what changed a report last.
//
// +kubebuilder:validation:Enum=Image;Database;Policy;Exception;Matcher
type ChangeCause string

const (
	CauseImage     ChangeCause = "Image"
	CauseDatabase  ChangeCause = "Database"
	CausePolicy    ChangeCause = "Policy"
	CauseException ChangeCause = "Exception"
	CauseMatcher   ChangeCause = "Matcher"
)

// ImageReportStatus is what is known of the image.
type ImageReportStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Ready, Scanned and Compliant; Reconciling and Stalled only while true.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// image is the reference as workloads write it, for people.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image,omitempty"`
	// tags under which workloads run this digest.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=128
	Tags []string `json:"tags,omitempty"`
	// manifestDigest is the digest of the platform's manifest.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^sha256:[a-f0-9]{64}$`
	ManifestDigest string `json:"manifestDigest,omitempty"`
	// configDigest is the digest of the image's configuration.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^sha256:[a-f0-9]{64}$`
	ConfigDigest string `json:"configDigest,omitempty"`
	// verdict is the worst judgement of all policies that select the image.
	//
	// +optional
	Verdict Verdict `json:"verdict,omitempty"`
	// actionable says whose move it is.
	//
	// +optional
	Actionable Actionable `json:"actionable,omitempty"`
	// lastChange is the last change of the findings, the verdict or that of one policy.
	//
	// +optional
	LastChange *Change `json:"lastChange,omitempty"`
	// os is the image's operating system. Absent where it has none.
	//
	// +optional
	OS *OperatingSystem `json:"os,omitempty"`
	// packageCount is absent before the first scan.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	PackageCount *int32 `json:"packageCount,omitempty"`
	// workloads that run the image, or last ran it and still exist.
	//
	// +optional
	Workloads *Workloads `json:"workloads,omitempty"`
	// summary counts every finding, excepted ones too. It is absent, not zero, before the first scan.
	//
	// +optional
	Summary *Summary `json:"summary,omitempty"`
	// vulnerabilities found, worst first.
	//
	// +optional
	Vulnerabilities *Vulnerabilities `json:"vulnerabilities,omitempty"`
	// base is the image that this one is built on, where it is known.
	//
	// +optional
	Base *BaseImage `json:"base,omitempty"`
	// update is a projection of the image's ImageUpdate.
	//
	// +optional
	Update *UpdateSummary `json:"update,omitempty"`
	// verdicts of the policies that select the image.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Verdicts []PolicyVerdict `json:"verdicts,omitempty"`
	// unread lists parts of the image that could not be read, and why.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Unread []UnreadPart `json:"unread,omitempty"`
	// unusedTime is since when neither a pod nor a workload uses the image. The
	// report goes when the operator's retention has passed since then.
	//
	// +optional
	UnusedTime *metav1.Time `json:"unusedTime,omitempty"`
	// contentHash is a hash of everything else here; an equal one means no write.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ContentHash string `json:"contentHash,omitempty"`
}

// Change of a report.
type Change struct {
	// time of the change.
	//
	// +required
	Time metav1.Time `json:"time"`
	// cause of the change.
	//
	// +required
	Cause ChangeCause `json:"cause"`
	// databaseRevision that the findings follow since.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	DatabaseRevision string `json:"databaseRevision,omitempty"`
	// added is how many findings came.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Added int32 `json:"added"`
	// resolved is how many findings went.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Resolved int32 `json:"resolved"`
}

// OperatingSystem of an image.
type OperatingSystem struct {
	// family as the database names it, such as debian.
	//
	// +required
	// +kubebuilder:validation:MaxLength=128
	Family string `json:"family"`
	// release of the operating system.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Release string `json:"release,omitempty"`
	// supportEndTime is when the release's security support ends or ended.
	//
	// +optional
	SupportEndTime *metav1.Time `json:"supportEndTime,omitempty"`
}

// BaseImageTrust says what bears out that an image has its base.
//
// +kubebuilder:validation:Enum=Confirmed;Claimed
type BaseImageTrust string

const (
	// BaseConfirmed: the image's layers show it, and the repository of its name was seen to have it.
	BaseConfirmed BaseImageTrust = "Confirmed"
	// BaseClaimed: the image alone says so.
	BaseClaimed BaseImageTrust = "Claimed"
)

// BaseImageSource says how a base image was found.
//
// +kubebuilder:validation:Enum=Annotation;Provenance;Layers;Dockerfile
type BaseImageSource string

const (
	BaseAnnotation BaseImageSource = "Annotation"
	BaseProvenance BaseImageSource = "Provenance"
	BaseLayers     BaseImageSource = "Layers"
	BaseDockerfile BaseImageSource = "Dockerfile"
)

// BaseImage of an image.
type BaseImage struct {
	// name of the base image, as a reference.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name"`
	// digest of the base image's manifest or index.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^sha256:[a-f0-9]{64}$`
	Digest string `json:"digest,omitempty"`
	// source says how it was found.
	//
	// +required
	Source BaseImageSource `json:"source"`
	// trust says whether more than the image itself says so.
	//
	// +optional
	Trust BaseImageTrust `json:"trust,omitempty"`
	// summary of the findings in the base's layers.
	//
	// +optional
	Summary *Summary `json:"summary,omitempty"`
}

// PolicyVerdict is one policy's judgement.
type PolicyVerdict struct {
	// policyKind is ImagePolicy or ClusterImagePolicy.
	//
	// +required
	// +kubebuilder:validation:Enum=ImagePolicy;ClusterImagePolicy
	PolicyKind string `json:"policyKind"`
	// policyName is the policy's name.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	PolicyName string `json:"policyName"`
	// result of the judgement.
	//
	// +required
	Result Verdict `json:"result"`
	// excepted is how many findings the policy's exceptions took out.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Excepted int32 `json:"excepted"`
	// violations of the policy's rules.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Violations []Violation `json:"violations,omitempty"`
}

// Violation of a rule.
type Violation struct {
	// rule is the rule's name.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Rule string `json:"rule"`
	// action of the rule, capped by the policy's enforcement.
	//
	// +required
	Action Enforcement `json:"action"`
	// message for people.
	//
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message"`
	// workloads that the violation concerns, as Kind/name.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=512
	Workloads []string `json:"workloads,omitempty"`
}

// UnreadPart is a part of an image that could not be read.
type UnreadPart struct {
	// path within the image.
	//
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path"`
	// reason why it could not be read.
	//
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason"`
}

// ImageReport says what one image, as one namespace runs it, contains, and how policies judge it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=imrep,categories=plimsoll
// +kubebuilder:selectablefield:JSONPath=`.spec.digest`
// +kubebuilder:selectablefield:JSONPath=`.spec.repository`
// +kubebuilder:selectablefield:JSONPath=`.status.verdict`
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.status.image`
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.status.verdict`
// +kubebuilder:printcolumn:name="Critical",type=integer,JSONPath=`.status.summary.critical`
// +kubebuilder:printcolumn:name="High",type=integer,JSONPath=`.status.summary.high`
// +kubebuilder:printcolumn:name="Fixable",type=integer,JSONPath=`.status.summary.fixable`
// +kubebuilder:printcolumn:name="Update",type=string,JSONPath=`.status.update.state`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Digest",type=string,JSONPath=`.spec.digest`,priority=1
// +kubebuilder:printcolumn:name="Platform",type=string,JSONPath=`.spec.platform`,priority=1
// +kubebuilder:printcolumn:name="Medium",type=integer,JSONPath=`.status.summary.medium`,priority=1
// +kubebuilder:printcolumn:name="Low",type=integer,JSONPath=`.status.summary.low`,priority=1
// +kubebuilder:printcolumn:name="Unknown",type=integer,JSONPath=`.status.summary.unknown`,priority=1
// +kubebuilder:printcolumn:name="Base",type=string,JSONPath=`.status.base.name`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,priority=1
type ImageReport struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec identifies what the report is about.
	//
	// +required
	Spec ImageReportSpec `json:"spec"`
	// status is what is known of the image.
	//
	// +optional
	Status ImageReportStatus `json:"status,omitzero"`
}

// ImageReportList is a list of ImageReports.
//
// +kubebuilder:object:root=true
type ImageReportList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []ImageReport `json:"items"`
}
