package controllers

import (
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// policyWorkloads lists a workload once for each distinct set of its pods' labels.
func policyWorkloads(workloads []inventory.Workload) []policy.Workload {
	var out []policy.Workload
	for _, w := range workloads {
		for _, labels := range w.PodLabels {
			out = append(out, policy.Workload{Group: w.Owner.Group, Kind: w.Owner.Kind, Name: w.Owner.Name, PodLabels: labels})
		}
	}
	return out
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
