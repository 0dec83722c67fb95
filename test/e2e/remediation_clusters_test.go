package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"code.gitea.io/sdk/gitea"
	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/forge"
	"github.com/plimsoll-dev/plimsoll/test/playground"
)

// killAtWrites kills the operator at each of the next writes to the forge: in turn before and after it is done.
func killAtWrites(t *testing.T, d *door, kills int, start func()) {
	t.Helper()
	writing := make(chan string)
	seen := 0
	d.stick(func(rw http.ResponseWriter, r *http.Request, through http.Handler) {
		d.mu.Lock()
		write := r.Method != http.MethodGet
		if write {
			seen++
		}
		n := seen
		d.mu.Unlock()
		switch {
		case !write || n > kills:
			through.ServeHTTP(rw, r)
			return
		case n%2 == 0:
			through.ServeHTTP(httptest.NewRecorder(), r)
		default:
			// The server sees that a client is gone once it has read what that sent.
			_, _ = io.Copy(io.Discard, r.Body)
		}
		select {
		case writing <- r.Method + " " + r.URL.Path:
			<-r.Context().Done()
		case <-d.closing:
		}
	})
	start()
	for range kills {
		select {
		case what := <-writing:
			t.Logf("killed at %s", what)
		case <-time.After(patience):
			words, _ := world.Operator().Log()
			t.Fatalf("nothing is written to the forge\nthe operator's last words:\n%s", tail(words, 4000))
		}
		restart(t, world.Operator().Kill)
	}
	d.stick(nil)
}

// Wherever the operator is killed while it proposes, there is one pull request in the end.
func TestRemediationKills(t *testing.T) {
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	d := w.behind(t)
	w.outdated(t)
	killAtWrites(t, d, 4, func() { create(t, w.policyBy(d)) })
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
	if n := w.commits(t); n != 1 {
		t.Errorf("the pull request has %d commits, want 1", n)
	}
	killAtWrites(t, d, 4, func() { w.release(t, "12.3", opensslNew) })
	update := w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.3"))
	pr := w.onlyPullRequest(t)
	if update.Status.PullRequest.Number != pr.Index || !strings.Contains(w.file(t, pr.Head.Ref, "Dockerfile"), ":12.3 AS run") || !strings.Contains(pr.Body, update.Status.To.Digest) {
		t.Errorf("pull request %d does not say what the update does: %+v\n%s", pr.Index, update.Status, pr.Body)
	}
	if n := w.commits(t); n > 2 {
		t.Errorf("the pull request has %d commits, want one for each version at the most", n)
	}
	if err := world.Client.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "app"}}); err != nil {
		t.Fatal(err)
	}
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateSuperseded, ""))
	comments, _, err := w.Client(t.Context()).ListIssueComments(forge.Person, w.repository, pr.Index, gitea.ListIssueCommentOptions{})
	if err != nil || len(comments) != 1 {
		t.Errorf("there are %d comments (%v), want one that says why it was closed", len(comments), err)
	}
	w.checkSecret(t, w.BotToken)
}

// longestFailover is how long the operator may be without a leader after one was killed.
const longestFailover = 30 * time.Second

func leader(ctx context.Context) (string, error) {
	lease := &coordinationv1.Lease{}
	if err := world.Client.Get(ctx, client.ObjectKey{Namespace: playground.Namespace, Name: "plimsoll.dev"}, lease); err != nil {
		return "", err
	}
	if lease.Spec.HolderIdentity == nil {
		return "", nil
	}
	return *lease.Spec.HolderIdentity, nil
}

// failover kills the leader, whose place a replica takes.
func failover(t *testing.T, leading, standby *controlplane.Program) {
	t.Helper()
	before, err := leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	if err := leading.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, "another leader", func(ctx context.Context) (string, error) {
		now, err := leader(ctx)
		return missingUnless(now != before && now != "", "the leader is "+now), err
	})
	if took := time.Since(killed); took > longestFailover {
		t.Errorf("there was no leader for %s", took)
	} else {
		t.Logf("another leader after %s", took)
	}
	t.Cleanup(func() {
		if words, _ := standby.Log(); t.Failed() {
			t.Logf("last words of the replica that took over:\n%s", tail(words, 4000))
		}
	})
}

// replica of the operator, which ends with the test.
func replica(t *testing.T, name string) *controlplane.Program {
	t.Helper()
	started, err := world.StartReplica(t.Context(), name, operatorFlags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := started.Kill(); err != nil {
			t.Error(err)
		}
	})
	return started
}

