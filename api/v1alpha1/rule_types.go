package v1alpha1

// RuleType discriminates rules.
//
// +kubebuilder:validation:Enum=Vulnerabilities;Registries;Signatures;Packages;Workload;Image;BaseImage;CEL
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
//
// +kubebuilder:validation:XValidation:rule="!(self.type in ['Signatures', 'CEL'])",messageExpression="'rules of type ' + self.type + ' are not implemented in this version'",message="this type of rule is not implemented in this version"
// +kubebuilder:validation:XValidation:rule="has(self.vulnerabilities) == (self.type == 'Vulnerabilities')",message="vulnerabilities is set exactly where type is Vulnerabilities"
// +kubebuilder:validation:XValidation:rule="has(self.registries) == (self.type == 'Registries')",message="registries is set exactly where type is Registries"
// +kubebuilder:validation:XValidation:rule="has(self.signatures) == (self.type == 'Signatures')",message="signatures is set exactly where type is Signatures"
// +kubebuilder:validation:XValidation:rule="has(self.packages) == (self.type == 'Packages')",message="packages is set exactly where type is Packages"
// +kubebuilder:validation:XValidation:rule="has(self.workload) == (self.type == 'Workload')",message="workload is set exactly where type is Workload"
// +kubebuilder:validation:XValidation:rule="has(self.image) == (self.type == 'Image')",message="image is set exactly where type is Image"
// +kubebuilder:validation:XValidation:rule="has(self.baseImage) == (self.type == 'BaseImage')",message="baseImage is set exactly where type is BaseImage"
// +kubebuilder:validation:XValidation:rule="has(self.cel) == (self.type == 'CEL')",message="cel is set exactly where type is CEL"
type Rule struct {
	// name of the rule within its policy.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// type says which member holds the requirement.
	//
	// +required
	Type RuleType `json:"type"`
	// action on a violation, capped by the policy's enforcement.
	//
	// +optional
	// +kubebuilder:default=Deny
	Action Enforcement `json:"action,omitempty"`
	// vulnerabilities limits the findings of an image.
	//
	// +optional
	Vulnerabilities *VulnerabilitiesRule `json:"vulnerabilities,omitempty"`
	// registries limits where images come from.
	//
	// +optional
	Registries *RegistriesRule `json:"registries,omitempty"`
	// signatures requires a valid signature.
	//
	// +optional
	Signatures *SignaturesRule `json:"signatures,omitempty"`
	// packages limits what may be installed.
	//
	// +optional
	Packages *PackagesRule `json:"packages,omitempty"`
	// workload limits how an image is run.
	//
	// +optional
	Workload *WorkloadRule `json:"workload,omitempty"`
	// image limits facts of the image itself.
	//
	// +optional
	Image *ImageRule `json:"image,omitempty"`
	// baseImage limits base images.
	//
	// +optional
	BaseImage *BaseImageRule `json:"baseImage,omitempty"`
	// cel is a free expression over facts.
	//
	// +optional
	CEL *CELRule `json:"cel,omitempty"`
}

// Fix selects findings by whether a fix exists.
//
// +kubebuilder:validation:Enum=Any;Available
type Fix string

const (
	FixAny Fix = "Any"
	// FixAvailable selects findings whose status is fixed.
	FixAvailable Fix = "Available"
)

// Exploitation selects findings by whether exploitation is known.
//
// +kubebuilder:validation:Enum=Any;Known
type Exploitation string

const (
	ExploitationAny   Exploitation = "Any"
	ExploitationKnown Exploitation = "Known"
)

// Clock says from when a deadline counts.
//
// +kubebuilder:validation:Enum=FirstObserved;Published
type Clock string

const (
	// ClockFirstObserved counts from the moment the rule's condition first held
	// for the repository, vulnerability and package.
	ClockFirstObserved Clock = "FirstObserved"
	// ClockPublished counts from the vulnerability's publication.
	ClockPublished Clock = "Published"
)

