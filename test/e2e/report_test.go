package e2e

import (
	"testing"
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
