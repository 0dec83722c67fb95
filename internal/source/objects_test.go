package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// cluster holds objects to be read, as a controller would.
func cluster(t *testing.T, manifests string) Objects {
	t.Helper()
	all := Objects{}
	for _, manifest := range strings.Split(manifests, "---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(manifest), &u.Object); err != nil {
			t.Fatal(err)
		}
		all[ObjectReference{u.GroupVersionKind().GroupKind(), u.GetNamespace(), u.GetName()}] = u
	}
	return all
}

// resolve reads what is missing until nothing is, and says in what order.
func resolve(t *testing.T, object Object, all Objects) (Deployed, []string) {
	t.Helper()
	var asked []string
	read := Objects{}
	for range 10 {
		got := DeployedFrom(object, read, []string{"argocd"})
		if len(got.Missing) == 0 {
			return got, asked
		}
		for _, r := range got.Missing {
			asked = append(asked, r.String())
			read[r] = all[r]
		}
	}
	t.Fatal("something is still missing after 10 rounds")
	return Deployed{}, nil
}

func deployment(labels, annotations map[string]string) Object {
	return Object{GroupKind: schema.GroupKind{Group: "apps", Kind: "Deployment"}, Namespace: "shop", Name: "api", Labels: labels, Annotations: annotations}
}

var tracked = map[string]string{argoTracking: "shop:apps/Deployment:shop/api"}

const (
	application = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd, labels: {app.kubernetes.io/instance: root}}
`
	status = `
status:
  resources: [{group: apps, kind: Deployment, namespace: shop, name: api}]
  sync: {revision: ` + commit + `}
`
	gitRepository = `---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {url: "ssh://git@github.com/acme/fleet", ref: {branch: main}}
`
	kustomization = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {path: ./apps/prod, sourceRef: {kind: GitRepository, name: flux-system}}
status:
  lastAppliedRevision: main@sha1:` + commit + `
  inventory: {entries: [{id: shop_api_apps_Deployment, v: v1}]}
`
)

