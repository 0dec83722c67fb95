package source

import (
	"fmt"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Selection is what a policy makes of the locations that were found.
type Selection struct {
	// Allowed may be proposed to, the likeliest place first.
	Allowed []Location
	// Refused are in no repository of the policy: they may be shown, and nothing else.
	Refused []Location
}

// Select applies a policy's repositories. Those whose patterns match the image (a full repository name) win: what was found elsewhere
// does not count then, and what was found in them only says where to look first. Otherwise, what was found counts as far as it
// is in one of the repositories. A policy that names none allows nothing.
func Select(repositories []v1alpha1.SourceRepository, image string, found []Location) (Selection, error) {
	var selection Selection
	mapped, err := Mapped(repositories, image)
	if err != nil {
		return Selection{}, err
	}
	for _, location := range found {
		at, ok := Allowed(repositories, location)
		switch {
		case ok && (len(mapped) == 0 || slices.ContainsFunc(mapped, func(m Location) bool { return m.Repository == at.Repository })):
			selection.Allowed = append(selection.Allowed, at)
		case !ok && len(mapped) == 0:
			selection.Refused = append(selection.Refused, location)
		}
	}
	selection.Allowed = append(selection.Allowed, mapped...)
	return selection, nil
}

// Mapped lists the repositories whose patterns match the image, each as a whole.
func Mapped(repositories []v1alpha1.SourceRepository, image string) ([]Location, error) {
	var mapped []Location
	for _, r := range repositories {
		matches := false
		for _, pattern := range r.Images {
			match, err := doublestar.Match(pattern, image)
			if err != nil {
				return nil, fmt.Errorf("pattern %.300q of a repository: %w", pattern, err)
			}
			matches = matches || match
		}
		if !matches {
			continue
		}
		repository, err := NormaliseRepository(r.URL)
		if err != nil {
			return nil, err
		}
		mapped = append(mapped, Location{Repository: repository, Branch: r.Branch, By: byPolicy})
	}
	return mapped, nil
}

// Allowed returns the location as the policy names its repository and branch, or false where it names no such
// repository. Forms for SSH tell neither scheme nor port of the forge: where only these differ, and one repository alone has
// the host and path, it is that one.
func Allowed(repositories []v1alpha1.SourceRepository, location Location) (Location, bool) {
	var near []Location
	for _, r := range repositories {
		repository, err := NormaliseRepository(r.URL)
		if err != nil {
			continue
		}
		at := location
		at.Repository = repository
		if r.Branch != "" {
			at.Branch = r.Branch
		}
		if sameRepository(repository, location.Repository) {
			return at, true
		}
		if sameAddress(repository, location.Repository) {
			near = append(near, at)
		}
	}
	if len(near) == 1 {
		return near[0], true
	}
	return Location{}, false
}
