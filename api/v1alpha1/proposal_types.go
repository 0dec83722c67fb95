package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PullRequestState is how a forge has a pull request.
//
// +kubebuilder:validation:Enum=Open;Merged;Closed
type PullRequestState string

const (
	PullRequestOpen   PullRequestState = "Open"
	PullRequestMerged PullRequestState = "Merged"
	PullRequestClosed PullRequestState = "Closed"
)

// PullRequest that proposes the update.
type PullRequest struct {
	// number of the pull request within its repository.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Number int64 `json:"number,omitempty"`
	// state that the forge last told.
	//
	// +optional
	State PullRequestState `json:"state,omitempty"`
	// createdTime is when it was opened.
	//
	// +optional
	CreatedTime *metav1.Time `json:"createdTime,omitempty"`
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
	// trigger is the name of the policy's rebuild that was triggered.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Trigger string `json:"trigger,omitempty"`
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
