package edit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// fuzzReplace edits one of the places that random bytes hold, and leaves it to compare, which knows the format by
// other means than ours, to say what readers of the file see before and after.
func fuzzReplace(f *testing.F, path string, values func([]byte) ([]string, bool)) {
	f.Fuzz(func(t *testing.T, content []byte, nth uint8, tag string, pin bool) {
		fuzzOne(t, path, content, nth, tag, pin, values)
	})
}

func fuzzOne(t *testing.T, path string, content []byte, nth uint8, tag string, pin bool, values func([]byte) ([]string, bool)) {
	t.Helper()
	places, err := Find(path, content)
	if err != nil {
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason == "" {
			t.Fatalf("not a refusal with a reason: %v", err)
		}
		return
	}
	if len(places) == 0 {
		return
	}
	from := places[int(nth/2)%len(places)].Reference
	if from.Digest == "" && nth%2 == 1 {
		from.Digest = image.Digest(digestA) // What runs is known better than the file says it.
	}
	to := image.Reference{Repository: from.Repository, Tag: tag, Digest: image.Digest(digestB)}
	if again, err := image.ParseReference(to.String()); err != nil || again != to {
		return
	}
	result, err := Replace(path, content, Change{From: from, To: to, Pin: pin})
	if err != nil {
		return
	}
	checkResult(t, content, from, to, result, places, path)
	other := func(p Place) bool { return p.Reference.Digest == from.Digest && !p.Names(from) }
	if from.Digest != "" && from.Digest != to.Digest && !slices.ContainsFunc(places, other) {
		checkDigest(t, content, result.Content, from.Digest)
	}
	checkValues(t, content, result.Content, to, values)
}

// checkResult says whether each place that names from became to, and no other place changed.
func checkResult(t *testing.T, content []byte, from, to image.Reference, result Result, before []Place, path string) {
	t.Helper()
	after, err := Find(path, result.Content)
	if err != nil || len(after) != len(before) {
		t.Fatalf("%d places, then %d: %v\n%q\n%q", len(before), len(after), err, content, result.Content)
	}
	for i := range before {
		was, is := before[i].Reference, after[i].Reference
		changed := is.Repository == to.Repository && (is.Tag == "" || is.Tag == to.Tag) && (is.Digest == "" || is.Digest == to.Digest)
		if was != is && (!before[i].Names(from) || !changed) {
			t.Fatalf("%s became %s\n%q\n%q", was, is, content, result.Content)
		}
	}
}

// checkDigest says whether the old digest is left in a field of its own, beside one that was edited.
func checkDigest(t *testing.T, before, after []byte, digest image.Digest) {
	t.Helper()
	old, now := yaml.NewDecoder(bytes.NewReader(before)), yaml.NewDecoder(bytes.NewReader(after))
	for {
		var was, is any
		if old.Decode(&was) != nil || now.Decode(&is) != nil {
			return
		}
		if leaves(was, is, digest) {
			t.Fatalf("%s is left\n%q\n%q", digest, before, after)
		}
	}
}

func leaves(was, is any, digest image.Digest) bool {
	a, b := childrenOf(was), childrenOf(is)
	edited, left := false, false
	for key, value := range b {
		s, scalar := value.(string)
		edited = edited || scalar && a[key] != s
		left = left || s == digest.String() || s == digest.Hex()
		if leaves(a[key], value, digest) {
			return true
		}
	}
	return edited && left
}

func childrenOf(node any) map[string]any {
	switch node := node.(type) {
	case map[string]any:
		return node
	case []any:
		items := map[string]any{}
		for i, item := range node {
			items[fmt.Sprint(i)] = item
		}
		return items
	}
	return nil
}

// checkValues says whether each value that reads differently held a reference, and holds the new one.
func checkValues(t *testing.T, before, after []byte, to image.Reference, values func([]byte) ([]string, bool)) {
	t.Helper()
	was, ok := values(before)
	if !ok {
		return
	}
	is, ok := values(after)
	if !ok || len(was) != len(is) {
		t.Fatalf("the structure changed\n%q\n%q", before, after)
	}
	for i := range was {
		if was[i] != is[i] && !strings.Contains(is[i], to.Tag) && !strings.Contains(is[i], to.Digest.Hex()) {
			t.Fatalf("%q became %q\n%q\n%q", was[i], is[i], before, after)
		}
	}
}

