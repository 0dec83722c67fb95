package controllers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// addIdle lets policies judge workloads that have no pods now, by the template of their next ones.
func (r *imageReportReconciler) addIdle(ctx context.Context, s *reportScope) error {
	known := map[[3]string]bool{}
	for _, w := range s.facts.Workloads {
		known[[3]string{w.Group, w.Kind, w.Name}] = true
	}
	for _, w := range s.workloads {
		if w.State != v1alpha1.WorkloadIdle || known[[3]string{w.Group, w.Kind, w.Name}] {
			continue
		}
		template, err := r.template(ctx, s.key.Namespace, w)
		if err != nil {
			return err
		}
		pod, err := policyPod(inventory.NewSecurity(template.Annotations, &template.Spec), runsIn(w.Containers, &template.Spec))
		if err != nil {
			return err
		}
		s.facts.Workloads = append(s.facts.Workloads, policy.Workload{
			Group: w.Group, Kind: w.Kind, Name: w.Name, PodLabels: template.Labels, Tags: s.facts.Tags, Pod: pod,
		})
	}
	return nil
}

// runsIn names the containers that ran the image and that the template still has.
func runsIn(containers []v1alpha1.WorkloadContainer, spec *corev1.PodSpec) []string {
	var names []string
	for _, c := range containers {
		has := func(other corev1.Container) bool { return other.Name == c.Name }
		if c.Type != v1alpha1.ContainerTypeVolume && (slices.ContainsFunc(spec.Containers, has) || slices.ContainsFunc(spec.InitContainers, has)) {
			names = append(names, c.Name)
		}
	}
	return names
}

// template reads a workload's pod template from the API server: too few
// workloads are idle to keep all templates in memory. It is empty where there is none.
func (r *imageReportReconciler) template(ctx context.Context, namespace string, w v1alpha1.Workload) (template corev1.PodTemplateSpec, err error) {
	version, ok := workloadKinds[schema.GroupKind{Group: w.Group, Kind: w.Kind}]
	if !ok {
		return template, nil
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: w.Group, Version: version, Kind: w.Kind})
	err = r.reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: w.Name}, object)
	if apierrors.IsNotFound(err) {
		return template, nil
	}
	if err != nil {
		return template, fmt.Errorf("get %s %s/%s: %w", w.Kind, namespace, w.Name, err)
	}
	path := []string{"spec", "template"}
	if w.Kind == "CronJob" {
		path = append([]string{"spec", "jobTemplate"}, path...)
	}
	fields, _, err := unstructured.NestedMap(object.Object, path...)
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &template)
	}
	if err != nil {
		return template, fmt.Errorf("read the pod template of %s %s/%s: %w", w.Kind, namespace, w.Name, err)
	}
	return template, nil
}
