package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
)

// Kinds of Flux and Argo CD, as far as the operator reads them.
var (
	kustomization = schema.GroupVersionKind{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Kind: "Kustomization"}
	gitRepository = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "GitRepository"}
	application   = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Application"}
)

// Namespaces in which Flux and Argo CD are.
const (
	fluxNamespace = "flux-system"
	argoNamespace = "argocd"
)

// theGitOps is that the cluster knows these kinds, from the first test on that needs them.
var theGitOps = sync.OnceValue(func() error {
	ctx := context.Background()
	for _, ns := range []string{fluxNamespace, argoNamespace} {
		if err := world.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}); err != nil {
			return err
		}
	}
	for kind, plural := range map[schema.GroupVersionKind]string{kustomization: "kustomizations", gitRepository: "gitrepositories", application: "applications"} {
		if err := world.Client.Create(ctx, definition(kind, plural)); err != nil {
			return err
		}
	}
	_, err := world.Kubectl(ctx, "wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
	return err
})

// definition of a kind that takes any content.
func definition(kind schema.GroupVersionKind, plural string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": plural + "." + kind.Group},
		"spec": map[string]any{
			"group": kind.Group, "scope": "Namespaced",
			"names": map[string]any{"kind": kind.Kind, "plural": plural},
			"versions": []any{map[string]any{
				"name": kind.Version, "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
			}},
		},
	}}
}

// gitOps makes an object of Flux or Argo CD.
func gitOps(t *testing.T, kind schema.GroupVersionKind, namespace, name string, spec, status map[string]any) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec, "status": status}}
	object.SetGroupVersionKind(kind)
	object.SetNamespace(namespace)
	object.SetName(name)
	create(t, object)
}

// fluxDeploys is that Flux has applied a Deployment from a directory of the workshop's repository.
func (w *workshop) fluxDeploys(t *testing.T, d *appsv1.Deployment, directory string) {
	t.Helper()
	d.Labels = map[string]string{kustomization.Group + "/name": w.ns, kustomization.Group + "/namespace": fluxNamespace}
	gitOps(t, gitRepository, fluxNamespace, w.ns, map[string]any{
		"url": w.RepositoryURL(w.repository), "ref": map[string]any{"branch": "main"},
	}, nil)
	gitOps(t, kustomization, fluxNamespace, w.ns, map[string]any{
		"path": "./" + directory, "prune": true, "sourceRef": map[string]any{"kind": gitRepository.Kind, "name": w.ns},
	}, map[string]any{
		"lastAppliedRevision": "main@sha1:" + w.commit(t, "main"),
		"inventory":           map[string]any{"entries": []any{map[string]any{"id": w.ns + "_" + d.Name + "_apps_Deployment", "v": "v1"}}},
	})
}

// argoDeploys is the same of Argo CD.
func (w *workshop) argoDeploys(t *testing.T, d *appsv1.Deployment, directory string) {
	t.Helper()
	d.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": fmt.Sprintf("%s:apps/Deployment:%s/%s", w.ns, w.ns, d.Name)}
	gitOps(t, application, argoNamespace, w.ns, map[string]any{
		"source": map[string]any{"repoURL": w.RepositoryURL(w.repository), "path": directory, "targetRevision": "main"},
	}, map[string]any{
		"sync":      map[string]any{"status": "Synced", "revision": w.commit(t, "main")},
		"resources": []any{map[string]any{"group": "apps", "kind": "Deployment", "namespace": w.ns, "name": d.Name}},
	})
}

// publish pushes a version of an image that others build.
func (w *workshop) publish(t *testing.T, tag, version string) image.Reference {
	t.Helper()
	return push(t, w.app+":"+tag, compose(t, debian(t, openssl(version))))
}

