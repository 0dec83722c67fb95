package v1alpha1

// Updates says what is done about a newer base image.
//
// +kubebuilder:validation:Enum=None;DryRun;Propose
type Updates string

const (
	UpdatesNone Updates = "None"
	// UpdatesDryRun writes ImageUpdates, but opens no pull request.
	UpdatesDryRun  Updates = "DryRun"
	UpdatesPropose Updates = "Propose"
)

// Draft says whether pull requests are opened as drafts.
//
// +kubebuilder:validation:Enum=Never;Always
type Draft string

const (
	DraftNever  Draft = "Never"
	DraftAlways Draft = "Always"
)

// AutoMerge says whether the forge is asked to merge a pull request by itself.
//
// +kubebuilder:validation:Enum=Never;WhenChecksPass
type AutoMerge string

const (
	AutoMergeNever          AutoMerge = "Never"
	AutoMergeWhenChecksPass AutoMerge = "WhenChecksPass"
)

// Grouping says which updates share a pull request.
//
// +kubebuilder:validation:Enum=Base;Repository
type Grouping string

const (
	// GroupingBase makes one pull request per base and repository.
	GroupingBase Grouping = "Base"
	// GroupingRepository makes one pull request per repository.
	GroupingRepository Grouping = "Repository"
)

// Majors says whether a base may move to another major version.
//
// +kubebuilder:validation:Enum=Never;Allowed
type Majors string

const (
	MajorsNever   Majors = "Never"
	MajorsAllowed Majors = "Allowed"
)

// Remediation says how images get fixed.
//
// +kubebuilder:validation:XValidation:rule="self.updates != 'Propose' || has(self.forgeRef)",message="updates Propose needs forgeRef"
type Remediation struct {
	// updates says what is done about a newer base image.
	//
	// +optional
	// +kubebuilder:default=DryRun
	Updates Updates `json:"updates,omitempty"`
	// majors says whether a base may move to another major version.
	//
	// +optional
	// +kubebuilder:default=Never
	Majors Majors `json:"majors,omitempty"`
	// bases are base images to recognise by their layers, as full references whose tags may be patterns
	// (docker.io/library/debian:12*). Bases that images name by themselves are known without.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^[^\s*?]+:\S+$`
	Bases []string `json:"bases,omitempty"`
	// forgeRef names a Secret with the forge's type (GitHub, GitLab or Gitea), url and token; or for a GitHub App
	// appID, installationID and privateKey.
	//
	// +optional
	ForgeRef *LocalKeyReference `json:"forgeRef,omitempty"`
	// repositories that may be proposed to: they hold the sources of images, or the manifests that deploy them. An
	// image that no repository names is looked for in those that its own labels, Argo CD or Flux name, if they are
	// among these.
	//
	// +optional
	// +listType=map
	// +listMapKey=url
	// +kubebuilder:validation:MaxItems=64
	Repositories []SourceRepository `json:"repositories,omitempty"`
	// files that may be edited, as patterns over paths within a repository.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	Files []string `json:"files,omitempty"`
	// minReleaseAgeDays is how old a candidate must be.
	//
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=365
	MinReleaseAgeDays *int32 `json:"minReleaseAgeDays,omitempty"`
	// maxOpen is how many pull requests of this policy may be open at a time.
	//
	// +optional
	// +kubebuilder:default=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	MaxOpen *int32 `json:"maxOpen,omitempty"`
	// maxPerDay is how many pull requests of this policy may be opened in 24 hours. Absent: as many as maxOpen allows.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxPerDay *int32 `json:"maxPerDay,omitempty"`
	// schedule in which pull requests may be opened. Absent: at any time.
	//
	// +optional
	Schedule *Schedule `json:"schedule,omitempty"`
	// labels of the pull requests.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	Labels []string `json:"labels,omitempty"`
	// reviewers of the pull requests, by their names at the forge.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	Reviewers []string `json:"reviewers,omitempty"`
	// assignees of the pull requests, by their names at the forge.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	Assignees []string `json:"assignees,omitempty"`
	// draft says whether pull requests are opened as drafts.
	//
	// +optional
	// +kubebuilder:default=Never
	Draft Draft `json:"draft,omitempty"`
	// autoMerge says whether the forge is asked to merge by itself.
	//
	// +optional
	// +kubebuilder:default=Never
	AutoMerge AutoMerge `json:"autoMerge,omitempty"`
	// grouping says which updates share a pull request.
	//
	// +optional
	// +kubebuilder:default=Base
	Grouping Grouping `json:"grouping,omitempty"`
	// notifications about changed verdicts and updates.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Notifications []Notification `json:"notifications,omitempty"`
	// rebuilds are pipelines to trigger where the base's tag stays and its digest moves.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Rebuilds []RebuildTrigger `json:"rebuilds,omitempty"`
}

// SourceRepository is a Git repository that holds the sources of images.
type SourceRepository struct {
	// url of the repository.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^https?://\S+$`
	URL string `json:"url"`
	// branch to propose to. Absent: the repository's default branch.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Branch string `json:"branch,omitempty"`
	// images that are built from it or deployed by it, as patterns over full repository names. Empty: those that
	// say so themselves, by their labels, Argo CD or Flux.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Images []string `json:"images,omitempty"`
}

