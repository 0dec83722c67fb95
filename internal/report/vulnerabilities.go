package report

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// finding with the earliest deadline that a policy sets for it, zero if none does.
type finding struct {
	policy.Finding
	due time.Time
}

// urgent findings are listed as far as there is room.
func (f finding) urgent() bool {
	return f.KnownExploited || !f.due.IsZero() ||
		f.Severity == v1alpha1.SeverityCritical || f.Severity == v1alpha1.SeverityHigh
}

// worstFirst returns the findings in the order of the list, each key once: two
// architectures of a package do not count twice.
func worstFirst(findings []policy.Finding, due map[int]time.Time) []finding {
	sorted := make([]finding, len(findings))
	for i, f := range findings {
		sorted[i] = finding{Finding: f, due: due[i]}
	}
	slices.SortStableFunc(sorted, func(a, b finding) int { return policy.Compare(a.Finding, b.Finding) })
	seen := make(map[policy.Key]struct{}, len(sorted))
	return slices.DeleteFunc(sorted, func(f finding) bool {
		_, known := seen[f.Key()]
		seen[f.Key()] = struct{}{}
		return known
	})
}

// Summarize counts findings, each key once.
func Summarize(findings []policy.Finding) v1alpha1.Summary {
	return summarize(worstFirst(findings, nil))
}

func summarize(findings []finding) v1alpha1.Summary {
	s := v1alpha1.Summary{Total: int32(len(findings))}
	for _, f := range findings {
		switch f.Severity {
		case v1alpha1.SeverityCritical:
			s.Critical++
		case v1alpha1.SeverityHigh:
			s.High++
		case v1alpha1.SeverityMedium:
			s.Medium++
		case v1alpha1.SeverityLow:
			s.Low++
		default:
			s.Unknown++
		}
		if f.Fixable() {
			s.Fixable++
		}
		if f.KnownExploited {
			s.KnownExploited++
		}
	}
	return s
}

// list cuts the findings to what the budget has room for, and to what people read.
func list(findings []finding, layers baseLayers, budget int) *v1alpha1.Vulnerabilities {
	var items []v1alpha1.Vulnerability
	for i, f := range findings {
		if i == maxFindings || i >= fillFindings && !f.urgent() {
			break
		}
		item := vulnerability(f)
		item.Layer = layers.origin(f)
		items = append(items, item)
	}
	items = fit(items, maxFindings, min(budget, findingsBudget))
	return &v1alpha1.Vulnerabilities{Omitted: int32(len(findings) - len(items)), Items: items}
}

func vulnerability(f finding) v1alpha1.Vulnerability {
	return v1alpha1.Vulnerability{
		ID:               clip(f.ID, maxName),
		Package:          clip(f.Package, maxPath),
		Path:             clip(f.Path, maxPath),
		InstalledVersion: clip(f.InstalledVersion, maxName),
		FixedVersion:     clip(f.FixedVersion, maxName),
		Severity:         f.Severity,
		Status:           f.Status,
		KnownExploited:   f.KnownExploited,
		PublishedTime:    timeOrNil(f.Published),
		DueTime:          timeOrNil(f.due),
	}
}

func timeOrNil(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return &metav1.Time{Time: t}
}
