package edit

import (
	"path"
	"slices"
	"strings"
)

// ansible takes the container modules, by their short or full names, what k8s modules define in place, and variables
// that are called after an image.
func ansible(c cursor) {
	for _, f := range c.fields() {
		switch f.key[strings.LastIndexByte(f.key, '.')+1:] {
		case "docker_container", "podman_container", "docker_swarm_service":
			f.get("image").whole("")
		case "docker_image", "docker_image_pull", "podman_image":
			ansibleImage(f)
		case "docker_compose_v2", "docker_compose":
			compose(f.get("definition"))
		case "k8s":
			kubernetes(f.get("definition"))
			kubernetes(f.get("resource_definition"))
		case "helm":
			helm(f.get("values"))
			helm(f.get("release_values"))
		case "vars":
			variables(f.cursor)
		default:
			ansible(f.cursor)
		}
	}
	for _, item := range c.items() {
		ansible(item)
	}
	if c.depth == 0 {
		variables(c)
	}
}

// ansibleImage takes a module's name with a tag in it or beside it.
func ansibleImage(f field) {
	if f.get("tag").value() == "" {
		f.get("name").whole("")
		return
	}
	f.separate(cursor{}, f.get("name"), f.get("tag"), cursor{})
}

// variables takes image, api_image and the like, with their tags in them or in api_image_tag beside them.
func variables(c cursor) {
	for _, f := range c.fields() {
		switch tag := c.get(f.key + "_tag"); {
		case f.key != "image" && !strings.HasSuffix(f.key, "_image"):
			variables(f.cursor)
		case tag.value() != "":
			c.separate(cursor{}, f.cursor, tag, cursor{})
		default:
			f.whole("")
		}
	}
}

// ansibleVariables says whether Ansible finds variables at the path.
func ansibleVariables(name string) bool {
	folders := strings.Split(path.Dir(name), "/")
	return slices.ContainsFunc(folders, func(folder string) bool {
		return folder == "group_vars" || folder == "host_vars" || folder == "defaults" || folder == "vars"
	})
}
