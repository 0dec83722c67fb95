package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ImageUpdateSpec identifies an update: one per policy, source repository and base.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="spec is immutable: it identifies the update"
type ImageUpdateSpec struct {
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
	// sourceRepository is the Git repository that holds the file. Absent where it is not known.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	SourceRepository string `json:"sourceRepository,omitempty"`
	// base is the image that should move, as a reference with its tag: the base of images that are built from the
	// repository, or one that its manifests deploy.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Base string `json:"base"`
}

// UpdateStep says how large a move is, by the tags' versions.
//
// +kubebuilder:validation:Enum=Refresh;Patch;Minor;Variant;VariantPatch;VariantMinor;Major;VariantMajor
type UpdateStep string

const (
	// StepRefresh keeps the tag: it leads to another digest.
	StepRefresh UpdateStep = "Refresh"
	StepPatch   UpdateStep = "Patch"
	StepMinor   UpdateStep = "Minor"
	// StepVariant keeps the version and moves to a newer release of the distribution.
	StepVariant      UpdateStep = "Variant"
	StepVariantPatch UpdateStep = "VariantPatch"
	StepVariantMinor UpdateStep = "VariantMinor"
	StepMajor        UpdateStep = "Major"
	StepVariantMajor UpdateStep = "VariantMajor"
)

// ImageUpdateStatus is what should move, and how far it got.
type ImageUpdateStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Ready, Proposed and Rebuilt; Reconciling and Stalled only while true.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// phase is where the update stands.
	//
	// +optional
	Phase UpdatePhase `json:"phase,omitempty"`
	// from is the version that runs.
	//
	// +optional
	From *ImageVersion `json:"from,omitempty"`
	// to is the version that it should move to.
	//
	// +optional
	To *ImageVersion `json:"to,omitempty"`
	// step from one to the other.
	//
	// +optional
	Step UpdateStep `json:"step,omitempty"`
	// fixes counts the findings of from that to does not have.
	//
	// +optional
	Fixes *Summary `json:"fixes,omitempty"`
	// adds counts the findings of to that from does not have.
	//
	// +optional
	Adds *Summary `json:"adds,omitempty"`
	// candidates that were seen, with the time of our first sight of them, by which their age counts.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Candidates []UpdateCandidate `json:"candidates,omitempty"`
	// smaller is a base of another family with fewer findings. It is advice alone and is never proposed.
	//
	// +optional
	Smaller *SmallerBase `json:"smaller,omitempty"`
	// imageCount is how many running images would move.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ImageCount int32 `json:"imageCount,omitempty"`
	// workloads that run these images, as namespace/Kind/name, at most 32.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=512
	Workloads []string `json:"workloads,omitempty"`
	// files are where the version is named.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Files []FilePosition `json:"files,omitempty"`
	// pullRequest that proposes the update.
	//
	// +optional
	PullRequest *PullRequest `json:"pullRequest,omitempty"`
	// rebuild that was triggered for the update.
	//
	// +optional
	Rebuild *Rebuild `json:"rebuild,omitempty"`
	// ignored candidates, by reference with digest: a person closed their pull request.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024
	Ignored []string `json:"ignored,omitempty"`
	// availableTime is when a candidate was first found, mergedTime when its pull request was merged,
	// rolledOutTime when nothing ran the old version any more, and supersededTime when the update ended otherwise.
	//
	// +optional
	AvailableTime *metav1.Time `json:"availableTime,omitempty"`
	// mergedTime: see availableTime.
	//
	// +optional
	MergedTime *metav1.Time `json:"mergedTime,omitempty"`
	// rolledOutTime: see availableTime.
	//
	// +optional
	RolledOutTime *metav1.Time `json:"rolledOutTime,omitempty"`
	// supersededTime: see availableTime.
	//
	// +optional
	SupersededTime *metav1.Time `json:"supersededTime,omitempty"`
	// deliveries that were made, newest last.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Deliveries []Delivery `json:"deliveries,omitempty"`
}

// UpdateCandidate is a version that was looked at.
type UpdateCandidate struct {
	// tag of the candidate.
	//
	// +required
	// +kubebuilder:validation:MaxLength=128
	Tag string `json:"tag"`
	// digest that the tag led to.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^sha256:[a-f0-9]{64}$`
	Digest string `json:"digest,omitempty"`
	// firstSeenTime is when the operator first saw the tag lead there.
	//
	// +required
	FirstSeenTime metav1.Time `json:"firstSeenTime"`
	// passedOver says why it was not taken; empty for the one that was.
	//
	// +optional
	PassedOver PassedOver `json:"passedOver,omitempty"`
	// message says more, for people.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`
}

