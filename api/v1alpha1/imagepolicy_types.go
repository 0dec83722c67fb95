package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Enforcement is what is done about a violation. As a policy's ceiling it caps each rule's action.
type Enforcement string

const (
	EnforcementAudit Enforcement = "Audit"
	EnforcementWarn  Enforcement = "Warn"
	EnforcementDeny  Enforcement = "Deny"
)

// EnforceOn says to which images admission applies a policy.
type EnforceOn string

const (
	EnforceOnNewImages EnforceOn = "NewImages"
	EnforceOnAlways    EnforceOn = "Always"
)

// UnknownImages says what admission does with an image that has no verdict yet.
type UnknownImages string

const (
	UnknownImagesAllow UnknownImages = "Allow"
	UnknownImagesWarn  UnknownImages = "Warn"
	UnknownImagesDeny  UnknownImages = "Deny"
)

// ImagePolicySpec says what may run.
type ImagePolicySpec struct {
	// suspend stops the policy from judging.
	Suspend bool `json:"suspend,omitempty"`
	// enforcement is the ceiling of all rules' actions.
	Enforcement   Enforcement    `json:"enforcement,omitempty"`
	EnforceOn     EnforceOn      `json:"enforceOn,omitempty"`
	UnknownImages UnknownImages  `json:"unknownImages,omitempty"`
	Selector      PolicySelector `json:"selector,omitempty"`
	Rules         []Rule         `json:"rules,omitempty"`
	Exceptions    []Exception    `json:"exceptions,omitempty"`
	VEX           []VEXSource    `json:"vex,omitempty"`
	Remediation   *Remediation   `json:"remediation,omitempty"`
}

// PolicySelector selects (image, workload) pairs. Empty selects all.
type PolicySelector struct {
	// images are patterns over full repository names; ** matches across slashes.
	Images      []string              `json:"images,omitempty"`
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
}

// RuleType discriminates rules.
type RuleType string

const (
	RuleVulnerabilities RuleType = "Vulnerabilities"
	RuleRegistries      RuleType = "Registries"
	RuleSignatures      RuleType = "Signatures"
	RulePackages        RuleType = "Packages"
	RuleWorkload        RuleType = "Workload"
	RuleImage           RuleType = "Image"
	RuleBaseImage       RuleType = "BaseImage"
	RuleCEL             RuleType = "CEL"
)

// Rule is one requirement. Exactly the member that type names is set.
type Rule struct {
	Name string   `json:"name"`
	Type RuleType `json:"type"`
	// action on a violation, capped by the policy's enforcement.
	Action          Enforcement          `json:"action,omitempty"`
	Vulnerabilities *VulnerabilitiesRule `json:"vulnerabilities,omitempty"`
	Registries      *RegistriesRule      `json:"registries,omitempty"`
	Signatures      *SignaturesRule      `json:"signatures,omitempty"`
	Packages        *PackagesRule        `json:"packages,omitempty"`
	Workload        *WorkloadRule        `json:"workload,omitempty"`
	Image           *ImageRule           `json:"image,omitempty"`
	BaseImage       *BaseImageRule       `json:"baseImage,omitempty"`
	CEL             *CELRule             `json:"cel,omitempty"`
}

// Fix selects findings by whether a fix exists.
type Fix string

const (
	FixAny       Fix = "Any"
	FixAvailable Fix = "Available"
)

// Exploitation selects findings by whether exploitation is known.
type Exploitation string

const (
	ExploitationAny   Exploitation = "Any"
	ExploitationKnown Exploitation = "Known"
)

// Clock says from when a deadline counts.
type Clock string

const (
	ClockFirstObserved Clock = "FirstObserved"
	ClockPublished     Clock = "Published"
)

// VulnerabilitiesRule limits the findings of an image. It counts the findings
// (id, package, version, path) that remain after the policy's exceptions and
// that have one of the severities, and meet fix and exploitation.
type VulnerabilitiesRule struct {
	// severities that count, exactly these. Empty: all, or with deadlines those of the deadlines.
	Severities   []Severity   `json:"severities,omitempty"`
	Fix          Fix          `json:"fix,omitempty"`
	Exploitation Exploitation `json:"exploitation,omitempty"`
	// maxCount is how many such findings are tolerated.
	MaxCount *int32 `json:"maxCount,omitempty"`
	Clock    Clock  `json:"clock,omitempty"`
	// deadlines after which a finding violates the rule, by severity.
	Deadlines []Deadline `json:"deadlines,omitempty"`
}

// Deadline for findings of one severity.
type Deadline struct {
	Severity Severity `json:"severity"`
	// days from the clock's start; 0 is at once.
	Days int32 `json:"days"`
}

// RegistriesRule limits where images come from.
type RegistriesRule struct {
	Allowed []string `json:"allowed,omitempty"`
	Denied  []string `json:"denied,omitempty"`
}

// SignaturesRule requires a valid signature of one kind.
type SignaturesRule struct {
	Keyless  *KeylessSignature  `json:"keyless,omitempty"`
	Key      *KeySignature      `json:"key,omitempty"`
	Notation *NotationSignature `json:"notation,omitempty"`
}

// KeylessSignature trusts identities of an OIDC issuer.
type KeylessSignature struct {
	Issuer        string `json:"issuer,omitempty"`
	IssuerRegExp  string `json:"issuerRegExp,omitempty"`
	Subject       string `json:"subject,omitempty"`
	SubjectRegExp string `json:"subjectRegExp,omitempty"`
	// trustRootRef names a key of a ConfigMap with a sigstore trusted root; absent: the public good instance.
	TrustRootRef *LocalKeyReference `json:"trustRootRef,omitempty"`
}

