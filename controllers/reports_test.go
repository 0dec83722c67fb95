package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func TestStripReportKeepsWhatDecides(t *testing.T) {
	full := func() *v1alpha1.ImageReport {
		return &v1alpha1.ImageReport{
			ObjectMeta: metav1.ObjectMeta{Name: "api", Annotations: map[string]string{v1alpha1.AnnotationRequestedAt: "now"}},
			Status: v1alpha1.ImageReportStatus{
				ContentHash: "hash", Tags: []string{"1"},
				Workloads: &v1alpha1.Workloads{Total: 1, Items: []v1alpha1.Workload{{Kind: "Pod", Name: "api"}}},
				Verdicts: []v1alpha1.PolicyVerdict{{
					PolicyKind: "ImagePolicy", PolicyName: "p", Result: v1alpha1.VerdictFail,
					Violations: []v1alpha1.Violation{{Rule: "r"}},
				}},
			},
		}
	}
	given := full()
	given.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "plimsoll"}}
	given.Status.Vulnerabilities = &v1alpha1.Vulnerabilities{Omitted: 1}
	given.Status.Unread = []v1alpha1.UnreadPart{{Path: "a"}}
	given.Status.Verdicts[0].Violations[0].Message = "too many"
	given.Status.Verdicts[0].Violations[0].Workloads = []string{"Pod/api"}
	stripped, err := stripReport(given)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), stripped); diff != "" {
		t.Errorf("in the cache (-want +got):\n%s", diff)
	}
}

func TestOwnWritesWakeNoReport(t *testing.T) {
	w := newReportWorld(t)
	w.run(advisories{"CVE-1"})
	w.mustReconcile()
	written := w.report()
	before, edited, other, tampered := written.DeepCopy(), written.DeepCopy(), written.DeepCopy(), written.DeepCopy()
	before.Status.ContentHash = ""
	edited.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: "now"}
	other.Status.ContentHash = "another process's"
	tampered.Status.Verdict = v1alpha1.VerdictPass
	idle := written.DeepCopy()
	idle.Status.Workloads.Items[0].State = v1alpha1.WorkloadIdle
	predicate := w.foreign()
	tests := map[string]struct {
		before, after *v1alpha1.ImageReport
		want          bool
	}{
		"what was just written":       {before, written, false},
		"an annotation meanwhile":     {before, edited, true},
		"an idle workload":            {before, idle, true},
		"an annotation":               {written, edited, true},
		"another process's write":     {written, other, true},
		"a change of the status":      {written, tampered, true},
		"its return to what we wrote": {other, written, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := predicate.Update(event.UpdateEvent{ObjectOld: tc.before, ObjectNew: tc.after}); got != tc.want {
				t.Errorf("wakes: %t, want %t", got, tc.want)
			}
		})
	}
}
