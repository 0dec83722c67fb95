package controllers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

const (
	// maxCandidates of one tag that are looked at.
	maxCandidates = 8
	// maxIndexed tags of one repository whose layers are known, newest first.
	maxIndexed = 64
)

// tagRegistry is where tags and what they lead to are asked for.
type tagRegistry interface {
	Tags(ctx context.Context, repository image.Reference, keys registry.Keychain, previous *registry.TagList) (*registry.TagList, error)
	Digest(ctx context.Context, ref image.Reference, keys registry.Keychain) (image.Digest, error)
	Manifest(ctx context.Context, ref image.Reference, platform image.Platform, keys registry.Keychain) (*registry.Manifest, error)
}

// baseStore keeps what is known of the bases of a repository over a restart.
type baseStore interface {
	Bases(repository string) ([]store.Base, error)
	PutBases(repository string, bases []store.Base) error
}

// watchReconciler looks, from time to time, which tags the repositories of base
// images have, and where they lead.
type watchReconciler struct {
	*shared
	registry tagRegistry
	store    baseStore
	secrets  PullSecrets
	interval time.Duration

	mu    sync.Mutex
	lists map[string]*registry.TagList
}

func (r *watchReconciler) setup(m manager.Manager) error {
	return builder.TypedControllerManagedBy[string](m).
		Named("watch").
		WatchesRawSource(r.watches).
		WithOptions(controller.TypedOptions[string]{
			MaxConcurrentReconciles: 2,
			CacheSyncTimeout:        cacheSyncTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[string](5*time.Second, 30*time.Minute),
			ReconciliationTimeout:   10 * time.Minute,
		}).
		WithLogConstructor(logConstructor[string](m, "watch", func(repository string) []any {
			return []any{"repository", repository}
		})).
		Complete(r)
}

// Reconcile implements reconcile.TypedReconciler.
func (r *watchReconciler) Reconcile(ctx context.Context, repository string) (reconcile.Result, error) {
	need := r.watched.need(repository)
	if len(need.Subjects) == 0 && len(need.Patterns) == 0 {
		r.wish(ctx, wisher{Watch: repository}, nil)
		r.watched.offer(repository, nil)
		r.watched.look(repository, false)
		r.listBases(ctx, repository, nil)
		r.remember(repository, nil)
		return reconcile.Result{}, nil
	}
	look := &look{
		registry: r.registry, repository: repository, digests: map[string]image.Digest{},
		keys: keychain{reader: r.reader, secrets: r.secrets, pulls: need.Pulls},
	}
	list, err := r.registry.Tags(ctx, image.Reference{Repository: repository}, look.keys, r.remembered(repository))
	if err != nil {
		baseFailures.WithLabelValues(repositoryReason(err)).Inc()
		return reconcile.Result{}, fmt.Errorf("list the tags of %s: %w", repository, err)
	}
	r.remember(repository, list)
	look.tags = list.Tags
	found, wanted := look.offers(ctx, need)
	r.wish(ctx, wisher{Watch: repository}, wanted)
	indexed, err := r.index(ctx, look, need)
	if err != nil {
		return reconcile.Result{}, err
	}
	r.watched.look(repository, true)
	if r.watched.offer(repository, found) || indexed {
		r.wakePolicies(ctx)
	}
	if look.failure != nil {
		baseFailures.WithLabelValues(repositoryReason(look.failure)).Inc()
		log.FromContext(ctx).Info("Some tags could not be followed", "error", look.failure.Error())
	}
	// Jitter keeps all clusters from asking one registry at the same second.
	return reconcile.Result{RequeueAfter: r.interval + rand.N(r.interval/10+time.Millisecond)}, nil
}

func repositoryReason(err error) string {
	reason, _ := scan.Reason(err)
	return reason
}

func (r *watchReconciler) remembered(repository string) *registry.TagList {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lists[repository]
}

func (r *watchReconciler) remember(repository string, list *registry.TagList) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if list == nil {
		delete(r.lists, repository)
		return
	}
	r.lists[repository] = list
}

// look at one repository. Each tag is followed once.
type look struct {
	registry   tagRegistry
	repository string
	keys       registry.Keychain
	tags       []string
	digests    map[string]image.Digest
	// failure is the first to follow a tag; the others are followed all the same.
	failure error
}

func (l *look) digest(ctx context.Context, tag string) image.Digest {
	if digest, known := l.digests[tag]; known {
		return digest
	}
	digest, err := l.registry.Digest(ctx, image.Reference{Repository: l.repository, Tag: tag}, l.keys)
	if err != nil && l.failure == nil {
		l.failure = err
	}
	l.digests[tag] = digest
	return digest
}

// offers are those for each subject, and what is to be scanned for them.
func (l *look) offers(ctx context.Context, need watchNeed) (map[subject]offers, map[inventory.ScanKey]wish) {
	found := map[subject]offers{}
	wanted := map[inventory.ScanKey]wish{}
	want := func(tag string, digest image.Digest, platform image.Platform) {
		wanted[inventory.ScanKey{Digest: digest, Platform: platform}] = wish{
			Reference: image.Reference{Repository: l.repository, Tag: tag}, Pulls: need.Pulls,
		}
	}
	for s, proposed := range need.Subjects {
		current, ok := baseimage.ParseTag(l.repository, s.Tag)
		if !ok {
			continue
		}
		var o offers
		for _, candidate := range l.candidates(current, proposed, s.Majors) {
			digest := l.digest(ctx, candidate.Tag.String())
			if digest == "" {
				continue
			}
			want(candidate.Tag.String(), digest, s.Platform)
			o.Candidates = append(o.Candidates, offer{Candidate: candidate, Digest: digest, Unreleased: l.unreleased(ctx, current, candidate.Tag, digest)})
		}
		for _, tag := range baseimage.Smaller(l.repository, s.Tag, l.tags) {
			parsed, _ := baseimage.ParseTag(l.repository, tag)
			if digest := l.digest(ctx, tag); digest != "" {
				want(tag, digest, s.Platform)
				o.Smaller = append(o.Smaller, offer{Candidate: baseimage.Candidate{Tag: parsed}, Digest: digest})
			}
		}
		found[s] = o
	}
	return found, wanted
}