func FuzzDockerfile(f *testing.F) {
	seedTags(f,
		"ARG V=1.2\nFROM a:${V}-x AS b\nFROM b\nCOPY --from=c:1 x y\nRUN --mount=from=d@"+digestA+" <<E\nFROM a:1.2\nE\n",
		"# escape=`\r\nFROM --platform=$BUILDPLATFORM a`\r\n:1\r\n",
		"ARG A=1 B=\"2\"\nFROM x:$A.${B:-3}\nFROM x:$A.2@"+digestA+"\n",
		"\xef\xbb\xbffrom 'a:1'\nONBUILD COPY --from=a:1 a b\nARG V\n",
	)
	fuzzReplace(f, "Dockerfile", dockerfileValues)
}

// dockerfileValues are the expanded bases and platforms, and the source of every other command.
func dockerfileValues(content []byte) ([]string, bool) {
	result, err := parser.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, false
	}
	stages, args, err := instructions.Parse(result.AST, nil)
	if err != nil {
		return nil, false
	}
	lex := shell.NewLex(result.EscapeToken)
	var env []string
	for _, arg := range args {
		for _, pair := range arg.Args {
			if pair.Value == nil {
				continue
			}
			value, _, err := lex.ProcessWord(*pair.Value, shell.EnvsFromSlice(env))
			if err != nil {
				return nil, false
			}
			env = append(env, pair.Key+"="+value)
		}
	}
	var values []string
	for _, stage := range stages {
		base, _, err := lex.ProcessWord(stage.BaseName, shell.EnvsFromSlice(env))
		if err != nil {
			return nil, false
		}
		values = append(values, base, stage.Platform, stage.Name)
		for _, command := range stage.Commands {
			source, err := json.Marshal(command)
			if err != nil {
				return nil, false
			}
			values = append(values, command.Name(), string(source))
		}
	}
	return values, true
}

// FuzzDockerfileFragments puts Dockerfiles together from parts that are valid, so that most edits get as far as a result.
func FuzzDockerfileFragments(f *testing.F) {
	fragments := []string{
		"ARG V=1.2\n", "ARG V='1.2-x'\n", "ARG W=$V\n", "ARG W=${V}.3 X=\"4\"\n", "ARG V\n", "ARG B=a:1.2\n", "ARG V=1.2@" + digestA + "\n",
		"FROM a:$V\n", "FROM a:${V:-1.2}\n", "FROM a:${W:+$V} AS s\n", "FROM $B\n", "FROM a:$V-$W\n", "FROM a:1.2\r\n", "FROM b:$V\n", "FROM s\n",
		"FROM --platform=$V a:1.2\n", "FROM a:1.2@" + digestA + "\n", "from \\\n# c\n  a:1.\\\n2\n", "FROM a:${V%.*}\n", "FROM 'a:'\"$V\"\n",
		"COPY --from=a:1.2 x y\n", "RUN --mount=from=a:1.2,target=/x a:1.2\n", "RUN <<E\nFROM a:1.2\nE\n", "COPY --from=s x y\n", "ONBUILD COPY --from=a:1.2 x y\n",
	}
	f.Add([]byte{0, 7, 9, 20}, uint8(0), "1.30", true)
	f.Add([]byte{0, 2, 11, 13}, uint8(1), "2-x", false)
	f.Fuzz(func(t *testing.T, picks []byte, nth uint8, tag string, pin bool) {
		var content []byte
		for _, pick := range picks[:min(len(picks), 12)] {
			content = append(content, fragments[int(pick)%len(fragments)]...)
		}
		fuzzOne(t, "Dockerfile", content, nth, tag, pin, dockerfileValues)
	})
}

