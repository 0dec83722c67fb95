package baseimage

import "github.com/plimsoll-dev/plimsoll/api/v1alpha1"

// maxShortlist is how many candidates are worth a scan: one for each rung.
const maxShortlist = 8

// Shortlist returns the candidates that are worth a scan, in the order in which
// they are to be scanned: the newest of each rung of the ladder, smallest step
// first. It has at most limit candidates, of which 0, like more than 8, means 8.
// Whoever finds one that is to be taken need not scan those behind it.
func Shortlist(current Tag, tags []string, repository string, majors bool, limit int) []Candidate {
	if limit <= 0 || limit > maxShortlist {
		limit = maxShortlist
	}
	parsed := make([]Tag, 0, len(tags))
	for _, tag := range tags {
		if t, ok := ParseTag(repository, tag); ok {
			parsed = append(parsed, t)
		}
	}
	var list []Candidate
	for _, c := range Candidates(current, parsed, majors) {
		if len(list) == limit {
			break
		}
		if len(list) == 0 || list[len(list)-1].Step.rung() != c.Step.rung() {
			list = append(list, c)
		}
	}
	return list
}

// UpdateStep is the step in the API's terms.
func (s Step) UpdateStep() v1alpha1.UpdateStep { return steps[s.rung()] }

// steps by their rung.
var steps = []v1alpha1.UpdateStep{
	v1alpha1.StepRefresh, v1alpha1.StepPatch, v1alpha1.StepMinor,
	v1alpha1.StepVariant, v1alpha1.StepVariantPatch, v1alpha1.StepVariantMinor,
	v1alpha1.StepMajor, v1alpha1.StepVariantMajor,
}
