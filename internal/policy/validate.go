package policy

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Validate returns the first reason why a policy cannot be used as written. It
// checks what the API's schema cannot. A policy whose selector is bad judges
// every image it is tried on as Error; an exception that is bad excepts nothing.
func Validate(spec v1alpha1.ImagePolicySpec) error {
	if _, err := matchesImage(spec.Selector.Images, ""); err != nil {
		return fmt.Errorf("selector.images: %w", err)
	}
	if _, err := podSelector(spec.Selector.PodSelector); err != nil {
		return fmt.Errorf("selector.%w", err)
	}
	for _, e := range spec.Exceptions {
		if err := validateException(e); err != nil {
			return fmt.Errorf("exception %.100q: %w", e.Name, err)
		}
	}
	return nil
}

func validateException(e v1alpha1.Exception) error {
	if _, err := matchesImage(e.Images, ""); err != nil {
		return fmt.Errorf("images: %w", err)
	}
	for _, purl := range e.Packages {
		if _, err := parsePURL(purl); err != nil {
			return fmt.Errorf("packages: %.300q: %w", purl, err)
		}
	}
	return nil
}
