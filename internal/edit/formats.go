package edit

import (
	"path"
	"slices"
	"strings"
)

// readDocument finds the places of one YAML document. It is false for one that no format claims.
func (y *yamlFile) readDocument(name string, root cursor) bool {
	if y.kind = formatOf(strings.ToLower(name), root); y.kind == "" {
		return false
	}
	map[Kind]func(cursor){
		KindActions: actions, KindAnsible: ansible, KindCompose: compose, KindGitLab: gitLab,
		KindHelm: helm, KindKubernetes: kubernetes, KindKustomize: kustomize,
	}[y.kind](root)
	return true
}

// formatOf goes by the path where a tool prescribes it, and else by the document's keys.
func formatOf(name string, root cursor) Kind {
	base := path.Base(name)
	stem := strings.TrimSuffix(strings.TrimSuffix(base, ".yaml"), ".yml")
	switch {
	case strings.Contains(path.Dir(name)+"/", "/workflows/") && strings.HasPrefix(name, "."), stem == "action":
		return KindActions
	case strings.HasSuffix(stem, ".gitlab-ci"):
		return KindGitLab
	case stem == "kustomization":
		return KindKustomize
	case stem == "compose", strings.HasPrefix(base, "compose."), strings.HasPrefix(base, "docker-compose"):
		return KindCompose
	}
	if kind := formatByKeys(stem, root); kind != "" || !ansibleVariables(name) {
		return kind
	}
	return KindAnsible
}

func formatByKeys(stem string, root cursor) Kind {
	apiVersion := root.get("apiVersion").value()
	switch {
	case strings.HasPrefix(apiVersion, "kustomize.config.k8s.io/"):
		return KindKustomize
	case apiVersion != "" && root.get("kind").value() != "":
		return KindKubernetes
	case strings.HasPrefix(stem, "values"), strings.HasSuffix(stem, "values"):
		return KindHelm
	case len(root.get("services").fields()) > 0:
		return KindCompose
	case jsonPatch(root):
		return KindKubernetes
	case len(root.items()) > 0:
		return KindAnsible
	case slices.ContainsFunc(root.fields(), func(f field) bool { return f.get("script").node != nil }):
		return KindGitLab
	}
	return ""
}

// jsonPatch says whether the root is a list of operations, such as kustomizations apply.
func jsonPatch(root cursor) bool {
	items := root.items()
	return len(items) > 0 && items[0].get("op").value() != "" && items[0].get("path").value() != ""
}

// children are the values of a mapping or list.
func (c cursor) children() []cursor {
	children := c.items()
	for _, f := range c.fields() {
		children = append(children, f.cursor)
	}
	return children
}

func compose(c cursor) {
	for _, service := range c.get("services").fields() {
		service.get("image").whole("")
	}
}

func actions(c cursor) {
	for _, job := range c.get("jobs").fields() {
		imageOr(job.get("container"), "image")
		for _, service := range job.get("services").fields() {
			service.get("image").whole("")
		}
		steps(job.get("steps"))
	}
	c.get("runs", "image").whole("docker://")
	steps(c.get("runs", "steps"))
}

func steps(c cursor) {
	for _, step := range c.items() {
		step.get("uses").whole("docker://")
	}
}

// imageOr takes a string, or the image in a mapping.
func imageOr(c cursor, key string) {
	c.whole("")
	c.get(key).whole("")
}

// gitLab takes the global image and services, the defaults', and each job's.
func gitLab(c cursor) {
	gitLabJob(c)
	for _, f := range c.fields() {
		if f.key != "image" && f.key != "services" && f.key != "variables" {
			gitLabJob(f.cursor)
		}
	}
}

func gitLabJob(c cursor) {
	imageOr(c.get("image"), "name")
	for _, service := range c.get("services").items() {
		imageOr(service, "name")
	}
}
