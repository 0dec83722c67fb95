package edit

import (
	"strings"
	"testing"
)

// every is an example in which each golang:1.25.1 changes, except for one that stands in it as GOLANG.
func every(content string) example {
	return example{
		content: strings.ReplaceAll(content, "GOLANG", "golang:1.25.1"),
		want:    strings.NewReplacer("golang:1.25.1=", "golang:1.25.1=", "golang:1.25.1", "golang:1.25.3", "GOLANG", "golang:1.25.1").Replace(content),
	}
}

func TestKubernetesKinds(t *testing.T) {
	run(t, "x.yaml", map[string]example{
		"Rollout":    every("apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {template: {spec: {containers: [{name: a, image: golang:1.25.1}]}}}\n"),
		"Knative":    every("apiVersion: serving.knative.dev/v1\nkind: Service\nspec: {template: {spec: {containers: [{image: golang:1.25.1}]}}}\n"),
		"Workflow":   every("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec:\n  templates:\n  - container: {image: golang:1.25.1, args: [GOLANG]}\n  - script: {image: golang:1.25.1, source: 'image: GOLANG'}\n"),
		"Tekton":     every("apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  steps:\n  - image: golang:1.25.1\n    script: |\n      image: GOLANG\n  sidecars: [{image: golang:1.25.1}]\n"),
		"Prometheus": every("apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nspec: {image: golang:1.25.1, containers: [{image: golang:1.25.1}]}\n"),
		"a database": every("apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nspec: {imageName: golang:1.25.1}\n"),
		"list":       every("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: golang:1.25.1}]}}}}}}\n- {kind: ConfigMap, data: {image: GOLANG}}\n"),
		"repository and tag": {
			content: "apiVersion: example.org/v1\nkind: App\nspec: {image: {repository: golang, tag: 1.25.1, pullPolicy: Always}}\n",
			want:    "apiVersion: example.org/v1\nkind: App\nspec: {image: {repository: golang, tag: 1.25.3, pullPolicy: Always}}\n",
		},
		"repository, tag and digits": {
			content: "apiVersion: example.org/v1\nkind: App\nspec: {image: {repository: golang, tag: 1.25.1, sha: " + hexA + "}}\n",
			want:    "apiVersion: example.org/v1\nkind: App\nspec: {image: {repository: golang, tag: 1.25.3, sha: " + hexB + "}}\n",
		},
		"image with its parts beside it": {
			content: "apiVersion: example.org/v1\nkind: App\nspec: {a: {image: golang, tag: 1.25.1, sha: DIGEST_A}, b: {registry: quay.io, image: library/golang:1.25.1}}\n",
			want:    "apiVersion: example.org/v1\nkind: App\nspec: {a: {image: golang, tag: 1.25.3, sha: DIGEST_B}, b: {registry: quay.io, image: library/golang:1.25.1}}\n",
		},
		"the digest elsewhere": {
			content:    "apiVersion: example.org/v1\nkind: App\nspec:\n  image: golang:1.25.1\n  pinned: DIGEST_A\n",
			wantReason: ReasonUnproven, wantLine: 5,
		},
		"the digest of another image": {
			content: "apiVersion: example.org/v1\nkind: App\nspec: {a: {image: golang:1.25.1}, b: {image: {repository: quay.io/golang, digest: DIGEST_A}}}\n",
			want:    "apiVersion: example.org/v1\nkind: App\nspec: {a: {image: golang:1.25.3}, b: {image: {repository: quay.io/golang, digest: DIGEST_A}}}\n",
		},
		"what only looks like an image": every(pod + "  - image: golang:1.25.1\n    env: [{name: image, value: GOLANG, image: GOLANG}]\n    args: [{image: GOLANG}]\n    command: [GOLANG]\nmetadata: {image: GOLANG, annotations: {image: GOLANG}}\n"),
		"Secret and ConfigMap":          {content: "apiVersion: v1\nkind: Secret\nstringData: {image: golang:1.25.1}\n---\napiVersion: v1\nkind: ConfigMap\ndata: {image: golang:1.25.1}\n", wantReason: ReasonNotFound},
		"a definition of a kind":        {content: "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {x: {image: golang:1.25.1}}\n", wantReason: ReasonNotFound},
		"a JSON patch": every("- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: golang:1.25.1\n- {op: add, path: /spec/x, value: GOLANG}\n" +
			"- {op: add, path: /spec/y, value: {containers: [{image: golang:1.25.1}]}}\n"),
	})
}