// FuzzYAMLFragments does the same for values of a chart.
func FuzzYAMLFragments(f *testing.F) {
	fragments := []string{
		"image: a:1.2 # x\n", "image: 'a:1.2'\n", "image: &i a:1.2\n", "image: *i\n", "image: {repository: a, tag: 1.2}\n", "image: {repository: a, tag: \"1.2\"}\n",
		"image: {repository: a, tag: &t 1.2, digest: " + digestA + "}\n", "image: {repository: a, tag: *t}\n", "image: {repository: b, tag: *t}\n", "image: {<<: *m}\n",
		"image: &m {repository: a, tag: 1.2}\n", "image: *m\n", "version: *t\n", "version: 1.2\n", "image: |\n    a:1.2\n", "é: ü\r\n", "image:\n    repository: a\n    tag: 1.20\n",
		"image: a\n  imageTag: 1.2\n", "image: \"a:1.2@" + digestA + "\"\n",
		"image: {image: a, tag: x1.2, digest: " + digestA + "}\n", "image: {registry: r.io, image: a, tag: x1.2, sha: " + hexA + "}\n", "image: {image: 'a:1.2', digest: " + digestA + "}\n",
		"image: {repository: a, tag: x1.2, digest: " + digestA + ", sha: " + hexA + "}\n", "aImage: a\n  aTag: x1.2\n  aImageDigest: " + digestA + "\n", "image: {repository: a, tag: x1.2, hash: " + hexA + "}\n",
		"image: a:x1.2\n  imageRegistry: r.io\n", "image: {name: a, tag: x1.2, sha: " + hexA + "}\n", "images: {registry: r.io, b: 'a:x1.2'}\n",
	}
	f.Add([]byte{0, 2, 3, 4}, uint8(0), "1.30", true)
	f.Add([]byte{6, 7, 8, 12}, uint8(1), "on", false)
	f.Fuzz(func(t *testing.T, picks []byte, nth uint8, tag string, pin bool) {
		var content []byte
		for i, pick := range picks[:min(len(picks), 12)] {
			content = fmt.Appendf(content, "k%d:\n  %s", i, fragments[int(pick)%len(fragments)])
		}
		fuzzOne(t, "values.yaml", content, nth, tag, pin, yamlValues)
	})
}

// FuzzKubernetesFragments does the same for objects of Kubernetes, Argo CD and Flux.
func FuzzKubernetesFragments(f *testing.F) {
	fragments := []string{
		"kind: Pod\nspec: {containers: [{image: a:1.2}], x: {image: &i a:1.2}}\n", "kind: App\nspec: {image: {repository: a, tag: 1.2}, imageName: 'a:1.2'}\n",
		"kind: ConfigMap\ndata: {image: a:1.2}\n", "kind: HelmRelease\nspec: {values: {image: {repository: a, tag: 1.2, sha: " + hexA + "}, b: {image: a, imageTag: '1.2'}}}\n",
		"kind: HelmRelease\nspec: {values: {images: {x: a:1.2}}, postRenderers: [{kustomize: {images: [{name: a, newTag: 1.2}]}}]}\n",
		"kind: Kustomization\nspec: {images: [{name: a, newTag: v1, digest: " + digestA + "}, {name: x, newName: a, newTag: 1.2}]}\n",
		"kind: Application\nspec: {source: {kustomize: {images: [a:1.2, x=a:1.2, 'a:1.2=b:1']}, helm: {values: 'image: a:1.2'}}}\n",
		"kind: Application\nspec: {sources: [{helm: {valuesObject: {image: a:1.2}, parameters: [{name: x.repository, value: a}, {name: x.tag, value: '1.2'}]}}]}\n",
		"kind: App\nspec: {image: {repository: a, tag: x1.2, sha: " + hexA + "}, b: {image: 'a:1.2', digest: " + digestA + "}, c: {registry: r.io, image: 'a:1.2'}}\n",
		"kind: Application\nspec: {source: {helm: {parameters: [{name: repository, value: a}, {name: tag, value: x1.2}, {name: digest, value: '" + digestA + "'}, {name: digest, value: '" + digestA + "'}]}}}\n",
		"kind: List\nitems: [{kind: Pod, spec: {image: a:1.2, env: [{image: a:1.2}]}}, {op: add, path: /x/image, value: a:1.2}]\n",
	}
	f.Add([]byte{0, 2, 3, 4}, uint8(0), "1.30", true)
	f.Add([]byte{5, 6, 7, 8}, uint8(1), "on", false)
	f.Fuzz(func(t *testing.T, picks []byte, nth uint8, tag string, pin bool) {
		var content []byte
		for _, pick := range picks[:min(len(picks), 8)] {
			content = fmt.Appendf(content, "---\napiVersion: v1\n%s", fragments[int(pick)%len(fragments)])
		}
		fuzzOne(t, "x.yaml", content, nth, tag, pin, yamlValues)
	})
}

func FuzzKubernetes(f *testing.F) {
	seedTags(f, pod+"  - image: &a a:1 # x\n  - {image: *a}\n  - image: 'b@"+digestA+"'\n---\n"+pod+"  - image: |\n      a:1\n",
		"\xef\xbb\xbf{apiVersion: v1, kind: Pod, é: [{containers: [{image: \"a:1\"}]}]}\r\n")
	fuzzReplace(f, "pod.yaml", yamlValues)
}

