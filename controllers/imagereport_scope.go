package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/report"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// imageStore is where the content of scanned images is.
type imageStore interface {
	Image(manifest image.Digest) (*store.Image, error)
}

// reportScope is all that one reconciliation of a report knows.
type reportScope struct {
	key inventory.ReportKey
	now time.Time
	// object as it is in the cluster; nil if it is not there yet.
	object *v1alpha1.ImageReport
	// ready says that the report may be judged: the scan has said something, and so has the database.
	ready bool

	image     inventory.Image
	workloads []v1alpha1.Workload
	// unused is since when nothing uses the image.
	unused *metav1.Time

	content  *store.Image
	scan     report.Scan
	revision string
	facts    policy.Facts
	policies []policy.Policy
	// clocked says that a policy counts deadlines from the first observation.
	// siblings are then, from time to time, the findings of all images of the
	// repository; nil if it is not the time, or one is not known.
	clocked  bool
	siblings [][]policy.Finding

	base     *v1alpha1.BaseImage
	baseIDs  []string
	update   *v1alpha1.UpdateSummary
	stepSize v1alpha1.UpdateStep

	judgement policy.Judgement
	status    v1alpha1.ImageReportStatus
}

func (s *reportScope) name() string {
	return report.Name(s.key.Repository, string(s.key.Digest), s.key.Platform.String())
}

func (s *reportScope) spec() v1alpha1.ImageReportSpec {
	return v1alpha1.ImageReportSpec{
		Repository: s.key.Repository,
		Digest:     string(s.key.Digest),
		Platform:   s.key.Platform.String(),
	}
}

// reportKey is what an ImageReport object is about.
func reportKey(object *v1alpha1.ImageReport) (inventory.ReportKey, error) {
	platform, err := image.ParsePlatform(object.Spec.Platform)
	if err != nil {
		return inventory.ReportKey{}, err
	}
	digest, err := image.ParseDigest(object.Spec.Digest)
	if err != nil {
		return inventory.ReportKey{}, err
	}
	return inventory.ReportKey{Namespace: object.Namespace, Repository: object.Spec.Repository, Digest: digest, Platform: platform}, nil
}

// gather collects what the report depends on. It returns nil if there is
// nothing to report: no pod, and no report from before.
func (r *imageReportReconciler) gather(ctx context.Context, key inventory.ReportKey) (*reportScope, error) {
	s := &reportScope{key: key, now: r.now()}
	var err error
	if s.object, err = r.before(ctx, s); err != nil {
		return nil, err
	}
	running := false
	s.image, running = r.inventory.Image(key)
	if !running && s.object == nil {
		return nil, nil
	}
	if err := r.gatherWorkloads(ctx, s); err != nil {
		return nil, err
	}
	if err := r.gatherContent(s); err != nil || !s.ready {
		return s, err
	}
	if s.policies, err = r.policiesFor(ctx, key.Namespace); err != nil {
		return nil, err
	}
	s.facts.Namespace = key.Namespace
	s.facts.Repository = key.Repository
	s.facts.Tags = s.tags()
	s.facts.Digest = string(key.Digest)
	if err := r.gatherPods(ctx, s); err != nil {
		return nil, err
	}
	r.gatherBase(s)
	if !s.ready {
		return s, nil
	}
	s.clocked = slices.ContainsFunc(s.policies, countsFromFirstObserved)
	if s.clocked && r.ledgers.sweep(key.Repository, s.now) {
		s.siblings, err = r.siblings(ctx, key.Repository)
	}
	return s, err
}

// gatherPods tells policies how workloads run the image.
func (r *imageReportReconciler) gatherPods(ctx context.Context, s *reportScope) (err error) {
	if s.facts.Workloads, err = policyWorkloads(s.image.Workloads); err != nil {
		return err
	}
	if !slices.ContainsFunc(s.policies, judgesPods) {
		return nil
	}
	return r.addIdle(ctx, s)
}