// startWest is a second cluster with an operator of its own and the same registry.
func startWest(t *testing.T) *playground.Playground {
	t.Helper()
	// A client that is made this late complains where nobody has said where to.
	log.SetLogger(logr.Discard())
	west, err := playground.Start(t.Context(), playground.Options{
		Dir: t.TempDir(), Nodes: []controlplane.Node{{Name: "amd64", Architecture: "amd64"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := west.Stop(); err != nil {
			t.Error(err)
		}
	})
	err = errors.Join(
		west.Client.Create(t.Context(), &v1alpha1.VulnerabilityDatabase{
			ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: v1alpha1.VulnerabilityDatabaseSpec{Sources: goodSources()},
		}),
		west.StartOperator(t.Context(), append(operatorFlags, "--cluster-name=west")...),
	)
	if err != nil {
		t.Fatal(err)
	}
	return west
}

// in has what follows happen in another cluster.
func in(cluster *playground.Playground, do func()) {
	here := world.Playground
	defer func() { world.Playground = here }()
	world.Playground = cluster
	do()
}

// writes to the forge since a time.
func (d *door) writes(since time.Time) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, at := range d.written {
		if at.After(since) {
			n++
		}
	}
	return n
}

// still wants nothing to be written to the forge for several of its intervals.
func (d *door) still(t *testing.T) {
	t.Helper()
	since := time.Now()
	await(t, "a pause of writes", func(context.Context) (string, error) {
		return missingUnless(time.Since(since) > 2*time.Second && d.writes(time.Now().Add(-2*time.Second)) == 0, "something is written"), nil
	})
	since = time.Now()
	<-time.After(8 * time.Second)
	if n := d.writes(since); n > 0 {
		t.Errorf("the clusters write to the forge %d times although nothing is new", n)
	}
}

// Two clusters that run the same share one pull request, and each follows its own rollout.
func TestRemediationTwoClusters(t *testing.T) {
	west := startWest(t)
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	d := w.behind(t)
	w.release(t, "12.2", opensslNewer)
	app := w.build(t, "1.0.0", "12.1", w.annotated(t, "12.1"))
	create(t, pod(w.ns, "app", app))
	create(t, w.policyBy(d))
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
	pr := w.onlyPullRequest(t)

	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}},
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: playground.Namespace, Name: w.ns},
			StringData: map[string]string{"type": "Gitea", "url": d.URL, "token": w.BotToken},
		},
		pod(w.ns, "elsewhere", app), w.policyBy(d),
	} {
		if err := west.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	both := func(check func(*v1alpha1.ImageUpdate) string) {
		t.Helper()
		w.awaitUpdate(t, check)
		in(west, func() { w.awaitUpdate(t, check) })
	}
	both(inPhase(v1alpha1.UpdateProposed, "12.2"))
	w.awaitBody(t, pr.Index, "In cluster `west`", "Pod/elsewhere", "Pod/app", "12.2")
	d.still(t)

	w.release(t, "12.3", opensslNew)
	both(inPhase(v1alpha1.UpdateProposed, "12.3"))
	w.awaitBody(t, pr.Index, "In cluster `west`", "Pod/elsewhere", "Pod/app", "12.3")
	d.still(t)
	if n := w.commits(t); n != 2 {
		t.Errorf("the pull request has %d commits, want one for each version", n)
	}
	if err := w.Merge(t.Context(), w.repository, pr.Index); err != nil {
		t.Fatal(err)
	}
	both(inPhase(v1alpha1.UpdateMerged, "12.3"))

	fixed := w.build(t, "1.0.1", "12.3", w.annotated(t, "12.3"))
	w.rollOut(t, west, "elsewhere", fixed)
	in(west, func() { w.awaitUpdateOf(t, w.baseRepository()+":12.1", inPhase(v1alpha1.UpdateRolledOut, "12.3")) })
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateMerged, "12.3"))
	w.rollOut(t, world.Playground, "app", fixed)
	w.awaitUpdateOf(t, w.baseRepository()+":12.1", inPhase(v1alpha1.UpdateRolledOut, "12.3"))
	w.onlyPullRequest(t)
	d.still(t)
}

// awaitBody waits until a pull request says all of it.
func (w *workshop) awaitBody(t *testing.T, number int64, wanted ...string) {
	t.Helper()
	await(t, "the text of the pull request", func(context.Context) (string, error) {
		pr := w.onlyPullRequest(t)
		if pr.Index != number {
			return "", fmt.Errorf("it is pull request %d, want %d", pr.Index, number)
		}
		for _, text := range wanted {
			if !strings.Contains(pr.Body, text) {
				return "it lacks " + text + ":\n" + pr.Body, nil
			}
		}
		return "", nil
	})
}

// rollOut runs another image in the place of a pod.
func (w *workshop) rollOut(t *testing.T, cluster *playground.Playground, name string, to image.Reference) {
	t.Helper()
	if err := cluster.Client.Create(t.Context(), pod(w.ns, name+"-fixed", to)); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Client.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}}); err != nil {
		t.Fatal(err)
	}
}
