package scan

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/report"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// State is how far an image's content is known, and so how much a list of its
// findings is worth.
type State struct {
	// Reason is one of the API's: Scanned, PartiallyScanned, or why the image
	// cannot be judged.
	Reason  string
	Message string
}

// Judgeable says whether findings tell of the whole image, or of all but some
// parts that are named.
func (s State) Judgeable() bool {
	return s.Reason == v1alpha1.ReasonScanned || s.Reason == v1alpha1.ReasonPartiallyScanned
}

// StateOf says what is wrong with content that was read.
func StateOf(content *sbom.Image) State {
	state := State{Reason: v1alpha1.ReasonScanned}
	if unsupported(content) {
		state.Reason = v1alpha1.ReasonUnsupportedOS
		state.Message = fmt.Sprintf("the image's system packages cannot be judged: operating system %q release %q", content.OS.Family, content.OS.Release)
	}
	for _, unread := range content.Unread {
		if unread.Database {
			return State{Reason: unread.Reason, Message: fmt.Sprintf("%s: %s", unread.Path, unread.Message)}
		}
	}
	if state.Reason == v1alpha1.ReasonScanned && len(content.Unread) > 0 {
		state.Reason = v1alpha1.ReasonPartiallyScanned
		state.Message = fmt.Sprintf("%d parts of the image could not be read, the first is %s", len(content.Unread), content.Unread[0].Path)
	}
	return state
}

// unsupported says whether the image has system packages that no rule judges,
// or is of a system that is known for databases of packages which nothing reads.
func unsupported(content *sbom.Image) bool {
	return !match.Supported(content.OS) && (content.OS.Family != "" ||
		slices.ContainsFunc(content.Packages, func(p sbom.Package) bool { return p.Type.OfSystem() }))
}

// UnknownRelease is the state of an image of whose operating system the
// database has not even the bucket: it is not one without vulnerabilities.
func UnknownRelease(bucket string) State {
	return State{Reason: v1alpha1.ReasonReleaseNotInDatabase, Message: fmt.Sprintf("the vulnerability database knows nothing of %s", bucket)}
}

// SystemBucket is the database's bucket of the image's operating system; empty
// where no package of a system is judged.
func SystemBucket(components []match.Component) string {
	for _, c := range components {
		if bucket := c.Subject.Key.System(); bucket != "" {
			return bucket
		}
	}
	return ""
}

// blinded is the state as the problems of a judgement leave it: one of them may
// be that nothing of the operating system could be judged.
func (s State) blinded(problems []string) (State, bool) {
	i := slices.IndexFunc(problems, match.Blind)
	if i < 0 {
		return s, false
	}
	return State{Reason: v1alpha1.ReasonReleaseNotInDatabase, Message: problems[i]}, true
}

// Report is how a report tells of content that was read and judged.
func (s State) Report(content *sbom.Image, problems []string) report.Scan {
	s, blind := s.blinded(problems)
	if blind {
		problems = nil
	}
	out := report.Scan{Done: s.Judgeable(), Reason: s.Reason, Message: s.Message, PackageCount: len(content.Packages)}
	for _, unread := range content.Unread {
		out.Unread = append(out.Unread, v1alpha1.UnreadPart{Path: unread.Path, Reason: unread.Reason})
	}
	for _, problem := range problems {
		out.Unread = append(out.Unread, v1alpha1.UnreadPart{Path: problem, Reason: v1alpha1.ReasonUnparsableVersion})
	}
	if os := content.OS; os.Family != "" {
		out.OS = &v1alpha1.OperatingSystem{Family: os.Family, Release: os.Release}
		if end, ok := match.SupportEnd(os); ok {
			out.OS.SupportEndTime = &metav1.Time{Time: end}
		}
	}
	return out
}