func FuzzHelmValues(f *testing.F) {
	seedTags(f, "image:\n  registry: r.io\n  repository: a\n  tag: 1.2\n  digest: "+digestA+"\nx: {image: a, tag: &t \"1\"}\ny: *t\nimageTag: 3\n",
		"image: {repository: a, tag: 1, sha: "+hexA+"}\nimages: {x: a:1}\n", "image: a\nimageDigest: "+digestA+"\nimageTag: abc\nsidecarImage: b:1@"+digestA+"\n")
	fuzzReplace(f, "values.yaml", yamlValues)
}

func FuzzKustomize(f *testing.F) {
	seedTags(f, "images:\n- name: a\n  newName: b\n  newTag: v1\n  digest: "+digestA+"\n- {name: c, newTag: '1'}\n")
	fuzzReplace(f, "kustomization.yaml", yamlValues)
}

func FuzzCompose(f *testing.F) {
	seedTags(f, "x-a: &a {image: a:1}\nservices:\n  a: {<<: *a}\n  b:\n    <<: [*a]\n    image: \"b:2\"\n")
	fuzzReplace(f, "compose.yaml", yamlValues)
}

func FuzzGitLab(f *testing.F) {
	seedTags(f, "b:\n  image: a:1\n  script: x\n", "image: a:1\nb:\n  image: {name: a:1}\n  services: [a:1, {name: 'b:2'}, $V]\n")
	fuzzReplace(f, ".gitlab-ci.yml", yamlValues)
}

func FuzzActions(f *testing.F) {
	seedTags(f, "jobs:\n  a:\n    container: a:1\n    services: {b: {image: a:1}}\n    steps: [{uses: docker://a:1}, {uses: \"docker://b:1\"}]\n")
	fuzzReplace(f, ".github/workflows/ci.yaml", yamlValues)
}

func FuzzAnsible(f *testing.F) {
	seedTags(f, "- vars: {a_image: a:1, b_image: a, b_image_tag: 1}\n  docker_image: {name: a, tag: 1}\n  helm: {values: {image: a:1}}\n", "- tasks:\n  - a.b.docker_container: {image: a:1, x: \"{{ y }}\"}\n  - k8s: {definition: {containers: [{image: a:1}]}}\n")
	fuzzReplace(f, "playbook.yml", yamlValues)
}

// yamlValues are the scalars of what a reader decodes, with their types and in the order of sorted keys.
func yamlValues(content []byte) ([]string, bool) {
	var values []string
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var document any
		err := decoder.Decode(&document)
		if err != nil {
			return values, err.Error() == "EOF"
		}
		encoded, err := yaml.Marshal(document)
		if err != nil {
			return nil, false
		}
		values = append(values, strings.Split(string(encoded), "\n")...)
	}
}

func FuzzTerraform(f *testing.F) {
	seedTags(f, "resource \"docker_image\" \"x\" {\n  name = \"a:1\"\n}\nimage = \"b@"+digestA+"\"\nx = jsonencode([{ \"image\" : \"a:1\", y = \"${z}\" }])\n",
		"variable \"x_image\" {\n  default = \"a:1\"\n}\nimage_uri = \"a:1\"\n",
		"image = <<E\na:1\nE\n\"é\" {\r\n image = \"a:1\" // é\r\n}\r\n")
	fuzzReplace(f, "main.tf", terraformValues)
}

// terraformValues are the literals, in no order that a reader relies on.
func terraformValues(content []byte) ([]string, bool) {
	file, diagnostics := hclsyntax.ParseConfig(content, "x", hcl.InitialPos)
	if diagnostics.HasErrors() {
		return nil, false
	}
	var values []string
	_ = hclsyntax.VisitAll(file.Body.(*hclsyntax.Body), func(node hclsyntax.Node) hcl.Diagnostics {
		if literal, ok := node.(*hclsyntax.LiteralValueExpr); ok {
			values = append(values, literal.Val.GoString())
		}
		return nil
	})
	slices.Sort(values)
	return values, true
}

func seedTags(f *testing.F, contents ...string) {
	f.Helper()
	for _, content := range contents {
		for nth := range uint8(6) {
			for _, tag := range []string{"1.30", "2-x", "on"} {
				f.Add([]byte(content), nth, tag, nth/2 == 1)
			}
		}
	}
}