// candidates are the newest of each rung, and those that are proposed already.
func (l *look) candidates(current baseimage.Tag, proposed []string, majors bool) []baseimage.Candidate {
	list := baseimage.Shortlist(current, l.tags, l.repository, majors, maxCandidates)
	var keep []baseimage.Tag
	for _, c := range list {
		keep = append(keep, c.Tag)
	}
	for _, tag := range proposed {
		parsed, ok := baseimage.ParseTag(l.repository, tag)
		if ok && slices.Contains(l.tags, tag) && !slices.ContainsFunc(keep, func(t baseimage.Tag) bool { return t.String() == tag }) {
			keep = append(keep, parsed)
		}
	}
	return baseimage.Candidates(current, keep, majors)
}

// unreleased says whether a tag for what is not released leads to the digest of a candidate.
func (l *look) unreleased(ctx context.Context, current, candidate baseimage.Tag, digest image.Digest) bool {
	if current.Prerelease() {
		return false
	}
	return slices.ContainsFunc(candidate.Moving(), func(tag string) bool {
		return tag != current.String() && slices.Contains(l.tags, tag) && l.digest(ctx, tag) == digest
	})
}

// index makes the images of the patterns' tags known by their layers, and says
// whether there are others than before.
func (r *watchReconciler) index(ctx context.Context, l *look, need watchNeed) (changed bool, err error) {
	if len(need.Patterns) == 0 {
		return false, nil
	}
	stored, err := r.store.Bases(l.repository)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, fmt.Errorf("read the known bases of %s from the store: %w", l.repository, err)
	}
	platforms := r.platforms()
	var bases []store.Base
	for _, tag := range baseimage.Newest(l.repository, matchingTags(l.tags, need.Patterns), maxIndexed) {
		digest := l.digest(ctx, tag)
		if digest == "" {
			continue
		}
		for _, platform := range platforms {
			base, err := r.base(ctx, l, stored, tag, digest, platform)
			if err != nil {
				l.failure = err
				continue
			}
			bases = append(bases, base)
		}
	}
	bases = append(bases, olderBuilds(stored, bases)...)
	changed = r.listBases(ctx, l.repository, knownBases(l.repository, bases))
	if reflect.DeepEqual(stored, bases) {
		return changed, nil
	}
	if err := r.store.PutBases(l.repository, bases); err != nil {
		return changed, fmt.Errorf("keep the known bases of %s: %w", l.repository, err)
	}
	return changed, nil
}

// maxOlderBuilds of the tags of one repository that stay known: images stand on them.
const maxOlderBuilds = 256

// olderBuilds are those of stored that no tag leads to any more.
func olderBuilds(stored, current []store.Base) []store.Base {
	var older []store.Base
	for _, b := range stored {
		if len(older) == maxOlderBuilds {
			break
		}
		if !slices.ContainsFunc(current, func(c store.Base) bool { return c.Manifest == b.Manifest }) {
			older = append(older, b)
		}
	}
	return older
}

func knownBases(repository string, bases []store.Base) []baseimage.Known {
	known := make([]baseimage.Known, 0, len(bases))
	for _, b := range bases {
		known = append(known, baseimage.Known{
			Reference: image.Reference{Repository: repository, Tag: b.Tag}, Digest: b.Digest, Manifest: b.Manifest,
			Platform: b.Platform, DiffIDs: b.DiffIDs, Created: b.Created,
		})
	}
	return known
}

// base is what a tag leads to on a platform: as it was, if it leads to the same digest, or from the registry.
func (r *watchReconciler) base(ctx context.Context, l *look, stored []store.Base, tag string, digest image.Digest, platform image.Platform) (store.Base, error) {
	for _, b := range stored {
		if b.Tag == tag && b.Digest == digest && b.Platform == platform {
			return b, nil
		}
	}
	ref := image.Reference{Repository: l.repository, Tag: tag, Digest: digest}
	manifest, err := l.registry.Manifest(ctx, ref.WithDigest(digest), platform, l.keys)
	if err != nil {
		return store.Base{}, fmt.Errorf("get base image %s: %w", ref, err)
	}
	config, err := sbom.ParseConfig(manifest.Config)
	if err != nil {
		return store.Base{}, fmt.Errorf("read base image %s: %w", ref, err)
	}
	return store.Base{
		Tag: tag, Digest: digest, Manifest: manifest.Digest, Platform: platform, DiffIDs: config.DiffIDs, Created: config.Created,
	}, nil
}

// platforms on which anything runs.
func (s *shared) platforms() []image.Platform {
	var platforms []image.Platform
	for _, key := range s.inventory.Scans() {
		platforms = append(platforms, key.Platform)
	}
	platforms = unique(platforms)
	slices.SortFunc(platforms, func(a, b image.Platform) int { return compareStrings(a, b) })
	return platforms
}

func matchingTags(tags, patterns []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(tag string) bool {
		return !slices.ContainsFunc(patterns, func(pattern string) bool {
			matched, err := doublestar.Match(pattern, tag)
			return err == nil && matched
		})
	})
}
