package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ImageUpdateSpec identifies an update: one per policy, source repository and base.
type ImageUpdateSpec struct {
	PolicyKind string `json:"policyKind"`
	PolicyName string `json:"policyName"`
	// sourceRepository is the Git repository that holds the file.
	SourceRepository string `json:"sourceRepository"`
	// base is the base image's repository.
	Base string `json:"base"`
}

// ImageUpdateStatus is what should move, and how far it got.
type ImageUpdateStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Phase              UpdatePhase        `json:"phase,omitempty"`
	From               *ImageVersion      `json:"from,omitempty"`
	To                 *ImageVersion      `json:"to,omitempty"`
	Fixes              *Summary           `json:"fixes,omitempty"`
	Adds               *Summary           `json:"adds,omitempty"`
	File               *FilePosition      `json:"file,omitempty"`
	PullRequest        *PullRequest       `json:"pullRequest,omitempty"`
	Rebuild            *Rebuild           `json:"rebuild,omitempty"`
	// ignored candidates, by reference.
	Ignored    []string   `json:"ignored,omitempty"`
	Deliveries []Delivery `json:"deliveries,omitempty"`
}

// ImageVersion is a tag and its digest.
type ImageVersion struct {
	Tag    string `json:"tag,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// FilePosition is where an image is named.
type FilePosition struct {
	Path string `json:"path"`
	Line int32  `json:"line,omitempty"`
}

// PullRequest that proposes the update.
type PullRequest struct {
	URL     string `json:"url"`
	HeadSHA string `json:"headSHA,omitempty"`
}

// Rebuild that was triggered for the update.
type Rebuild struct {
	RequestedTime metav1.Time `json:"requestedTime"`
	BaseDigest    string      `json:"baseDigest"`
	URL           string      `json:"url,omitempty"`
}

// Delivery of a notification or trigger, for idempotency.
type Delivery struct {
	Key  string      `json:"key"`
	Time metav1.Time `json:"time"`
}

// ImageUpdate says which base image should move where, what that fixes, and how far it got.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
type ImageUpdate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ImageUpdateSpec   `json:"spec"`
	Status ImageUpdateStatus `json:"status,omitempty"`
}

// ImageUpdateList is a list of ImageUpdates.
//
// +kubebuilder:object:root=true
type ImageUpdateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ImageUpdate `json:"items"`
}
