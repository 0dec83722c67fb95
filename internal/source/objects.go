package source

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kinds of the objects that say where manifests come from. Each may be absent from a cluster.
var (
	Application   = schema.GroupKind{Group: "argoproj.io", Kind: "Application"}
	Kustomization = schema.GroupKind{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization"}
	HelmRelease   = schema.GroupKind{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease"}
	GitRepository = schema.GroupKind{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository"}
)

// ArgoCDNamespaces are those in which Argo CD is usually installed.
var ArgoCDNamespaces = []string{"argocd", "openshift-gitops"}

// ObjectReference names an object to read.
type ObjectReference struct {
	schema.GroupKind
	Namespace, Name string
}

func (r ObjectReference) String() string { return r.Kind + " " + r.Namespace + "/" + r.Name }

// Objects that were read. One that does not exist, or whose kind the cluster does not know, is nil.
type Objects map[ObjectReference]*unstructured.Unstructured

// Object whose manifest is looked for: a workload, by its metadata alone.
type Object struct {
	schema.GroupKind
	Namespace, Name string
	Labels          map[string]string
	Annotations     map[string]string
}

// Deployed is where an object's manifest was deployed from, as far as that is known.
type Deployed struct {
	// Locations, the likeliest first.
	Locations []Location
	// Missing have to be read, and put into Objects, before more can be said. Empty: this is all.
	Missing []ObjectReference
	// Reasons why objects lead nowhere, for people.
	Reasons []string
}

// maxHops bounds how many objects lead from one to the next: a release of a Kustomization of a Kustomization.
const maxHops = 4

// search is the state of following objects to repositories.
type search struct {
	objects Objects
	// argoCD are the namespaces in which Argo CD may be installed.
	argoCD []string
	found  Deployed
	seen   map[ObjectReference]bool
}

// DeployedFrom says where the object's manifest was deployed from, by the marks that Argo CD and Flux leave on what they
// apply. argoCDNamespaces are those in which Argo CD may be installed. Call it with no objects, read what is Missing,
// add that and call again, until nothing is. That ends: each object is asked for once, and there are few.
func DeployedFrom(object Object, objects Objects, argoCDNamespaces []string) Deployed {
	s := &search{objects: objects, argoCD: argoCDNamespaces, seen: map[ObjectReference]bool{}}
	s.follow(object, maxHops)
	return s.found
}

// follow adds where the object comes from.
func (s *search) follow(object Object, hops int) {
	if hops == 0 {
		return
	}
	s.argo(object, hops)
	s.flux(object, hops)
}

// once returns an object that was read, but only the first time: one that leads to itself leads nowhere.
func (s *search) once(r ObjectReference) *unstructured.Unstructured {
	if s.seen[r] {
		return nil
	}
	s.seen[r] = true
	return s.get(r)
}

// get returns an object that was read. One that was not is missing.
func (s *search) get(r ObjectReference) *unstructured.Unstructured {
	if r.Name == "" || r.Namespace == "" {
		return nil
	}
	read, ok := s.objects[r]
	if !ok && !slices.Contains(s.found.Missing, r) {
		s.found.Missing = append(s.found.Missing, r)
	}
	return read
}

func (s *search) add(l Location) {
	same := func(other Location) bool {
		return other.Repository == l.Repository && other.Branch == l.Branch && other.Path == l.Path
	}
	if !slices.ContainsFunc(s.found.Locations, same) {
		s.found.Locations = append(s.found.Locations, l)
	}
}

func (s *search) reason(r ObjectReference, text string) {
	s.found.Reasons = append(s.found.Reasons, r.String()+": "+text)
}

// objectOf is what is known of an object that was read.
func objectOf(r ObjectReference, u *unstructured.Unstructured) Object {
	return Object{GroupKind: r.GroupKind, Namespace: r.Namespace, Name: r.Name, Labels: u.GetLabels(), Annotations: u.GetAnnotations()}
}

// textOf is the string of a nested field, or empty where it is missing or no string.
func textOf(object map[string]any, fields ...string) string {
	value, _, err := unstructured.NestedString(object, fields...)
	if err != nil {
		return ""
	}
	return value
}

// entriesOf is the mappings of a nested list, or none.
func entriesOf(object map[string]any, fields ...string) []map[string]any {
	list, _, err := unstructured.NestedFieldNoCopy(object, fields...)
	items, ok := list.([]any)
	if err != nil || !ok {
		return nil
	}
	var all []map[string]any
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

func textsOf(object map[string]any, fields ...string) []string {
	list, _, err := unstructured.NestedFieldNoCopy(object, fields...)
	items, ok := list.([]any)
	if err != nil || !ok {
		return nil
	}
	var all []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// has says whether a nested field is there and not empty.
func has(object map[string]any, fields ...string) bool {
	value, found, err := unstructured.NestedFieldNoCopy(object, fields...)
	if err != nil || !found {
		return false
	}
	switch v := value.(type) {
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}
