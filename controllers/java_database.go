package controllers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/javadb"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

const (
	// javaInterval is how often the sources of the Java database are asked: it is built once a week or so.
	javaInterval = 24 * time.Hour
	// javaRetry is how soon they are asked again where one did not answer.
	javaRetry = 10 * time.Minute
)

// javaDatabase keeps the Java database new, where sources are configured, and has
// the images judged again whose archives another one names otherwise.
type javaDatabase struct {
	*shared
	archives  *archives
	sources   []vulndb.Source
	artifacts vulndb.Registry
	dir       string
	// after is time.After.
	after func(time.Duration) <-chan time.Time

	// The next two are used by the runnable only. untaken says that dir holds another
	// database than the one in use; renamed are the images that are to be judged again.
	untaken bool
	renamed map[image.Digest]struct{}

	mu sync.Mutex
	// asked says that a try has ended since the start, and failure how the last one did.
	asked   bool
	failure error
}

var _ manager.LeaderElectionRunnable = (*javaDatabase)(nil)

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*javaDatabase) NeedLeaderElection() bool { return true }

// reopen takes up the database that the process before left, so that a restart
// renames nothing. One that cannot be opened is fetched anew.
func (j *javaDatabase) reopen(ctx context.Context) error {
	if _, err := os.Stat(j.dir); len(j.sources) == 0 || err != nil {
		return nil
	}
	db, err := javadb.Open(j.dir)
	if err != nil {
		log.FromContext(ctx).Error(err, "The Java database cannot be used again")
		if err := os.RemoveAll(j.dir); err != nil {
			return fmt.Errorf("remove the Java database: %w", err)
		}
		return nil
	}
	return j.archives.use(db)
}

// Start implements manager.Runnable. A failure is no reason to stop the operator.
func (j *javaDatabase) Start(ctx context.Context) error {
	if len(j.sources) == 0 {
		return nil
	}
	for {
		err := j.check(ctx)
		if ctx.Err() != nil {
			return nil
		}
		j.settle(ctx, err)
		select {
		case <-ctx.Done():
			return nil
		case <-j.after(javaWait(err)):
		}
	}
}

// javaWait has jitter, which keeps a thousand clusters from asking one registry at
// the same second.
func javaWait(failure error) time.Duration {
	wait := javaInterval
	if failure != nil {
		if reason := databaseReason(failure); reason == v1alpha1.ReasonSourceUnavailable || reason == v1alpha1.ReasonRetrying {
			wait = javaRetry
		}
	}
	return wait + rand.N(wait/10)
}

// settle makes known how a try ended.
func (j *javaDatabase) settle(ctx context.Context, failure error) {
	if failure != nil {
		javaDatabaseFailures.WithLabelValues(databaseReason(failure)).Inc()
		log.FromContext(ctx).Error(failure, "The Java database could not be updated")
	}
	j.mu.Lock()
	j.asked, j.failure = true, failure
	j.mu.Unlock()
	j.wakeCoverage(ctx)
}

// check asks the sources once, and takes up a database that is new.
func (j *javaDatabase) check(ctx context.Context) error {
	changed, err := javadb.Update(ctx, j.artifacts, j.sources, j.dir, javadb.DefaultLimits)
	if err != nil {
		return errors.Join(err, j.rejudge(ctx))
	}
	j.untaken = j.untaken || changed || j.archives.current() == nil
	if j.untaken {
		if err := j.take(ctx); err != nil {
			return err
		}
		j.untaken = false
	}
	return j.rejudge(ctx)
}

// take opens the new database beside the one in use, finds out which images it
// changes, and then puts it into use.
func (j *javaDatabase) take(ctx context.Context) error {
	next, err := javadb.Open(j.dir)
	if err != nil {
		return err
	}
	same, err := j.compare(ctx, next)
	if err != nil {
		return errors.Join(err, next.Close())
	}
	if err := j.archives.use(next); err != nil {
		log.FromContext(ctx).Error(err, "The former Java database cannot be closed")
	}
	// Images that came during the comparison were not compared.
	for manifest := range j.catalogue.scansByManifest() {
		if !same[manifest] {
			j.renamed[manifest] = struct{}{}
		}
	}
	log.FromContext(ctx).Info("Took up another Java database", "built", next.Built(), "images", len(same), "changedImages", len(j.renamed))
	return nil
}

// compare returns the images whose archives the next database names as the one in use does.
func (j *javaDatabase) compare(ctx context.Context, next *javadb.DB) (same map[image.Digest]bool, err error) {
	same = map[image.Digest]bool{}
	for manifest := range j.catalogue.scansByManifest() {
		differs, err := j.archives.differs(ctx, next, manifest)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		same[manifest] = !differs
	}
	return same, nil
}

// rejudge judges renamed images from the store. Those that fail stay for the next try.
func (j *javaDatabase) rejudge(ctx context.Context) error {
	var failures []error
	for manifest := range j.renamed {
		if err := ctx.Err(); err != nil {
			return err
		}
		scans := j.catalogue.scansByManifest()[manifest]
		if err := j.replace(manifest); err != nil {
			failures = append(failures, err)
			continue
		}
		delete(j.renamed, manifest)
		j.wakeReports(ctx, j.newsPriority(manifest), scans...)
	}
	return errors.Join(failures...)
}

// replace holds the image under its new names, unless it has left or was lost meanwhile.
func (j *javaDatabase) replace(manifest image.Digest) error {
	img, err := j.archives.Image(manifest)
	if errors.Is(err, store.ErrNotFound) {
		return nil // Its report finds that out, and has it scanned again.
	}
	if err != nil {
		return err
	}
	components := match.Components(&img.Content, j.now())
	j.images.Lock()
	defer j.images.Unlock()
	if !j.catalogue.uses(manifest) {
		return nil
	}
	if err := j.fleet.Replace(manifest, img.Content.Packages, components); err != nil {
		return fmt.Errorf("judge image %s again: %w", manifest, err)
	}
	return nil
}

// setCondition tells of the Java database only where there are sources. What was
// said before a restart holds until the sources have been asked again.
func (j *javaDatabase) setCondition(status *v1alpha1.VulnerabilityDatabaseStatus, generation int64) {
	if j == nil || len(j.sources) == 0 {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionJavaDatabase)
		return
	}
	j.mu.Lock()
	asked, failure := j.asked, j.failure
	j.mu.Unlock()
	set := func(value metav1.ConditionStatus, reason, message string) {
		setCondition(&status.Conditions, v1alpha1.ConditionJavaDatabase, value, reason, message, generation, j.now())
	}
	db := j.archives.current()
	switch {
	case asked && failure != nil:
		set(metav1.ConditionFalse, databaseReason(failure), clip(failure.Error()))
	case asked:
		set(metav1.ConditionTrue, v1alpha1.ReasonUpToDate,
			fmt.Sprintf("The newest Java database of the sources is in use, which was built on %s", db.Built().UTC().Format(time.DateOnly)))
	case db == nil || meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionJavaDatabase) == nil:
		set(metav1.ConditionUnknown, v1alpha1.ReasonLoading, "The sources of the Java database are being asked")
	}
}
