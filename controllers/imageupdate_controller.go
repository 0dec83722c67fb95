package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

// remediated is a policy that says how images get fixed, or that asks how old their bases are.
type remediated struct {
	key    policyKey
	object client.Object
	policy policy.Policy
	// Remediation is nil where the policy only asks.
	Remediation *v1alpha1.Remediation
	// namespace of the policy's updates and Secrets.
	namespace string
}

func (p remediated) majors() bool {
	return p.Remediation != nil && p.Remediation.Majors == v1alpha1.MajorsAllowed
}

// bases that are to be recognised by their layers.
func (p remediated) bases() []string {
	if p.Remediation == nil {
		return nil
	}
	return p.Remediation.Bases
}

// forgeSecret that a policy with a forgeRef names.
func (p remediated) forgeSecret() types.NamespacedName {
	return types.NamespacedName{Namespace: p.namespace, Name: p.Remediation.ForgeRef.Name}
}

// updateReconciler follows, for each policy, what its images could move to, and
// has it proposed or built.
type updateReconciler struct {
	*shared
	store       imageStore
	registry    tagRegistry
	secrets     PullSecrets
	http        *http.Client
	namespace   string
	cluster     string
	forgeEvery  time.Duration
	objects     *sourceObjects
	forges      *forges
	attempts    *attempts
	proposals   *proposals
	projections *projections
}

func newUpdateReconciler(s *shared, images imageStore, projected *projections, o Options) *updateReconciler {
	return &updateReconciler{
		shared: s, store: images, registry: o.Registry, secrets: o.PullSecrets, http: o.HTTP, namespace: o.Namespace, cluster: o.ClusterName, forgeEvery: o.ForgeInterval,
		objects:   &sourceObjects{reader: s.reader, argoCD: o.ArgoCDNamespaces, now: s.now, known: map[workloadName]deployedFrom{}},
		forges:    &forges{reader: s.reader, http: o.HTTP, secrets: o.PullSecrets, now: s.now, known: map[forgeKey]pullrequest.Forge{}, pauses: map[types.NamespacedName]pause{}},
		attempts:  newAttempts(),
		proposals: newProposals(), projections: projected,
	}
}

func (r *updateReconciler) setup(m manager.Manager) error {
	return builder.TypedControllerManagedBy[policyKey](m).
		Named("imageupdate").
		WatchesRawSource(r.policies).
		Watches(&v1alpha1.ImagePolicy{}, handler.TypedEnqueueRequestsFromMapFunc(policyRequest), specChanged).
		Watches(&v1alpha1.ClusterImagePolicy{}, handler.TypedEnqueueRequestsFromMapFunc(policyRequest), specChanged).
		Watches(&v1alpha1.ImageReport{}, handler.TypedEnqueueRequestsFromMapFunc(r.fromReport), builder.WithPredicates(predicate.Funcs{UpdateFunc: moved})).
		Watches(&v1alpha1.ImageUpdate{}, handler.TypedEnqueueRequestsFromMapFunc(fromUpdate), specChanged).
		WithOptions(controller.TypedOptions[policyKey]{
			MaxConcurrentReconciles: 4,
			CacheSyncTimeout:        cacheSyncTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[policyKey](time.Second, 5*time.Minute),
			ReconciliationTimeout:   10 * time.Minute,
		}).
		WithLogConstructor(logConstructor[policyKey](m, "imageupdate", func(k policyKey) []any {
			return []any{"policy", k.String()}
		})).
		Complete(r)
}

func policyRequest(_ context.Context, object client.Object) []policyKey {
	return []policyKey{policyKeyOf(object)}
}

// moved says whether what an image runs on, or who runs it, has changed. Other findings
// wake the policies by themselves, once for all images.
func moved(e event.UpdateEvent) bool {
	before, after := e.ObjectOld.(*v1alpha1.ImageReport).Status, e.ObjectNew.(*v1alpha1.ImageReport).Status
	selected := func(s v1alpha1.ImageReportStatus) []string {
		names := make([]string, 0, len(s.Verdicts))
		for _, v := range s.Verdicts {
			names = append(names, v.PolicyKind+" "+v.PolicyName)
		}
		return names
	}
	return !slices.Equal(selected(before), selected(after)) || !slices.Equal(before.Tags, after.Tags) ||
		!reflect.DeepEqual(before.Base, after.Base) || !reflect.DeepEqual(before.Workloads, after.Workloads)
}

// fromReport wakes, soon, the policies that judge a report: reports change together.
func (r *updateReconciler) fromReport(ctx context.Context, object client.Object) []policyKey {
	report := object.(*v1alpha1.ImageReport)
	for _, verdict := range report.Status.Verdicts {
		r.policies.add(ctx, priorityqueue.AddOpts{After: debounce}, policyKeyIn(report.Namespace, verdict.PolicyKind, verdict.PolicyName))
	}
	return nil
}

// fromUpdate wakes the policy of an update that somebody deleted or made.
func fromUpdate(_ context.Context, object client.Object) []policyKey {
	spec := object.(*v1alpha1.ImageUpdate).Spec
	return []policyKey{policyKeyIn(object.GetNamespace(), spec.PolicyKind, spec.PolicyName)}
}

