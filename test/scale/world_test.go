package scale

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/playground"
	"github.com/plimsoll-dev/plimsoll/test/registry"
)

var pods = flag.Int("pods", 1000, "how many pods run; a tenth as many digests, each in two of a fiftieth as many namespaces")

const (
	// replicas of a workload. Each digest runs as one workload in each of two namespaces.
	replicas = 5
	spread   = 2
	// patience with what takes minutes on an idle machine where there are 10,000 pods.
	patience = 30 * time.Minute

	databaseReference = "security/trivy-db:2"
	// memoryLimit is that of the chart's pod, goMemLimit its GOMEMLIMIT.
	memoryLimit, goMemLimit = 512, "460MiB"
)

type world struct {
	*playground.Playground
	t            *testing.T
	registry     *registry.Registry
	older, newer string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	dir := t.TempDir()
	w.makeDatabases(dir)
	var err error
	if w.registry, err = registry.Start(registry.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.registry.Close() })
	w.Playground, err = playground.Start(t.Context(), playground.Options{
		Dir: filepath.Join(dir, "cluster"), Nodes: nodes(), Environment: []string{"GOMEMLIMIT=" + goMemLimit},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func nodes() []controlplane.Node {
	list := make([]controlplane.Node, 0, 10)
	for i := range cap(list) {
		list = append(list, controlplane.Node{Name: fmt.Sprint("node-", i), Architecture: "amd64"})
	}
	return list
}

// makeDatabases takes the large real pair where it is present, else the small one.
func (w *world) makeDatabases(dir string) {
	w.t.Helper()
	var ok bool
	if w.older, w.newer, ok = database.Shared(); ok {
		return
	}
	for layout, facts := range map[*string]func() (database.Spec, error){&w.older: database.Older, &w.newer: database.Newer} {
		spec, err := facts()
		if err != nil {
			w.t.Fatal(err)
		}
		built := filepath.Join(dir, spec.Built.Format("db-20060102"))
		if err := database.Build(built, spec); err != nil {
			w.t.Fatal(err)
		}
		*layout = built + "-oci"
		if _, err := database.Layout(built, *layout); err != nil {
			w.t.Fatal(err)
		}
	}
}

// publish makes a layout the newest database, and returns its revision.
func (w *world) publish(layout string) string {
	w.t.Helper()
	ref, err := w.registry.Pusher().PushLayout(w.t.Context(), databaseReference, layout)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(ref.Digest)
}

func (w *world) createDatabase() {
	w.t.Helper()
	err := w.Client.Create(w.t.Context(), &v1alpha1.VulnerabilityDatabase{
		ObjectMeta: metav1.ObjectMeta{Name: "default"},
		Spec: v1alpha1.VulnerabilityDatabaseSpec{
			Sources: []v1alpha1.DatabaseSource{{Reference: w.registry.Addr + "/" + databaseReference}},
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) database(ctx context.Context) (*v1alpha1.VulnerabilityDatabase, error) {
	object := &v1alpha1.VulnerabilityDatabase{}
	err := w.Client.Get(ctx, client.ObjectKey{Name: "default"}, object)
	return object, err
}

// requestCheck asks the operator not to wait for the database's interval.
func (w *world) requestCheck() {
	w.t.Helper()
	object, err := w.database(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	patch := client.MergeFrom(object.DeepCopy())
	metav1.SetMetaDataAnnotation(&object.ObjectMeta, v1alpha1.AnnotationRequestedAt, time.Now().UTC().Format(time.RFC3339))
	if err := w.Client.Patch(w.t.Context(), object, patch); err != nil {
		w.t.Fatal(err)
	}
}

// deploy runs the images, and waits until all their pods run.
func (w *world) deploy(refs []image.Reference) {
	w.t.Helper()
	namespaces := max(spread, *pods/50)
	group, ctx := errgroup.WithContext(w.t.Context())
	group.SetLimit(16)
	for i := range namespaces {
		group.Go(func() error {
			return w.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: team(i)}})
		})
	}
	if err := group.Wait(); err != nil {
		w.t.Fatal(err)
	}
	group, ctx = errgroup.WithContext(w.t.Context())
	group.SetLimit(16)
	for i, ref := range refs {
		for n := range spread {
			namespace := team((i + n*namespaces/spread) % namespaces)
			group.Go(func() error { return w.Client.Create(ctx, deployment(namespace, fmt.Sprint("app-", i), ref)) })
		}
	}
	if err := group.Wait(); err != nil {
		w.t.Fatal(err)
	}
	w.await("all pods to run", w.podsRun)
}

func team(i int) string { return fmt.Sprintf("team-%03d", i) }

func deployment(namespace, name string, ref image.Reference) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	tagged := ref
	tagged.Digest = ""
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(replicas)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels: labels, Annotations: map[string]string{controlplane.ImageIDAnnotation: ref.WithDigest(ref.Digest).String()},
				},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: new(int64),
					Containers:                    []corev1.Container{{Name: "main", Image: tagged.String()}},
				},
			},
		},
	}
}

func (w *world) podsRun(ctx context.Context) (string, error) {
	var list appsv1.DeploymentList
	if err := w.Client.List(ctx, &list); err != nil {
		return "", err
	}
	running := 0
	for _, d := range list.Items {
		running += int(d.Status.ReadyReplicas)
	}
	return unless(running == *pods, "%d of %d pods run", running, *pods), nil
}

func unless(done bool, missing string, args ...any) string {
	if done {
		return ""
	}
	return fmt.Sprintf(missing, args...)
}

// await polls until the condition returns nothing that is missing.
func (w *world) await(what string, condition func(context.Context) (missing string, err error)) {
	w.t.Helper()
	var missing string
	err := wait.PollUntilContextTimeout(w.t.Context(), time.Second, patience, true, func(ctx context.Context) (bool, error) {
		var err error
		missing, err = condition(ctx)
		return missing == "" && err == nil, err
	})
	if err != nil {
		w.t.Fatalf("wait for %s: %v: %s", what, err, missing)
	}
}

// memory is what the operator's process holds, in MiB.
type memory struct {
	// anonymous is its own, peak the largest that it has had in all, mapped are pages of files, the database's among them.
	anonymous, peak, mapped int
}

func (w *world) memory() memory {
	w.t.Helper()
	body, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.Operator().PID()))
	if err != nil {
		w.t.Fatal(err)
	}
	field := func(name string) int {
		_, rest, _ := strings.Cut(string(body), name+":")
		number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		kib, err := strconv.Atoi(number)
		if err != nil {
			w.t.Fatalf("read %s of the operator: %v", name, err)
		}
		return kib / 1024
	}
	return memory{anonymous: field("RssAnon"), peak: field("VmHWM"), mapped: field("RssFile")}
}

// metric is the sum of the operator's metric of that name.
func (w *world) metric(name string) float64 {
	w.t.Helper()
	text, err := w.Metrics(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	sum := 0.0
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), name)
		if !ok || (rest[0] != '{' && rest[0] != ' ') {
			continue
		}
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			w.t.Fatalf("read metric %q: %v", line, err)
		}
		sum += value
	}
	return sum
}