// PassedOver says why a candidate was not taken.
//
// +kubebuilder:validation:Enum=FixesNothing;AddsWorse;TooNew;FailsPolicy;Older;Prerelease;Ignored;NotScanned;LargerStep;SameTag
type PassedOver string

const (
	PassedFixesNothing PassedOver = "FixesNothing"
	// PassedAddsWorse: of the worst severity that it changes it fixes no more findings than it brings, or no more of those
	// that are known to be exploited.
	PassedAddsWorse PassedOver = "AddsWorse"
	// PassedTooNew: it is younger than minReleaseAgeDays.
	PassedTooNew PassedOver = "TooNew"
	// PassedFailsPolicy: the policy itself would not let it run.
	PassedFailsPolicy PassedOver = "FailsPolicy"
	// PassedOlder: it was built before the version that runs.
	PassedOlder PassedOver = "Older"
	// PassedPrerelease: its digest is that of a tag for what is not released.
	PassedPrerelease PassedOver = "Prerelease"
	// PassedIgnored: a person closed its pull request.
	PassedIgnored PassedOver = "Ignored"
	// PassedNotScanned: it could not be scanned, or is not yet.
	PassedNotScanned PassedOver = "NotScanned"
	// PassedLargerStep: a smaller step was taken.
	PassedLargerStep PassedOver = "LargerStep"
	// PassedSameTag: files that deploy the image name the tag without a digest, and a newer tag does as much.
	PassedSameTag PassedOver = "SameTag"
)

// SmallerBase is a base of another family.
type SmallerBase struct {
	// reference with its tag.
	//
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Reference string `json:"reference"`
	// fixes is how many findings the move would take away.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Fixes int32 `json:"fixes"`
	// adds is how many it would bring.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Adds int32 `json:"adds"`
}

// ImageVersion is a tag and its digest.
type ImageVersion struct {
	// tag of the version.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Tag string `json:"tag,omitempty"`
	// digest that the tag led to.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^sha256:[a-f0-9]{64}$`
	Digest string `json:"digest,omitempty"`
}

// FilePosition is where an image is named.
type FilePosition struct {
	// path of the file within its repository.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path"`
	// line in the file, from 1.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Line int32 `json:"line,omitempty"`
}

// UpdatePhase is where an ImageUpdate stands.
//
// +kubebuilder:validation:Enum=None;Available;DryRun;Proposed;Ignored;Merged;RolledOut;Superseded
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
	// state is the update's phase.
	//
	// +required
	State UpdatePhase `json:"state"`
	// candidate is the reference that the base should move to.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Candidate string `json:"candidate,omitempty"`
	// fixes is how many findings the move takes away.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Fixes int32 `json:"fixes"`
	// adds is how many findings the move brings.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Adds int32 `json:"adds"`
	// url of the pull request or the rebuild.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	URL string `json:"url,omitempty"`
}

// ImageUpdate says which base image should move where, what that fixes, and how far it got.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=imup,categories=plimsoll
// +kubebuilder:printcolumn:name="Base",type=string,JSONPath=`.spec.base`
// +kubebuilder:printcolumn:name="To",type=string,JSONPath=`.status.to.tag`
// +kubebuilder:printcolumn:name="Fixes",type=integer,JSONPath=`.status.fixes.total`
// +kubebuilder:printcolumn:name="Adds",type=integer,JSONPath=`.status.adds.total`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Source",type=string,JSONPath=`.spec.sourceRepository`,priority=1
// +kubebuilder:printcolumn:name="PullRequest",type=string,JSONPath=`.status.pullRequest.url`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ImageUpdate struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec identifies the update.
	//
	// +required
	Spec ImageUpdateSpec `json:"spec"`
	// status is what should move, and how far it got.
	//
	// +optional
	Status ImageUpdateStatus `json:"status,omitzero"`
}

// ImageUpdateList is a list of ImageUpdates.
//
// +kubebuilder:object:root=true
type ImageUpdateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []ImageUpdate `json:"items"`
}
