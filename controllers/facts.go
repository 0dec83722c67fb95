package controllers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// policyWorkloads lists a workload once for each variant of its pods.
func policyWorkloads(workloads []inventory.Workload) ([]policy.Workload, error) {
	var out []policy.Workload
	for _, w := range workloads {
		for _, v := range w.Variants {
			pod, err := policyPod(v.Security, v.Containers)
			if err != nil {
				return nil, fmt.Errorf("read how %s %s runs: %w", w.Owner.Kind, w.Owner.Name, err)
			}
			out = append(out, policy.Workload{
				Group: w.Owner.Group, Kind: w.Owner.Kind, Name: w.Owner.Name, PodLabels: v.Labels, Tags: v.Tags, Pod: pod,
			})
		}
	}
	return out, nil
}

// policyPod leaves of a pod the containers with the names. It is nil where none of them is known.
func policyPod(security inventory.Security, names []string) (*policy.Pod, error) {
	annotations, spec, known, err := security.Settings()
	if err != nil || !known || len(names) == 0 {
		return nil, err
	}
	others := func(c corev1.Container) bool { return !slices.Contains(names, c.Name) }
	spec.InitContainers = slices.DeleteFunc(spec.InitContainers, others)
	spec.Containers = slices.DeleteFunc(spec.Containers, others)
	spec.EphemeralContainers = slices.DeleteFunc(spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool {
		return others(corev1.Container(c.EphemeralContainerCommon))
	})
	maps.DeleteFunc(annotations, func(name, _ string) bool {
		return !slices.Contains(names, strings.TrimPrefix(name, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix))
	})
	return &policy.Pod{Annotations: annotations, Spec: spec}, nil
}

// imageTags returns the distinct tags of references, sorted.
func imageTags(references []image.Reference) []string {
	var tags []string
	for _, ref := range references {
		if ref.Tag != "" {
			tags = append(tags, ref.Tag)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}
