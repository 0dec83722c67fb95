package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Enforcement is what is done about a violation. As a policy's ceiling it caps each rule's action.
//
// +kubebuilder:validation:Enum=Audit;Warn;Deny
type Enforcement string

const (
	// EnforcementAudit reports a violation and does nothing else.
	EnforcementAudit Enforcement = "Audit"
	// EnforcementWarn lets admission answer with a warning.
	EnforcementWarn Enforcement = "Warn"
	// EnforcementDeny lets admission refuse the workload.
	EnforcementDeny Enforcement = "Deny"
)

// EnforceOn says to which images admission applies a policy.
//
// +kubebuilder:validation:Enum=NewImages;Always
type EnforceOn string

const (
	// EnforceOnNewImages spares images that run already: they can always restart.
	EnforceOnNewImages EnforceOn = "NewImages"
	// EnforceOnAlways applies the policy to each pod.
	EnforceOnAlways EnforceOn = "Always"
)

// UnknownImages says what admission does with an image that has no verdict yet.
//
// +kubebuilder:validation:Enum=Allow;Warn;Deny
type UnknownImages string

const (
	UnknownImagesAllow UnknownImages = "Allow"
	UnknownImagesWarn  UnknownImages = "Warn"
	UnknownImagesDeny  UnknownImages = "Deny"
)

// ImagePolicySpec says what may run.
type ImagePolicySpec struct {
	// suspend stops the policy from judging.
	//
	// +optional
	Suspend bool `json:"suspend,omitempty"`
	// enforcement is the ceiling of all rules' actions.
	//
	// +optional
	// +kubebuilder:default=Audit
	// +kubebuilder:validation:XValidation:rule="self == 'Audit'",message="admission is not implemented in this version: only Audit can be used"
	Enforcement Enforcement `json:"enforcement,omitempty"`
	// enforceOn says whether admission spares images that run already.
	//
	// +optional
	// +kubebuilder:default=NewImages
	// +kubebuilder:validation:XValidation:rule="self == 'NewImages'",message="admission is not implemented in this version: only NewImages can be used"
	EnforceOn EnforceOn `json:"enforceOn,omitempty"`
	// unknownImages says what admission does with images that have no verdict yet.
	//
	// +optional
	// +kubebuilder:default=Allow
	// +kubebuilder:validation:XValidation:rule="self == 'Allow'",message="admission is not implemented in this version: only Allow can be used"
	UnknownImages UnknownImages `json:"unknownImages,omitempty"`
	// selector of what the policy judges. Empty: all images of its namespaces.
	//
	// +optional
	Selector PolicySelector `json:"selector,omitzero"`
	// rules, each of which an image has to keep.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Rules []Rule `json:"rules,omitempty"`
	// exceptions from this policy's own rules.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=256
	Exceptions []Exception `json:"exceptions,omitempty"`
	// vex are OpenVEX documents whose statements act as exceptions.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="size(self) == 0",message="vex is not implemented in this version"
	VEX []VEXSource `json:"vex,omitempty"`
	// remediation says how images that fail get fixed.
	//
	// +optional
	Remediation *Remediation `json:"remediation,omitempty"`
}

// PolicySelector selects (image, workload) pairs. Empty selects all.
type PolicySelector struct {
	// images are patterns over full repository names; ** matches across slashes.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Images []string `json:"images,omitempty"`
	// podSelector selects by the labels of the workloads' pods. Absent: all.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.matchLabels) || size(self.matchLabels) <= 32",message="at most 32 matchLabels"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchLabels) || self.matchLabels.all(k, size(k) <= 317 && size(self.matchLabels[k]) <= 63)",message="a key of matchLabels has at most 317 characters, a value 63"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || size(self.matchExpressions) <= 32",message="at most 32 matchExpressions"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, size(e.key) <= 317 && (!has(e.values) || size(e.values) <= 64))",message="a key of matchExpressions has at most 317 characters, and 64 values"
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
}

// LocalKeyReference names a key of a ConfigMap or Secret in the policy's
// namespace, or for a ClusterImagePolicy in the operator's.
type LocalKeyReference struct {
	// name of the object.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// key within it.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}

// ImagePolicyStatus counts what the policy selects.
type ImagePolicyStatus struct {
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
	// images counts the reports that the policy selects. It is absent before the first count.
	//
	// +optional
	Images *PolicyImages `json:"images,omitempty"`
	// violations per rule, as a number of images.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Violations []RuleViolations `json:"violations,omitempty"`
}

// PolicyImages counts a policy's reports by result.
type PolicyImages struct {
	// matched is how many reports the policy selects.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Matched int32 `json:"matched"`
	// passing is how many of them keep all rules.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Passing int32 `json:"passing"`
	// failing is how many of them violate a rule, or could not be judged for an error.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Failing int32 `json:"failing"`
	// unknown is how many of them are not scanned, or had all rules skipped.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Unknown int32 `json:"unknown"`
}

// RuleViolations counts the images that violate a rule.
type RuleViolations struct {
	// rule is the rule's name.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Rule string `json:"rule"`
	// images that violate it.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Images int32 `json:"images"`
}

// ImagePolicy says what images may run in its namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=impol,categories=plimsoll
// +kubebuilder:printcolumn:name="Enforcement",type=string,JSONPath=`.spec.enforcement`
// +kubebuilder:printcolumn:name="Matched",type=integer,JSONPath=`.status.images.matched`
// +kubebuilder:printcolumn:name="Passing",type=integer,JSONPath=`.status.images.passing`
// +kubebuilder:printcolumn:name="Failing",type=integer,JSONPath=`.status.images.failing`
// +kubebuilder:printcolumn:name="Unknown",type=integer,JSONPath=`.status.images.unknown`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ImagePolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says what may run.
	//
	// +required
	Spec ImagePolicySpec `json:"spec"`
	// status counts what the policy selects.
	//
	// +optional
	Status ImagePolicyStatus `json:"status,omitzero"`
}

// ImagePolicyList is a list of ImagePolicies.
//
// +kubebuilder:object:root=true
type ImagePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []ImagePolicy `json:"items"`
}
