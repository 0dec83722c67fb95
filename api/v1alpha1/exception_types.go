package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ExceptionStatus is an OpenVEX status.
//
// +kubebuilder:validation:Enum=not_affected;affected;fixed;under_investigation
type ExceptionStatus string

const (
	ExceptionNotAffected        ExceptionStatus = "not_affected"
	ExceptionAffected           ExceptionStatus = "affected"
	ExceptionFixed              ExceptionStatus = "fixed"
	ExceptionUnderInvestigation ExceptionStatus = "under_investigation"
)

// ExceptionJustification is an OpenVEX justification.
//
// +kubebuilder:validation:Enum=component_not_present;vulnerable_code_not_present;vulnerable_code_not_in_execute_path;vulnerable_code_cannot_be_controlled_by_adversary;inline_mitigations_already_exist
type ExceptionJustification string

const (
	JustificationComponentNotPresent         ExceptionJustification = "component_not_present"
	JustificationVulnerableCodeNotPresent    ExceptionJustification = "vulnerable_code_not_present"
	JustificationVulnerableCodeNotExecuted   ExceptionJustification = "vulnerable_code_not_in_execute_path"
	JustificationVulnerableCodeNotControlled ExceptionJustification = "vulnerable_code_cannot_be_controlled_by_adversary"
	JustificationInlineMitigations           ExceptionJustification = "inline_mitigations_already_exist"
)

// Exception takes findings out of the rules of its own policy.
//
// +kubebuilder:validation:XValidation:rule="self.status != 'not_affected' || has(self.justification) || has(self.statement)",message="status not_affected needs a justification or a statement"
type Exception struct {
	// name of the exception within its policy.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// vulnerabilities by id; aliases match too.
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9][A-Za-z0-9._:-]*$`
	Vulnerabilities []string `json:"vulnerabilities"`
	// packages as purls, matched without version, of a package or of the source
	// package that it was built from. Empty: all.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^pkg:[a-zA-Z][a-zA-Z0-9.+-]*/\S+$`
	Packages []string `json:"packages,omitempty"`
	// images as patterns over full repository names. Empty: all.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Images []string `json:"images,omitempty"`
	// status of the product with regard to the vulnerabilities.
	//
	// +required
	Status ExceptionStatus `json:"status"`
	// justification why the product is not affected.
	//
	// +optional
	Justification ExceptionJustification `json:"justification,omitempty"`
	// statement in words, for people.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Statement string `json:"statement,omitempty"`
	// expirationTime from which on the exception does not count. Absent: it never expires.
	//
	// +optional
	ExpirationTime *metav1.Time `json:"expirationTime,omitempty"`
}

// VEXSource is an OpenVEX document.
type VEXSource struct {
	// configMapRef names the key that holds the document.
	//
	// +required
	ConfigMapRef LocalKeyReference `json:"configMapRef"`
}
