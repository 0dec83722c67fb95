package source

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// flux follows the object to the Kustomization or HelmRelease that applied it.
func (s *search) flux(object Object, hops int) {
	if r, ok := owner(object, ObjectReference{GroupKind: Kustomization}); ok {
		if u := s.once(r); u != nil {
			s.kustomization(r, u, object, hops)
		}
	}
	if r, ok := owner(object, ObjectReference{GroupKind: HelmRelease}); ok {
		// Anybody may write the labels of another namespace's release: that it is there is not told either.
		if u := s.once(r); u != nil && applied(r, u, object) {
			s.helmRelease(r, u, hops)
		}
	}
}

// owner reads the labels that the controller of a kind puts on what it applies.
func owner(object Object, r ObjectReference) (ObjectReference, bool) {
	r.Name, r.Namespace = object.Labels[r.Group+"/name"], object.Labels[r.Group+"/namespace"]
	return r, r.Name != "" && r.Namespace != ""
}

func (s *search) kustomization(r ObjectReference, u *unstructured.Unstructured, object Object, hops int) {
	// People copy objects with their labels.
	if !applied(r, u, object) {
		s.reason(r, "it does not list "+object.Kind+" "+object.Namespace+"/"+object.Name)
		return
	}
	revision := textOf(u.Object, "status", "lastAppliedRevision")
	s.fluxSource(r, u, []string{"spec", "sourceRef"}, textOf(u.Object, "spec", "path"), revision)
	if has(u.Object, "spec", "images") {
		s.follow(objectOf(r, u), hops-1)
	}
}

// inventoried says whether the status of what applies objects lists one of them, and whether it lists any.
func inventoried(u *unstructured.Unstructured, object Object) (listed, known bool) {
	id := strings.Join([]string{object.Namespace, object.Name, object.Group, object.Kind}, "_")
	entries := entriesOf(u.Object, "status", "inventory", "entries")
	return slices.ContainsFunc(entries, func(entry map[string]any) bool { return textOf(entry, "id") == id }), len(entries) > 0
}

// applied says whether a Kustomization or HelmRelease bears out that it applied the object: its status lists it, or, where
// there is no list, one of its own namespaces is the object's.
func applied(r ObjectReference, u *unstructured.Unstructured, object Object) bool {
	if listed, known := inventoried(u, object); known {
		return listed
	}
	return slices.Contains([]string{r.Namespace, textOf(u.Object, "spec", "targetNamespace"), textOf(u.Object, "spec", "storageNamespace")}, object.Namespace)
}

// helmRelease adds where its own manifest is, which holds its values, and its chart, if that is in Git.
func (s *search) helmRelease(r ObjectReference, u *unstructured.Unstructured, hops int) {
	s.follow(objectOf(r, u), hops-1)
	chart := []string{"spec", "chart", "spec"}
	if textOf(u.Object, append(chart, "sourceRef", "kind")...) == GitRepository.Kind {
		s.fluxSource(r, u, append(chart, "sourceRef"), textOf(u.Object, append(chart, "chart")...), "")
		for _, file := range textsOf(u.Object, append(chart, "valuesFiles")...) {
			s.fluxSource(r, u, append(chart, "sourceRef"), file, "")
		}
	}
}

// fluxSource adds a directory of the GitRepository that an object refers to.
func (s *search) fluxSource(r ObjectReference, u *unstructured.Unstructured, field []string, directory, revision string) {
	at := func(key string) string { return textOf(u.Object, append(slices.Clone(field), key)...) }
	if kind := at("kind"); kind != GitRepository.Kind {
		s.reason(r, "its source is a "+kind+", which is no Git repository")
		return
	}
	source := ObjectReference{GitRepository, at("namespace"), at("name")}
	if source.Namespace == "" {
		source.Namespace = r.Namespace
	}
	repository := s.get(source)
	if repository == nil {
		return
	}
	if i := strings.LastIndexByte(revision, ':'); i >= 0 {
		revision = revision[i+1:]
	}
	s.locate(r, textOf(repository.Object, "spec", "url"), fluxTarget(repository.Object), revision, directory, "Flux "+r.String())
}

// fluxTarget is the revision that a GitRepository follows, by the order in which Flux looks at its fields.
func fluxTarget(repository map[string]any) string {
	if commit := textOf(repository, "spec", "ref", "commit"); commit != "" {
		return commit
	}
	if name := textOf(repository, "spec", "ref", "name"); name != "" {
		return name
	}
	if semver := textOf(repository, "spec", "ref", "semver"); semver != "" {
		return "refs/tags/" + semver
	}
	if tag := textOf(repository, "spec", "ref", "tag"); tag != "" {
		return "refs/tags/" + tag
	}
	if branch := textOf(repository, "spec", "ref", "branch"); branch != "" {
		return "refs/heads/" + branch
	}
	return "refs/heads/master"
}