func TestArgoCD(t *testing.T) {
	at := func(branch, path string) Location {
		return Location{Repository: "https://github.com/acme/deploy", Branch: branch, Revision: commit, Path: path,
			Kind: Manifests, By: "Argo CD Application argocd/shop"}
	}
	source := func(s string) string { return application + "spec:\n  source: " + s + status }
	tests := map[string]struct {
		object     Object
		objects    string
		want       []Location
		wantReason string
	}{
		"by annotation": {
			object:  deployment(nil, tracked),
			objects: source("{repoURL: git@github.com:acme/deploy.git, path: ./shop, targetRevision: HEAD}"),
			want:    []Location{at("", "shop")},
		},
		"an annotation copied from another object": {
			object:  deployment(nil, map[string]string{argoTracking: "shop:apps/Deployment:shop/web"}),
			objects: source("{repoURL: https://github.com/acme/deploy, path: shop}"),
		},
		"an Application that does not list the object": {
			object:     Object{GroupKind: schema.GroupKind{Group: "apps", Kind: "Deployment"}, Namespace: "evil", Name: "api", Annotations: map[string]string{argoTracking: "shop:apps/Deployment:evil/api"}},
			objects:    source("{repoURL: https://github.com/acme/deploy, path: shop}"),
			wantReason: "does not list",
		},
		"by label": {
			object:  deployment(map[string]string{instance: "shop"}, nil),
			objects: source("{repoURL: https://github.com/acme/deploy, path: shop, targetRevision: release-1.2}"),
			want:    []Location{at("release-1.2", "shop")},
		},
		"by label, without a status": {
			object:     deployment(map[string]string{instance: "shop"}, nil),
			objects:    application + "spec: {source: {repoURL: https://github.com/acme/deploy, path: shop}}\n",
			wantReason: "does not list",
		},
		"a label of a chart": {
			object:  deployment(map[string]string{instance: "other"}, nil),
			objects: source("{repoURL: https://github.com/acme/deploy, path: shop}"),
		},
		"in another namespace": {
			object:  deployment(nil, map[string]string{argoTracking: "team_shop:apps/Deployment:shop/api"}),
			objects: strings.ReplaceAll(source("{repoURL: https://github.com/acme/deploy, path: shop}"), "namespace: argocd", "namespace: team"),
			want: []Location{{Repository: "https://github.com/acme/deploy", Revision: commit, Path: "shop", Kind: Manifests,
				By: "Argo CD Application team/shop"}},
		},
		"a commit": {
			object:     deployment(nil, tracked),
			objects:    source("{repoURL: https://github.com/acme/deploy, path: shop, targetRevision: " + commit + "}"),
			wantReason: "follows no branch",
		},
		"a tag": {
			object:     deployment(nil, tracked),
			objects:    source("{repoURL: https://github.com/acme/deploy, path: shop, targetRevision: v1.2.3}"),
			wantReason: "tag",
		},
		"a range of tags": {
			object:     deployment(nil, tracked),
			objects:    source("{repoURL: https://github.com/acme/deploy, path: shop, targetRevision: 1.2.*}"),
			wantReason: "no branch",
		},
		"a chart of a registry": {
			object:  deployment(nil, tracked),
			objects: source("{repoURL: https://charts.example.com, chart: shop, targetRevision: 1.2.3}"),
		},
		"the root of a repository": {
			object:  deployment(nil, tracked),
			objects: source("{repoURL: https://github.com/acme/deploy, path: .}"),
			want:    []Location{at("", "")},
		},
		"out of the repository": {
			object:     deployment(nil, tracked),
			objects:    source("{repoURL: https://github.com/acme/deploy, path: ../x}"),
			wantReason: "leads out",
		},
		"a chart with files of values elsewhere": {
			object:  deployment(nil, tracked),
			objects: source("{repoURL: https://github.com/acme/deploy, path: charts/shop, helm: {valueFiles: [values-prod.yaml, ../../env/prod.yaml, /env/all.yaml, 'https://x/y']}}"),
			want: []Location{at("", "charts/shop"),
				{Repository: "https://github.com/acme/deploy", Path: "env/prod.yaml", Kind: Manifests, By: "Argo CD Application argocd/shop"},
				{Repository: "https://github.com/acme/deploy", Path: "env/all.yaml", Kind: Manifests, By: "Argo CD Application argocd/shop"}},
		},
		"several sources with values by reference": {
			object: deployment(nil, tracked),
			objects: application + `spec:
  sources:
  - {repoURL: https://charts.example.com, chart: shop, targetRevision: 1.2.3, helm: {valueFiles: [$values/shop/prod.yaml, $other/x.yaml]}}
  - {repoURL: https://github.com/acme/deploy, targetRevision: main, ref: values}
status:
  resources: [{group: apps, kind: Deployment, namespace: shop, name: api}]
  sync: {revisions: [1.2.3, ` + commit + `]}
`,
			want: []Location{at("main", "shop/prod.yaml")},
		},
		"values in the Application of an app of apps": {
			object: deployment(nil, tracked),
			objects: source("{repoURL: https://charts.example.com, chart: shop, targetRevision: 1.2.3, helm: {valuesObject: {image: {tag: '1'}}}}") + `---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: root, namespace: argocd}
spec: {source: {repoURL: https://github.com/acme/deploy, path: apps}}
status: {resources: [{group: argoproj.io, kind: Application, namespace: argocd, name: shop}]}
`,
			want: []Location{{Repository: "https://github.com/acme/deploy", Path: "apps", Kind: Manifests, By: "Argo CD Application argocd/root"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, _ := resolve(t, tc.object, cluster(t, tc.objects))
			compare(t, got, tc.want, tc.wantReason)
		})
	}
}

func compare(t *testing.T, got Deployed, want []Location, wantReason string) {
	t.Helper()
	if diff := cmp.Diff(want, got.Locations); diff != "" {
		t.Errorf("locations (-want +got):\n%s\n%v", diff, got.Reasons)
	}
	if reasons := strings.Join(got.Reasons, "; "); (reasons != "") != (wantReason != "") || !strings.Contains(reasons, wantReason) {
		t.Errorf("reasons %q, want %q", reasons, wantReason)
	}
}

func TestFlux(t *testing.T) {
	byKustomization := deployment(map[string]string{Kustomization.Group + "/name": "apps", Kustomization.Group + "/namespace": "flux-system"}, nil)
	byRelease := deployment(map[string]string{HelmRelease.Group + "/name": "shop", HelmRelease.Group + "/namespace": "shop", instance: "shop"}, nil)
	at := func(revision, path string) Location {
		return Location{Repository: "https://github.com/acme/fleet", Branch: "main", Revision: revision, Path: path,
			Kind: Manifests, By: "Flux Kustomization flux-system/apps"}
	}
	const release = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop, namespace: shop, labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}}
