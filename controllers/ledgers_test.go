package controllers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

var errAway = errors.New("the API server is away")

// verbs is an API server of which some verbs fail.
type verbs struct {
	mu    sync.Mutex
	fails map[string]error
	calls map[string]int
}

func newVerbs() *verbs { return &verbs{fails: map[string]error{}, calls: map[string]int{}} }

func (v *verbs) call(verb string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls[verb]++
	return v.fails[verb]
}

func (v *verbs) funcs() interceptor.Funcs {
	return interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if err := v.call("get"); err != nil {
				return err
			}
			return c.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if err := v.call("list"); err != nil {
				return err
			}
			return c.List(ctx, list, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if err := v.call("create"); err != nil {
				return err
			}
			return c.Create(ctx, o, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			if err := v.call("delete"); err != nil {
				return err
			}
			return c.Delete(ctx, o, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			if err := v.call("apply"); err != nil {
				return err
			}
			return c.Apply(ctx, o, opts...)
		},
		SubResourceApply: func(ctx context.Context, c client.Client, name string, o runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			if err := v.call("apply " + name); err != nil {
				return err
			}
			return c.SubResource(name).Apply(ctx, o, opts...)
		},
	}
}

func testScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	return scheme
}

func ledgerClient(t *testing.T, v *verbs, objects ...client.Object) client.WithWatch {
	t.Helper()
	return fake.NewClientBuilder().WithScheme(testScheme(t)).WithObjects(objects...).WithInterceptorFuncs(v.funcs()).Build()
}

// observe lets a deadline of one more finding begin in the ledger.
func observe(id string) func(*policy.Ledger) bool {
	facts := policy.Facts{
		Scanned: true, Repository: repository,
		Findings: []policy.Finding{{ID: id, Package: "openssl", Severity: v1alpha1.SeverityCritical, Status: v1alpha1.StatusFixed}},
	}
	rule := v1alpha1.VulnerabilitiesRule{
		Clock: v1alpha1.ClockFirstObserved, Deadlines: []v1alpha1.Deadline{{Severity: v1alpha1.SeverityCritical, Days: 7}},
	}
	policies := []policy.Policy{{Kind: kindImagePolicy, Name: "p", Spec: v1alpha1.ImagePolicySpec{
		Rules: []v1alpha1.Rule{{Name: "r", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &rule}},
	}}}
	return func(l *policy.Ledger) bool { return l.Observe(facts, policies, start) }
}

func TestLedgersAreReadOnceAndOutliveTheProcess(t *testing.T) {
	v := newVerbs()
	c := ledgerClient(t, v)
	first := newLedgers(c, c, "plimsoll-system")
	for _, id := range []string{"CVE-1", "CVE-1", "CVE-2"} {
		if err := first.use(t.Context(), repository, observe(id)); err != nil {
			t.Fatal(err)
		}
	}
	if v.calls["get"] != 1 || v.calls["apply"] != 2 {
		t.Errorf("%v, want one read and a write for each change", v.calls)
	}
	object := &corev1.ConfigMap{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "plimsoll-system", Name: ledgerName(repository)}, object); err != nil {
		t.Fatal(err)
	}
	if object.Annotations[ledgerRepository] != repository || object.Labels[managedByLabel] != managedBy {
		t.Errorf("labels %v, annotations %v", object.Labels, object.Annotations)
	}
	next := newLedgers(c, c, "plimsoll-system")
	for _, id := range []string{"CVE-1", "CVE-2"} {
		known := func(l *policy.Ledger) bool {
			if observe(id)(l) {
				t.Errorf("the deadline of %s was forgotten", id)
			}
			return false
		}
		if err := next.use(t.Context(), repository, known); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALedgerThatCannotBeSavedIsReadAgain(t *testing.T) {
	v := newVerbs()
	c := ledgerClient(t, v)
	l := newLedgers(c, c, "plimsoll-system")
	v.fails["apply"] = errAway
	if err := l.use(t.Context(), repository, observe("CVE-1")); !errors.Is(err, errAway) {
		t.Fatalf("error %v", err)
	}
	delete(v.fails, "apply")
	changed := false
	err := l.use(t.Context(), repository, func(ledger *policy.Ledger) bool {
		changed = observe("CVE-1")(ledger)
		return changed
	})
	if err != nil || !changed {
		t.Errorf("error %v; a change that was never saved must be made again: %t", err, changed)
	}
}

func TestALedgerThatCannotBeReadIsNotReplaced(t *testing.T) {
	damaged := &corev1.ConfigMap{BinaryData: map[string][]byte{ledgerKey: []byte("damaged")}}
	damaged.Namespace, damaged.Name = "plimsoll-system", ledgerName(repository)
	for name, tc := range map[string]struct {
		fails   map[string]error
		objects []client.Object
	}{
		"the API server is away": {fails: map[string]error{"get": errAway}},
		"its content is damaged": {objects: []client.Object{damaged}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerbs()
			v.fails = tc.fails
			c := ledgerClient(t, v, tc.objects...)
			used := false
			err := newLedgers(c, c, "plimsoll-system").use(t.Context(), repository, func(*policy.Ledger) bool { used = true; return true })
			if err == nil || used || v.calls["apply"] != 0 {
				t.Errorf("error %v, used %t, %d writes: all deadlines would begin anew", err, used, v.calls["apply"])
			}
		})
	}
}

func TestLedgersOfRepositoriesThatAreGoneRunOut(t *testing.T) {
	c := ledgerClient(t, newVerbs())
	l := newLedgers(c, c, "plimsoll-system")
	for _, repository := range []string{"r.example.com/used", "r.example.com/gone"} {
		if err := l.use(t.Context(), repository, observe("CVE-1")); err != nil {
			t.Fatal(err)
		}
	}
	foreign := &corev1.ConfigMap{}
	foreign.Namespace, foreign.Name = "plimsoll-system", "foreign"
	foreign.Labels = map[string]string{managedByLabel: managedBy}
	if err := c.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"r.example.com/used": true}
	names := func() string {
		var list corev1.ConfigMapList
		if err := c.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, object := range list.Items {
			names = append(names, cmp.Or(object.Annotations[ledgerRepository], object.Name))
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{time.Hour, "foreign r.example.com/gone r.example.com/used"},
		{20 * 24 * time.Hour, "foreign r.example.com/gone r.example.com/used"},
		{40 * 24 * time.Hour, "foreign r.example.com/used"},
	} {
		if err := l.collect(t.Context(), used, start.Add(step.after)); err != nil {
			t.Fatal(err)
		}
		if got := names(); got != step.want {
			t.Errorf("after %s there are %q, want %q", step.after, got, step.want)
		}
	}
}