// VulnerabilitiesRule limits the findings of an image. It counts the findings
// (id, package, version, path) that remain after the policy's exceptions and
// that have one of the severities, and meet fix and exploitation.
//
// +kubebuilder:validation:XValidation:rule="has(self.maxCount) || has(self.deadlines)",message="set maxCount, deadlines or both"
// +kubebuilder:validation:XValidation:rule="!has(self.severities) || size(self.severities) == 0 || !has(self.deadlines) || self.deadlines.all(d, d.severity in self.severities)",message="a deadline's severity is not among severities, so that it could never count"
type VulnerabilitiesRule struct {
	// severities that count, exactly these. Empty: all, or with deadlines those of the deadlines.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=5
	Severities []Severity `json:"severities,omitempty"`
	// fix selects findings by whether a fix exists.
	//
	// +optional
	// +kubebuilder:default=Any
	Fix Fix `json:"fix,omitempty"`
	// exploitation selects findings by whether exploitation is known.
	//
	// +optional
	// +kubebuilder:default=Any
	// +kubebuilder:validation:XValidation:rule="self == 'Any'",message="exploitation Known is not implemented in this version: no feed of known exploited vulnerabilities is read"
	Exploitation Exploitation `json:"exploitation,omitempty"`
	// maxCount is how many such findings are tolerated.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	MaxCount *int32 `json:"maxCount,omitempty"`
	// clock says from when deadlines count.
	//
	// +optional
	// +kubebuilder:default=FirstObserved
	Clock Clock `json:"clock,omitempty"`
	// deadlines after which a finding violates the rule, by severity.
	//
	// +optional
	// +listType=map
	// +listMapKey=severity
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	Deadlines []Deadline `json:"deadlines,omitempty"`
}

// Deadline for findings of one severity.
type Deadline struct {
	// severity of the findings.
	//
	// +required
	Severity Severity `json:"severity"`
	// days from the clock's start; 0 is at once.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3650
	Days int32 `json:"days"`
}

// RegistriesRule limits where images come from.
//
// +kubebuilder:validation:AtLeastOneOf=allowed;denied
type RegistriesRule struct {
	// allowed are patterns over full repository names. Empty: all that are not denied.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Allowed []string `json:"allowed,omitempty"`
	// denied are patterns over full repository names.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Denied []string `json:"denied,omitempty"`
}

// PackageKind is what packages and programs are good for, to an attacker too.
//
// +kubebuilder:validation:Enum=Shell;PackageManager;Netcat;Sudo;SSHServer;Compiler
type PackageKind string

const (
	PackageShell          PackageKind = "Shell"
	PackagePackageManager PackageKind = "PackageManager"
	PackageNetcat         PackageKind = "Netcat"
	PackageSudo           PackageKind = "Sudo"
	PackageSSHServer      PackageKind = "SSHServer"
	PackageCompiler       PackageKind = "Compiler"
)

// PackagesRule limits what may be installed.
//
// +kubebuilder:validation:AtLeastOneOf=denied;deniedSources;deniedKinds
type PackagesRule struct {
	// denied are patterns over the names of packages, but not over those of the source packages
	// that they were built from: libgcc-s1 is built from gcc.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Denied []string `json:"denied,omitempty"`
	// deniedSources are patterns over the names of source packages, which deny all packages that were built from them.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	DeniedSources []string `json:"deniedSources,omitempty"`
	// deniedKinds stand for the packages of each kind in all distributions, and for
	// its programs that no package brought.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=6
	DeniedKinds []PackageKind `json:"deniedKinds,omitempty"`
}

// PodSecurityProfile of the Pod Security Standards.
//
// +kubebuilder:validation:Enum=Baseline;Restricted
type PodSecurityProfile string

const (
	ProfileBaseline   PodSecurityProfile = "Baseline"
	ProfileRestricted PodSecurityProfile = "Restricted"
)

// Requirement of a single pod setting.
//
// +kubebuilder:validation:Enum=Ignored;Required
type Requirement string

