package controllers

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// A workload without pods is judged by its template, and so anew when that may
// have changed. Autoscalers change those that have pods all the time.
func TestWhichWorkloadsWakeTheirReports(t *testing.T) {
	deployment := func(name string, generation int64) *metav1.PartialObjectMetadata {
		object := workloadMetadata(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"})
		object.Namespace, object.Name, object.Generation = "shop", name, generation
		return object
	}
	w := newReportWorld(t)
	pod := apiPod
	pod.Owner = inventory.Owner{Group: "apps", Kind: "Deployment", Name: "busy"}
	w.inventory.Set(pod)
	events := w.ofWorkloads()
	for name, tc := range map[string]struct {
		before, after *metav1.PartialObjectMetadata
		want          bool
	}{
		"another spec":            {deployment("idle", 1), deployment("idle", 2), true},
		"the same spec":           {deployment("idle", 2), deployment("idle", 2), false},
		"another spec, with pods": {deployment("busy", 1), deployment("busy", 2), false},
	} {
		if got := events.Update(event.UpdateEvent{ObjectOld: tc.before, ObjectNew: tc.after}); got != tc.want {
			t.Errorf("%s: %t, want %t", name, got, tc.want)
		}
	}
	if events.Create(event.CreateEvent{Object: deployment("idle", 1)}) {
		t.Error("a workload that was made wakes reports")
	}
	if !events.Delete(event.DeleteEvent{Object: deployment("busy", 1)}) {
		t.Error("a workload that is gone wakes no report")
	}
}
