package edit

import "strings"

// Stage of a Dockerfile.
type Stage struct {
	// Name in lower case, or empty.
	Name string
	// Parent is the index of the stage that it begins with, or -1.
	Parent int
	// Base is the image that it begins with: nil for scratch and where there is a parent.
	Base *Place

	place int
}

// Stages lists those of a Dockerfile, with what their names lead to and their arguments' defaults say. Its error is a *Refusal.
func Stages(path string, content []byte) ([]Stage, error) {
	d, refusal := read(path, content)
	if refusal != nil {
		return nil, refusal.of(path)
	}
	for i, stage := range d.stages {
		if stage.place >= 0 {
			d.stages[i].Base = &d.places[stage.place]
		}
	}
	return d.stages, nil
}

// StageNamed is the index of the last stage with the name, whose case does not matter, or -1.
func StageNamed(stages []Stage, name string) int {
	for i := len(stages) - 1; i >= 0; i-- {
		if stages[i].Name != "" && strings.EqualFold(stages[i].Name, name) {
			return i
		}
	}
	return -1
}
