package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// Field indices of ImageReports in the cache.
const (
	scanKeyIndex    = "scanKey"
	repositoryIndex = "repository"
	workloadIndex   = "workload"
)

func scanKeyString(key inventory.ScanKey) string {
	return string(key.Digest) + " " + key.Platform.String()
}

func indexReports(ctx context.Context, m manager.Manager) error {
	indexer := m.GetFieldIndexer()
	err := indexer.IndexField(ctx, &v1alpha1.ImageReport{}, scanKeyIndex, func(object client.Object) []string {
		spec := object.(*v1alpha1.ImageReport).Spec
		return []string{spec.Digest + " " + spec.Platform}
	})
	if err != nil {
		return fmt.Errorf("index reports by scan: %w", err)
	}
	err = indexer.IndexField(ctx, &v1alpha1.ImageReport{}, repositoryIndex, func(object client.Object) []string {
		return []string{object.(*v1alpha1.ImageReport).Spec.Repository}
	})
	if err != nil {
		return fmt.Errorf("index reports by repository: %w", err)
	}
	err = indexer.IndexField(ctx, &v1alpha1.ImageReport{}, workloadIndex, workloadStrings)
	if err != nil {
		return fmt.Errorf("index reports by workload: %w", err)
	}
	return nil
}

// workloadStrings name the workloads of a report within its namespace.
func workloadStrings(object client.Object) []string {
	workloads := object.(*v1alpha1.ImageReport).Status.Workloads
	if workloads == nil {
		return nil
	}
	var names []string
	for _, w := range workloads.Items {
		names = append(names, workloadString(w.Group, w.Kind, w.Name))
	}
	return names
}

func workloadString(group, kind, name string) string { return group + " " + kind + " " + name }

// reportsOfWorkload returns the reports in the cluster that name a workload:
// those of the images that it runs, and of those that it last ran.
func (s *shared) reportsOfWorkload(ctx context.Context, namespace string, owner inventory.Owner) ([]inventory.ReportKey, error) {
	var reports v1alpha1.ImageReportList
	err := s.client.List(ctx, &reports, client.InNamespace(namespace),
		client.MatchingFields{workloadIndex: workloadString(owner.Group, owner.Kind, owner.Name)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the reports of %s %s/%s: %w", owner.Kind, namespace, owner.Name, err)
	}
	var keys []inventory.ReportKey
	for i := range reports.Items {
		if key, err := reportKey(&reports.Items[i]); err == nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// reportObjects returns the reports in the cluster that follow a scan. They are
// the cache's own, and must not be changed.
func (s *shared) reportObjects(ctx context.Context, key inventory.ScanKey) ([]v1alpha1.ImageReport, error) {
	var reports v1alpha1.ImageReportList
	err := s.client.List(ctx, &reports, client.MatchingFields{scanKeyIndex: scanKeyString(key)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the reports of %s: %w", key.Digest, err)
	}
	return reports.Items, nil
}

// foreign lets through the changes of a report that this process did not make
// itself: to judge again after each write would double the work. Those that name
// an idle workload pass: its end wakes only reports that name it by then.
func (r *imageReportReconciler) foreign() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.ImageReport), e.ObjectNew.(*v1alpha1.ImageReport)
		key, err := reportKey(after)
		if err != nil {
			return true
		}
		hash, known := r.written.Load(key)
		ours := known && hash == after.Status.ContentHash && hash != before.Status.ContentHash
		return !ours || !maps.Equal(before.Annotations, after.Annotations) || hasIdleWorkload(after)
	}}
}

func hasIdleWorkload(report *v1alpha1.ImageReport) bool {
	return report.Status.Workloads != nil && slices.ContainsFunc(report.Status.Workloads.Items, func(w v1alpha1.Workload) bool {
		return w.State == v1alpha1.WorkloadIdle
	})
}

var _ toolscache.TransformFunc = stripReport

// stripReport leaves of a report what decides whether it is to be written
// again, and what policies count. Its lists are most of it.
func stripReport(object any) (any, error) {
	report, ok := object.(*v1alpha1.ImageReport)
	if !ok {
		return object, nil
	}
	report.ManagedFields = nil
	report.Status.Vulnerabilities = nil
	report.Status.Unread = nil
	for i := range report.Status.Verdicts {
		violations := report.Status.Verdicts[i].Violations
		for j := range violations {
			violations[j] = v1alpha1.Violation{Rule: violations[j].Rule}
		}
	}
	return report, nil
}

func (s *shared) allReportObjects(ctx context.Context) ([]v1alpha1.ImageReport, error) {
	var reports v1alpha1.ImageReportList
	if err := s.client.List(ctx, &reports, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list all reports: %w", err)
	}
	return reports.Items, nil
}
