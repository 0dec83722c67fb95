package baseimage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// Version of a base that is in use.
type Version struct {
	Tag    Tag
	Digest image.Digest
	// Created is zero where the image does not say.
	Created time.Time
}

// Evaluated is a candidate with all that is known of it.
type Evaluated struct {
	Candidate
	// Digest that the tag leads to.
	Digest image.Digest
	// Created is zero where the image does not say.
	Created time.Time
	// FirstSeen is our first sight of the tag leading there, by which the
	// candidate's age counts: what an image says of its own age proves nothing. For a
	// tag that is rebuilt more often than the minimum age it should be the first
	// sight of any build after the current one, else it would never be old enough.
	// Zero: it was not seen before.
	FirstSeen time.Time
	// Scanned says that Delta is known.
	Scanned bool
	Delta   Delta
	// FailsPolicy says why the policy itself would not let it run; empty: it would.
	FailsPolicy string
	// Ignored says that a person refused it.
	Ignored bool
	// Unreleased says that its digest is that of a tag for what is not released, such as edge.
	Unreleased bool
}

// ChooseInput is all that a choice depends on.
type ChooseInput struct {
	Current Version
	// Candidates in the order of Candidates or Shortlist.
	Candidates []Evaluated
	// MinAge that a candidate must have.
	MinAge time.Duration
	Now    time.Time
}

// Choice of a candidate.
type Choice struct {
	// Taken is nil where none is to be taken.
	Taken *Evaluated
	// Passed over are all others.
	Passed []Passed
	// Until is when the first candidate that is only too new is old enough. Zero: none is.
	Until time.Time
}

// Passed is a candidate that is not taken.
type Passed struct {
	Tag    Tag
	Digest image.Digest
	Reason v1alpha1.PassedOver
	// Message for people, at most 256 bytes.
	Message string
}

// Choose takes the candidate of the smallest step that is better than what is in
// use, and of candidates of one step the newest. The current tag is no candidate
// while it leads to the digest in use.
//
// A candidate has to be old enough, unless it fixes what is known to be
// exploited. One that is only too new gives way to an older one of the same
// step, but not to a larger step: that would be a bigger risk for a few days'
// gain. It is waited for, and Until says how long. Only a larger step that fixes
// what is known to be exploited does not wait for it.
func Choose(in ChooseInput) Choice {
	c := choosing{in: in}
	for _, candidate := range slices.SortedStableFunc(slices.Values(in.Candidates), compareRungs) {
		if candidate.Step == (Step{}) && candidate.Digest == in.Current.Digest {
			continue
		}
		c.consider(candidate)
	}
	return c.choice
}

func compareRungs(a, b Evaluated) int { return cmp.Compare(a.Step.rung(), b.Step.rung()) }

type choosing struct {
	in     ChooseInput
	choice Choice
	// awaited is the first candidate that is only too new.
	awaited *Evaluated
}

func (c *choosing) consider(e Evaluated) {
	if taken := c.choice.Taken; taken != nil {
		if compareRungs(*taken, e) == 0 {
			c.pass(e, v1alpha1.PassedOlder, "a newer one of the same step was taken: "+taken.Tag.String())
		} else {
			c.pass(e, v1alpha1.PassedLargerStep, "a smaller step was taken: "+taken.Tag.String())
		}
		return
	}
	for _, check := range checks {
		if reason, message := check(c.in, e); reason != "" {
			c.pass(e, reason, message)
			return
		}
	}
	urgent := e.Delta.Exploited()
	if end := c.oldEnough(e); !urgent && end.After(c.in.Now) {
		c.wait(e, end)
		return
	}
	if c.awaited != nil && !urgent && compareRungs(*c.awaited, e) != 0 {
		c.pass(e, v1alpha1.PassedLargerStep, "a smaller step is waited for: "+c.awaited.Tag.String())
		return
	}
	c.choice.Taken = &e
}

// wait for a candidate until it is old enough.
func (c *choosing) wait(e Evaluated, end time.Time) {
	if c.awaited == nil {
		c.awaited = &e
	}
	if until := &c.choice.Until; until.IsZero() || end.Before(*until) {
		*until = end
	}
	c.pass(e, v1alpha1.PassedTooNew, "it is old enough on "+end.UTC().Format(time.RFC3339))
}

func (c *choosing) oldEnough(e Evaluated) time.Time {
	if e.FirstSeen.IsZero() {
		return c.in.Now.Add(c.in.MinAge)
	}
	return e.FirstSeen.Add(c.in.MinAge)
}

func (c *choosing) pass(e Evaluated, reason v1alpha1.PassedOver, message string) {
	c.choice.Passed = append(c.choice.Passed, Passed{Tag: e.Tag, Digest: e.Digest, Reason: reason, Message: clip(message)})
}

// A check returns why a candidate is passed over whatever its age, or nothing.
type check func(ChooseInput, Evaluated) (v1alpha1.PassedOver, string)

// checks in the order in which they are made: what needs no scan comes first.
var checks = []check{checkReleased, checkIgnored, checkNewer, checkScanned, checkPolicy, checkBetter}

func checkReleased(_ ChooseInput, e Evaluated) (v1alpha1.PassedOver, string) {
	if e.Unreleased {
		return v1alpha1.PassedPrerelease, "its digest is that of a tag for what is not released"
	}
	return "", ""
}

func checkIgnored(_ ChooseInput, e Evaluated) (v1alpha1.PassedOver, string) {
	if e.Ignored {
		return v1alpha1.PassedIgnored, "its pull request was closed"
	}
	return "", ""
}

func checkNewer(in ChooseInput, e Evaluated) (v1alpha1.PassedOver, string) {
	current := in.Current.Created
	if e.Created.IsZero() || current.IsZero() || !e.Created.Before(current) {
		return "", ""
	}
	return v1alpha1.PassedOlder, fmt.Sprintf("it was built on %s, before the version in use, which was built on %s",
		e.Created.UTC().Format(time.RFC3339), current.UTC().Format(time.RFC3339))
}

func checkScanned(_ ChooseInput, e Evaluated) (v1alpha1.PassedOver, string) {
	if !e.Scanned {
		return v1alpha1.PassedNotScanned, "what it contains is not known"
	}
	return "", ""
}

func checkPolicy(_ ChooseInput, e Evaluated) (v1alpha1.PassedOver, string) {
	if e.FailsPolicy != "" {
		return v1alpha1.PassedFailsPolicy, e.FailsPolicy
	}
	return "", ""
}

func checkBetter(_ ChooseInput, e Evaluated) (v1alpha1.PassedOver, string) {
	switch {
	case e.Delta.Better():
		return "", ""
	case len(e.Delta.Fixes) == 0:
		return v1alpha1.PassedFixesNothing, "it fixes none of the findings"
	}
	worst := e.Delta.Adds[0]
	return v1alpha1.PassedAddsWorse, fmt.Sprintf("it fixes %s and adds %s, such as %s (%s)",
		counted(e.Delta.Fixes), counted(e.Delta.Adds), worst.ID, worst.Severity)
}

func counted(findings []policy.Finding) string {
	if len(findings) == 1 {
		return "1 finding"
	}
	return fmt.Sprintf("%d findings", len(findings))
}

// maxMessage in bytes.
const maxMessage = 256

func clip(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	const ellipsis = "…"
	return strings.ToValidUTF8(s[:maxMessage-len(ellipsis)], "") + ellipsis
}