// Schedule is a set of windows of time.
type Schedule struct {
	// timeZone as an IANA name.
	//
	// +optional
	// +kubebuilder:default=UTC
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`
	// windows in which to act.
	//
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Windows []ScheduleWindow `json:"windows"`
}

// Weekday is a day of the week.
//
// +kubebuilder:validation:Enum=Monday;Tuesday;Wednesday;Thursday;Friday;Saturday;Sunday
type Weekday string

// ScheduleWindow is a span of time that comes back on days of the week.
type ScheduleWindow struct {
	// days on which the window begins. Empty: each day.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=7
	Days []Weekday `json:"days,omitempty"`
	// start of the window as hours and minutes, 00:00 to 23:59.
	//
	// +required
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	Start string `json:"start"`
	// durationMinutes of the window; it may last past midnight.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1440
	DurationMinutes int32 `json:"durationMinutes"`
}

// NotificationType says in which form a notification goes out.
//
// +kubebuilder:validation:Enum=Slack;Teams;CloudEvents;Webhook
type NotificationType string

const (
	NotificationSlack       NotificationType = "Slack"
	NotificationTeams       NotificationType = "Teams"
	NotificationCloudEvents NotificationType = "CloudEvents"
	NotificationWebhook     NotificationType = "Webhook"
)

// Notification is a place that hears of changes.
type Notification struct {
	// name of the notification within its policy.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// type says in which form it goes out.
	//
	// +required
	Type NotificationType `json:"type"`
	// secretRef names a key of a Secret with the address, without a key: its key address. It is the URL of an incoming
	// webhook of Slack (or slack:// as shoutrrr writes it), of a Teams workflow, or of a receiver of CloudEvents or
	// JSON. The Secret is in the policy's namespace, that of a ClusterImagePolicy in the operator's.
	//
	// +required
	SecretRef LocalKeyReference `json:"secretRef"`
	// severities of findings that are told. Empty: all.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=5
	Severities []Severity `json:"severities,omitempty"`
	// intervalMinutes for which changes are gathered into one message.
	//
	// +optional
	// +kubebuilder:default=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10080
	IntervalMinutes int32 `json:"intervalMinutes,omitempty"`
	// template of the message's text, as a Go template over .Policy, .Cluster, .Events and .More, the number of
	// further changes. An event has .Text, .Kind, .Image, .Namespaces, .Findings and others. It may range over these
	// lists, compare, and use len, index, join, lower and upper. Absent: the one of the type.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Template string `json:"template,omitempty"`
}

// RebuildType says which kind of pipeline is triggered.
//
// +kubebuilder:validation:Enum=GitHubDispatch;GitHubWorkflow;GitLab;Jenkins;Tekton;Webhook
type RebuildType string

const (
	RebuildGitHubDispatch RebuildType = "GitHubDispatch"
	RebuildGitHubWorkflow RebuildType = "GitHubWorkflow"
	RebuildGitLab         RebuildType = "GitLab"
	RebuildJenkins        RebuildType = "Jenkins"
	RebuildTekton         RebuildType = "Tekton"
	RebuildWebhook        RebuildType = "Webhook"
)

// RebuildTrigger is a pipeline that rebuilds images.
type RebuildTrigger struct {
	// name of the trigger within its policy.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// type says which kind of pipeline it is.
	//
	// +required
	Type RebuildType `json:"type"`
	// secretRef names a Secret with the key url, which is the trigger's url or one above it: the Secret is sent nowhere
	// else. Its other keys are token (GitHubDispatch, GitHubWorkflow, GitLab: a trigger token; optional for Tekton and
	// Webhook), user and apiToken (Jenkins), and hmacKey to sign by (Tekton, Webhook). A key here is the one to use for
	// token or apiToken. The Secret is in the policy's namespace, that of a ClusterImagePolicy in the operator's.
	//
	// +optional
	SecretRef *LocalKeyReference `json:"secretRef,omitempty"`
	// url of the pipeline: the page, or the address in the API, of a repository (GitHubDispatch), a workflow
	// (GitHubWorkflow: .../actions/workflows/build.yml), a project (GitLab) or a job (Jenkins: .../job/name), also of
	// one's own server (GitHub Enterprise: /api/v3); or what to post a CloudEvent to (Tekton, Webhook).
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^https?://\S+$`
	URL string `json:"url"`
	// ref is the branch or tag to build, for GitHubWorkflow and GitLab. Absent: main.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Ref string `json:"ref,omitempty"`
	// images that the pipeline builds, as patterns over full repository names. Empty: all that the policy selects.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Images []string `json:"images,omitempty"`
	// timeoutMinutes after which a rebuild that brought no new digest is reported.
	//
	// +optional
	// +kubebuilder:default=60
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10080
	TimeoutMinutes int32 `json:"timeoutMinutes,omitempty"`
	// parameters that the pipeline is given: inputs of a GitHubWorkflow, variables of GitLab, parameters of Jenkins, else
	// the property parameters of the payload.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Parameters []RebuildParameter `json:"parameters,omitempty"`
}

// RebuildParameter is a parameter of a pipeline.
type RebuildParameter struct {
	// name of the parameter.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name"`
	// value of the parameter. $(image), $(digest), $(base), $(baseDigest), $(key) and $(cluster) are replaced, and $$ is
	// a $.
	//
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Value string `json:"value"`
}
