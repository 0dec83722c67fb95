package controllers

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// allReports returns every report that is in the cluster, or will be.
func (s *shared) allReports(ctx context.Context) []inventory.ReportKey {
	keys := s.inventory.ReportsIn("")
	objects, err := s.allReportObjects(ctx)
	if err != nil {
		return keys
	}
	for i := range objects {
		if key, err := reportKey(&objects[i]); err == nil {
			keys = append(keys, key)
		}
	}
	return unique(keys)
}

func (s *shared) wakeAllReports(ctx context.Context) {
	s.reports.addPriority(ctx, priorityNormal, s.allReports(ctx)...)
}

// wakeChanged follows a database to the reports of the images that it changes,
// those with the worst news first.
func (s *shared) wakeChanged(ctx context.Context, revision string, changes []fleet.Change) error {
	byPriority := map[int][]inventory.ReportKey{}
	var all []inventory.ReportKey
	for _, change := range changes {
		for _, scan := range s.catalogue.scansOf(map[image.Digest]struct{}{change.ID: {}}) {
			reports, err := s.reportsOf(ctx, scan)
			if err != nil {
				return err
			}
			priority := newsPriority(change.Worst)
			byPriority[priority] = append(byPriority[priority], reports...)
			all = append(all, reports...)
		}
	}
	s.rollout.begin(revision, all)
	for priority, reports := range byPriority {
		s.reports.addPriority(ctx, priority, reports...)
	}
	return nil
}

// newsPriority lets a new Critical overtake whatever waits.
func newsPriority(worst match.Severity) int {
	switch worst {
	case match.SeverityCritical:
		return priorityCritical
	case match.SeverityHigh:
		return priorityHigh
	}
	return priorityNormal
}
