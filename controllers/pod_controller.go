package controllers

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// podReconciler keeps the inventory equal to the pods of the cluster, and
// wakes the scans and reports that a pod concerns.
type podReconciler struct {
	*shared
	// synced is closed when every pod that was there at the start is in the inventory.
	synced chan struct{}
}

func (r *podReconciler) setup(m manager.Manager) error {
	if err := m.Add(manager.RunnableFunc(r.fill)); err != nil {
		return err
	}
	return builder.ControllerManagedBy(m).Named("pod").For(&corev1.Pod{}).Complete(r)
}

// fill takes in every pod before any report is judged: a report that saw half
// of the pods would take the others' images for unused.
func (r *podReconciler) fill(ctx context.Context) error {
	var pods corev1.PodList
	if err := r.client.List(ctx, &pods, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	for i := range pods.Items {
		if _, err := r.take(ctx, &pods.Items[i]); err != nil {
			// The pod's own reconciliation tries again, and says so.
			continue
		}
	}
	close(r.synced)
	return nil
}

// Reconcile implements reconcile.Reconciler.
func (r *podReconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	select {
	case <-r.synced:
		// The first filling must not overwrite a pod by an older state of it.
	case <-ctx.Done():
		return reconcile.Result{}, context.Cause(ctx)
	}
	var pod corev1.Pod
	err := r.client.Get(ctx, request.NamespacedName, &pod)
	if client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, fmt.Errorf("get pod %s: %w", request, err)
	}
	var touched []inventory.ReportKey
	if err != nil {
		touched = r.inventory.Delete(request.Namespace, request.Name)
	} else if touched, err = r.take(ctx, &pod); err != nil {
		return reconcile.Result{}, err
	}
	r.wake(ctx, touched)
	return reconcile.Result{}, nil
}

// wake has the reports written once there is nothing better to do: as a rule the
// scan, which wakes them too, ends before, and they are written once and not twice.
func (r *podReconciler) wake(ctx context.Context, touched []inventory.ReportKey) {
	for _, report := range touched {
		priority := priorityNormal
		if _, known := r.catalogue.get(report.Scan()); !known {
			priority = priorityLow
		}
		r.reports.addPriority(ctx, priority, report)
		r.scans.addPriority(ctx, priorityNormal, report.Scan())
	}
}

// take puts a pod into the inventory. A pod without a node runs nothing yet.
func (r *podReconciler) take(ctx context.Context, pod *corev1.Pod) ([]inventory.ReportKey, error) {
	if pod.Spec.NodeName == "" {
		return nil, nil
	}
	platform, err := r.platform(ctx, pod.Spec.NodeName)
	if err != nil {
		return nil, fmt.Errorf("find the platform of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	owner, err := r.owner(ctx, pod)
	if err != nil {
		return nil, fmt.Errorf("find the owner of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	taken := inventory.NewPod(pod, platform, owner)
	touched := r.inventory.Set(taken)
	if taken.Pending {
		return touched, nil
	}
	// What the workload last ran may not be what it runs now.
	former, err := r.reportsOfWorkload(ctx, pod.Namespace, owner)
	return unique(append(touched, former...)), err
}

func (r *podReconciler) platform(ctx context.Context, name string) (image.Platform, error) {
	node := &metav1.PartialObjectMetadata{}
	node.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Node"))
	if err := r.client.Get(ctx, client.ObjectKey{Name: name}, node); err != nil {
		return image.Platform{}, fmt.Errorf("get node %s: %w", name, err)
	}
	platform := image.Platform{OS: node.Labels[corev1.LabelOSStable], Architecture: node.Labels[corev1.LabelArchStable]}
	if platform.OS == "" || platform.Architecture == "" {
		return image.Platform{}, fmt.Errorf("node %s has no labels %s and %s", name, corev1.LabelOSStable, corev1.LabelArchStable)
	}
	return platform, nil
}

// rolledUp are the kinds that stand between a pod and the workload that people know.
var rolledUp = map[schema.GroupKind]bool{
	{Group: "apps", Kind: "ReplicaSet"}: true,
	{Group: "batch", Kind: "Job"}:       true,
}

func (r *podReconciler) owner(ctx context.Context, pod *corev1.Pod) (inventory.Owner, error) {
	ref := metav1.GetControllerOf(pod)
	if ref == nil || ref.Kind == "Node" {
		return inventory.Owner{Kind: "Pod", Name: pod.Name}, nil
	}
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return inventory.Owner{}, err
	}
	owner := inventory.Owner{Group: gv.Group, Kind: ref.Kind, Name: ref.Name}
	if !rolledUp[schema.GroupKind{Group: gv.Group, Kind: ref.Kind}] {
		return owner, nil
	}
	middle, err := r.metadata(ctx, gv.WithKind(ref.Kind), client.ObjectKey{Namespace: pod.Namespace, Name: ref.Name})
	if apierrors.IsNotFound(err) {
		// Deleted before its pods.
		return owner, nil
	}
	if err != nil {
		return inventory.Owner{}, err
	}
	if top := metav1.GetControllerOf(middle); top != nil {
		group, _, _ := strings.Cut(top.APIVersion, "/")
		return inventory.Owner{Group: group, Kind: top.Kind, Name: top.Name}, nil
	}
	return owner, nil
}

// metadata reads from the cache and, as the cache of one kind may lag behind
// that of another, then from the API server.
func (r *podReconciler) metadata(ctx context.Context, gvk schema.GroupVersionKind, key client.ObjectKey) (*metav1.PartialObjectMetadata, error) {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(gvk)
	err := r.client.Get(ctx, key, object)
	if apierrors.IsNotFound(err) {
		err = r.reader.Get(ctx, key, object)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s %s: %w", gvk.Kind, key, err)
	}
	return object, nil
}
