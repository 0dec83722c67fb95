package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ImageUpdateSpec identifies an update: one per policy, source repository and base.
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
	// sourceRepository is the Git repository that holds the file.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	SourceRepository string `json:"sourceRepository"`
	// base is the base image's repository.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Base string `json:"base"`
}

// ImageUpdateStatus is what should move, and how far it got.
type ImageUpdateStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Ready; Reconciling and Stalled only while true.
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
	// from is the version of the base that the file names.
	//
	// +optional
	From *ImageVersion `json:"from,omitempty"`
	// to is the version of the base that it should name.
	//
	// +optional
	To *ImageVersion `json:"to,omitempty"`
	// fixes counts the findings of from that to does not have.
	//
	// +optional
	Fixes *Summary `json:"fixes,omitempty"`
	// adds counts the findings of to that from does not have.
	//
	// +optional
	Adds *Summary `json:"adds,omitempty"`
	// file is where the base is named.
	//
	// +optional
	File *FilePosition `json:"file,omitempty"`
	// pullRequest that proposes the update.
	//
	// +optional
	PullRequest *PullRequest `json:"pullRequest,omitempty"`
	// rebuild that was triggered for the update.
	//
	// +optional
	Rebuild *Rebuild `json:"rebuild,omitempty"`
	// ignored candidates, by reference.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024
	Ignored []string `json:"ignored,omitempty"`
	// deliveries that were made, newest last.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Deliveries []Delivery `json:"deliveries,omitempty"`
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

// PullRequest that proposes the update.
type PullRequest struct {
	// url of the pull request, for people.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	URL string `json:"url"`
	// headSHA is the commit that we last saw at its head.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	HeadSHA string `json:"headSHA,omitempty"`
}

// Rebuild that was triggered for the update.
type Rebuild struct {
	// requestedTime is when the pipeline accepted the trigger.
	//
	// +required
	RequestedTime metav1.Time `json:"requestedTime"`
	// baseDigest that the rebuild is to pick up.
	//
	// +required
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^sha256:[a-f0-9]{64}$`
	BaseDigest string `json:"baseDigest"`
	// url of the pipeline's run, for people.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	URL string `json:"url,omitempty"`
}

// Delivery of a notification or trigger, for idempotency.
type Delivery struct {
	// key that is the same for the same fact.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Key string `json:"key"`
	// time of the delivery.
	//
	// +required
	Time metav1.Time `json:"time"`
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
// +kubebuilder:printcolumn:name="From",type=string,JSONPath=`.status.from.tag`
// +kubebuilder:printcolumn:name="To",type=string,JSONPath=`.status.to.tag`
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
