package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Severity of a vulnerability, as Trivy chooses it.
//
// +kubebuilder:validation:Enum=Critical;High;Medium;Low;Unknown
type Severity string

const (
	SeverityCritical Severity = "Critical"
	SeverityHigh     Severity = "High"
	SeverityMedium   Severity = "Medium"
	SeverityLow      Severity = "Low"
	SeverityUnknown  Severity = "Unknown"
)

// Summary counts findings.
type Summary struct {
	// critical findings.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Critical int32 `json:"critical"`
	// high findings.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	High int32 `json:"high"`
	// medium findings.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Medium int32 `json:"medium"`
	// low findings.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Low int32 `json:"low"`
	// unknown counts the findings that nobody has rated.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Unknown int32 `json:"unknown"`
	// fixable counts the findings whose status is fixed.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Fixable int32 `json:"fixable"`
	// knownExploited counts the findings whose exploitation is known.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	KnownExploited int32 `json:"knownExploited"`
	// total of all severities.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Total int32 `json:"total"`
}

// Vulnerabilities found, worst first.
type Vulnerabilities struct {
	// omitted counts the findings that are not in items.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Omitted int32 `json:"omitted"`
	// items are as many findings as the object has room for, worst first.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=512
	Items []Vulnerability `json:"items,omitempty"`
}

// VulnerabilityStatus is the vendor's word on a vulnerability, in Trivy's terms.
//
// +kubebuilder:validation:Enum=unknown;not_affected;affected;fixed;under_investigation;will_not_fix;fix_deferred;end_of_life
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
//
// +kubebuilder:validation:Enum=Base;App
type LayerOrigin string

const (
	LayerBase LayerOrigin = "Base"
	LayerApp  LayerOrigin = "App"
)

// Vulnerability is one finding.
type Vulnerability struct {
	// id of the vulnerability.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id"`
	// package that has it.
	//
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Package string `json:"package"`
	// path of the file that the package was found in. Absent for packages of the operating system.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path,omitempty"`
	// installedVersion of the package.
	//
	// +required
	// +kubebuilder:validation:MaxLength=1024
	InstalledVersion string `json:"installedVersion"`
	// fixedVersion of the package; several are joined by commas.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	FixedVersion string `json:"fixedVersion,omitempty"`
	// severity of the vulnerability for this package.
	//
	// +required
	Severity Severity `json:"severity"`
	// status is the vendor's word on it.
	//
	// +optional
	Status VulnerabilityStatus `json:"status,omitempty"`
	// layer says who brought the package.
	//
	// +optional
	Layer LayerOrigin `json:"layer,omitempty"`
	// knownExploited is true where exploitation is known.
	//
	// +optional
	KnownExploited bool `json:"knownExploited,omitempty"`
	// publishedTime of the vulnerability.
	//
	// +optional
	PublishedTime *metav1.Time `json:"publishedTime,omitempty"`
	// dueTime is the earliest deadline that a policy sets for this finding.
	//
	// +optional
	DueTime *metav1.Time `json:"dueTime,omitempty"`
}
