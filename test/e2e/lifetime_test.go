package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
)

// remove deletes an object and what it owns.
func remove(t *testing.T, object client.Object) {
	t.Helper()
	if err := world.Client.Delete(t.Context(), object, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatalf("delete %T %s: %v", object, object.GetName(), err)
	}
}

// awaitGone waits until a repository has no report in a namespace.
func awaitGone(t *testing.T, ns, repository string) {
	t.Helper()
	await(t, "the end of the report of "+repository, func(ctx context.Context) (string, error) {
		if r := report(ctx, t, ns, repository); r != nil {
			return fmt.Sprintf("it is there, unused since %v, with workloads %q", r.Status.UnusedTime, users(r)), nil
		}
		return "", nil
	})
}

// unused is a check: nothing uses the image any more.
func unused(r *v1alpha1.ImageReport) string {
	if r.Status.UnusedTime == nil || len(users(r)) > 0 {
		return fmt.Sprintf("it is unused since %v, with workloads %q", r.Status.UnusedTime, users(r))
	}
	return ""
}

// outlast waits for as long as a report outlives its image, by the end of one that has none.
func outlast(t *testing.T, ns string) {
	t.Helper()
	ref := small(t, fmt.Sprintf("lifetime/hourglass-%d:1", serial.Add(1)))
	p := pod(ns, "hourglass", ref)
	create(t, p)
	awaitReport(t, ns, ref.Repository, scanned)
	remove(t, p)
	awaitGone(t, ns, ref.Repository)
}

func update[T client.Object](t *testing.T, object T, change func(T)) {
	t.Helper()
	if err := world.Client.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	patch := client.MergeFrom(object.DeepCopyObject().(client.Object))
	change(object)
	if err := world.Client.Patch(t.Context(), object, patch); err != nil {
		t.Fatal(err)
	}
}

func scale(t *testing.T, d *appsv1.Deployment, replicas int32) {
	t.Helper()
	update(t, d, func(d *appsv1.Deployment) { d.Spec.Replicas = &replicas })
}

// roll makes a Deployment run another image.
func roll(t *testing.T, d *appsv1.Deployment, ref image.Reference) {
	t.Helper()
	update(t, d, func(d *appsv1.Deployment) {
		d.Spec.Template.Annotations[controlplane.ImageIDAnnotation] = untagged(ref)
		d.Spec.Template.Spec.Containers[0].Image = ref.Repository + ":" + ref.Tag
	})
}

func TestReportOutlivesItsPodByTheRetention(t *testing.T) {
	ns := namespace(t, nil)
	ref := small(t, "lifetime/bare:1")
	p := pod(ns, "bare", ref)
	create(t, p)
	awaitReport(t, ns, ref.Repository, both(scanned, usedBy("Pod/bare Running Container:main")))
	remove(t, p)
	got := awaitReport(t, ns, ref.Repository, both(scanned, unused))
	awaitGone(t, ns, ref.Repository)
	if early := time.Until(got.Status.UnusedTime.Add(retention)); early > 0 {
		t.Errorf("the report went %s before its time", early)
	}
}

func TestReportComesBackToLifeWithItsImage(t *testing.T) {
	ns := namespace(t, nil)
	ref := small(t, "lifetime/back:1")
	p := pod(ns, "bare", ref)
	create(t, p)
	before := awaitReport(t, ns, ref.Repository, scanned)
	remove(t, p)
	awaitReport(t, ns, ref.Repository, unused)
	create(t, pod(ns, "again", ref))
	awaitReport(t, ns, ref.Repository, usedBy("Pod/again Running Container:main"))
	outlast(t, ns)
	after := awaitReport(t, ns, ref.Repository, usedBy("Pod/again Running Container:main"))
	if after.UID != before.UID || after.Status.UnusedTime != nil {
		t.Errorf("report %s, unused since %v; want the same as before, %s, in use", after.UID, after.Status.UnusedTime, before.UID)
	}
}

func TestReportStaysWhileItsWorkloadIsIdle(t *testing.T) {
	ns := namespace(t, nil)
	nightly, api := small(t, "lifetime/nightly:1"), small(t, "lifetime/api:1")
	cron := cronJob(ns, "nightly", nightly)
	create(t, cron)
	job := jobOf(ns, "nightly-1", nightly, cron)
	job.Spec.Template.Annotations[controlplane.CompleteAnnotation] = "true"
	create(t, job)
	d := deployment(ns, "api", api, 1)
	create(t, d)
	awaitReport(t, ns, nightly.Repository, scanned)
	before := awaitReport(t, ns, api.Repository, both(scanned, usedBy("Deployment/api Running Container:main")))

	remove(t, job)
	scale(t, d, 0)
	idle := map[string]string{
		nightly.Repository: "CronJob/nightly Idle Container:main",
		api.Repository:     "Deployment/api Idle Container:main",
	}
	for repository, want := range idle {
		awaitReport(t, ns, repository, usedBy(want))
	}
	outlast(t, ns)
	for repository, want := range idle {
		r := report(t.Context(), t, ns, repository)
		if r == nil {
			t.Fatalf("the report of %s is gone, although its workload is not", repository)
		}
		if diff := usedBy(want)(r); diff != "" || r.Status.UnusedTime != nil {
			t.Errorf("report of %s is unused since %v; workloads: %s", repository, r.Status.UnusedTime, diff)
		}
	}

	scale(t, d, 1)
	after := awaitReport(t, ns, api.Repository, usedBy("Deployment/api Running Container:main"))
	if after.UID != before.UID {
		t.Errorf("the report is another, %s, than before, %s", after.UID, before.UID)
	}
}

func TestReportGoesWithItsIdleWorkload(t *testing.T) {
	ns := namespace(t, nil)
	ref := small(t, "lifetime/deleted:1")
	d := deployment(ns, "api", ref, 1)
	create(t, d)
	awaitReport(t, ns, ref.Repository, scanned)
	scale(t, d, 0)
	awaitReport(t, ns, ref.Repository, usedBy("Deployment/api Idle Container:main"))
	remove(t, d)
	awaitGone(t, ns, ref.Repository)
}

func TestReportGoesOnceItsWorkloadRunsAnotherImage(t *testing.T) {
	tests := map[string]func(t *testing.T, d *appsv1.Deployment, old, other image.Reference){
		"rolled out": func(t *testing.T, d *appsv1.Deployment, _, other image.Reference) { roll(t, d, other) },
		"scaled down in between": func(t *testing.T, d *appsv1.Deployment, old, other image.Reference) {
			scale(t, d, 0)
			awaitReport(t, d.Namespace, old.Repository, usedBy("Deployment/api Idle Container:main"))
			roll(t, d, other)
			scale(t, d, 1)
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			ns := namespace(t, nil)
			old, other := small(t, "lifetime/old:1"), small(t, "lifetime/other:2")
			d := deployment(ns, "api", old, 1)
			create(t, d)
			awaitReport(t, ns, old.Repository, both(scanned, usedBy("Deployment/api Running Container:main")))
			change(t, d, old, other)
			awaitReport(t, ns, other.Repository, both(scanned, usedBy("Deployment/api Running Container:main")))
			awaitGone(t, ns, old.Repository)
			if r := report(t.Context(), t, ns, other.Repository); r == nil || r.Status.UnusedTime != nil {
				t.Errorf("the report of what runs now: %+v", r)
			}
		})
	}
}
