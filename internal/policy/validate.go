package policy

import (
	"fmt"
	"maps"
	"slices"

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
	for _, r := range spec.Rules {
		if err := validateRule(r); err != nil {
			return fmt.Errorf("rule %.100q: %w", r.Name, err)
		}
	}
	for _, e := range spec.Exceptions {
		if err := validateException(e); err != nil {
			return fmt.Errorf("exception %.100q: %w", e.Name, err)
		}
	}
	return nil
}

// validateRule checks patterns, which judge every image as Error where they are bad.
func validateRule(r v1alpha1.Rule) error {
	lists := map[string][]string{}
	if r.Registries != nil {
		lists["registries.allowed"], lists["registries.denied"] = r.Registries.Allowed, r.Registries.Denied
	}
	if r.Packages != nil {
		lists["packages.denied"] = r.Packages.Denied
	}
	if r.Image != nil {
		lists["image.deniedTags"] = r.Image.DeniedTags
	}
	if r.BaseImage != nil {
		lists["baseImage.allowed"] = r.BaseImage.Allowed
	}
	for _, field := range slices.Sorted(maps.Keys(lists)) {
		if err := validatePatterns(lists[field]); err != nil {
			return fmt.Errorf("%s: %w", field, err)
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
