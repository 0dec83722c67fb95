package controllers

import (
	"context"
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
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
// those with the worst news first, of the scans that it turns, and to further reports.
func (s *shared) wakeChanged(
	ctx context.Context, db *vulndb.Current, changes []fleet.Change, turned []inventory.ScanKey, further []inventory.ReportKey,
) error {
	byPriority := map[int][]inventory.ReportKey{priorityNormal: slices.Clone(further)}
	all := slices.Clone(further)
	follow := func(priority int, scans []inventory.ScanKey) error {
		for _, scan := range scans {
			reports, err := s.reportsOf(ctx, scan)
			if err != nil {
				return err
			}
			byPriority[priority] = append(byPriority[priority], reports...)
			all = append(all, reports...)
		}
		return nil
	}
	scans := s.catalogue.scansByManifest()
	for _, change := range changes {
		if err := follow(newsPriority(change.Worst), scans[change.ID]); err != nil {
			return err
		}
	}
	if err := follow(priorityNormal, turned); err != nil {
		return err
	}
	s.rollout.begin(string(db.Revision), db.DB.Metadata().Built, all)
	for _, priority := range []int{priorityCritical, priorityHigh, priorityNormal} {
		s.reports.addPriority(ctx, priority, byPriority[priority]...)
	}
	if len(changes) > 0 || len(turned) > 0 {
		s.wakePolicies(ctx)
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

// newsPriority of an image that is new: the worst of its findings are the news.
func (s *shared) newsPriority(manifest image.Digest) int {
	judgement, _ := s.fleet.Judgement(manifest)
	worst := match.SeverityUnknown
	for _, f := range judgement.Findings {
		worst = max(worst, f.Severity)
	}
	return newsPriority(worst)
}
