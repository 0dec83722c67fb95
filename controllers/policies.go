package controllers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

const (
	kindImagePolicy        = "ImagePolicy"
	kindClusterImagePolicy = "ClusterImagePolicy"
)

// specChanged and labelsChanged let through what can change a judgement.
var (
	specChanged   = builder.WithPredicates(predicate.GenerationChangedPredicate{})
	labelsChanged = builder.WithPredicates(predicate.LabelChangedPredicate{})
)

func namespaceMetadata() *metav1.PartialObjectMetadata {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return namespace
}

// policiesFor returns the policies that may judge a namespace's images.
func (s *shared) policiesFor(ctx context.Context, namespace string) ([]policy.Policy, error) {
	var local v1alpha1.ImagePolicyList
	if err := s.client.List(ctx, &local, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list ImagePolicies of namespace %s: %w", namespace, err)
	}
	var cluster v1alpha1.ClusterImagePolicyList
	if err := s.client.List(ctx, &cluster); err != nil {
		return nil, fmt.Errorf("list ClusterImagePolicies: %w", err)
	}
	policies := make([]policy.Policy, 0, len(local.Items)+len(cluster.Items))
	for _, p := range local.Items {
		policies = append(policies, policy.Policy{Kind: kindImagePolicy, Name: p.Name, Spec: p.Spec})
	}
	if len(cluster.Items) == 0 {
		return policies, nil
	}
	object := namespaceMetadata()
	if err := s.client.Get(ctx, client.ObjectKey{Name: namespace}, object); err != nil {
		return nil, fmt.Errorf("get namespace %s: %w", namespace, err)
	}
	for _, p := range cluster.Items {
		selected, err := selectsNamespace(p.Spec.NamespaceSelector, object.Labels)
		if err != nil {
			// The policy itself says so, and must not keep the others from judging.
			continue
		}
		if selected {
			policies = append(policies, policy.Policy{Kind: kindClusterImagePolicy, Name: p.Name, Spec: p.Spec.ImagePolicySpec})
		}
	}
	return policies, nil
}

// selectsNamespace takes an absent selector for every namespace.
func selectsNamespace(selector *metav1.LabelSelector, namespace map[string]string) (bool, error) {
	if selector == nil {
		return true, nil
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, err
	}
	return s.Matches(labels.Set(namespace)), nil
}

// judgesPods says whether a policy needs to know the pods of workloads that have none now.
func judgesPods(p policy.Policy) bool {
	return p.Spec.Selector.PodSelector != nil || slices.ContainsFunc(p.Spec.Rules, func(r v1alpha1.Rule) bool {
		return r.Type == v1alpha1.RuleWorkload
	})
}

// countsFromFirstObserved says whether a policy needs the ledger.
func countsFromFirstObserved(p policy.Policy) bool {
	if p.Spec.Suspend {
		return false
	}
	for _, rule := range p.Spec.Rules {
		if v := rule.Vulnerabilities; v != nil && len(v.Deadlines) > 0 {
			return true
		}
	}
	return false
}

func (r *imageReportReconciler) fromReport(ctx context.Context, object client.Object) []inventory.ReportKey {
	key, err := reportKey(object.(*v1alpha1.ImageReport))
	if err != nil {
		log.FromContext(ctx).Error(err, "Report has an identity that is none", "namespace", object.GetNamespace(), "name", object.GetName())
		return nil
	}
	return []inventory.ReportKey{key}
}

// fromWorkload wakes the reports that name a workload: they live only as long as
// it, and may be judged by its template.
func (r *imageReportReconciler) fromWorkload(ctx context.Context, object client.Object) []inventory.ReportKey {
	keys, err := r.reportsOfWorkload(ctx, object.GetNamespace(), workloadOf(object))
	if err != nil {
		log.FromContext(ctx).Error(err, "A workload is gone or has changed, and its reports could not be listed")
	}
	return keys
}

// fromPolicy wakes the reports that a policy may judge: those of its namespace, or all.
func (r *imageReportReconciler) fromPolicy(ctx context.Context, object client.Object) []inventory.ReportKey {
	return r.reportsIn(ctx, object.GetNamespace())
}

func (r *imageReportReconciler) fromNamespace(ctx context.Context, object client.Object) []inventory.ReportKey {
	return r.reportsIn(ctx, object.GetName())
}

// reportsIn returns all reports of a namespace, or of all with an empty name.
func (r *imageReportReconciler) reportsIn(ctx context.Context, namespace string) []inventory.ReportKey {
	keys := r.inventory.ReportsIn(namespace)
	var objects v1alpha1.ImageReportList
	if err := r.client.List(ctx, &objects, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		log.FromContext(ctx).Error(err, "Reports could not be listed", "namespace", namespace)
	}
	for i := range objects.Items {
		if key, err := reportKey(&objects.Items[i]); err == nil {
			keys = append(keys, key)
		}
	}
	return unique(keys)
}

// ofWorkloads lets through that one is gone, and that one without pods has
// changed: it is judged by its template. A workload with pods is judged by these.
func (r *imageReportReconciler) ofWorkloads() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() && !r.inventory.HasPods(e.ObjectNew.GetNamespace(), workloadOf(e.ObjectNew))
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

func workloadOf(object client.Object) inventory.Owner {
	kind := object.GetObjectKind().GroupVersionKind()
	return inventory.Owner{Group: kind.Group, Kind: kind.Kind, Name: object.GetName()}
}

// judged lets through the changes of a report that a policy's status counts.
var judged = builder.WithPredicates(predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.ImageReport), e.ObjectNew.(*v1alpha1.ImageReport)
		return before.Status.ContentHash != after.Status.ContentHash
	},
})
