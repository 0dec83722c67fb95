package edit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n"

func TestYAMLScalars(t *testing.T) {
	run(t, "pod.yaml", map[string]example{
		"plain, with a comment": {
			content: pod + "  - image: golang:1.25.1  # golang:1.25.1\n    name:   x\n",
			want:    pod + "  - image: golang:1.25.3  # golang:1.25.1\n    name:   x\n",
		},
		"single quotes":      {content: pod + "  - image: 'golang:1.25.1'\n", want: pod + "  - image: 'golang:1.25.3'\n"},
		"double quotes":      {content: pod + "  - image: \"golang:1.25.1@DIGEST_A\"\n", want: pod + "  - image: \"golang:1.25.3@DIGEST_B\"\n"},
		"flow":               {content: pod + "  - {name: a, image: golang:1.25.1, args: [golang:1.25.1]}\n", want: pod + "  - {name: a, image: golang:1.25.3, args: [golang:1.25.1]}\n"},
		"JSON in YAML":       {content: "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"containers\":[{\"image\":\"golang:1.25.1\"}]}", want: "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"containers\":[{\"image\":\"golang:1.25.3\"}]}"},
		"Unicode before":     {content: pod + "  - {name: \"é日本\U0001f600\", image: golang:1.25.1} # ü\n", want: pod + "  - {name: \"é日本\U0001f600\", image: golang:1.25.3} # ü\n"},
		"CRLF":               {content: strings.ReplaceAll(pod, "\n", "\r\n") + "  - image: golang:1.25.1\r\n    a: ü\r\n", want: strings.ReplaceAll(pod, "\n", "\r\n") + "  - image: golang:1.25.3\r\n    a: ü\r\n"},
		"byte order mark":    {content: "\xef\xbb\xbf{apiVersion: v1, kind: Pod, containers: [{image: golang:1.25.1}]}\n", want: "\xef\xbb\xbf{apiVersion: v1, kind: Pod, containers: [{image: golang:1.25.3}]}\n"},
		"no end of line":     {content: pod + "  - image: golang:1.25.1", want: pod + "  - image: golang:1.25.3"},
		"tabs after a value": {content: pod + "  - image:\tgolang:1.25.1\t# x\n", want: pod + "  - image:\tgolang:1.25.3\t# x\n"},
		"tabs that indent":   {content: pod + "\t- image: golang:1.25.1\n", wantReason: ReasonInvalid},
		"tagged":             {content: pod + "  - image: !!str golang:1.25.1\n", want: pod + "  - image: !!str golang:1.25.3\n"},
		"block":              {content: pod + "  - image: |-\n      golang:1.25.1\n", wantReason: ReasonMultiline, wantLine: 5},
		"folded":             {content: pod + "  - image: >-\n      golang:1.25.1\n", wantReason: ReasonMultiline, wantLine: 5},
		"escaped":            {content: pod + "  - image: \"golang:1\\u002e25.1\"\n", wantReason: ReasonComputed, wantLine: 5},
		"on the next line":   {content: pod + "  - image:\n      golang:1.25.1\n", want: pod + "  - image:\n      golang:1.25.3\n"},
		"a key twice":        {content: pod + "  - image: golang:1.25.1\n    image: golang:1.25.1\n", wantReason: ReasonInvalid, wantLine: 6},
		"not YAML":           {content: pod + " - [", wantReason: ReasonInvalid},
		"template":           {content: pod + "  - image: golang:1.25.1\n    name: {{ .Values.name }}\n", wantReason: ReasonTemplated},
		"a template's words": {
			content: pod + "  - image: golang:1.25.1\n    args: ['{{ x }}']\n    script: |\n      {{ if }}\n  - image: 'golang:{{ v }}'\n# {{ if }}\n",
			want:    pod + "  - image: golang:1.25.3\n    args: ['{{ x }}']\n    script: |\n      {{ if }}\n  - image: 'golang:{{ v }}'\n# {{ if }}\n",
		},
		"a template by its name": {path: "pod.j2.yaml", content: pod + "  - image: golang:1.25.1\n", wantReason: ReasonTemplated},
		"a chart's template":     {path: "chart/templates/pod.yaml", content: pod + "  - image: golang:1.25.1\n", wantReason: ReasonTemplated},
		"a variable":             {content: pod + "  - image: golang:${V}\n", wantReason: ReasonNotFound},
		"no known kind":          {path: "other.yaml", content: "image: golang:1.25.1\n", wantReason: ReasonUnknownFormat},
		"empty":                  {content: "---\n---\n", wantReason: ReasonUnknownFormat},
		"Flux's marker": {
			content:    pod + "  - image: golang:1.25.1 # {\"$imagepolicy\": \"flux-system:golang\"}\n",
			wantReason: ReasonManagedByOther, wantLine: 5,
		},
		"Flux's marker on one of two": {
			content:    pod + "  - image: golang:1.25.1\n  - image: golang:1.25.1 # {\"$imagepolicy\": \"flux-system:golang\"}\n",
			wantReason: ReasonManagedByOther, wantLine: 6,
		},
		"Flux's marker on another image": {
			content: pod + "  - image: golang:1.25.1\n  - image: rust:1 # {\"$imagepolicy\": \"flux-system:rust\"}\n",
			want:    pod + "  - image: golang:1.25.3\n  - image: rust:1 # {\"$imagepolicy\": \"flux-system:rust\"}\n",
		},
		"Renovate's comment above": {content: pod + "  # renovate: datasource=docker\n  - image: golang:1.25.1\n", wantReason: ReasonManagedByOther},
	})
}