const (
	kustomizationFile = `# Moved by people and by machines.
resources:
- ../../apps/web
images:
  - name: web
    newName:  APP
    newTag:   1.0.0   # as of spring
`
	manifestFile = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
    template:
        spec:
            containers:
            -   name:  main
                image: "APP:1.0.0" # not APP:0.9.0
            -   name: other
                image: APP-other:1.0.0
`
)

// What Flux or Argo CD deploys is moved in their manifests, and followed until it runs.
func TestRemediationGitOps(t *testing.T) {
	t.Parallel()
	if err := theGitOps(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		deploys       func(*workshop, *testing.T, *appsv1.Deployment, string)
		file, content string
		line          int32
		before, after string
	}{
		"Flux, a kustomization": {
			deploys: (*workshop).fluxDeploys, file: "clusters/prod/kustomization.yaml", content: kustomizationFile, line: 6,
			before: "    newTag:   1.0.0   # as of spring", after: "    newTag:   1.1.0   # as of spring",
		},
		"Flux, a manifest": {
			deploys: (*workshop).fluxDeploys, file: "clusters/prod/app.yaml", content: manifestFile, line: 9,
			before: `                image: "APP:1.0.0" # not APP:0.9.0`, after: `                image: "APP:1.1.0" # not APP:0.9.0`,
		},
		"Argo CD, a kustomization": {
			deploys: (*workshop).argoDeploys, file: "clusters/prod/kustomization.yaml", content: kustomizationFile, line: 6,
			before: "    newTag:   1.0.0   # as of spring", after: "    newTag:   1.1.0   # as of spring",
		},
		"Argo CD, a manifest": {
			deploys: (*workshop).argoDeploys, file: "clusters/prod/app.yaml", content: manifestFile, line: 9,
			before: `                image: "APP:1.0.0" # not APP:0.9.0`, after: `                image: "APP:1.1.0" # not APP:0.9.0`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Another environment has the same image, and moves in its own time.
			w := newWorkshop(t, map[string]string{tc.file: tc.content, "clusters/test/app.yaml": manifestFile})
			old := w.publish(t, "1.0.0", opensslOld)
			running := deployment(w.ns, "app", old, 1)
			tc.deploys(w, t, running, "clusters/prod")
			create(t, running)
			fixed := w.publish(t, "1.1.0", opensslNew)
			create(t, w.policy(func(r *v1alpha1.Remediation) { r.Repositories[0].Images = nil }))

			update := w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "1.1.0"))
			if got, want := update.Spec.Base, w.appRepository()+":1.0.0"; got != want {
				t.Errorf("the update moves %s, want %s", got, want)
			}
			if len(update.Status.Files) != 1 || update.Status.Files[0] != (v1alpha1.FilePosition{Path: tc.file, Line: tc.line}) {
				t.Errorf("files of the update are %+v, want %s line %d", update.Status.Files, tc.file, tc.line)
			}
			awaitReport(t, w.ns, w.appRepository(), updateState(v1alpha1.UpdateProposed))
			pr := w.onlyPullRequest(t)
			named := strings.NewReplacer("APP", w.appRepository())
			w.checkChanges(t, pr, map[string][]string{tc.file: {"-" + named.Replace(tc.before), "+" + named.Replace(tc.after)}})

			if err := w.Merge(t.Context(), w.repository, pr.Index); err != nil {
				t.Fatal(err)
			}
			w.awaitUpdate(t, inPhase(v1alpha1.UpdateMerged, "1.1.0"))
			redeploy(t, running, fixed)
			w.awaitUpdateOf(t, w.appRepository()+":1.0.0", inPhase(v1alpha1.UpdateRolledOut, "1.1.0"))
			if len(w.pullRequests(t)) != 1 {
				t.Error("there is a second pull request")
			}
		})
	}
}

// A copy of an object has its marks, too, and says nothing of where it comes from.
func TestRemediationGitOpsCopy(t *testing.T) {
	t.Parallel()
	if err := theGitOps(); err != nil {
		t.Fatal(err)
	}
	w := newWorkshop(t, map[string]string{"clusters/prod/app.yaml": manifestFile, "clusters/prod/two.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: two}\nspec:\n  containers:\n  - name: two\n    image: APP-two:1.0.0\n"})
	original := deployment(w.ns, "app", w.publish(t, "1.0.0", opensslOld), 1)
	w.argoDeploys(t, original, "clusters/prod")
	copied := original.DeepCopy()
	copied.Name = "copy"
	create(t, copied)
	w.publish(t, "1.1.0", opensslNew)
	create(t, w.policy(func(r *v1alpha1.Remediation) {
		r.Repositories[0].Images = []string{w.appRepository() + "-two"}
	}))
	awaitReport(t, w.ns, w.appRepository(), both(hasVerdict(v1alpha1.VerdictPass), usedBy("Deployment/copy Running Container:main")))

	// A round that has the one update would have the other, too.
	two := w.twin()
	two.publish(t, "1.1.0", opensslNew)
	create(t, pod(w.ns, "two", two.publish(t, "1.0.0", opensslOld)))
	w.awaitUpdateOf(t, two.appRepository()+":1.0.0", inPhase(v1alpha1.UpdateProposed, "1.1.0"))
	if copied := report(t.Context(), t, w.ns, w.appRepository()); copied.Status.Update != nil {
		t.Errorf("update of the copy is %+v, want none", copied.Status.Update)
	}
	w.checkChanges(t, w.onlyPullRequest(t), map[string][]string{
		"clusters/prod/two.yaml": {"-    image: " + two.appRepository() + ":1.0.0", "+    image: " + two.appRepository() + ":1.1.0"},
	})
}

// A repository that the policy names for an image may deploy it rather than build it.
func TestRemediationOfWhatIsOnlyDeployed(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, map[string]string{"deploy/app.yaml": manifestFile, "tools/Dockerfile": "ARG IMAGE\nFROM ${IMAGE}\n"})
	w.release(t, "12.2", opensslNew)
	w.runs(t, "12.1")
	w.build(t, "1.1.0", "12.2", w.annotated(t, "12.2"))
	create(t, w.policy(nil))
	w.awaitUpdateOf(t, w.appRepository()+":1.0.0", inPhase(v1alpha1.UpdateProposed, "1.1.0"))
	awaitReport(t, w.ns, w.appRepository(), updateState(v1alpha1.UpdateProposed))
	w.checkChanges(t, w.onlyPullRequest(t), map[string][]string{"deploy/app.yaml": {
		`-                image: "` + w.appRepository() + `:1.0.0" # not ` + w.appRepository() + `:0.9.0`,
		`+                image: "` + w.appRepository() + `:1.1.0" # not ` + w.appRepository() + `:0.9.0`,
	}})
}

// redeploy has a Deployment run another image, as its controller does after a commit.
func redeploy(t *testing.T, d *appsv1.Deployment, ref image.Reference) {
	t.Helper()
	patch := client.MergeFrom(d.DeepCopy())
	d.Spec.Template.Annotations[controlplane.ImageIDAnnotation] = ref.WithDigest(ref.Digest).String()
	ref.Digest = ""
	d.Spec.Template.Spec.Containers[0].Image = ref.String()
	if err := world.Client.Patch(t.Context(), d, patch); err != nil {
		t.Fatal(err)
	}
}
