package controllers

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// A database that knows nothing of a release finds nothing in it: that is not a pass.
func TestReleaseThatTheDatabaseDoesNotKnow(t *testing.T) {
	zero := int32(0)
	none := &v1alpha1.ImagePolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "none"},
		Spec: v1alpha1.ImagePolicySpec{Rules: []v1alpha1.Rule{{
			Name: "none", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &v1alpha1.VulnerabilitiesRule{MaxCount: &zero},
		}}},
	}
	w := newReportWorld(t, none)
	w.inventory.Set(apiPod)
	w.catalogue.set(apiKey.Scan(), scanState{Manifest: digest("b"), Reason: v1alpha1.ReasonScanned, Bucket: "debian 12"})
	w.swap("r1", nil)

	unknown := knownBuckets(func(string) (bool, error) { return false, nil })
	w.database.Store(&unknown)
	w.mustReconcile()
	report := w.report()
	scanned := meta.FindStatusCondition(report.Status.Conditions, v1alpha1.ConditionScanned)
	if report.Status.Verdict != v1alpha1.VerdictUnknown || report.Status.Summary != nil ||
		scanned.Status != metav1.ConditionFalse || scanned.Reason != v1alpha1.ReasonReleaseNotInDatabase {
		t.Errorf("verdict %s, summary %v, %+v", report.Status.Verdict, report.Status.Summary, scanned)
	}

	known := knownBuckets(func(string) (bool, error) { return true, nil })
	w.database.Store(&known)
	w.mustReconcile()
	if report := w.report(); report.Status.Verdict != v1alpha1.VerdictPass || report.Status.Summary == nil {
		t.Errorf("verdict %s, summary %v", report.Status.Verdict, report.Status.Summary)
	}
}

// Reports follow when a database begins to know a release, or ceases to.
func TestTurnedReleases(t *testing.T) {
	w := newReportWorld(t)
	r := &vulnerabilityDatabaseReconciler{shared: w.shared}
	for name, bucket := range map[string]string{"a": "debian 12", "b": "alpine 3.22", "c": ""} {
		w.catalogue.set(scanKey(name), scanState{Manifest: digest(name), Reason: v1alpha1.ReasonScanned, Bucket: bucket})
	}
	has := func(buckets ...string) knownBuckets {
		return func(name string) (bool, error) {
			for _, b := range buckets {
				if b == "damaged" {
					return false, errors.New("damaged")
				}
				if b == name {
					return true, nil
				}
			}
			return false, nil
		}
	}
	if got := r.turned(has()); len(got) != 0 {
		t.Errorf("the first database turns %v", got)
	}
	before := has("debian 12")
	w.database.Store(&before)
	for name, tc := range map[string]struct {
		next knownBuckets
		want int
	}{
		"the same":        {has("debian 12"), 0},
		"one more":        {has("debian 12", "alpine 3.22"), 1},
		"one less":        {has(), 1},
		"another":         {has("alpine 3.22"), 2},
		"cannot be asked": {has("damaged"), 2},
	} {
		if got := r.turned(tc.next); len(got) != tc.want {
			t.Errorf("%s: turned %v, want %d", name, got, tc.want)
		}
	}
}