spec: {chart: {spec: {chart: ./charts/shop, sourceRef: {kind: SOURCE, name: flux-system, namespace: flux-system}}}}
---
`
	elsewhere := func(from string) Object {
		object := deployment(map[string]string{HelmRelease.Group + "/name": "shop", HelmRelease.Group + "/namespace": "shop"}, nil)
		object.Namespace = from
		return object
	}
	const inventory = "status: {inventory: {entries: [{id: web_api_apps_Deployment, v: v1}]}}\n---\n"
	listed := strings.ReplaceAll(kustomization, "shop_api_apps_Deployment", "shop_shop_helm.toolkit.fluxcd.io_HelmRelease")
	tests := map[string]struct {
		object     Object
		objects    string
		want       []Location
		wantReason string
	}{
		"a Kustomization":       {object: byKustomization, objects: kustomization + gitRepository, want: []Location{at(commit, "apps/prod")}},
		"one that is not there": {object: byKustomization, objects: strings.TrimPrefix(gitRepository, "---\n")},
		"one that does not list the object": {
			object: byKustomization, objects: strings.ReplaceAll(kustomization, "shop_api", "shop_web") + gitRepository, wantReason: "does not list",
		},
		"one that lists nothing": {
			object: byKustomization, objects: strings.ReplaceAll(kustomization, "{id: shop_api_apps_Deployment, v: v1}", "") + gitRepository, wantReason: "does not list",
		},
		"a bucket": {
			object: byKustomization, objects: strings.ReplaceAll(kustomization, "kind: GitRepository", "kind: Bucket") + gitRepository, wantReason: "Bucket, which is no Git",
		},
		"a tag before a branch": {
			object: byKustomization, objects: kustomization + strings.ReplaceAll(gitRepository, "{branch: main}", "{branch: main, tag: v1}"), wantReason: "tag",
		},
		"a commit": {
			object: byKustomization, objects: kustomization + strings.ReplaceAll(gitRepository, "{branch: main}", "{branch: main, commit: "+commit+"}"), wantReason: "commit",
		},
		"a range of tags": {
			object: byKustomization, objects: kustomization + strings.ReplaceAll(gitRepository, "{branch: main}", "{semver: '>=1.0.0'}"), wantReason: "no branch",
		},
		"a branch that looks like a tag": {
			object: byKustomization, objects: kustomization + strings.ReplaceAll(gitRepository, "{branch: main}", "{branch: v1.2.3}"),
			want: []Location{{Repository: "https://github.com/acme/fleet", Branch: "v1.2.3", Revision: commit, Path: "apps/prod", Kind: Manifests, By: "Flux Kustomization flux-system/apps"}},
		},
		"no branch is Flux's default": {
			object: byKustomization, objects: kustomization + strings.ReplaceAll(gitRepository, ", ref: {branch: main}", ""),
			want: []Location{{Repository: "https://github.com/acme/fleet", Branch: "master", Revision: commit, Path: "apps/prod", Kind: Manifests, By: "Flux Kustomization flux-system/apps"}},
		},
		"a release's values": {
			object: byRelease, objects: strings.ReplaceAll(release, "SOURCE", "HelmRepository") + listed + gitRepository,
			want: []Location{at(commit, "apps/prod")},
		},
		"a release's values and chart": {
			object: byRelease, objects: strings.ReplaceAll(release, "SOURCE", "GitRepository") + listed + gitRepository,
			want: []Location{at(commit, "apps/prod"),
				{Repository: "https://github.com/acme/fleet", Branch: "main", Path: "charts/shop", Kind: Manifests, By: "Flux HelmRelease shop/shop"}},
		},
		"a release of another namespace": {
			object: elsewhere("evil"), objects: strings.ReplaceAll(release, "SOURCE", "GitRepository") + listed + gitRepository,
		},
		"a release into another namespace": {
			object: elsewhere("web"), objects: strings.ReplaceAll(strings.ReplaceAll(release, "SOURCE", "HelmRepository"), "spec: {", "spec: {targetNamespace: web, ") + listed + gitRepository,
			want: []Location{at(commit, "apps/prod")},
		},
		"a release that lists the object": {
			object: elsewhere("web"), objects: strings.ReplaceAll(strings.ReplaceAll(release, "SOURCE", "HelmRepository"), "---\n", inventory) + listed + gitRepository,
			want: []Location{at(commit, "apps/prod")},
		},
		"a release that lists others": {
			object: byRelease, objects: strings.ReplaceAll(strings.ReplaceAll(release, "SOURCE", "HelmRepository"), "---\n", inventory) + listed + gitRepository,
		},
		"one that applies itself": {
			object: byKustomization,
			objects: strings.ReplaceAll(strings.ReplaceAll(kustomization, "namespace: flux-system}\nspec: {",
				"namespace: flux-system, labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}}\nspec: {images: [{name: a}], "),
				"entries: [", "entries: [{id: flux-system_apps_kustomize.toolkit.fluxcd.io_Kustomization}, ") + gitRepository,
			want: []Location{at(commit, "apps/prod")},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, _ := resolve(t, tc.object, cluster(t, tc.objects))
			compare(t, got, tc.want, tc.wantReason)
		})
	}
}

// TestMissing: each object is asked for once, one after the other.
func TestMissing(t *testing.T) {
	object := deployment(map[string]string{Kustomization.Group + "/name": "apps", Kustomization.Group + "/namespace": "flux-system", instance: "x"}, nil)
	_, asked := resolve(t, object, cluster(t, kustomization+gitRepository))
	want := []string{"Application argocd/x", "Kustomization flux-system/apps", "GitRepository flux-system/flux-system"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if _, asked := resolve(t, deployment(nil, nil), nil); asked != nil {
		t.Errorf("asked for %v of an object without marks", asked)
	}
}

// FuzzDeployedFrom: objects are written by others, and may hold anything.
func FuzzDeployedFrom(f *testing.F) {
	f.Add([]byte(application + "spec: {source: {repoURL: https://u:p@h/a, path: ../b, helm: {valueFiles: [1, /x, $a/b]}}}" + status))
	f.Add([]byte(kustomization))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		var object map[string]any
		if err := yaml.Unmarshal(manifest, &object); err != nil {
			return
		}
		u := &unstructured.Unstructured{Object: object}
		workload := deployment(map[string]string{Kustomization.Group + "/name": "apps", Kustomization.Group + "/namespace": "flux-system",
			HelmRelease.Group + "/name": "apps", HelmRelease.Group + "/namespace": "flux-system"}, tracked)
		got := DeployedFrom(workload, Objects{
			{Application, "argocd", "shop"}: u, {Kustomization, "flux-system", "apps"}: u, {HelmRelease, "flux-system", "apps"}: u,
			{GitRepository, "flux-system", "flux-system"}: u,
		}, []string{"argocd"})
		for _, l := range got.Locations {
			if again, err := NormaliseRepository(l.Repository); err != nil || again != l.Repository || strings.HasPrefix(l.Path, "..") || strings.HasPrefix(l.Path, "/") {
				t.Fatalf("%+v: %v", l, err)
			}
		}
	})
}