// KeySignature trusts a public key.
type KeySignature struct {
	// publicKey in PEM.
	PublicKey string             `json:"publicKey,omitempty"`
	SecretRef *LocalKeyReference `json:"secretRef,omitempty"`
}

// NotationSignature trusts certificates of a Notary Project trust store.
type NotationSignature struct {
	CertificatesRef   LocalKeyReference `json:"certificatesRef"`
	TrustedIdentities []string          `json:"trustedIdentities,omitempty"`
}

// LocalKeyReference names a key of a ConfigMap or Secret in the policy's namespace.
type LocalKeyReference struct {
	Name string `json:"name"`
	Key  string `json:"key,omitempty"`
}

// PackagesRule limits what may be installed.
type PackagesRule struct {
	Denied []string `json:"denied,omitempty"`
}

// PodSecurityProfile of the Pod Security Standards.
type PodSecurityProfile string

const (
	ProfileBaseline   PodSecurityProfile = "Baseline"
	ProfileRestricted PodSecurityProfile = "Restricted"
)

// Requirement of a single pod setting.
type Requirement string

const (
	RequirementIgnored  Requirement = "Ignored"
	RequirementRequired Requirement = "Required"
)

// WorkloadRule limits how an image is run.
type WorkloadRule struct {
	Profile                PodSecurityProfile `json:"profile,omitempty"`
	NonRoot                Requirement        `json:"nonRoot,omitempty"`
	ReadOnlyRootFilesystem Requirement        `json:"readOnlyRootFilesystem,omitempty"`
	NoPrivilegeEscalation  Requirement        `json:"noPrivilegeEscalation,omitempty"`
}

// ImageUser limits the user of an image.
type ImageUser string

const (
	ImageUserAny     ImageUser = "Any"
	ImageUserNonRoot ImageUser = "NonRoot"
)

// ImageRule limits facts of the image itself.
type ImageRule struct {
	MaxAgeDays  *int32    `json:"maxAgeDays,omitempty"`
	DeniedTags  []string  `json:"deniedTags,omitempty"`
	User        ImageUser `json:"user,omitempty"`
	DeniedPorts []int32   `json:"deniedPorts,omitempty"`
}

// BaseImageRule limits base images.
type BaseImageRule struct {
	Allowed       []string `json:"allowed,omitempty"`
	MaxBehindDays *int32   `json:"maxBehindDays,omitempty"`
}

// CELRule is a free expression over facts.
type CELRule struct {
	Expression string `json:"expression"`
	Message    string `json:"message,omitempty"`
}

// ExceptionStatus is an OpenVEX status.
type ExceptionStatus string

const (
	ExceptionNotAffected        ExceptionStatus = "not_affected"
	ExceptionAffected           ExceptionStatus = "affected"
	ExceptionFixed              ExceptionStatus = "fixed"
	ExceptionUnderInvestigation ExceptionStatus = "under_investigation"
)

// ExceptionJustification is an OpenVEX justification.
type ExceptionJustification string

// Exception takes findings out of the rules of its own policy.
type Exception struct {
	Name string `json:"name"`
	// vulnerabilities by id; aliases match too.
	Vulnerabilities []string `json:"vulnerabilities"`
	// packages as purls, matched without version. Empty: all.
	Packages []string `json:"packages,omitempty"`
	// images as patterns over full repository names. Empty: all.
	Images         []string               `json:"images,omitempty"`
	Status         ExceptionStatus        `json:"status"`
	Justification  ExceptionJustification `json:"justification,omitempty"`
	Statement      string                 `json:"statement,omitempty"`
	ExpirationTime *metav1.Time           `json:"expirationTime,omitempty"`
}

// VEXSource is an OpenVEX document.
type VEXSource struct {
	ConfigMapRef LocalKeyReference `json:"configMapRef"`
}

// Updates says what is done about a newer base image.
type Updates string

const (
	UpdatesNone    Updates = "None"
	UpdatesDryRun  Updates = "DryRun"
	UpdatesPropose Updates = "Propose"
)

// Remediation says how images get fixed.
type Remediation struct {
	Updates Updates `json:"updates,omitempty"`
}

// ImagePolicyStatus counts what the policy selects.
type ImagePolicyStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Images             *PolicyImages      `json:"images,omitempty"`
	// violations per rule, as a number of images.
	Violations []RuleViolations `json:"violations,omitempty"`
}

// PolicyImages counts a policy's reports by result.
type PolicyImages struct {
	Matched int32 `json:"matched"`
	Passing int32 `json:"passing"`
	Failing int32 `json:"failing"`
	Unknown int32 `json:"unknown"`
}

// RuleViolations counts the images that violate a rule.
type RuleViolations struct {
	Rule   string `json:"rule"`
	Images int32  `json:"images"`
}

// ImagePolicy says what images may run in its namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
type ImagePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ImagePolicySpec   `json:"spec"`
	Status ImagePolicyStatus `json:"status,omitempty"`
}

// ImagePolicyList is a list of ImagePolicies.
//
// +kubebuilder:object:root=true
type ImagePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ImagePolicy `json:"items"`
}

// ClusterImagePolicySpec is an ImagePolicySpec for the namespaces that it selects.
type ClusterImagePolicySpec struct {
	// namespaceSelector selects namespaces by their labels. Absent: all.
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	ImagePolicySpec   `json:",inline"`
}

// ClusterImagePolicy says what images may run in the namespaces that it selects.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
type ClusterImagePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ClusterImagePolicySpec `json:"spec"`
	Status ImagePolicyStatus      `json:"status,omitempty"`
}

// ClusterImagePolicyList is a list of ClusterImagePolicies.
//
// +kubebuilder:object:root=true
type ClusterImagePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterImagePolicy `json:"items"`
}
