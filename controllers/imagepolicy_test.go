package controllers

import (
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// judgedReport is one that policies have judged: each verdict as kind, name, result and violated rules.
func judgedReport(namespace, name string, verdicts ...v1alpha1.PolicyVerdict) *v1alpha1.ImageReport {
	return &v1alpha1.ImageReport{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Status:     v1alpha1.ImageReportStatus{Verdicts: verdicts},
	}
}

func verdict(kind string, result v1alpha1.Verdict, rules ...string) v1alpha1.PolicyVerdict {
	v := v1alpha1.PolicyVerdict{PolicyKind: kind, PolicyName: "p", Result: result}
	for _, rule := range rules {
		v.Violations = append(v.Violations, v1alpha1.Violation{Rule: rule})
	}
	return v
}

func TestPolicyStatus(t *testing.T) {
	reports := []client.Object{
		judgedReport("shop", "a", verdict(kindImagePolicy, v1alpha1.VerdictFail, "r1", "r2", "r1"), verdict(kindClusterImagePolicy, v1alpha1.VerdictPass)),
		judgedReport("shop", "b", verdict(kindImagePolicy, v1alpha1.VerdictFail, "r1")),
		judgedReport("shop", "c", verdict(kindImagePolicy, v1alpha1.VerdictUnknown)),
		judgedReport("other", "d", verdict(kindImagePolicy, v1alpha1.VerdictPass), verdict(kindClusterImagePolicy, v1alpha1.VerdictFail, "r3")),
	}
	good := v1alpha1.ImagePolicySpec{}
	suspended := v1alpha1.ImagePolicySpec{Suspend: true}
	invalid := v1alpha1.ImagePolicySpec{Selector: v1alpha1.PolicySelector{Images: []string{"["}}}
	local := func(spec v1alpha1.ImagePolicySpec) client.Object {
		return &v1alpha1.ImagePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p", Generation: 3}, Spec: spec}
	}
	inShop := v1alpha1.PolicyImages{Matched: 3, Failing: 2, Unknown: 1}
	rules := []v1alpha1.RuleViolations{{Rule: "r1", Images: 2}, {Rule: "r2", Images: 1}}
	tests := map[string]struct {
		object         client.Object
		want           v1alpha1.PolicyImages
		wantViolations []v1alpha1.RuleViolations
		wantReady      metav1.ConditionStatus
		wantReason     string
	}{
		"of a namespace": {local(good), inShop, rules, metav1.ConditionTrue, v1alpha1.ReasonSucceeded},
		"suspended":      {local(suspended), inShop, rules, metav1.ConditionTrue, v1alpha1.ReasonSuspended},
		"invalid":        {local(invalid), inShop, rules, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec},
		"of the cluster": {
			&v1alpha1.ClusterImagePolicy{ObjectMeta: metav1.ObjectMeta{Name: "p", Generation: 3}},
			v1alpha1.PolicyImages{Matched: 2, Passing: 1, Failing: 1}, []v1alpha1.RuleViolations{{Rule: "r3", Images: 1}},
			metav1.ConditionTrue, v1alpha1.ReasonSucceeded,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			v := newVerbs()
			c := fake.NewClientBuilder().WithScheme(testScheme(t)).WithObjects(reports...).WithObjects(tc.object).
				WithStatusSubresource(tc.object).WithInterceptorFuncs(v.funcs()).Build()
			now := start
			r := newImagePolicyReconciler(c, func() time.Time { return now })
			if tc.object.GetNamespace() == "" {
				r = newClusterImagePolicyReconciler(c, func() time.Time { return now })
			}
			request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(tc.object)}

			v.fails["apply status"] = errAway
			if _, err := r.Reconcile(t.Context(), request); !errors.Is(err, errAway) {
				t.Errorf("the API server is away: %v", err)
			}
			v.fails["apply status"] = apierrors.NewConflict(schema.GroupResource{Resource: "imagepolicies"}, "p", errors.New("a newer one"))
			if result, err := r.Reconcile(t.Context(), request); err != nil || result.RequeueAfter == 0 {
				t.Errorf("a conflict: %+v, %v", result, err)
			}
			delete(v.fails, "apply status")
			if _, err := r.Reconcile(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			object := r.object()
			if err := c.Get(t.Context(), request.NamespacedName, object); err != nil {
				t.Fatal(err)
			}
			_, status := r.parts(object)
			if diff := cmp.Diff(&tc.want, status.Images) + cmp.Diff(tc.wantViolations, status.Violations); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.Status != tc.wantReady || ready.Reason != tc.wantReason || status.ObservedGeneration != 3 {
				t.Errorf("generation %d, ready %+v", status.ObservedGeneration, ready)
			}
			writes := v.calls["apply status"]
			now = now.Add(time.Hour)
			if _, err := r.Reconcile(t.Context(), request); err != nil || v.calls["apply status"] != writes {
				t.Errorf("%d writes where nothing changed, error %v", v.calls["apply status"]-writes, err)
			}
		})
	}
}

func TestStatusOfAPolicyThatIsGone(t *testing.T) {
	v := newVerbs()
	r := newImagePolicyReconciler(ledgerClient(t, v), clock)
	request := reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "shop", Name: "p"}}
	if _, err := r.Reconcile(t.Context(), request); err != nil || v.calls["apply status"] != 0 {
		t.Errorf("%d writes, error %v", v.calls["apply status"], err)
	}
}
