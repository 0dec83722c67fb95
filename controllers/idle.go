package controllers

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// addIdle lets policies that select pods judge workloads that have none now, by
// the labels that their next pods will have.
func (r *imageReportReconciler) addIdle(ctx context.Context, s *reportScope) error {
	known := map[[3]string]bool{}
	for _, w := range s.facts.Workloads {
		known[[3]string{w.Group, w.Kind, w.Name}] = true
	}
	for _, w := range s.workloads {
		if w.State != v1alpha1.WorkloadIdle || known[[3]string{w.Group, w.Kind, w.Name}] {
			continue
		}
		labels, err := r.templateLabels(ctx, s.key.Namespace, w)
		if err != nil {
			return err
		}
		s.facts.Workloads = append(s.facts.Workloads, policy.Workload{Group: w.Group, Kind: w.Kind, Name: w.Name, PodLabels: labels})
	}
	return nil
}

// templateLabels reads the labels of a workload's pod template from the API
// server: too few workloads are idle to keep all templates in memory.
func (r *imageReportReconciler) templateLabels(ctx context.Context, namespace string, w v1alpha1.Workload) (map[string]string, error) {
	version, ok := workloadKinds[schema.GroupKind{Group: w.Group, Kind: w.Kind}]
	if !ok {
		return nil, nil
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: w.Group, Version: version, Kind: w.Kind})
	err := r.reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: w.Name}, object)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s %s/%s: %w", w.Kind, namespace, w.Name, err)
	}
	path := []string{"spec", "template", "metadata", "labels"}
	if w.Kind == "CronJob" {
		path = append([]string{"spec", "jobTemplate"}, path...)
	}
	labels, _, err := unstructured.NestedStringMap(object.Object, path...)
	return labels, err
}
