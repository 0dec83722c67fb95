package source

import (
	"strconv"

	"github.com/plimsoll-dev/plimsoll/internal/edit"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// FinalBase is the image that a Dockerfile's target stage is built on, whatever stages lie between, with the defaults of its arguments.
// An empty target is the last stage. It is false for a file that does not parse, for scratch, for a stage that is not there, and where
// only the builder knows.
func FinalBase(dockerfile []byte, target string) (image.Reference, bool) {
	stages, err := edit.Stages("Dockerfile", dockerfile)
	if err != nil {
		return image.Reference{}, false
	}
	i := edit.StageNamed(stages, target)
	if index, err := strconv.Atoi(target); err == nil && i < 0 {
		i = index
	}
	if target == "" {
		i = len(stages) - 1
	}
	if i < 0 || i >= len(stages) {
		return image.Reference{}, false
	}
	for stages[i].Parent >= 0 {
		i = stages[i].Parent
	}
	base := stages[i].Base
	if base == nil || base.Reference.Repository == "" {
		return image.Reference{}, false
	}
	return base.Reference, true
}
