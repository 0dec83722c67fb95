package source

import (
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Marks of Argo CD on what it applies.
const (
	argoTracking = "argocd.argoproj.io/tracking-id"
	argoInstance = "argocd.argoproj.io/instance"
	instance     = "app.kubernetes.io/instance"
)

// argo follows the object to the Application that tracks it. A tracking id has to name the object itself, as copies of
// an object keep it; the label is any chart's, so that the Application has to list the object.
func (s *search) argo(object Object, hops int) {
	if id, ok := object.Annotations[argoTracking]; ok {
		app, tracked, _ := strings.Cut(id, ":")
		if tracked == object.Group+"/"+object.Kind+":"+object.Namespace+"/"+object.Name {
			s.applications(app, object, false, hops)
		}
		return
	}
	for _, label := range []string{argoInstance, instance} {
		if app := object.Labels[label]; app != "" {
			s.applications(app, object, true, hops)
			return
		}
	}
}

// applications tries the namespaces in which the one that a mark names may be. Outside Argo CD's own, the namespace is in the
// mark, before an underscore.
func (s *search) applications(mark string, object Object, listed bool, hops int) {
	namespaces, name := s.argoCD, mark
	if namespace, rest, ok := strings.Cut(mark, "_"); ok {
		namespaces, name = []string{namespace}, rest
	}
	for _, namespace := range namespaces {
		r := ObjectReference{Application, namespace, name}
		app := s.once(r)
		if app == nil {
			continue
		}
		resources := entriesOf(app.Object, "status", "resources")
		if !slices.ContainsFunc(resources, lists(object)) && (listed || len(resources) > 0) {
			s.reason(r, "it does not list "+object.Kind+" "+object.Namespace+"/"+object.Name)
			continue
		}
		s.application(r, app, hops)
	}
}

// lists says of an entry of an Application's resources whether it is the object.
func lists(object Object) func(map[string]any) bool {
	return func(entry map[string]any) bool {
		return textOf(entry, "group") == object.Group && textOf(entry, "kind") == object.Kind &&
			textOf(entry, "namespace") == object.Namespace && textOf(entry, "name") == object.Name
	}
}

// application adds the Git sources of an Application, and where its own manifest is, if that holds values.
func (s *search) application(r ObjectReference, app *unstructured.Unstructured, hops int) {
	sources := entriesOf(app.Object, "spec", "sources")
	revisions := textsOf(app.Object, "status", "sync", "revisions")
	if len(sources) == 0 {
		if single, _, err := unstructured.NestedMap(app.Object, "spec", "source"); err == nil && single != nil {
			sources, revisions = []map[string]any{single}, []string{textOf(app.Object, "status", "sync", "revision")}
		}
	}
	values := false
	for i, source := range sources {
		revision := ""
		if i < len(revisions) {
			revision = revisions[i]
		}
		s.argoSource(r, source, revision)
		s.argoValues(r, source, sources, revisions)
		values = values || has(source, "helm", "valuesObject") || has(source, "helm", "values") ||
			has(source, "helm", "parameters") || has(source, "kustomize", "images")
	}
	if values {
		s.follow(objectOf(r, app), hops-1)
	}
}

// argoSource adds the directory of one source. A source with a reference's name alone holds files of others.
func (s *search) argoSource(r ObjectReference, source map[string]any, revision string) {
	if directory := textOf(source, "path"); directory != "" || textOf(source, "ref") == "" {
		s.argoLocation(r, source, revision, directory)
	}
}

// argoValues adds files of values outside the source's directory: others of the same repository, or of a source that
// they name as $ref/path.
func (s *search) argoValues(r ObjectReference, source map[string]any, sources []map[string]any, revisions []string) {
	for _, file := range textsOf(source, "helm", "valueFiles") {
		name, rest, ok := strings.Cut(strings.TrimPrefix(file, "$"), "/")
		switch {
		case strings.Contains(file, "://"):
		case strings.HasPrefix(file, "$") && ok:
			i := slices.IndexFunc(sources, func(other map[string]any) bool { return textOf(other, "ref") == name })
			if i < 0 {
				continue
			}
			revision := ""
			if i < len(revisions) {
				revision = revisions[i]
			}
			s.argoLocation(r, sources[i], revision, rest)
		case strings.HasPrefix(file, "/"):
			s.argoLocation(r, source, "", file)
		case strings.Contains(file, ".."):
			s.argoLocation(r, source, "", path.Join(textOf(source, "path"), file))
		}
	}
}

func (s *search) argoLocation(r ObjectReference, source map[string]any, revision, directory string) {
	address := textOf(source, "repoURL")
	if has(source, "chart") || strings.HasPrefix(address, "oci://") {
		return
	}
	s.locate(r, address, textOf(source, "targetRevision"), revision, directory, "Argo CD "+r.String())
}

// locate adds a location of a repository, or the reason why it cannot be one.
func (s *search) locate(r ObjectReference, address, target, revision, directory, by string) {
	repository, err := NormaliseRepository(address)
	if err != nil {
		s.reason(r, err.Error())
		return
	}
	branch, err := branchOf(target)
	if err != nil {
		s.reason(r, err.Error())
		return
	}
	directory, err = within(directory)
	if err != nil {
		s.reason(r, err.Error())
		return
	}
	if !commitPattern.MatchString(revision) {
		revision = ""
	}
	s.add(Location{Repository: repository, Branch: branch, Revision: revision, Path: directory, Kind: Manifests, By: by})
}