func TestYAMLAliases(t *testing.T) {
	run(t, "pod.yaml", map[string]example{
		"every alias is an image": {
			content:      pod + "  - image: &i golang:1.25.1\n  - image: *i\n",
			want:         pod + "  - image: &i golang:1.25.3\n  - image: *i\n",
			wantReplaced: 2,
		},
		"an alias is something else": {
			content:    pod + "  - image: &i golang:1.25.1\n    args: [*i]\n",
			wantReason: ReasonShared, wantLine: 6,
		},
		"quoted anchor": {
			content: pod + "  - image: &i \"golang:1.25.1\"\n  - image: *i\n",
			want:    pod + "  - image: &i \"golang:1.25.3\"\n  - image: *i\n",
		},
		"merged": {
			path:    "compose.yaml",
			content: "x-app: &app\n  image: golang:1.25.1\nservices:\n  a:\n    <<: *app\n  b:\n    <<: [*app]\n    command: x\n",
			want:    "x-app: &app\n  image: golang:1.25.3\nservices:\n  a:\n    <<: *app\n  b:\n    <<: [*app]\n    command: x\n",
		},
		"merged, but overridden": {
			path:       "compose.yaml",
			content:    "x-app: &app\n  image: golang:1.25.1\nservices:\n  a:\n    <<: *app\n  b:\n    <<: *app\n    image: rust:1\n",
			wantReason: ReasonShared, wantLine: 7,
		},
		"the tag of two images": {
			path:       "values.yaml",
			content:    "a:\n  image: {repository: golang, tag: &v 1.25.1}\nb:\n  image: {repository: rust, tag: *v}\n",
			wantReason: ReasonShared, wantLine: 4,
		},
		"the tag of one image": {
			path:    "values.yaml",
			content: "a:\n  image: {repository: golang, tag: &v 1.25.1}\nb:\n  image: {repository: golang, tag: *v}\n",
			want:    "a:\n  image: {repository: golang, tag: &v 1.25.3}\nb:\n  image: {repository: golang, tag: *v}\n",
		},
	})
}

