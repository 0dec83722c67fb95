package controllers

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
)

const (
	// fieldOwner of everything that the operator writes.
	fieldOwner = client.FieldOwner("plimsoll")
	// cacheSyncTimeout bounds how long a controller waits for the first list of pods.
	cacheSyncTimeout = 10 * time.Minute
	// debounce gathers the changes of many reports into one write of a summary.
	debounce = time.Second
)

// shared is what the reconcilers have in common: the state in memory that each
// stage left for the next, and the queues by which one wakes another.
type shared struct {
	client client.Client
	// reader reads from the API server itself.
	reader    client.Reader
	now       func() time.Time
	inventory *inventory.Index
	fleet     *fleet.Fleet
	catalogue *catalogue
	// images is held while an image enters or leaves the fleet and the catalogue together.
	images  sync.Mutex
	rollout *rollout
	// bases of images, and what is scanned for their sake.
	bases  *bases
	wishes *wishes
	// watched are the repositories whose tags somebody needs to know.
	watched *watches
	// unwritten are the reports whose last write failed.
	unwritten keySet
	// database in use, for what it knows at all; nil before the first.
	database atomic.Pointer[knownBuckets]

	scans     *trigger[inventory.ScanKey]
	reports   *trigger[inventory.ReportKey]
	databases *trigger[types.NamespacedName]
	baseQueue *trigger[inventory.ScanKey]
	policies  *trigger[policyKey]
	watches   *trigger[string]

	notifications *notifications
}

// knownBuckets says which buckets a database has.
type knownBuckets func(name string) (bool, error)

// judged is the state as the database in use leaves it: an operating system of
// which the database knows nothing is not one without vulnerabilities.
func (s *shared) judged(state scanState) scanState {
	has := s.database.Load()
	if state.Bucket == "" || has == nil {
		return state
	}
	if known, err := (*has)(state.Bucket); err != nil || known {
		return state
	}
	unknown := scan.UnknownRelease(state.Bucket)
	state.Reason, state.Message = unknown.Reason, unknown.Message
	return state
}

// wakeReports queues every report that follows one of the scans, also those of
// images that no pod runs any more.
func (s *shared) wakeReports(ctx context.Context, priority int, keys ...inventory.ScanKey) {
	for _, key := range keys {
		reports, err := s.reportsOf(ctx, key)
		if err != nil {
			log.FromContext(ctx).Error(err, "Reports of images that no pod runs cannot be found")
			reports = s.inventory.Reports(key)
		}
		s.reports.addPriority(ctx, priority, reports...)
	}
	s.wakeCoverage(ctx)
}

// wakeCoverage has the coverage counted again, soon.
func (s *shared) wakeCoverage(ctx context.Context) {
	s.databases.add(ctx, priorityqueue.AddOpts{After: debounce}, defaultDatabase)
}

// reportsOf returns the reports that follow a scan: running and idle ones.
func (s *shared) reportsOf(ctx context.Context, key inventory.ScanKey) ([]inventory.ReportKey, error) {
	reports := s.inventory.Reports(key)
	idle, err := s.reportObjects(ctx, key)
	if err != nil {
		return nil, err
	}
	for i := range idle {
		if report, err := reportKey(&idle[i]); err == nil {
			reports = append(reports, report)
		}
	}
	return unique(reports), nil
}

func unique[T comparable](list []T) []T {
	seen := make(map[T]struct{}, len(list))
	out := list[:0]
	for _, item := range list {
		if _, ok := seen[item]; !ok {
			seen[item] = struct{}{}
			out = append(out, item)
		}
	}
	return out
}

func compareStrings(a, b fmt.Stringer) int { return cmp.Compare(a.String(), b.String()) }

// logConstructor names a request of a controller whose requests are not objects.
func logConstructor[request any](m manager.Manager, name string, describe func(request) []any) func(*request) logr.Logger {
	base := m.GetLogger().WithValues("controller", name)
	return func(r *request) logr.Logger {
		if r == nil {
			return base
		}
		return base.WithValues(describe(*r)...)
	}
}