const (
	RequirementIgnored  Requirement = "Ignored"
	RequirementRequired Requirement = "Required"
)

// WorkloadRule limits how an image is run. It has to limit something.
//
// +kubebuilder:validation:XValidation:rule="has(self.profile) || has(self.nonRoot) && self.nonRoot == 'Required' || has(self.readOnlyRootFilesystem) && self.readOnlyRootFilesystem == 'Required' || has(self.noPrivilegeEscalation) && self.noPrivilegeEscalation == 'Required'",message="the rule requires nothing: set profile, or at least one of nonRoot, readOnlyRootFilesystem and noPrivilegeEscalation to Required"
type WorkloadRule struct {
	// profile that the pod has to keep.
	//
	// +optional
	Profile PodSecurityProfile `json:"profile,omitempty"`
	// nonRoot: the container must not run as root.
	//
	// +optional
	NonRoot Requirement `json:"nonRoot,omitempty"`
	// readOnlyRootFilesystem: the container's root filesystem must be read-only.
	//
	// +optional
	ReadOnlyRootFilesystem Requirement `json:"readOnlyRootFilesystem,omitempty"`
	// noPrivilegeEscalation: the container must not gain privileges.
	//
	// +optional
	NoPrivilegeEscalation Requirement `json:"noPrivilegeEscalation,omitempty"`
}

// ImageUser limits the user of an image.
//
// +kubebuilder:validation:Enum=Any;NonRoot
type ImageUser string

const (
	ImageUserAny     ImageUser = "Any"
	ImageUserNonRoot ImageUser = "NonRoot"
)

// Permission to have a fact.
//
// +kubebuilder:validation:Enum=Allowed;Denied
type Permission string

const (
	PermissionAllowed Permission = "Allowed"
	PermissionDenied  Permission = "Denied"
)

// ImageRule limits facts of the image itself. What it does not name is not limited, but something has to be.
//
// +kubebuilder:validation:XValidation:rule="has(self.maxAgeDays) || has(self.deniedTags) || has(self.deniedPorts) || has(self.user) && self.user == 'NonRoot' || has(self.secretEnv) && self.secretEnv == 'Denied' || has(self.setuid) && self.setuid == 'Denied'",message="the rule limits nothing: set maxAgeDays, deniedTags, deniedPorts, user to NonRoot, or secretEnv or setuid to Denied"
type ImageRule struct {
	// maxAgeDays since the image was built. An image that does not say when, or says a
	// time that cannot be, violates the rule.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=36500
	MaxAgeDays *int32 `json:"maxAgeDays,omitempty"`
	// deniedTags are patterns over the tags under which the image runs.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	DeniedTags []string `json:"deniedTags,omitempty"`
	// user of the image's configuration. NonRoot: a number other than 0, as kubelets ask for.
	//
	// +optional
	User ImageUser `json:"user,omitempty"`
	// deniedPorts must not be exposed by the image's configuration, by whatever protocol.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=65535
	DeniedPorts []int32 `json:"deniedPorts,omitempty"`
	// secretEnv are environment variables of the image's configuration that look like secrets.
	//
	// +optional
	SecretEnv Permission `json:"secretEnv,omitempty"`
	// setuid are files with the setuid or setgid bit.
	//
	// +optional
	Setuid Permission `json:"setuid,omitempty"`
}

// BaseImageRule limits base images.
//
// +kubebuilder:validation:AtLeastOneOf=allowed;maxBehindDays
type BaseImageRule struct {
	// allowed are patterns over full references, with tags.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Allowed []string `json:"allowed,omitempty"`
	// maxBehindDays is for how long a newer build of the base may have existed.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3650
	MaxBehindDays *int32 `json:"maxBehindDays,omitempty"`
}

// CELRule is a free expression over facts.
type CELRule struct {
	// expression that is true for what may run.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Expression string `json:"expression"`
	// message for people where it is false.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}