func TestYAMLFormats(t *testing.T) {
	const cronJob = "apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {"
	run(t, "x.yaml", map[string]example{
		"documents and lists": {
			content: "# golang:1.25.1\n" + pod + "  - image: golang:1.25.1\n---\napiVersion: v1\nkind: List\nitems:\n- kind: Deployment\n  spec:\n    template:\n      spec:\n" +
				"        initContainers: [{image: golang:1.25.1}]\n        ephemeralContainers: [{image: golang:1.25.1}]\n---\nkind: ConfigMap\napiVersion: v1\ndata:\n  image: golang:1.25.1\n",
			want: "# golang:1.25.1\n" + pod + "  - image: golang:1.25.3\n---\napiVersion: v1\nkind: List\nitems:\n- kind: Deployment\n  spec:\n    template:\n      spec:\n" +
				"        initContainers: [{image: golang:1.25.3}]\n        ephemeralContainers: [{image: golang:1.25.3}]\n---\nkind: ConfigMap\napiVersion: v1\ndata:\n  image: golang:1.25.1\n",
			wantReplaced: 3,
		},
		"CronJob": {
			content: cronJob + "containers: [{image: golang:1.25.1}]}}}}}\n",
			want:    cronJob + "containers: [{image: golang:1.25.3}]}}}}}\n",
		},
		"image volume": {
			content: cronJob + "volumes: [{name: v, image: {reference: golang:1.25.1}}]}}}}}\n",
			want:    cronJob + "volumes: [{name: v, image: {reference: golang:1.25.3}}]}}}}}\n",
		},
		"HelmRelease": {
			content: "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  values:\n    image:\n      repository: golang\n      tag: 1.25.1\n",
			want:    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  values:\n    image:\n      repository: golang\n      tag: 1.25.3\n",
		},
		"Kustomize": {
			path:    "kustomization.yaml",
			content: "images:\n- name: app\n  newName: golang\n  newTag: 1.25.1\n- name: golang\n  digest: DIGEST_A\n- name: golang\n  newName: rust\n  newTag: 1.25.1\n",
			want:    "images:\n- name: app\n  newName: golang\n  newTag: 1.25.3\n- name: golang\n  digest: DIGEST_B\n- name: golang\n  newName: rust\n  newTag: 1.25.1\n",
		},
		"Kustomize, tag and digest": {
			path:    "kustomization.yml",
			content: "images:\n- name: golang\n  newTag: 1.25.1\n  digest: DIGEST_A # x\n",
			want:    "images:\n- name: golang\n  newTag: 1.25.3\n  digest: DIGEST_B # x\n",
		},
		"Kustomize by its apiVersion": {
			content: "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages: [{name: golang, newTag: 1.25.1}]\n",
			want:    "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages: [{name: golang, newTag: 1.25.3}]\n",
		},
		"Kustomize cannot be pinned in its tag": {
			path: "kustomization.yaml", pin: true,
			content: "images: [{name: golang, newTag: 1.25.1}]\n", wantReason: ReasonBadChange,
		},
		"Compose with a health check in expressions": {
			path:    "compose.yaml",
			content: "services: {a: {image: golang:1.25.1, healthcheck: {test: \"docker inspect -f '{{.State}}'\"}}}\n",
			want:    "services: {a: {image: golang:1.25.3, healthcheck: {test: \"docker inspect -f '{{.State}}'\"}}}\n",
		},
		"Compose": {
			path:    "deploy/docker-compose.prod.yml",
			content: "image: golang:1.25.1\nservices:\n  a:\n    image: golang:1.25.1\n    command: golang:1.25.1\n  b:\n    image: golang:${V:-1.25.1}\n",
			want:    "image: golang:1.25.1\nservices:\n  a:\n    image: golang:1.25.3\n    command: golang:1.25.1\n  b:\n    image: golang:${V:-1.25.1}\n",
		},
		"Ansible": {
			path: "playbook.yml",
			content: "- hosts: all\n  tasks:\n  - name: \"{{ x }}\"\n    community.docker.docker_container:\n      image: golang:1.25.1\n" +
				"  - block:\n    - docker_container: {image: \"golang:{{ v }}\"}\n    - kubernetes.core.k8s:\n        definition: {spec: {containers: [{image: golang:1.25.1}]}}\n  - debug: {image: golang:1.25.1}\n",
			want: "- hosts: all\n  tasks:\n  - name: \"{{ x }}\"\n    community.docker.docker_container:\n      image: golang:1.25.3\n" +
				"  - block:\n    - docker_container: {image: \"golang:{{ v }}\"}\n    - kubernetes.core.k8s:\n        definition: {spec: {containers: [{image: golang:1.25.3}]}}\n  - debug: {image: golang:1.25.1}\n",
		},
		"GitHub Actions": {
			path: ".github/workflows/ci.yaml",
			content: "on: push\njobs:\n  a:\n    container: golang:1.25.1\n    services: {db: {image: golang:1.25.1}}\n    steps:\n    - uses: docker://golang:1.25.1\n    - uses: actions/checkout@v4\n" +
				"    - run: echo ${{ x }} golang:1.25.1\n  b:\n    container: {image: golang:1.25.1, options: a}\n  c:\n    container: ${{ matrix.image }}\n",
			want: "on: push\njobs:\n  a:\n    container: golang:1.25.3\n    services: {db: {image: golang:1.25.3}}\n    steps:\n    - uses: docker://golang:1.25.3\n    - uses: actions/checkout@v4\n" +
				"    - run: echo ${{ x }} golang:1.25.1\n  b:\n    container: {image: golang:1.25.3, options: a}\n  c:\n    container: ${{ matrix.image }}\n",
			wantReplaced: 4,
		},
		"an action": {
			path:    "actions/x/action.yml",
			content: "runs:\n  using: docker\n  image: docker://golang:1.25.1\n",
			want:    "runs:\n  using: docker\n  image: docker://golang:1.25.3\n",
		},
		"Ansible's images": {
			path: "roles/api/tasks/main.yml",
			content: "- docker_image: {name: golang, tag: 1.25.1, source: pull}\n- community.docker.docker_image_pull: {name: golang:1.25.1}\n- containers.podman.podman_image: {name: golang, tag: \"{{ v }}\"}\n" +
				"- community.docker.docker_compose_v2: {definition: {services: {a: {image: golang:1.25.1}}}}\n- kubernetes.core.helm: {values: {image: golang:1.25.1}}\n- vars: {api_image: golang:1.25.1}\n  debug: {image: golang:1.25.1}\n",
			want: "- docker_image: {name: golang, tag: 1.25.3, source: pull}\n- community.docker.docker_image_pull: {name: golang:1.25.3}\n- containers.podman.podman_image: {name: golang, tag: \"{{ v }}\"}\n" +
				"- community.docker.docker_compose_v2: {definition: {services: {a: {image: golang:1.25.3}}}}\n- kubernetes.core.helm: {values: {image: golang:1.25.3}}\n- vars: {api_image: golang:1.25.3}\n  debug: {image: golang:1.25.1}\n",
			wantReplaced: 5,
		},
		"Ansible's variables": {
			path:    "inventory/group_vars/all.yml",
			content: "api_image: \"golang:1.25.1\"\nweb_image: golang\nweb_image_tag: 1.25.1\nx: {image: golang:1.25.1}\ny_image: \"golang:{{ v }}\"\nname: golang:1.25.1\n",
			want:    "api_image: \"golang:1.25.3\"\nweb_image: golang\nweb_image_tag: 1.25.3\nx: {image: golang:1.25.3}\ny_image: \"golang:{{ v }}\"\nname: golang:1.25.1\n",
		},
		"GitLab CI in an included file": {
			path:    "ci/build.yml",
			content: "build:\n  image: golang:1.25.1\n  script: [image golang:1.25.1]\n.base:\n  image: {name: golang:1.25.1}\n",
			want:    "build:\n  image: golang:1.25.3\n  script: [image golang:1.25.1]\n.base:\n  image: {name: golang:1.25.3}\n",
		},
		"Gitea Actions": {
			path:    ".gitea/workflows/ci.yaml",
			content: "jobs: {a: {container: {image: golang:1.25.1}}}\n",
			want:    "jobs: {a: {container: {image: golang:1.25.3}}}\n",
		},
		"GitLab CI": {
			path: ".gitlab-ci.yml",
			content: "image: golang:1.25.1\nvariables: {image: golang:1.25.1}\ndefault:\n  image: {name: golang:1.25.1, entrypoint: ['']}\nbuild:\n  image: golang:1.25.1\n" +
				"  services: [golang:1.25.1, {name: golang:1.25.1, alias: x}]\n  script: [golang:1.25.1]\ntest:\n  image: golang:$V\n",
			want: "image: golang:1.25.3\nvariables: {image: golang:1.25.1}\ndefault:\n  image: {name: golang:1.25.3, entrypoint: ['']}\nbuild:\n  image: golang:1.25.3\n" +
				"  services: [golang:1.25.3, {name: golang:1.25.3, alias: x}]\n  script: [golang:1.25.1]\ntest:\n  image: golang:$V\n",
			wantReplaced: 5,
		},
	})
}

