package e2e

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func TestReportOfAPod(t *testing.T) {
	ns := namespace(t, nil)
	ref := push(t, "report/checkout:1", bake(t, "checkout"))
	create(t, pod(ns, "checkout", ref))

	got := awaitReport(t, ns, ref.Repository, scanned)
	if got.Spec.Digest != string(ref.Digest) || got.Spec.Platform != "linux/amd64" {
		t.Errorf("report is about %+v, want %s for linux/amd64", got.Spec, ref.Digest)
	}
	if got.Status.Summary.Total == 0 {
		t.Errorf("report has no findings: %+v", got.Status.Summary)
	}
}

// A failure that no retry can mend is retried once an hour, or when somebody asks.
func TestRequestedRescan(t *testing.T) {
	ns := namespace(t, nil)
	artifact := bake(t, "storefront")
	ref := push(t, "elsewhere/storefront:1", artifact)
	ref.Repository = world.registry.Addr + "/rescan/storefront"
	create(t, pod(ns, "storefront", ref))
	missing := awaitReport(t, ns, ref.Repository, hasCondition(v1alpha1.ConditionScanned, metav1.ConditionFalse, v1alpha1.ReasonImageNotFound))

	push(t, "rescan/storefront:1", artifact)
	patch := client.MergeFrom(missing.DeepCopy())
	metav1.SetMetaDataAnnotation(&missing.ObjectMeta, v1alpha1.AnnotationRequestedAt, "now")
	if err := world.Client.Patch(t.Context(), missing, patch); err != nil {
		t.Fatal(err)
	}
	awaitReport(t, ns, ref.Repository, scanned)
}