// before is the report as it is, or nil if there is none.
func (r *imageReportReconciler) before(ctx context.Context, s *reportScope) (*v1alpha1.ImageReport, error) {
	object := &v1alpha1.ImageReport{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: s.key.Namespace, Name: s.name()}, object)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get report %s/%s: %w", s.key.Namespace, s.name(), err)
	}
	return object, nil
}

// tags under which the image runs or, once no pod runs it, under which it ran.
func (s *reportScope) tags() []string {
	if len(s.image.References) == 0 && s.object != nil {
		return s.object.Status.Tags
	}
	return imageTags(s.image.References)
}

// gatherContent reads what the scan found and what the database says of it.
func (r *imageReportReconciler) gatherContent(s *reportScope) error {
	revision, settled := r.rollout.ready()
	state, known := r.catalogue.get(s.key.Scan())
	state = r.judged(state)
	// A report that said something keeps saying it until something else is known.
	s.ready = s.object == nil || s.object.Status.ContentHash == "" || (settled && known)
	s.revision = revision
	if !state.scanned() {
		s.scan = report.Scan{Reason: state.Reason, Message: state.Message}
		return nil
	}
	judgement, judged := r.fleet.Judgement(state.Manifest)
	content, err := r.store.Image(state.Manifest)
	if errors.Is(err, store.ErrNotFound) {
		// It was lost since it was scanned. Nothing is known until it is scanned again.
		r.catalogue.forget(s.key.Scan())
		s.ready = false
		return nil
	}
	if err != nil {
		return fmt.Errorf("read image %s from the store: %w", state.Manifest, err)
	}
	s.content = content
	s.scan = scan.State{Reason: state.Reason, Message: state.Message}.Report(&content.Content, judgement.Problems)
	if !judged {
		s.scan.Done = false
		s.scan.Reason = v1alpha1.ReasonDatabaseMissing
		s.scan.Message = "no vulnerability database has been loaded"
		return nil
	}
	s.revision = judgement.Revision
	if !slices.ContainsFunc(judgement.Problems, match.Blind) {
		s.facts = scan.Facts(&content.Content, judgement.Findings)
		s.facts.Scanned = s.scan.Done
	}
	return nil
}

// siblings returns the findings of every image of a repository, or nil if one
// of them is not known yet.
func (r *imageReportReconciler) siblings(ctx context.Context, repository string) ([][]policy.Finding, error) {
	var reports v1alpha1.ImageReportList
	if err := r.client.List(ctx, &reports, client.MatchingFields{repositoryIndex: repository}); err != nil {
		return nil, fmt.Errorf("list the reports of %s: %w", repository, err)
	}
	keys := r.inventory.ReportsOfRepository(repository)
	for i := range reports.Items {
		key, err := reportKey(&reports.Items[i])
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	manifests := map[image.Digest]struct{}{}
	for _, key := range keys {
		state, known := r.catalogue.get(key.Scan())
		if !known {
			return nil, nil
		}
		// An image that cannot be scanned has no findings that a clock runs for.
		if state.scanned() {
			manifests[state.Manifest] = struct{}{}
		}
	}
	siblings := make([][]policy.Finding, 0, len(manifests))
	for manifest := range manifests {
		judgement, ok := r.fleet.Judgement(manifest)
		if !ok {
			return nil, nil
		}
		content, err := r.store.Image(manifest)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read image %s from the store: %w", manifest, err)
		}
		siblings = append(siblings, scan.Findings(&content.Content, judgement.Findings))
	}
	return siblings, nil
}