func TestHelmValues(t *testing.T) {
	run(t, "chart/values.yaml", map[string]example{
		"whole":                        {content: "image: golang:1.25.1\n", want: "image: golang:1.25.3\n"},
		"whole, of a named image":      {content: "sidecarImage: golang:1.25.1\n", want: "sidecarImage: golang:1.25.3\n"},
		"repository and tag":           {content: "image:\n  repository: golang\n  tag: \"1.25.1\"\n", want: "image:\n  repository: golang\n  tag: \"1.25.3\"\n"},
		"registry":                     {content: "a:\n  registry: docker.io\n  repository: library/golang\n  tag: 1.25.1\n", want: "a:\n  registry: docker.io\n  repository: library/golang\n  tag: 1.25.3\n"},
		"another registry":             {content: "a:\n  registry: quay.io\n  repository: library/golang\n  tag: 1.25.1\n", wantReason: ReasonNotFound},
		"tag and digest":               {content: "image: {repository: golang, tag: 1.25.1, digest: DIGEST_A}\n", want: "image: {repository: golang, tag: 1.25.3, digest: DIGEST_B}\n"},
		"an empty digest stays empty":  {content: "image: {repository: golang, tag: 1.25.1, digest: \"\"}\n", want: "image: {repository: golang, tag: 1.25.3, digest: \"\"}\n"},
		"the digest in the tag":        {content: "image: {repository: golang, tag: \"1.25.1@DIGEST_A\"}\n", want: "image: {repository: golang, tag: \"1.25.3@DIGEST_B\"}\n"},
		"name and tag":                 {content: "image: {name: golang, tag: 1.25.1}\n", want: "image: {name: golang, tag: 1.25.3}\n"},
		"image and imageTag":           {content: "image: golang\nimageTag: 1.25.1\n", want: "image: golang\nimageTag: 1.25.3\n"},
		"image and tag":                {content: "x: {image: golang, tag: 1.25.1}\n", want: "x: {image: golang, tag: 1.25.3}\n"},
		"imageRepository and imageTag": {content: "imageRepository: golang\nimageTag: 1.25.1\n", want: "imageRepository: golang\nimageTag: 1.25.3\n"},
		"a digest's digits": {
			content: "image: {repository: golang, tag: 1.25.1, sha: " + hexA + "}\n",
			want:    "image: {repository: golang, tag: 1.25.3, sha: " + hexB + "}\n",
		},
		"a digest's digits, empty":     {content: "image: {repository: golang, tag: 1.25.1, sha: ''}\n", want: "image: {repository: golang, tag: 1.25.3, sha: ''}\n"},
		"a digest that is none":        {content: "image: {repository: golang, tag: 1.25.1, sha: abc}\n", wantReason: ReasonNotFound},
		"image, imageTag, imageDigest": {content: "image: golang\nimageTag: 1.25.1\nimageDigest: DIGEST_A\n", want: "image: golang\nimageTag: 1.25.3\nimageDigest: DIGEST_B\n"},
		"image and imageDigest":        {content: "image: golang\nimageDigest: DIGEST_A\n", want: "image: golang\nimageDigest: DIGEST_B\n"},
		"imageRegistry":                {content: "imageRegistry: quay.io\nimageRepository: golang\nimageTag: 1.25.1\n", wantReason: ReasonNotFound},
		"images by name":               {content: "images:\n  a: golang:1.25.1\n  b: {repository: golang, tag: 1.25.1}\n", want: "images:\n  a: golang:1.25.3\n  b: {repository: golang, tag: 1.25.3}\n"},
		"images in a list":             {content: "images: [golang:1.25.1, rust:1]\n", want: "images: [golang:1.25.3, rust:1]\n"},
		"registry, image, tag and digest": {
			from: "registry.k8s.io/ingress-nginx/controller:1.25.1@DIGEST_A", to: "registry.k8s.io/ingress-nginx/controller:1.25.3@DIGEST_B",
			content: "controller:\n  image:\n    registry: registry.k8s.io\n    image: ingress-nginx/controller\n    tag: 1.25.1\n    digest: DIGEST_A\n",
			want:    "controller:\n  image:\n    registry: registry.k8s.io\n    image: ingress-nginx/controller\n    tag: 1.25.3\n    digest: DIGEST_B\n",
		},
		"image, tag and digest":           {content: "image: {image: golang, tag: 1.25.1, digest: DIGEST_A}\n", want: "image: {image: golang, tag: 1.25.3, digest: DIGEST_B}\n"},
		"image with its tag, and digest":  {content: "x: {image: 'golang:1.25.1', digest: DIGEST_A}\n", want: "x: {image: 'golang:1.25.3', digest: DIGEST_B}\n"},
		"another registry of an image":    {content: "image: {registry: quay.io, image: library/golang, tag: 1.25.1}\n", wantReason: ReasonNotFound},
		"imageRegistry of an image":       {content: "imageRegistry: quay.io\nimage: library/golang\nimageTag: 1.25.1\n", wantReason: ReasonNotFound},
		"registry of a whole image":       {content: "registry: quay.io\nimage: library/golang:1.25.1\nsidecarImage: library/golang:1.25.1\n", wantReason: ReasonNotFound},
		"registry of images":              {content: "images: {registry: quay.io, a: 'library/golang:1.25.1'}\n", wantReason: ReasonNotFound},
		"a named image's parts":           {content: "sideImage: golang\nsideTag: 1.25.1\nsideImageSha: " + hexA + "\n", want: "sideImage: golang\nsideTag: 1.25.3\nsideImageSha: " + hexB + "\n"},
		"digest and sha":                  {content: "image: {repository: golang, tag: 1.25.1, digest: DIGEST_A, sha: " + hexA + "}\n", wantReason: ReasonNotFound},
		"two tags":                        {content: "image: golang:1.25.1\ntag: 1.25.1\n", wantReason: ReasonNotFound},
		"repository and image":            {content: "a: {repository: quay.io/x, image: golang, tag: 1.25.1}\n", wantReason: ReasonNotFound},
		"an unknown field for the digest": {content: "image:\n  repository: golang\n  tag: 1.25.1\n  hash: " + hexA + "\n", wantReason: ReasonUnproven, wantLine: 4},
		"expressions for a chart":         {content: "# {{ x }}\na: '{{ .Values.x }}'\nimage: {repository: golang, tag: 1.25.1}\nb: {repository: '{{ x }}/golang', tag: 1.25.1}\n", want: "# {{ x }}\na: '{{ .Values.x }}'\nimage: {repository: golang, tag: 1.25.3}\nb: {repository: '{{ x }}/golang', tag: 1.25.1}\n"},
		"lists":                           {content: "extra:\n- image: {repository: golang, tag: 1.25.1}\n", want: "extra:\n- image: {repository: golang, tag: 1.25.3}\n"},
		"an image without its tag":        {content: "image: {repository: golang}\n", wantReason: ReasonNotFound},
		"a tag that would be a number": {
			from: "golang:1.29", to: "golang:1.30",
			content: "image:\n  repository: golang\n  tag: 1.29 # x\n",
			want:    "image:\n  repository: golang\n  tag: \"1.30\" # x\n",
		},
		"a quoted tag stays quoted": {
			from: "golang:1.29", to: "golang:1.30",
			content: "image:\n  repository: golang\n  tag: '1.29'\n",
			want:    "image:\n  repository: golang\n  tag: '1.30'\n",
		},
		"a tag that already is another number": {
			from: "golang:1.30", to: "golang:1.31",
			content: "image: {repository: golang, tag: 1.30}\n", wantReason: ReasonComputed, wantLine: 1,
		},
		"a commit that would be a number": {
			from: "golang:abc", to: "golang:12e7",
			content: "image: {repository: golang, tag: abc}\n",
			want:    "image: {repository: golang, tag: \"12e7\"}\n",
		},
		"yes": {
			from: "golang:abc", to: "golang:on",
			content: "image: {repository: golang, tag: abc}\n",
			want:    "image: {repository: golang, tag: \"on\"}\n",
		},
	})
}

