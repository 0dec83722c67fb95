package v1alpha1

// Condition types.
const (
	// ConditionReady is False for a bad spec or a broken operator only.
	ConditionReady = "Ready"
	// ConditionReconciling and ConditionStalled are present only while true.
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"
	// ConditionScanned says whether an image's content is known (ImageReport).
	ConditionScanned = "Scanned"
	// ConditionCompliant says whether all policies pass (ImageReport).
	ConditionCompliant = "Compliant"
	// ConditionFresh says whether the database is recent (VulnerabilityDatabase).
	ConditionFresh = "Fresh"
	// ConditionJavaDatabase says whether the newest Java database of the sources is in use; it
	// is present only where the operator has sources of one (VulnerabilityDatabase).
	ConditionJavaDatabase = "JavaDatabase"
	// ConditionStoreEphemeral is present while the store does not outlive the operator's pod (VulnerabilityDatabase).
	ConditionStoreEphemeral = "StoreEphemeral"
	// ConditionProposed says whether a pull request proposes what the update says (ImageUpdate).
	ConditionProposed = "Proposed"
	// ConditionRebuilt says whether a rebuild that was triggered brought a new digest (ImageUpdate). It is
	// present only where a rebuild is what the update needs.
	ConditionRebuilt = "Rebuilt"
	// ConditionNotified says whether all notifications of a policy went out. It is present only where the policy has
	// any (ImagePolicy, ClusterImagePolicy).
	ConditionNotified = "Notified"
)

// Reasons of Ready, Reconciling and Stalled.
const (
	// ReasonSucceeded: the object is as its spec asks.
	ReasonSucceeded = "Succeeded"
	// ReasonProgressing: work is under way.
	ReasonProgressing = "Progressing"
	// ReasonSuspended: spec.suspend is set.
	ReasonSuspended = "Suspended"
	// ReasonInvalidSpec: the spec cannot be used; the message says why.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonRetrying: a passing failure; the message says which and when the next try is.
	ReasonRetrying = "Retrying"
)

// Reasons of Scanned on an ImageReport, and of an uncovered image. Those that
// no retry can mend make the report Stalled, too.
const (
	// ReasonScanned: the image's packages are known and judged by the present database.
	ReasonScanned = "Scanned"
	// ReasonPartiallyScanned: some parts could not be read; status.unread lists them.
	ReasonPartiallyScanned = "PartiallyScanned"
	// ReasonPending: the scan has not begun or is under way.
	ReasonPending = "Pending"
	// ReasonDatabaseMissing: no vulnerability database has been loaded yet.
	ReasonDatabaseMissing = "DatabaseMissing"
	// ReasonImageNotFound: the registry does not have the image (404).
	ReasonImageNotFound = "ImageNotFound"
	// ReasonUnauthorized: the registry refused the credentials, or there were none (401, 403).
	ReasonUnauthorized = "Unauthorized"
	// ReasonRegistryUnavailable: the registry did not answer, or answered with a server error.
	ReasonRegistryUnavailable = "RegistryUnavailable"
	// ReasonTooManyRequests: the registry limits requests (429); its Retry-After is honoured.
	ReasonTooManyRequests = "TooManyRequests"
	// ReasonDigestMismatch: what the registry sent does not have the digest that was asked for.
	ReasonDigestMismatch = "DigestMismatch"
	// ReasonDigestNotPullable: the node reports only a configuration digest, and the tag no longer leads to it.
	ReasonDigestNotPullable = "DigestNotPullable"
	// ReasonAddressNotAllowed: the registry's address is not one that the operator may connect to.
	ReasonAddressNotAllowed = "AddressNotAllowed"
	// ReasonPlatformNotFound: the index has no manifest for the nodes' platform.
	ReasonPlatformNotFound = "PlatformNotFound"
	// ReasonNotAnImage: the artifact is not a container image.
	ReasonNotAnImage = "NotAnImage"
	// ReasonTruncatedLayer: a layer ended early or is not a readable archive.
	ReasonTruncatedLayer = "TruncatedLayer"
	// ReasonLimitExceeded: the image exceeds a limit on bytes, entries, depth or time; the message names it.
	ReasonLimitExceeded = "LimitExceeded"
	// ReasonCorruptPackageDatabase: a package database of the image could not be parsed.
	ReasonCorruptPackageDatabase = "CorruptPackageDatabase"
	// ReasonUnsupportedOS: the image's operating system has packages but is not known, or not supported.
	ReasonUnsupportedOS = "UnsupportedOS"
	// ReasonUnparsableVersion: a package was not judged, as its version or an advisory's could not be parsed.
	ReasonUnparsableVersion = "UnparsableVersion"
	// ReasonReleaseNotInDatabase: the vulnerability database knows nothing of the operating system's release.
	ReasonReleaseNotInDatabase = "ReleaseNotInDatabase"
	// ReasonStoreFailed: what was extracted could not be stored or read back.
	ReasonStoreFailed = "StoreFailed"
)