func TestArgoCDAndFlux(t *testing.T) {
	const (
		app     = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  image: GOLANG\n  source:\n"
		release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n"
	)
	run(t, "x.yaml", map[string]example{
		"Application's values": {
			content: app + "    helm:\n      valuesObject:\n        a: {image: {repository: golang, tag: 1.25.1}}\n        image: golang:1.25.1\n",
			want:    app + "    helm:\n      valuesObject:\n        a: {image: {repository: golang, tag: 1.25.3}}\n        image: golang:1.25.3\n",
		},
		"Application's values as text": {
			content:    app + "    helm:\n      values: |\n        image: golang:1.25.1\n",
			wantReason: ReasonNotFound,
		},
		"Application's parameters": {
			content: app + "    helm:\n      parameters:\n      - {name: image.tag, value: \"1.25.1\", forceString: true}\n      - {name: image.repository, value: golang}\n      - {name: side.image, value: golang:1.25.1}\n      - {name: other.tag, value: 1.25.1}\n",
			want:    app + "    helm:\n      parameters:\n      - {name: image.tag, value: \"1.25.3\", forceString: true}\n      - {name: image.repository, value: golang}\n      - {name: side.image, value: golang:1.25.3}\n      - {name: other.tag, value: 1.25.1}\n",
		},
		"a parameter that is set twice": {
			content:    app + "    helm: {parameters: [{name: image.repository, value: golang}, {name: image.tag, value: 1.25.1}, {name: image.tag, value: 1.25.1}]}\n",
			wantReason: ReasonNotFound,
		},
		"parameters with a digest": {
			content: app + "    helm: {parameters: [{name: image.repository, value: golang}, {name: image.tag, value: 1.25.1}, {name: image.digest, value: DIGEST_A}, {name: b.image, value: golang}, {name: b.tag, value: 1.25.1}, {name: b.sha, value: " + hexA + "}]}\n",
			want:    app + "    helm: {parameters: [{name: image.repository, value: golang}, {name: image.tag, value: 1.25.3}, {name: image.digest, value: DIGEST_B}, {name: b.image, value: golang}, {name: b.tag, value: 1.25.3}, {name: b.sha, value: " + hexB + "}]}\n",
		},
		"a digest that is set twice": {
			content:    app + "    helm: {parameters: [{name: image.repository, value: golang}, {name: image.tag, value: 1.25.1}, {name: image.digest, value: DIGEST_A}, {name: image.digest, value: DIGEST_A}]}\n",
			wantReason: ReasonNotFound,
		},
		"a digest by two names": {
			content:    app + "    helm: {parameters: [{name: image.repository, value: golang}, {name: image.tag, value: 1.25.1}, {name: image.digest, value: DIGEST_A}, {name: image.sha, value: " + hexB + "}]}\n",
			wantReason: ReasonNotFound,
		},
		"a registry that is set twice": {
			content:    app + "    helm: {parameters: [{name: image.registry, value: quay.io}, {name: image.registry, value: quay.io}, {name: image.repository, value: library/golang}, {name: image.tag, value: 1.25.1}]}\n",
			wantReason: ReasonNotFound,
		},
		"Application's images": every(app + "    kustomize:\n      images:\n      - golang:1.25.1\n      - app=golang:1.25.1\n      - golang:1.25.1=rust:1\n      - \"x=golang:1.25.1\"\n"),
		"several sources":      every("apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {sources: [{helm: {valuesObject: {image: golang:1.25.1}}}, {kustomize: {images: [golang:1.25.1]}}]}\n"),
		"ApplicationSet":       every("apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec: {template: {spec: {source: {helm: {valuesObject: {image: golang:1.25.1}}}}}}\n"),
		"ApplicationSet with expressions": {
			content: "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec: {template: {metadata: {name: '{{name}}'}, spec: {source: {helm: {valuesObject: {image: golang:1.25.1, b: {image: 'golang:{{tag}}'}}}}}}}\n",
			want:    "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec: {template: {metadata: {name: '{{name}}'}, spec: {source: {helm: {valuesObject: {image: golang:1.25.3, b: {image: 'golang:{{tag}}'}}}}}}}\n",
		},
		"HelmRelease's shapes": {
			content: release + "  chart: {spec: {version: 1.25.1}}\n  values:\n    a: {image: {registry: docker.io, repository: library/golang, tag: \"1.25.1\", digest: DIGEST_A}}\n    b: {image: golang, imageTag: 1.25.1}\n    sidecarImage: golang:1.25.1\n",
			want:    release + "  chart: {spec: {version: 1.25.1}}\n  values:\n    a: {image: {registry: docker.io, repository: library/golang, tag: \"1.25.3\", digest: DIGEST_B}}\n    b: {image: golang, imageTag: 1.25.3}\n    sidecarImage: golang:1.25.3\n",
		},
		"HelmRelease's images": {
			content: release + "  postRenderers:\n  - kustomize:\n      images: [{name: x, newName: golang, newTag: 1.25.1}]\n",
			want:    release + "  postRenderers:\n  - kustomize:\n      images: [{name: x, newName: golang, newTag: 1.25.3}]\n",
		},
		"HelmRelease in a list": every("apiVersion: v1\nkind: List\nitems:\n- {kind: HelmRelease, spec: {values: {image: golang:1.25.1}}}\n- {kind: Pod, spec: {containers: [{image: golang:1.25.1}]}}\n"),
		"HelmRelease managed by Flux": {
			content:    release + "  values:\n    image:\n      repository: golang\n      tag: 1.25.1 # {\"$imagepolicy\": \"flux-system:golang:tag\"}\n",
			wantReason: ReasonManagedByOther, wantLine: 6,
		},
		"Flux's Kustomization": {
			content: "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec:\n  path: ./a\n  images:\n  - {name: golang, newTag: 1.25.1}\n  - {name: a, newName: golang, digest: DIGEST_A}\n",
			want:    "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec:\n  path: ./a\n  images:\n  - {name: golang, newTag: 1.25.3}\n  - {name: a, newName: golang, digest: DIGEST_B}\n",
		},
		"Kustomize's inline values": {
			path:    "kustomization.yaml",
			content: "helmCharts:\n- name: x\n  valuesInline: {image: {repository: golang, tag: 1.25.1}}\n",
			want:    "helmCharts:\n- name: x\n  valuesInline: {image: {repository: golang, tag: 1.25.3}}\n",
		},
		"Kustomize's inline patch": {
			path:       "kustomization.yaml",
			content:    "patches:\n- patch: |-\n    - {op: replace, path: /spec/image, value: golang:1.25.1}\n",
			wantReason: ReasonNotFound,
		},
	})
}
