package edit

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// readDocument finds the places of one YAML document. It is false for one that no format claims.
func (y *yamlFile) readDocument(name string, root cursor) (bool, *Refusal) {
	y.kind = formatOf(name, root)
	if y.kind == "" {
		return false, nil
	}
	// Expressions of Actions and Ansible stand within values; elsewhere they make the file a template.
	if y.kind != KindActions && y.kind != KindAnsible && bytes.Contains(y.content, []byte("{{")) {
		return false, refuse(ReasonTemplated, "{{ }} says that the file is rendered before it is read")
	}
	map[Kind]func(cursor){
		KindActions: actions, KindAnsible: ansible, KindCompose: compose, KindGitLab: gitLab,
		KindHelm: helm, KindKubernetes: kubernetes, KindKustomize: kustomize,
	}[y.kind](root)
	return true, nil
}

func inTemplates(name string) bool {
	return slices.Contains(strings.Split(path.Dir(name), "/"), "templates")
}

// formatOf goes by the path where a tool prescribes it, and else by the document's keys.
func formatOf(name string, root cursor) Kind {
	base := strings.ToLower(path.Base(name))
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
	return formatByKeys(stem, root)
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
	case len(root.items()) > 0:
		return KindAnsible
	}
	return ""
}

// children are the values of a mapping or list.
func (c cursor) children() []cursor {
	children := c.items()
	for _, f := range c.fields() {
		children = append(children, f.cursor)
	}
	return children
}

// kubernetes takes the containers and image volumes of every pod template, wherever it stands.
func kubernetes(c cursor) {
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		for _, container := range c.get(list).items() {
			container.get("image").whole("")
		}
	}
	for _, volume := range c.get("volumes").items() {
		volume.get("image", "reference").whole("")
	}
	if c.get("kind").value() == "HelmRelease" {
		c.file.kind = KindHelm
		helm(c.get("spec", "values"))
		c.file.kind = KindKubernetes
		return
	}
	for _, child := range c.children() {
		kubernetes(child)
	}
}

func kustomize(c cursor) {
	for _, image := range c.get("images").items() {
		name := image.get("newName")
		if name.value() == "" {
			name = image.get("name")
		}
		c.separate(cursor{}, name, image.get("newTag"), image.get("digest"))
	}
}

// helm takes the shapes that charts commonly give their values.
func helm(c cursor) {
	c.separate(c.get("registry"), c.get("repository"), c.get("tag"), c.get("digest"))
	c.separate(cursor{}, c.get("imageRepository"), c.get("imageTag"), cursor{})
	for _, f := range c.fields() {
		if f.key != "image" && !strings.HasSuffix(f.key, "Image") {
			continue
		}
		helmImage(c, f)
	}
	for _, child := range c.children() {
		helm(child)
	}
}

func helmImage(c cursor, f field) {
	if len(f.fields()) > 0 {
		if f.get("repository").value() == "" {
			c.separate(f.get("registry"), f.get("name"), f.get("tag"), f.get("digest"))
		}
		return
	}
	tag := c.get(f.key + "Tag")
	if tag.value() == "" && f.key == "image" {
		tag = c.get("tag")
	}
	if tag.value() == "" {
		f.whole("")
		return
	}
	c.separate(cursor{}, f.cursor, tag, cursor{})
}

func compose(c cursor) {
	for _, service := range c.get("services").fields() {
		service.get("image").whole("")
	}
}

// ansible takes the container modules, by their short or full names, and what k8s modules define in place.
func ansible(c cursor) {
	for _, f := range c.fields() {
		switch f.key[strings.LastIndexByte(f.key, '.')+1:] {
		case "docker_container", "podman_container", "docker_swarm_service":
			f.get("image").whole("")
		case "k8s":
			kubernetes(f.get("definition"))
			kubernetes(f.get("resource_definition"))
		default:
			ansible(f.cursor)
		}
	}
	for _, item := range c.items() {
		ansible(item)
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