func TestFindInYAML(t *testing.T) {
	content := "é: ü\nimage: {repository: \"a\", tag: *}\n"
	if _, err := Find("values.yaml", []byte(content)); err == nil {
		t.Error("an alias without a name is found to be valid")
	}
	content = "ü: {image: golang:1.25.1}\nb:\n  image: golang@DIGEST_A\nc:\n  registry: quay.io\n  repository: a/b\n  tag: |-\n    7\n"
	want := []seen{
		{KindHelm, "golang:1.25.1", 1, 12, ""},
		{KindHelm, "golang@" + digestA, 3, 10, ""},
		{KindHelm, "quay.io/a/b:7", 5, 13, ReasonMultiline},
	}
	if diff := cmp.Diff(want, find(t, "values.yaml", content)); diff != "" {
		t.Errorf("Find() (-want +got):\n%s", diff)
	}
}

func TestYAMLBounds(t *testing.T) {
	bomb := "a0: &a0 [x]\n"
	for _, names := range [][2]string{{"0", "1"}, {"1", "2"}, {"2", "3"}, {"3", "4"}, {"4", "5"}, {"5", "6"}, {"6", "7"}, {"7", "8"}} {
		bomb += "a" + names[1] + ": &a" + names[1] + " [" + strings.Repeat("*a"+names[0]+", ", 10) + "]\n"
	}
	run(t, "values.yaml", map[string]example{
		"aliases": {content: bomb, wantReason: ReasonLimit},
		"depth":   {content: "a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), wantReason: ReasonLimit},
		"places":  {content: strings.Repeat("- image: golang:1.25.1\n", maxPlaces+1), wantReason: ReasonLimit},
		"one line": {content: "a: [" + strings.Repeat("{b: 1},", 50_000) + "]\nimage: golang:1.25.1\n",
			want: "a: [" + strings.Repeat("{b: 1},", 50_000) + "]\nimage: golang:1.25.3\n"},
		"cycle": {content: "a: &a\n  b: *a\n", wantReason: ReasonLimit},
	})
}
