package e2e

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
	"github.com/plimsoll-dev/plimsoll/test/registry"
)

// namespace makes one for the test, and has it deleted afterwards.
func namespace(t *testing.T, labels map[string]string) string {
	t.Helper()
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-", Labels: labels}}
	create(t, object)
	return object.Name
}

// create makes an object, and has it deleted after the test.
func create(t *testing.T, object client.Object) {
	t.Helper()
	if err := world.Client.Create(t.Context(), object); err != nil {
		t.Fatalf("create %T %s: %v", object, object.GetName(), err)
	}
	t.Cleanup(func() {
		// The default for a Job is to leave its pods behind.
		err := world.Client.Delete(context.Background(), object, client.PropagationPolicy(metav1.DeletePropagationBackground))
		if client.IgnoreNotFound(err) != nil {
			t.Errorf("delete %T %s: %v", object, object.GetName(), err)
		}
	})
}

// push uploads a recipe's image into a repository of the test's own.
func push(t *testing.T, repository string, artifact recipe.Artifact) image.Reference {
	t.Helper()
	manifest, ok := artifact.(registry.Manifest)
	if !ok {
		t.Fatalf("%T cannot be pushed", artifact)
	}
	ref, err := world.registry.Push(repository, manifest)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// bake builds a recipe of the demo by its name.
func bake(t *testing.T, name string) recipe.Artifact {
	t.Helper()
	for _, r := range append(recipe.Demo(), recipe.Hostile()...) {
		if r.Name == name {
			artifact, err := r.Build(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return artifact
		}
	}
	t.Fatalf("no recipe is called %s", name)
	return nil
}

// pod runs an image, which the fake kubelet reports by the reference's digest.
func pod(namespace, name string, ref image.Reference) *corev1.Pod {
	tagged := ref
	tagged.Digest = ""
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Labels: map[string]string{"app": name},
			Annotations: map[string]string{controlplane.ImageIDAnnotation: ref.WithDigest(ref.Digest).String()},
		},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelArchStable: "amd64"},
			TerminationGracePeriodSeconds: new(int64),
			Containers:                    []corev1.Container{{Name: "main", Image: tagged.String()}},
		},
	}
}

// report returns the one report of a repository in a namespace, or nil.
func report(ctx context.Context, t *testing.T, namespace, repository string) *v1alpha1.ImageReport {
	t.Helper()
	var list v1alpha1.ImageReportList
	if err := world.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		if list.Items[i].Spec.Repository == repository {
			return &list.Items[i]
		}
	}
	return nil
}

// awaitReport waits until the report of a repository is as wanted. The check
// returns what is missing.
func awaitReport(t *testing.T, namespace, repository string, check func(*v1alpha1.ImageReport) string) *v1alpha1.ImageReport {
	t.Helper()
	var found *v1alpha1.ImageReport
	await(t, "the report of "+repository+" in "+namespace, func(ctx context.Context) (string, error) {
		found = report(ctx, t, namespace, repository)
		if found == nil {
			return "there is no report", nil
		}
		return check(found), nil
	})
	return found
}

// scanned is a check: the image's content is known and judged.
func scanned(r *v1alpha1.ImageReport) string {
	if r.Status.Summary == nil {
		return fmt.Sprintf("it is not scanned: %+v", r.Status.Conditions)
	}
	return ""
}

// hasCondition is a check of a condition's status and reason.
func hasCondition(kind string, status metav1.ConditionStatus, reason string) func(*v1alpha1.ImageReport) string {
	return func(r *v1alpha1.ImageReport) string {
		c := meta.FindStatusCondition(r.Status.Conditions, kind)
		if c == nil || c.Status != status || c.Reason != reason {
			return fmt.Sprintf("condition %s is %+v, want %s with reason %s", kind, c, status, reason)
		}
		return ""
	}
}

// hasVerdict is a check of the verdict.
func hasVerdict(want v1alpha1.Verdict) func(*v1alpha1.ImageReport) string {
	return func(r *v1alpha1.ImageReport) string {
		if r.Status.Verdict != want {
			return fmt.Sprintf("verdict is %s, want %s: %+v", r.Status.Verdict, want, r.Status.Verdicts)
		}
		return ""
	}
}

// both is a check that asks for all of several.
func both(checks ...func(*v1alpha1.ImageReport) string) func(*v1alpha1.ImageReport) string {
	return func(r *v1alpha1.ImageReport) string {
		for _, check := range checks {
			if missing := check(r); missing != "" {
				return missing
			}
		}
		return ""
	}
}

// compose builds an image of layers that a test makes up.
func compose(t *testing.T, layers ...[]recipe.File) v1.Image {
	t.Helper()
	var packed []v1.Layer
	for _, files := range layers {
		l, err := recipe.Layer(files...)
		if err != nil {
			t.Fatal(err)
		}
		packed = append(packed, l)
	}
	img, err := recipe.Image(recipe.AMD64, v1.Config{Cmd: []string{"/bin/sh"}}, packed...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// debian is a layer of Debian 12 with the given packages, and with a file that
// makes it another layer than every other test's.
func debian(t *testing.T, debs ...recipe.Deb) []recipe.File {
	t.Helper()
	files := append(recipe.DebianRelease("12", "12.12"), recipe.Dpkg(debs...)...)
	return append(files, recipe.Text("etc/made-for", fmt.Sprintf("%s %d", t.Name(), serial.Add(1))))
}

// serial tells layers of one test, and those of repeated runs, apart.
var serial atomic.Int64

// vulnerable is a package with two Medium findings under both databases, both with a fix.
func vulnerable(name string) recipe.Deb {
	return recipe.Deb{
		Name: name, Source: "tar", Version: "1.34+dfsg-1.2",
		Arch: "amd64", Section: "utils", Maintainer: "Janitor <janitor@example.com>", Description: "part of tar",
	}
}

// untagged is a reference by digest alone, as kubelets report it.
func untagged(ref image.Reference) string { return ref.Repository + "@" + string(ref.Digest) }
