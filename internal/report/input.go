package report

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// Input is all that a report says.
type Input struct {
	Identity   v1alpha1.ImageReportSpec
	Generation int64
	// Tags under which workloads run the digest.
	Tags []string
	// ManifestDigest and ConfigDigest are empty until they are known.
	ManifestDigest string
	ConfigDigest   string
	Scan           Scan
	// Workloads that run the image, rolled up to their owners.
	Workloads []v1alpha1.Workload
	// Findings are those that Judgement judged: its deadlines are by index.
	Findings         []policy.Finding
	Judgement        policy.Judgement
	DatabaseRevision string
	// Base is nil where it is not known; its summary is not read, but counted here.
	Base *v1alpha1.BaseImage
	// BaseLayers are the diff IDs of the base's layers. Empty where they are not
	// known, as those of a base that is only claimed.
	BaseLayers []string
	// Update is nil where none was looked for, and UpdateStep is its step.
	Update     *v1alpha1.UpdateSummary
	UpdateStep v1alpha1.UpdateStep
	// Change is what happened since Previous, where the caller knows it.
	Change *Change
	// Previous is the status as it was read; nil for a new report.
	Previous *v1alpha1.ImageReportStatus
	Now      time.Time
}

// Scan is how far the image's content is known.
type Scan struct {
	// Done says that the image was scanned and its findings are known.
	Done bool
	// Reason and Message say why not: one of the API's reasons, Pending where empty.
	Reason  string
	Message string
	// Unread parts of an image that was scanned otherwise.
	Unread []v1alpha1.UnreadPart
	// OS is nil where the image has none, or it is not known.
	OS           *v1alpha1.OperatingSystem
	PackageCount int
}

// Change of an image's findings, counted by id, package and path.
type Change struct {
	// Cause is presumed where it is empty.
	Cause    v1alpha1.ChangeCause
	Added    int
	Resolved int
}
