package controllers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// policyReconciler counts, for one kind of policy, what each policy selects and
// how it judged it. The judging itself is in the reports.
type policyReconciler struct {
	client client.Client
	now    func() time.Time
	kind   string
	// object returns an empty policy of the kind, and parts what this reconciler reads and writes of one.
	object func() client.Object
	parts  func(client.Object) (*v1alpha1.ImagePolicySpec, *v1alpha1.ImagePolicyStatus)
}

func newImagePolicyReconciler(c client.Client, now func() time.Time) *policyReconciler {
	return &policyReconciler{
		client: c, now: now, kind: kindImagePolicy,
		object: func() client.Object { return &v1alpha1.ImagePolicy{} },
		parts: func(o client.Object) (*v1alpha1.ImagePolicySpec, *v1alpha1.ImagePolicyStatus) {
			p := o.(*v1alpha1.ImagePolicy)
			return &p.Spec, &p.Status
		},
	}
}

func newClusterImagePolicyReconciler(c client.Client, now func() time.Time) *policyReconciler {
	return &policyReconciler{
		client: c, now: now, kind: kindClusterImagePolicy,
		object: func() client.Object { return &v1alpha1.ClusterImagePolicy{} },
		parts: func(o client.Object) (*v1alpha1.ImagePolicySpec, *v1alpha1.ImagePolicyStatus) {
			p := o.(*v1alpha1.ClusterImagePolicy)
			return &p.Spec.ImagePolicySpec, &p.Status
		},
	}
}

func (r *policyReconciler) setup(m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		For(r.object(), specChanged).
		Watches(&v1alpha1.ImageReport{}, r.reportHandler(), judged).
		Complete(r)
}

// reportHandler wakes the policies that judge a report, or did. It waits a
// little, because reports tend to change together.
func (r *policyReconciler) reportHandler() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	wake := func(q queue, object client.Object) {
		report := object.(*v1alpha1.ImageReport)
		for _, verdict := range report.Status.Verdicts {
			if verdict.PolicyKind == r.kind {
				q.AddAfter(reconcile.Request{NamespacedName: r.policyName(report, verdict)}, debounce)
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { wake(q, e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			wake(q, e.ObjectOld)
			wake(q, e.ObjectNew)
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { wake(q, e.Object) },
	}
}

func (r *policyReconciler) policyName(report *v1alpha1.ImageReport, verdict v1alpha1.PolicyVerdict) types.NamespacedName {
	name := types.NamespacedName{Name: verdict.PolicyName}
	if r.kind == kindImagePolicy {
		name.Namespace = report.Namespace
	}
	return name
}

func namespaceSelectorError(object client.Object) error {
	p, ok := object.(*v1alpha1.ClusterImagePolicy)
	if !ok {
		return nil
	}
	if _, err := selectsNamespace(p.Spec.NamespaceSelector, nil); err != nil {
		return fmt.Errorf("namespaceSelector: %w", err)
	}
	return nil
}

// Reconcile implements reconcile.Reconciler.
func (r *policyReconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	object := r.object()
	if err := r.client.Get(ctx, request.NamespacedName, object); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	var reports v1alpha1.ImageReportList
	if err := r.client.List(ctx, &reports, client.InNamespace(request.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, fmt.Errorf("list the reports of %s %s: %w", r.kind, request, err)
	}
	spec, status := r.parts(object)
	status.Conditions = withoutNotified(status.Conditions)
	wanted := r.count(request.Name, reports.Items)
	wanted.ObservedGeneration = object.GetGeneration()
	wanted.Conditions = slices.Clone(status.Conditions)
	r.setReady(&wanted, *spec, namespaceSelectorError(object))
	if reflect.DeepEqual(wanted, *status) {
		return reconcile.Result{}, nil
	}
	*status = wanted
	err := applyStatus(ctx, r.client, object)
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: debounce}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("write the status of %s %s: %w", r.kind, request, err)
	}
	return reconcile.Result{}, nil
}

func (r *policyReconciler) count(name string, reports []v1alpha1.ImageReport) v1alpha1.ImagePolicyStatus {
	images := &v1alpha1.PolicyImages{}
	violations := map[string]int32{}
	for i := range reports {
		for _, verdict := range reports[i].Status.Verdicts {
			if verdict.PolicyKind != r.kind || verdict.PolicyName != name {
				continue
			}
			images.Matched++
			countResult(images, verdict.Result)
			for _, rule := range violatedRules(verdict) {
				violations[rule]++
			}
		}
	}
	status := v1alpha1.ImagePolicyStatus{Images: images}
	for _, rule := range slices.Sorted(maps.Keys(violations)) {
		status.Violations = append(status.Violations, v1alpha1.RuleViolations{Rule: rule, Images: violations[rule]})
	}
	return status
}

func countResult(images *v1alpha1.PolicyImages, result v1alpha1.Verdict) {
	switch result {
	case v1alpha1.VerdictPass:
		images.Passing++
	case v1alpha1.VerdictFail, v1alpha1.VerdictError:
		images.Failing++
	default:
		images.Unknown++
	}
}

func violatedRules(verdict v1alpha1.PolicyVerdict) []string {
	var rules []string
	for _, violation := range verdict.Violations {
		rules = append(rules, violation.Rule)
	}
	slices.SortFunc(rules, cmp.Compare[string])
	return slices.Compact(rules)
}

// setReady says whether the policy can judge. selector is what is wrong with its namespace selector.
func (r *policyReconciler) setReady(status *v1alpha1.ImagePolicyStatus, spec v1alpha1.ImagePolicySpec, selector error) {
	ready := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: status.ObservedGeneration,
		Reason: v1alpha1.ReasonSucceeded, Message: "The policy judges the images that it selects",
		LastTransitionTime: metav1.NewTime(r.now()).Rfc3339Copy(),
	}
	if err := errors.Join(policy.Validate(spec), selector); err != nil {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, err.Error()
	} else if spec.Suspend {
		ready.Reason, ready.Message = v1alpha1.ReasonSuspended, "The policy is suspended and judges nothing"
	}
	meta.SetStatusCondition(&status.Conditions, ready)
}