// Reasons of Compliant on an ImageReport.
const (
	ReasonPoliciesPassed = "PoliciesPassed"
	ReasonPolicyViolated = "PolicyViolated"
	ReasonNoPolicy       = "NoPolicy"
	ReasonNotScanned     = "NotScanned"
	ReasonRulesSkipped   = "RulesSkipped"
	ReasonPolicyError    = "PolicyError"
)

// Reasons of Ready and Fresh on a VulnerabilityDatabase. Every one but the
// first two leaves the database before in use, if there was one.
const (
	// ReasonUpToDate: the newest database of the sources is in use.
	ReasonUpToDate = "UpToDate"
	// ReasonLoading: a database is being fetched or judged by.
	ReasonLoading = "Loading"
	// ReasonSourceUnavailable: no source answered.
	ReasonSourceUnavailable = "SourceUnavailable"
	// ReasonInvalidArtifact: a source's artifact is not a trivy-db database, is truncated, or does not have its digest.
	ReasonInvalidArtifact = "InvalidArtifact"
	// ReasonUnsupportedSchema: the database has another schema version than 2.
	ReasonUnsupportedSchema = "UnsupportedSchema"
	// ReasonOlderDatabase: a source offers a database older than the one in use.
	ReasonOlderDatabase = "OlderDatabase"
	// ReasonArtifactTooLarge: a source's artifact exceeds the size limit.
	ReasonArtifactTooLarge = "ArtifactTooLarge"
	// ReasonOutdated: the database in use is too old to be relied on.
	ReasonOutdated = "Outdated"
)

// Labels and annotations.
const (
	// LabelRepositoryHash holds the hash of an ImageReport's repository.
	LabelRepositoryHash = "plimsoll.dev/repository-hash"
	// LabelVerdict holds an ImageReport's verdict.
	LabelVerdict = "plimsoll.dev/verdict"
	// AnnotationRequestedAt asks for a rescan when its value changes.
	AnnotationRequestedAt = "plimsoll.dev/requested-at"
)

