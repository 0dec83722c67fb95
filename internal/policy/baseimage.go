package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Base image of an image. An empty Name says that it was looked for and not found.
type Base struct {
	// Name as a full reference with its tag, and the digest that it was built on.
	Name   string
	Digest string
	// Claimed says that the image names the base, and that nothing confirms it.
	Claimed bool
	// NewerSince is since when a newer build of the base has been known: another
	// digest of the tag, or a tag to move to. Zero: it is the newest.
	NewerSince time.Time
}

// checkBaseImage judges what the image is built on. It is skipped where nobody
// looked for a base. A base that was not found is none of the allowed ones, and
// neither is one that the image merely claims to have; how far it is behind
// cannot be said.
func checkBaseImage(t *trial, rule v1alpha1.Rule) outcome {
	r := rule.BaseImage
	if r == nil || len(r.Allowed) == 0 && r.MaxBehindDays == nil {
		return failed("the rule sets neither baseImage.allowed nor baseImage.maxBehindDays")
	}
	if err := validatePatterns(r.Allowed); err != nil {
		return failed(fmt.Sprintf("baseImage.allowed: %v", err))
	}
	base := t.facts.Base
	switch {
	case !t.facts.Scanned:
		return unknown()
	case base == nil:
		return outcome{verdict: v1alpha1.VerdictUnknown, skipped: "its base image was not looked for"}
	case base.Name == "" && len(r.Allowed) == 0:
		return outcome{verdict: v1alpha1.VerdictUnknown, skipped: "its base image is not known"}
	case base.Name == "":
		return violated("its base image is not known, and so is not an allowed one")
	}
	if complaints := t.baseComplaints(r, base); len(complaints) > 0 {
		return violated(strings.Join(complaints, "; "))
	}
	return passed()
}

func (t *trial) baseComplaints(r *v1alpha1.BaseImageRule, base *Base) []string {
	complaints := []string{baseComplaint(r.Allowed, base), t.behind(r.MaxBehindDays, base)}
	return slices.DeleteFunc(complaints, func(s string) bool { return s == "" })
}

// baseComplaint says why the base is not an allowed one. The patterns are valid.
func baseComplaint(allowed []string, base *Base) string {
	switch {
	case len(allowed) == 0:
		return ""
	case !matchesAny(allowed, base.Name):
		return fmt.Sprintf("its base image %s matches none of the allowed patterns", base.Name)
	case base.Claimed:
		return fmt.Sprintf("it claims the base image %s, which nothing confirms", base.Name)
	}
	return ""
}

// behind complains of a base that has been behind for too long, and notes when that begins.
func (t *trial) behind(maxDays *int32, base *Base) string {
	if maxDays == nil || base.NewerSince.IsZero() {
		return ""
	}
	since := seconds(base.NewerSince)
	if end := since.Add(time.Duration(*maxDays) * day); t.now.Before(end) {
		t.changesAt(end)
		return ""
	}
	return fmt.Sprintf("a newer build of its base image %s has been known since %s, for more than %s",
		base.Name, since.Format(time.RFC3339), plural(int(*maxDays), "day"))
}
