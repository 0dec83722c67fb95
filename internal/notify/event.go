package notify

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

// Kind of an event.
type Kind string

const (
	// FindingsAdded: a database knows of vulnerabilities in an image that the one before did not.
	FindingsAdded Kind = "FindingsAdded"
	// VerdictChanged: a policy judges an image otherwise than before.
	VerdictChanged Kind = "VerdictChanged"
	// UpdateAvailable: a better base image is there.
	UpdateAvailable   Kind = "UpdateAvailable"
	PullRequestOpened Kind = "PullRequestOpened"
	PullRequestMerged Kind = "PullRequestMerged"
	// DatabaseStale: the vulnerability database is too old to be relied on.
	DatabaseStale Kind = "DatabaseStale"
)

// Event is a fact to be told.
type Event struct {
	Kind Kind `json:"kind"`
	// Key is the same for the same fact, whoever finds it and whenever.
	Key  string    `json:"key"`
	Time time.Time `json:"time"`

	// Image that it is about, as people know it; of an update, the base image.
	Image  string `json:"image,omitempty"`
	Digest string `json:"digest,omitempty"`
	// Namespaces that run it, at most 8, and how many more.
	Namespaces     []string `json:"namespaces,omitempty"`
	MoreNamespaces int      `json:"moreNamespaces,omitempty"`

	// Added counts the new findings (FindingsAdded), Findings lists some, worst first.
	Added    *Counts   `json:"added,omitempty"`
	Findings []Finding `json:"findings,omitempty"`

	// From and To are verdicts (VerdictChanged) or versions (of an update).
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Rules that the image violates now (VerdictChanged).
	Rules []string `json:"rules,omitempty"`

	// Repository is the source of an update, URL its pull request; Fixes and Adds count findings.
	Repository string `json:"repository,omitempty"`
	URL        string `json:"url,omitempty"`
	Fixes      int    `json:"fixes,omitempty"`
	Adds       int    `json:"adds,omitempty"`

	// Built is the day on which a stale database was built.
	Built string `json:"built,omitempty"`
}

// Finding that is new.
type Finding struct {
	ID       string            `json:"id"`
	Package  string            `json:"package"`
	Severity v1alpha1.Severity `json:"severity"`
}

// Counts of findings by severity.
type Counts struct {
	Critical int `json:"critical,omitempty"`
	High     int `json:"high,omitempty"`
	Medium   int `json:"medium,omitempty"`
	Low      int `json:"low,omitempty"`
	Unknown  int `json:"unknown,omitempty"`
}

const (
	maxNamespaces = 8
	maxFindings   = 10
	maxRules      = 10
	maxText       = 512
	maxName       = 128
)

// severities, worst first.
var severities = []v1alpha1.Severity{
	v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium, v1alpha1.SeverityLow, v1alpha1.SeverityUnknown,
}

func (c *Counts) of(s v1alpha1.Severity) *int {
	switch s {
	case v1alpha1.SeverityCritical:
		return &c.Critical
	case v1alpha1.SeverityHigh:
		return &c.High
	case v1alpha1.SeverityMedium:
		return &c.Medium
	case v1alpha1.SeverityLow:
		return &c.Low
	}
	return &c.Unknown
}

// Total of all severities.
func (c *Counts) Total() int {
	if c == nil {
		return 0
	}
	return c.Critical + c.High + c.Medium + c.Low + c.Unknown
}

// String lists what there is, worst first.
func (c *Counts) String() string {
	var parts []string
	for _, s := range severities {
		if n := *c.of(s); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(parts, ", ")
}

// only returns the event as far as it is about the severities; nothing where no finding is. What
// is not about findings is for everybody.
func (e Event) only(wanted []v1alpha1.Severity) (Event, bool) {
	if e.Kind != FindingsAdded || len(wanted) == 0 || e.Added == nil {
		return e, true
	}
	added := Counts{}
	for _, s := range wanted {
		*added.of(s) = *e.Added.of(s)
	}
	e.Added = &added
	e.Findings = slices.DeleteFunc(slices.Clone(e.Findings), func(f Finding) bool { return !slices.Contains(wanted, f.Severity) })
	return e, added.Total() > 0
}

// maxEvent is how many bytes an event takes in an outbox, before it is cut.
const maxEvent = 3 << 10

// fit returns the event in at most about 4 KiB of JSON: lists go first, then the ends of texts that are longer than a digest.
func (e Event) fit() Event {
	if encoded, err := json.Marshal(e); err == nil && len(encoded) <= maxEvent {
		return e
	}
	e.Findings, e.Rules = nil, nil
	const short = 72
	return e.mapped(func(s string) string { return delivery.Clip(s, short) })
}

// keyOf is a short hash of what a fact consists of.
func keyOf(kind Kind, parts ...string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q", append([]string{string(kind)}, parts...))
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:15])
}

func text(s string) string { return delivery.Clip(s, maxText) }
func name(s string) string { return delivery.Clip(s, maxName) }

// FromUpdate returns what is to be told of an update: UpdateAvailable, PullRequestOpened or PullRequestMerged.
func FromUpdate(kind Kind, u *v1alpha1.ImageUpdate) Event {
	e := Event{Kind: kind, Image: text(u.Spec.Base), Repository: text(u.Spec.SourceRepository)}
	if u.Namespace != "" {
		e.Namespaces = []string{u.Namespace}
	}
	key := []string{u.Namespace, u.Spec.PolicyKind, u.Spec.PolicyName, u.Spec.SourceRepository, u.Spec.Base}
	if from := u.Status.From; from != nil {
		e.From = version(*from)
	}
	if to := u.Status.To; to != nil {
		e.To, e.Digest = version(*to), to.Digest
		key = append(key, to.Tag, to.Digest)
	}
	if u.Status.Fixes != nil {
		e.Fixes = int(u.Status.Fixes.Total)
	}
	if u.Status.Adds != nil {
		e.Adds = int(u.Status.Adds.Total)
	}
	if p := u.Status.PullRequest; p != nil && kind != UpdateAvailable {
		// What a pull request proposes moves while it is open; it is opened and merged once.
		e.URL = text(p.URL)
		key = append(key[:5], p.URL)
	}
	e.Key = keyOf(kind, key...)
	return e
}

// version for people. A tag that stays shows its digests.
func version(v v1alpha1.ImageVersion) string {
	const short = len("sha256:") + 12
	switch {
	case v.Tag == "":
		return v.Digest
	case len(v.Digest) < short:
		return name(v.Tag)
	}
	return name(v.Tag) + "@" + v.Digest[:short]
}

// Stale returns that the database built at a time is too old; it is one fact for each database.
func Stale(built time.Time) Event {
	return Event{
		Kind: DatabaseStale, Key: keyOf(DatabaseStale, built.UTC().Format(time.RFC3339)),
		Built: built.UTC().Format(time.DateOnly),
	}
}