// Reasons of Proposed on an ImageUpdate.
const (
	// ReasonOpen: the pull request is open and says what the update says.
	ReasonOpen = "Open"
	// ReasonMerged: the pull request was merged, or its files name the new version already.
	ReasonMerged = "Merged"
	// ReasonReverted: the pull request was merged, and the files name the old version again; it is not proposed again before a newer candidate.
	ReasonReverted = "Reverted"
	// ReasonRestartNeeded: the files name the tag without a digest, so that the workloads only have to be started again to pull its new build.
	ReasonRestartNeeded = "RestartNeeded"
	// ReasonClosed: a person closed the pull request; it is not opened again before a newer candidate.
	ReasonClosed = "Closed"
	// ReasonDryRun: the policy asks for no pull requests.
	ReasonDryRun = "DryRun"
	// ReasonNoUpdate: no candidate is better than what runs.
	ReasonNoUpdate = "NoUpdate"
	// ReasonSourceUnknown: nothing says which repository and file name the image.
	ReasonSourceUnknown = "SourceUnknown"
	// ReasonRepositoryNotAllowed: the repository is not among those of the policy.
	ReasonRepositoryNotAllowed = "RepositoryNotAllowed"
	// ReasonEditRefused: no file names the image in a way that can be edited safely; the message says why.
	ReasonEditRefused = "EditRefused"
	// ReasonForeignCommits: the branch has commits of others, so that nothing is pushed to it any more.
	ReasonForeignCommits = "ForeignCommits"
	// ReasonLimitReached: the policy's maxOpen or maxPerDay is reached.
	ReasonLimitReached = "LimitReached"
	// ReasonOutsideSchedule: the policy's schedule has no window now.
	ReasonOutsideSchedule = "OutsideSchedule"
	// ReasonForgeSecretInvalid: the Secret of forgeRef is missing, may not be read or lacks a key.
	ReasonForgeSecretInvalid = "ForgeSecretInvalid"
	// ReasonForgeUnavailable: the forge did not answer, or answered with a server error.
	ReasonForgeUnavailable = "ForgeUnavailable"
	// ReasonForgeUnauthorized: the forge refused the credentials, or they may not do this.
	ReasonForgeUnauthorized = "ForgeUnauthorized"
	// ReasonForgeRateLimited: the forge limits requests; its Retry-After is honoured.
	ReasonForgeRateLimited = "ForgeRateLimited"
	// ReasonRepositoryNotFound: the forge has no such repository, or hides it from these credentials.
	ReasonRepositoryNotFound = "RepositoryNotFound"
	// ReasonBranchProtected: the forge lets nobody push to the branch.
	ReasonBranchProtected = "BranchProtected"
	// ReasonForgeRefused: the forge refused the request for another reason; the message gives it.
	ReasonForgeRefused = "ForgeRefused"
)

// Reasons of Rebuilt on an ImageUpdate.
const (
	// ReasonTriggered: the pipeline accepted the trigger; no new digest has come yet.
	ReasonTriggered = "Triggered"
	// ReasonRebuilt: a digest on the new base runs.
	ReasonRebuilt = "Rebuilt"
	// ReasonNoTrigger: a rebuild is enough, but no rebuild of the policy builds the image.
	ReasonNoTrigger = "NoTrigger"
	// ReasonTriggerFailed: the pipeline did not accept the trigger; the message says why and when the next try is.
	ReasonTriggerFailed = "TriggerFailed"
	// ReasonTriggerSecretInvalid: the trigger's Secret is missing, may not be read, is not for the trigger's url, lacks a
	// key, or was refused.
	ReasonTriggerSecretInvalid = "TriggerSecretInvalid"
	// ReasonTriggerLimitReached: 64 triggers were accepted for one digest of the base, and images are left.
	ReasonTriggerLimitReached = "TriggerLimitReached"
	// ReasonNoAnswer: the pipeline accepted the trigger, and no new digest came in its timeoutMinutes.
	ReasonNoAnswer = "NoAnswer"
)

// Reasons of Notified on a policy.
const (
	// ReasonNotified: everything went out.
	ReasonNotified = "Notified"
	// ReasonNotificationRetrying: a delivery failed and is tried again; the message says when.
	ReasonNotificationRetrying = "NotificationRetrying"
	// ReasonNotificationFailed: a message was given up after all tries; the message says which.
	ReasonNotificationFailed = "NotificationFailed"
	// ReasonNotificationSecretInvalid: a Secret with an address is missing, may not be read, or lacks the key; messages wait.
	ReasonNotificationSecretInvalid = "NotificationSecretInvalid"
	// ReasonNotificationTemplateInvalid: a template cannot be used; messages wait.
	ReasonNotificationTemplateInvalid = "NotificationTemplateInvalid"
)
