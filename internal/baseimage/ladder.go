package baseimage

import (
	"cmp"
	"slices"
)

// Step from one tag to another.
type Step struct {
	Level Level
	// Variant says that the variant moves to a newer release of its distribution.
	Variant bool
}

// rung of the ladder: a newer distribution under the same minor version is a
// larger step than a minor version, and a major version the largest.
func (s Step) rung() int {
	switch {
	case s.Level == Major && s.Variant:
		return 7
	case s.Level == Major:
		return 6
	case s.Variant:
		return 3 + int(s.Level)
	default:
		return int(s.Level)
	}
}

// Candidate is a tag to move to.
type Candidate struct {
	Tag  Tag
	Step Step
}

// Candidates are the tags that one may move to from current, smallest step
// first and newest first in each, beginning with current itself where it is
// among the tags: it may have been built again. Major steps are left out unless
// they are asked for.
//
// A prefix, a version's shape and all of a variant but its distribution's release
// stay as they are. What is released moves to no prerelease, and a
// prerelease only within its release, or to it.
func Candidates(current Tag, tags []Tag, majors bool) []Candidate {
	var found []Candidate
	for _, tag := range tags {
		step, ok := stepBetween(current, tag)
		if ok && (majors || step.Level != Major) {
			found = append(found, Candidate{Tag: tag, Step: step})
		}
	}
	slices.SortFunc(found, func(a, b Candidate) int {
		return cmp.Or(
			cmp.Compare(a.Step.rung(), b.Step.rung()),
			compareVariants(a.Tag.variant, b.Tag.variant),
			compareVersions(b.Tag, a.Tag),
			cmp.Compare(a.Tag.name, b.Tag.name),
		)
	})
	return found
}

func stepBetween(from, to Tag) (Step, bool) {
	if from.prefix != to.prefix || from.shape != to.shape || !mayRelease(from, to) {
		return Step{}, false
	}
	variant, ok := variantStep(from.variant, to.variant)
	if !ok {
		return Step{}, false
	}
	level, ok := levelBetween(from, to)
	if !ok || level == Same && !variant && from.name != to.name {
		return Step{}, false
	}
	return Step{Level: level, Variant: variant}, true
}

// mayRelease keeps what is released from prereleases, and these in their release.
func mayRelease(from, to Tag) bool {
	if !from.Prerelease() {
		return !to.Prerelease()
	}
	return slices.Equal(from.numbers, to.numbers) || from.stage == "" && to.stage == ""
}

func levelBetween(from, to Tag) (Level, bool) {
	for i, n := range from.numbers {
		if to.numbers[i] != n {
			return from.levels[i], to.numbers[i] > n
		}
	}
	later := compareVersions(to, from)
	if later == 0 {
		return Same, true
	}
	return Patch, later > 0
}

// compareVersions of one shape.
func compareVersions(a, b Tag) int {
	return cmp.Or(
		slices.Compare(a.numbers, b.numbers),
		cmp.Compare(stageRank(a.stage), stageRank(b.stage)),
		cmp.Compare(a.stageNumber, b.stageNumber),
	)
}

// stages in the order in which a release goes through them. The empty one is the release.
var stages = []string{"dev", "snapshot", "nightly", "canary", "preview", "ea", "a", "alpha", "milestone", "m", "b", "beta", "pre", "rc", ""}

func stageRank(stage string) int { return slices.Index(stages, stage) }
