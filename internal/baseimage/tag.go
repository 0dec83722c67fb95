package baseimage

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Tag of an image, as people mean it: what comes before a version, the version,
// whether that is a prerelease, and the variant. Any part may be missing.
type Tag struct {
	name string
	// prefix before the version, such as "v" or "jdk-".
	prefix string
	// numbers of the version, and its shape, which is the version with an N in
	// the place of each number.
	numbers []int
	shape   string
	// levels of the numbers: which step a change of each is.
	levels []Level
	// stage of a prerelease, such as "rc", and its number.
	stage       string
	stageNumber int
	// variant is what follows, cut at its hyphens.
	variant []string
}

// Level of a step from one version to another, least first.
type Level int

const (
	// Same version; with the same variant too, it is another build of the same tag.
	Same Level = iota
	Patch
	Minor
	Major
)

var (
	// A version has digits, joined by a dot, by an underscore or plus sign before
	// a build, or as Java's 8u402-b06.
	versionPattern = regexp.MustCompile(`^\d+(?:u\d+(?:-b\d+)?|(?:\.\d+)*(?:[_+]\d+)?)`)
	prefixPattern  = regexp.MustCompile(`^(?:v|[a-z]+-)?`)
	numberPattern  = regexp.MustCompile(`\d+`)
	stagePattern   = regexp.MustCompile(`^[-.]?(alpha|beta|rc|pre|preview|ea|dev|snapshot|nightly|canary|milestone|a|b|m)[-.]?(\d*)(?:$|-)`)
)

// maxTagBytes is the longest tag that registries allow.
const maxTagBytes = 128

// ParseTag takes a tag apart. It returns false for one that no registry would
// have. repository tells a distribution's own images, whose versions may be code
// names (debian:bookworm), from those that are merely built on it.
func ParseTag(repository, tag string) (Tag, bool) {
	if tag == "" || len(tag) > maxTagBytes {
		return Tag{}, false
	}
	t := Tag{name: tag}
	rest := tag
	if code, ok := codeName(repository, tag); ok {
		t.prefix, rest = code, strings.TrimPrefix(tag[len(code):], "-")
	} else if prefix := prefixPattern.FindString(tag); startsWithDigit(tag[len(prefix):]) && !isSystem(prefix) {
		t.prefix, rest = prefix, tag[len(prefix):]
	}
	if version := versionPattern.FindString(rest); version != "" && endsWord(rest[len(version):]) {
		if !t.setVersion(repository, version) {
			return Tag{}, false
		}
		rest = t.cutStage(rest[len(version):])
	}
	if rest = strings.TrimPrefix(rest, "-"); rest != "" {
		t.variant = splitVariant(rest)
	}
	return t, true
}

// codeName is the release's name in a tag of its distribution's own image.
func codeName(repository, tag string) (string, bool) {
	code, _, _ := strings.Cut(tag, "-")
	return code, slices.Contains(codeNames[lastPart(repository)], code)
}

func lastPart(repository string) string { return repository[strings.LastIndexByte(repository, '/')+1:] }

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// isSystem keeps "alpine-3.20" a variant without a version.
func isSystem(prefix string) bool { return numbered[strings.TrimSuffix(prefix, "-")] }

// endsWord says whether a version may end before the rest: at a hyphen, or at
// a prerelease's stage.
func endsWord(rest string) bool {
	return rest == "" || rest[0] == '-' || stagePattern.MatchString(strings.ToLower(rest))
}

func (t *Tag) setVersion(repository, version string) bool {
	for _, digits := range numberPattern.FindAllString(version, -1) {
		n, err := strconv.Atoi(digits)
		if err != nil {
			return false
		}
		t.numbers = append(t.numbers, n)
	}
	t.shape = numberPattern.ReplaceAllString(version, "N")
	t.levels = levelsOf(version, t.numbers)
	if t.date() {
		t.shape = "date"
	} else if t.calendar(repository, version) {
		t.shape = "calendar " + t.shape
	}
	return true
}

// levelsOf numbers: the first is the major one, the second behind a dot the minor one.
func levelsOf(version string, numbers []int) []Level {
	levels := make([]Level, len(numbers))
	for i := range levels {
		levels[i] = Patch
	}
	levels[0] = Major
	separators := numberPattern.Split(version, -1)
	if len(numbers) > 1 && separators[1] == "." {
		levels[1] = Minor
		if numbers[0] == 0 {
			// Before 1.0 a minor release may break anything.
			levels[1] = Major
		}
	}
	return levels
}

// date says whether the version is a day, such as 20240612. Each newer one is
// but another build.
func (t *Tag) date() bool {
	if len(t.numbers) != 1 || t.numbers[0] < 1990_01_01 || t.numbers[0] > 2099_12_31 {
		return false
	}
	t.levels[0] = Patch
	return true
}

// calendar says whether the version counts years: 2024.1, or 24.04 as no other
// scheme would write it. Such a version is a release of its own.
func (t *Tag) calendar(repository, version string) bool {
	digits := numberPattern.FindAllString(version, 2)
	padded := len(digits) == 2 && len(digits[0]) == 2 && len(digits[1]) == 2 &&
		(digits[1][0] == '0' || digits[1] == "10" && strings.Contains(lastPart(repository), "ubuntu"))
	if !padded && (t.numbers[0] < 1990 || t.numbers[0] > 2099) {
		return false
	}
	for i := range t.levels[:min(2, len(t.levels))] {
		t.levels[i] = Major
	}
	return true
}

// cutStage takes a prerelease's stage off the rest of a tag.
func (t *Tag) cutStage(rest string) string {
	found := stagePattern.FindStringSubmatch(strings.ToLower(rest))
	if found == nil {
		return rest
	}
	t.stage = found[1]
	t.stageNumber, _ = strconv.Atoi(found[2]) // no number is 0; one beyond all bounds is the largest
	return rest[len(strings.TrimSuffix(found[0], "-")):]
}

// String is the tag itself.
func (t Tag) String() string { return t.name }

// Prerelease says whether the tag is one, or follows what is not released yet.
func (t Tag) Prerelease() bool {
	return t.stage != "" || unreleased[strings.TrimSuffix(t.prefix, "-")] ||
		slices.ContainsFunc(t.variant, func(token string) bool { return unreleased[token] })
}

// unreleased are words for what is not released yet.
var unreleased = map[string]bool{
	"tip": true, "edge": true, "devel": true, "dev": true, "testing": true, "experimental": true, "unstable": true, "sid": true,
	"nightly": true, "canary": true, "snapshot": true, "preview": true, "rc": true, "beta": true, "alpha": true, "next": true, "master": true, "main": true,
	// Debian's releases to come.
	"forky": true, "duke": true,
}

// movingNames are those that tags for what is not released commonly have.
var movingNames = []string{"edge", "devel", "testing", "unstable", "sid", "experimental", "rc", "nightly"}

// Moving lists the tags that, where a repository has them, follow what is not
// released of the same variant: sid, sid-slim for 12-slim, and sid-scm for trixie-scm.
func (t Tag) Moving() []string {
	moving := slices.Clone(movingNames)
	for _, name := range movingNames {
		if len(t.variant) > 0 {
			moving = append(moving, name+"-"+strings.Join(t.variant, "-"))
		}
		for i, token := range t.variant {
			if _, ok := systemOf(token); ok {
				// What stands before the variant stays.
				rest := strings.Join(slices.Concat(t.variant[:i], []string{name}, t.variant[i+1:]), "-")
				moving = append(moving, strings.TrimSuffix(t.name, strings.Join(t.variant, "-"))+rest)
			}
		}
	}
	return moving
}
