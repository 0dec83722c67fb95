package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ClusterImagePolicySpec is an ImagePolicySpec for the namespaces that it selects.
type ClusterImagePolicySpec struct {
	// namespaceSelector selects namespaces by their labels. Absent: all.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.matchLabels) || size(self.matchLabels) <= 32",message="at most 32 matchLabels"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchLabels) || self.matchLabels.all(k, size(k) <= 317 && size(self.matchLabels[k]) <= 63)",message="a key of matchLabels has at most 317 characters, a value 63"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || size(self.matchExpressions) <= 32",message="at most 32 matchExpressions"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, size(e.key) <= 317 && (!has(e.values) || size(e.values) <= 64))",message="a key of matchExpressions has at most 317 characters, and 64 values"
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	ImagePolicySpec   `json:",inline"`
}

// ClusterImagePolicy says what images may run in the namespaces that it selects.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=cimpol,categories=plimsoll
// +kubebuilder:printcolumn:name="Enforcement",type=string,JSONPath=`.spec.enforcement`
// +kubebuilder:printcolumn:name="Matched",type=integer,JSONPath=`.status.images.matched`
// +kubebuilder:printcolumn:name="Passing",type=integer,JSONPath=`.status.images.passing`
// +kubebuilder:printcolumn:name="Failing",type=integer,JSONPath=`.status.images.failing`
// +kubebuilder:printcolumn:name="Unknown",type=integer,JSONPath=`.status.images.unknown`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterImagePolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says what may run, and in which namespaces.
	//
	// +required
	Spec ClusterImagePolicySpec `json:"spec"`
	// status counts what the policy selects.
	//
	// +optional
	Status ImagePolicyStatus `json:"status,omitzero"`
}

// ClusterImagePolicyList is a list of ClusterImagePolicies.
//
// +kubebuilder:object:root=true
type ClusterImagePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []ClusterImagePolicy `json:"items"`
}
