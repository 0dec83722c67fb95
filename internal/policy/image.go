package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// earliest is when Docker came out: no image was built before. Builds that can be
// reproduced write such times on purpose, most of them 1970 or 1980.
var earliest = time.Date(2013, time.March, 13, 0, 0, 0, 0, time.UTC)

// skew is how far a builder's clock may be ahead of ours.
const skew = 5 * time.Minute

// checkImage judges the image's own facts. Only its tags are known before it is scanned.
func checkImage(t *trial, rule v1alpha1.Rule) outcome {
	r := rule.Image
	if r == nil {
		return failed("the rule does not set image")
	}
	if len(r.DeniedTags) == 0 && !needsScan(r) {
		return failed("the rule limits nothing of an image")
	}
	if err := validatePatterns(r.DeniedTags); err != nil {
		return failed(fmt.Sprintf("image.deniedTags: %v", err))
	}
	tags, users := t.deniedTags(r.DeniedTags)
	if !t.facts.Scanned {
		return checkTags(r, tags, users)
	}
	complaints := t.complaints(r)
	if len(complaints) > 0 {
		users = nil // The image is at fault, whoever runs it.
	}
	if len(tags) > 0 {
		complaints = append(complaints, tagMessage(tags))
	}
	if len(complaints) == 0 {
		return passed()
	}
	return outcome{verdict: v1alpha1.VerdictFail, message: strings.Join(complaints, "; "), workloads: users}
}

// checkTags judges an image that is not scanned.
func checkTags(r *v1alpha1.ImageRule, tags, users []string) outcome {
	switch {
	case len(tags) > 0:
		return outcome{verdict: v1alpha1.VerdictFail, message: tagMessage(tags), workloads: users}
	case needsScan(r):
		return unknown()
	default:
		return passed()
	}
}

// needsScan says whether the rule limits anything but tags.
func needsScan(r *v1alpha1.ImageRule) bool {
	return r.MaxAgeDays != nil || r.User == v1alpha1.ImageUserNonRoot || len(r.DeniedPorts) > 0 ||
		r.SecretEnv == v1alpha1.PermissionDenied || r.Setuid == v1alpha1.PermissionDenied
}

func tagMessage(tags []string) string {
	return "denied " + pluralOf(len(tags), "tag") + " " + some(tags)
}

// deniedTags returns which denied tags run, and the workloads that run them.
func (t *trial) deniedTags(patterns []string) (tags, users []string) {
	match := func(all []string) bool {
		matched := slices.DeleteFunc(slices.Clone(all), func(tag string) bool { return !matchesAny(patterns, tag) })
		tags = append(tags, matched...)
		return len(matched) > 0
	}
	if len(t.facts.Workloads) == 0 {
		match(t.facts.Tags)
	}
	for _, w := range t.workloads {
		if match(w.Tags) {
			users = append(users, w.name())
		}
	}
	return sorted(tags), sorted(users)
}

// complaints about what only a scan tells.
func (t *trial) complaints(r *v1alpha1.ImageRule) []string {
	config := t.facts.Config
	var complaints []string
	add := func(complaint string) {
		if complaint != "" {
			complaints = append(complaints, complaint)
		}
	}
	if r.MaxAgeDays != nil {
		add(t.age(time.Duration(*r.MaxAgeDays)*day, config.Created))
	}
	if r.User == v1alpha1.ImageUserNonRoot {
		add(rootMessage(config.User))
	}
	add(portMessage(r.DeniedPorts, config.ExposedPorts))
	if r.SecretEnv == v1alpha1.PermissionDenied && len(config.SecretEnv) > 0 {
		add(plural(len(config.SecretEnv), "environment variable") + " whose name looks like that of a secret: " + some(sorted(config.SecretEnv)))
	}
	if r.Setuid == v1alpha1.PermissionDenied && len(t.facts.Setuid) > 0 {
		add(plural(len(t.facts.Setuid), "file") + " with the setuid or setgid bit: " + some(sorted(t.facts.Setuid)))
	}
	return complaints
}

// age complains of an image that is too old, or whose age cannot be known, and
// notes when that changes.
func (t *trial) age(limit time.Duration, created time.Time) string {
	created = seconds(created)
	shown := created.Format(time.RFC3339)
	switch end := created.Add(limit); {
	case created.IsZero():
		return "the image does not say when it was built"
	case created.Before(earliest):
		return fmt.Sprintf("the image says that it was built on %s, which cannot be: its age is not known", shown)
	case created.Add(-skew).After(t.now):
		t.changesAt(created.Add(-skew))
		return fmt.Sprintf("the image says that it was built on %s, which is to come: its age is not known", shown)
	case !t.now.Before(end):
		return fmt.Sprintf("built on %s, more than %s ago", shown, plural(int(limit/day), "day"))
	default:
		t.changesAt(end)
		return ""
	}
}

// rootMessage complains of a configuration's user that is root, or may be. A
// kubelet takes no name for a user other than root either: it knows only numbers.
func rootMessage(user string) string {
	name, _, _ := strings.Cut(user, ":")
	id, err := strconv.ParseInt(name, 10, 64)
	switch {
	case user == "":
		return "the image sets no user, and runs as root"
	case name == "" || name == "root" || err == nil && id == 0:
		return fmt.Sprintf("the image's user %.64q is root", user)
	case err != nil || id < 0:
		return fmt.Sprintf("the image's user %.64q is no number, so that it may be root", user)
	default:
		return ""
	}
}

// portMessage complains of exposed ports that are denied, and of those that cannot be read.
func portMessage(denied []int32, exposed []string) string {
	if len(denied) == 0 {
		return ""
	}
	var found []string
	for _, s := range exposed {
		first, last, err := parsePorts(s)
		if err != nil || slices.ContainsFunc(denied, func(p int32) bool { return first <= p && p <= last }) {
			found = append(found, fmt.Sprintf("%.64s", s))
		}
	}
	if len(found) == 0 {
		return ""
	}
	return "denied " + pluralOf(len(found), "port") + " exposed: " + some(sorted(found))
}

// parsePorts reads port[-port][/protocol].
func parsePorts(s string) (first, last int32, err error) {
	ports, _, _ := strings.Cut(s, "/")
	from, to, isRange := strings.Cut(ports, "-")
	if !isRange {
		to = from
	}
	start, err := strconv.ParseUint(from, 10, 16)
	if err != nil {
		return 0, 0, fmt.Errorf("parse port %.64q: %w", s, err)
	}
	end, err := strconv.ParseUint(to, 10, 16)
	if err != nil {
		return 0, 0, fmt.Errorf("parse port %.64q: %w", s, err)
	}
	return int32(start), int32(end), nil
}

func sorted(all []string) []string { return slices.Compact(slices.Sorted(slices.Values(all))) }
