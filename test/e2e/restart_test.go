package e2e

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/playground"
)

// calm is for how long an operator that is done does nothing: it gathers what
// it writes of policies and of the database for a second.
const calm = 3 * time.Second

// settle waits until the operator has had nothing to do for a while.
func settle(t *testing.T) {
	t.Helper()
	var last string
	var since time.Time
	await(t, "the operator to be done", func(ctx context.Context) (string, error) {
		now := activity(ctx, t)
		if now != last || strings.Contains(now, "busy") {
			last, since = now, time.Now()
		}
		if quiet := time.Since(since); quiet < calm {
			return fmt.Sprintf("it is quiet for %s, after %s", quiet, now), nil
		}
		return "", nil
	})
}

// alone waits until the pods of earlier tests are gone, whose namespaces end in their own time.
func alone(t *testing.T, ns string) {
	t.Helper()
	await(t, "other tests' pods to be gone", func(ctx context.Context) (string, error) {
		var pods corev1.PodList
		if err := world.Client.List(ctx, &pods); err != nil {
			return "", err
		}
		for _, p := range pods.Items {
			if p.Namespace != ns {
				return fmt.Sprintf("there is %s/%s", p.Namespace, p.Name), nil
			}
		}
		return "", nil
	})
}

// activity is another text whenever the operator has done something.
func activity(ctx context.Context, t *testing.T) string {
	t.Helper()
	done := sum(ctx, t, "controller_runtime_reconcile_total")
	waiting := sum(ctx, t, "workqueue_depth", "controller_runtime_active_workers", "plimsoll_database_reports_pending")
	text := fmt.Sprint(done)
	for what, n := range waiting {
		if n > 0 {
			text += fmt.Sprintf(" busy: %s %g", what, n)
		}
	}
	return text
}

// sum adds up metrics of the given names by their label controller.
func sum(ctx context.Context, t *testing.T, names ...string) map[string]float64 {
	t.Helper()
	text, err := world.Metrics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		for _, name := range names {
			rest, ok := strings.CutPrefix(lines.Text(), name)
			if !ok || (rest[0] != '{' && rest[0] != ' ') {
				continue
			}
			value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
			if err != nil {
				t.Fatalf("read metric %q: %v", lines.Text(), err)
			}
			_, controller, _ := strings.Cut(rest, `controller="`)
			controller, _, _ = strings.Cut(controller, `"`)
			sums[controller] += value
		}
	}
	return sums
}

// versions of all objects that the operator writes, by kind and name.
func versions(t *testing.T) map[string]string {
	t.Helper()
	ledgers := &corev1.ConfigMapList{}
	if err := world.Client.List(t.Context(), ledgers, client.InNamespace(playground.Namespace), client.HasLabels{"app.kubernetes.io/managed-by"}); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, ledger := range ledgers.Items {
		out["ledger "+ledger.Name] = ledger.ResourceVersion
	}
	var all v1alpha1.ImageReportList
	var policies v1alpha1.ImagePolicyList
	var cluster v1alpha1.ClusterImagePolicyList
	for _, list := range []client.ObjectList{&all, &policies, &cluster} {
		if err := world.Client.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range all.Items {
		out["report "+r.Namespace+"/"+r.Name] = r.ResourceVersion
	}
	for _, p := range policies.Items {
		out["policy "+p.Namespace+"/"+p.Name] = p.ResourceVersion
	}
	for _, p := range cluster.Items {
		out["cluster policy "+p.Name] = p.ResourceVersion
	}
	out["database"] = vulnerabilityDatabase(t.Context(), t).ResourceVersion
	return out
}

// restart ends the operator and starts it again.
func restart(t *testing.T, end func() error, flags ...string) {
	t.Helper()
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if err := world.StartOperator(t.Context(), append(operatorFlags, flags...)...); err != nil {
		t.Fatal(err)
	}
}

// inhabit makes pods, an idle Deployment, an image that cannot be pulled, and
// policies, and returns the repository of the latter image.
func inhabit(t *testing.T, ns string) (absent string) {
	t.Helper()
	idle, missing := small(t, "restart/idle:1"), small(t, "restart/absent:1")
	missing.Digest = "sha256:" + image.Digest(strings.Repeat("5", 64))
	d := deployment(ns, "idle", idle, 1)
	create(t, d)
	create(t, pod(ns, "absent", missing))
	create(t, imagePolicy(ns, "deadlines", within(v1alpha1.SeverityMedium, 7)))
	create(t, clusterPolicy(ns, named(ns), atMost(0)))
	for i := range 3 {
		ref := small(t, fmt.Sprintf("restart/app-%d:1", i))
		create(t, pod(ns, fmt.Sprintf("app-%d", i), ref))
		awaitReport(t, ns, ref.Repository, both(scanned, hasVerdict(v1alpha1.VerdictFail)))
	}
	awaitReport(t, ns, idle.Repository, scanned)
	scale(t, d, 0)
	awaitReport(t, ns, idle.Repository, usedBy("Deployment/idle Idle Container:main"))
	return "restart/absent"
}

func TestRestartPullsAndWritesNothing(t *testing.T) {
	ns := namespace(t, nil)
	alone(t, ns)
	absent := inhabit(t, ns)
	for name, end := range map[string]func() error{
		"asked to end": func() error { return world.Operator().Stop() },
		"killed":       func() error { return world.Operator().Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			settle(t)
			before := versions(t)
			covered := sum(t.Context(), t, `plimsoll_images{reason="Scanned"}`)[""]
			world.registry.ResetStats()
			restart(t, end)
			await(t, "all images to be covered again", func(ctx context.Context) (string, error) {
				return cmp.Diff(covered, sum(ctx, t, `plimsoll_images{reason="Scanned"}`)[""]), nil
			})
			settle(t)
			if diff := cmp.Diff(before, versions(t)); diff != "" {
				t.Errorf("resource versions before and after (-before +after):\n%s", diff)
			}
			for repository, stats := range world.registry.Stats().Repositories {
				// A failure is not remembered: what could not be pulled is tried once more.
				if repository != absent {
					t.Errorf("%s was asked for: %+v", repository, stats)
				}
			}
		})
	}
}

func TestOnePodIsLittleWork(t *testing.T) {
	ns := namespace(t, nil)
	alone(t, ns)
	create(t, imagePolicy(ns, "deadlines", within(v1alpha1.SeverityMedium, 7)))
	settle(t)
	before, writes := sum(t.Context(), t, "controller_runtime_reconcile_total"), sum(t.Context(), t, "plimsoll_report_writes_total")[""]
	ref := small(t, "work/app:1")
	create(t, pod(ns, "app", ref))
	awaitReport(t, ns, ref.Repository, scanned)
	settle(t)
	for controller, n := range sum(t.Context(), t, "controller_runtime_reconcile_total") {
		t.Logf("%s: %g", controller, n-before[controller])
		if work := n - before[controller]; work > 10 {
			t.Errorf("controller %s reconciled %g times for one pod", controller, work)
		}
	}
	if n := sum(t.Context(), t, "plimsoll_report_writes_total")[""] - writes; n > 2 {
		t.Errorf("the report was written %g times, want once before the scan at the most, and once after it", n)
	}
}