// gatherWorkloads lists who uses the image: the workloads whose pods do and,
// while they exist and run nothing else, those whose pods last did.
func (r *imageReportReconciler) gatherWorkloads(ctx context.Context, s *reportScope) error {
	for _, w := range s.image.Workloads {
		state := v1alpha1.WorkloadIdle
		if w.Running {
			state = v1alpha1.WorkloadRunning
		}
		s.workloads = append(s.workloads, v1alpha1.Workload{Group: w.Owner.Group, Kind: w.Owner.Kind, Name: w.Owner.Name, State: state, Containers: w.Containers})
	}
	if s.object != nil && s.object.Status.Workloads != nil {
		for _, before := range s.object.Status.Workloads.Items {
			if slices.ContainsFunc(s.image.Workloads, func(w inventory.Workload) bool { return w.Owner == ownerOf(before) }) {
				continue
			}
			idle, err := r.lastRan(ctx, s, before)
			if err != nil {
				return err
			}
			if idle {
				before.State = v1alpha1.WorkloadIdle
				s.workloads = append(s.workloads, before)
			}
		}
	}
	if len(s.workloads) > 0 {
		return nil
	}
	s.unused = &metav1.Time{Time: s.now.Truncate(time.Second)}
	if s.object.Status.UnusedTime != nil {
		s.unused = s.object.Status.UnusedTime
	}
	return nil
}

// lastRan says whether a workload that the report named before still exists
// and has run nothing since.
func (r *imageReportReconciler) lastRan(ctx context.Context, s *reportScope, w v1alpha1.Workload) (bool, error) {
	if r.inventory.HasPods(s.key.Namespace, ownerOf(w)) {
		return false, nil
	}
	kind := schema.GroupKind{Group: w.Group, Kind: w.Kind}
	version, ok := workloadKinds[kind]
	if !ok {
		return false, nil
	}
	object := workloadMetadata(kind.WithVersion(version))
	err := r.client.Get(ctx, client.ObjectKey{Namespace: s.key.Namespace, Name: w.Name}, object)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("get %s %s/%s: %w", w.Kind, s.key.Namespace, w.Name, err)
	}
	return object.DeletionTimestamp == nil, nil
}

func ownerOf(w v1alpha1.Workload) inventory.Owner {
	return inventory.Owner{Group: w.Group, Kind: w.Kind, Name: w.Name}
}

func workloadMetadata(kind schema.GroupVersionKind) *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(kind)
	return object
}

// workloadKinds are the kinds that may exist without pods, with the version that is read.
var workloadKinds = map[schema.GroupKind]string{
	{Group: "apps", Kind: "Deployment"}:  "v1",
	{Group: "apps", Kind: "StatefulSet"}: "v1",
	{Group: "apps", Kind: "DaemonSet"}:   "v1",
	{Group: "apps", Kind: "ReplicaSet"}:  "v1",
	{Group: "batch", Kind: "CronJob"}:    "v1",
	{Group: "batch", Kind: "Job"}:        "v1",
}

// build makes the status of what was judged, compared with the object's.
func (s *reportScope) build() {
	s.status = report.Build(s.input())
	s.status.UnusedTime = s.unused
	s.status.ContentHash = report.ContentHash(s.status)
}

func (s *reportScope) input() report.Input {
	in := report.Input{
		Identity:         s.spec(),
		Generation:       1,
		Tags:             s.tags(),
		Scan:             s.scan,
		Workloads:        s.workloads,
		Findings:         s.facts.Findings,
		Judgement:        s.judgement,
		Base:             s.base,
		BaseLayers:       s.baseIDs,
		Update:           s.update,
		UpdateStep:       s.stepSize,
		DatabaseRevision: s.revision,
		Now:              s.now,
	}
	if s.content != nil {
		in.ManifestDigest = string(s.content.ManifestDigest)
		in.ConfigDigest = string(s.content.ConfigDigest)
	}
	if s.object != nil {
		in.Previous = &s.object.Status
	}
	return in
}

// expired says whether the report has outlived its image by the retention.
func (s *reportScope) expired(now time.Time, retention time.Duration) bool {
	return s.unused != nil && s.object.Status.UnusedTime != nil && !now.Before(s.unused.Add(retention))
}

// next is how long the report stays true without an event; 0 is for ever.
func (s *reportScope) next(now time.Time, retention time.Duration) time.Duration {
	var next time.Duration
	sooner := func(d time.Duration) {
		d = max(d, time.Millisecond)
		if next == 0 || d < next {
			next = d
		}
	}
	if !s.judgement.Until.IsZero() {
		sooner(s.judgement.Until.Sub(now))
	}
	if s.unused != nil {
		sooner(s.unused.Add(retention).Sub(now))
	}
	return next
}
