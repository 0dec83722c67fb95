package policy

import (
	"fmt"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// selects says whether the selector selects the image in any of its workloads, and in which.
func selects(s v1alpha1.PolicySelector, facts Facts) (workloads []Workload, selected bool, err error) {
	image, err := matchesImage(s.Images, facts.Repository)
	if err != nil {
		return nil, false, fmt.Errorf("images: %w", err)
	}
	pods, err := podSelector(s.PodSelector)
	if err != nil {
		return nil, false, err
	}
	if !image {
		return nil, false, nil
	}
	for _, w := range facts.Workloads {
		if pods.Matches(labels.Set(w.PodLabels)) {
			workloads = append(workloads, w)
		}
	}
	selected = len(workloads) > 0 || len(facts.Workloads) == 0 && pods.Empty()
	return workloads, selected, nil
}

// workloadNames as violations name them, sorted.
func workloadNames(workloads []Workload) []string {
	names := make([]string, 0, len(workloads))
	for _, w := range workloads {
		names = append(names, w.name())
	}
	return sorted(names)
}

// podSelector returns the selector for pods' labels; absent, it selects all.
func podSelector(s *metav1.LabelSelector) (labels.Selector, error) {
	if s == nil {
		return labels.Everything(), nil
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return nil, fmt.Errorf("podSelector: %w", err)
	}
	return selector, nil
}

// matchesImage says whether one of the patterns matches the repository. No pattern matches all.
func matchesImage(patterns []string, repository string) (bool, error) {
	matched, err := firstMatch(patterns, repository)
	return matched != "" || len(patterns) == 0, err
}

// firstMatch returns the first pattern that matches the name. All have to be valid.
func firstMatch(patterns []string, name string) (string, error) {
	if err := validatePatterns(patterns); err != nil {
		return "", err
	}
	if i := slices.IndexFunc(patterns, func(p string) bool { return doublestar.MatchUnvalidated(p, name) }); i >= 0 {
		return patterns[i], nil
	}
	return "", nil
}

func validatePatterns(patterns []string) error {
	for _, pattern := range patterns {
		if !doublestar.ValidatePattern(pattern) {
			return fmt.Errorf("pattern %.300q: %w", pattern, doublestar.ErrBadPattern)
		}
	}
	return nil
}