// wakePolicies has every policy look again, soon.
func (s *shared) wakePolicies(ctx context.Context) {
	var keys []policyKey
	var local v1alpha1.ImagePolicyList
	var cluster v1alpha1.ClusterImagePolicyList
	if err := errors.Join(s.client.List(ctx, &local), s.client.List(ctx, &cluster)); err != nil {
		return
	}
	for i := range local.Items {
		keys = append(keys, policyKeyOf(&local.Items[i]))
	}
	for i := range cluster.Items {
		keys = append(keys, policyKeyOf(&cluster.Items[i]))
	}
	s.policies.add(ctx, priorityqueue.AddOpts{After: debounce}, keys...)
}

// Reconcile implements reconcile.TypedReconciler.
func (r *updateReconciler) Reconcile(ctx context.Context, key policyKey) (reconcile.Result, error) {
	p, err := r.remediated(ctx, key)
	if err != nil {
		return reconcile.Result{}, err
	}
	if p == nil {
		r.watch(ctx, key, nil)
		r.project(ctx, key, nil, true)
		return reconcile.Result{}, r.deleteUpdates(ctx, key)
	}
	found, err := r.images(ctx, *p)
	if err != nil {
		return reconcile.Result{}, err
	}
	updates, err := r.updates(ctx, key)
	if err != nil {
		return reconcile.Result{}, err
	}
	again := r.readDockerfiles(ctx, *p, found.images)
	deployedBefore(found.images, updates)
	groups := groupMoving(found.images)
	r.watch(ctx, key, needs(groups, proposedTags(updates), p.majors(), p.bases()))
	if p.Remediation == nil {
		return reconcile.Result{}, nil
	}
	found.settled = found.settled && r.watched.lookedAt(key)
	round, err := r.round(*p, found, groups, updates)
	if err != nil {
		return reconcile.Result{}, err
	}
	r.revisit(ctx, round)
	r.act(ctx, round)
	return r.published(ctx, round, again)
}

// published writes what the round decided, and comes back for it, or for something else before.
func (r *updateReconciler) published(ctx context.Context, round *round, again time.Duration) (reconcile.Result, error) {
	next, err := r.publish(ctx, round)
	if err != nil {
		return reconcile.Result{}, err
	}
	if again > 0 && (next == 0 || again < next) {
		next = again
	}
	return reconcile.Result{RequeueAfter: next}, nil
}

func proposedTags(updates []v1alpha1.ImageUpdate) map[updateID]string {
	tags := map[updateID]string{}
	for i := range updates {
		if to := updates[i].Status.To; to != nil && underWay(updates[i].Status.Phase) {
			tags[idOf(&updates[i])] = to.Tag
		}
	}
	return tags
}

func (r *updateReconciler) watch(ctx context.Context, key policyKey, needs map[string]watchNeed) {
	r.watches.addPriority(ctx, priorityNormal, r.watched.set(key, needs)...)
}

// remediated returns the policy, or nil where nothing is to be done for it.
func (r *updateReconciler) remediated(ctx context.Context, key policyKey) (*remediated, error) {
	p := &remediated{key: key, namespace: key.Namespace}
	var spec v1alpha1.ImagePolicySpec
	switch key.Kind {
	case kindImagePolicy:
		object := &v1alpha1.ImagePolicy{}
		if err := r.client.Get(ctx, key.name(), object); err != nil {
			return nil, client.IgnoreNotFound(err)
		}
		p.object, spec = object, object.Spec
	default:
		object := &v1alpha1.ClusterImagePolicy{}
		if err := r.client.Get(ctx, key.name(), object); err != nil {
			return nil, client.IgnoreNotFound(err)
		}
		p.object, spec, p.namespace = object, object.Spec.ImagePolicySpec, r.namespace
	}
	p.policy = policy.Policy{Kind: key.Kind, Name: key.Name, Spec: spec}
	if spec.Remediation != nil && spec.Remediation.Updates != v1alpha1.UpdatesNone {
		p.Remediation = spec.Remediation
	}
	asks := slices.ContainsFunc(spec.Rules, func(rule v1alpha1.Rule) bool {
		return rule.BaseImage != nil && rule.BaseImage.MaxBehindDays != nil
	})
	if spec.Suspend || p.Remediation == nil && !asks || p.object.GetDeletionTimestamp() != nil {
		return nil, nil
	}
	return p, nil
}

// deleteUpdates removes those of a policy that asks for none any more. Pull requests that are open stay open.
func (r *updateReconciler) deleteUpdates(ctx context.Context, key policyKey) error {
	updates, err := r.updates(ctx, key)
	if err != nil {
		return err
	}
	var errs []error
	for i := range updates {
		errs = append(errs, client.IgnoreNotFound(r.client.Delete(ctx, &updates[i])))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("delete the updates of %s: %w", key, err)
	}
	return nil
}

// updates of a policy as the cache has them.
func (r *updateReconciler) updates(ctx context.Context, key policyKey) ([]v1alpha1.ImageUpdate, error) {
	namespace := key.Namespace
	if key.Kind == kindClusterImagePolicy {
		namespace = r.namespace
	}
	var list v1alpha1.ImageUpdateList
	if err := r.client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list the updates of %s: %w", key, err)
	}
	return slices.DeleteFunc(list.Items, func(u v1alpha1.ImageUpdate) bool {
		return u.Spec.PolicyKind != key.Kind || u.Spec.PolicyName != key.Name
	}), nil
}
