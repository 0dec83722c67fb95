package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// selectors are apimachinery's LabelSelectors, whose type cannot be marked. CEL
// bounds all of them but the length of the values' strings, which is beyond the cost limit.
var selectors = []string{".spec.selector.podSelector", ".spec.namespaceSelector"}

// bools are the only ones: DESIGN writes them so.
var bools = map[string]bool{
	".spec.suspend": true,
	".status.vulnerabilities.items[].knownExploited": true,
}

// TestSchemaIsBounded holds each field of each kind to the rules of API design.
func TestSchemaIsBounded(t *testing.T) {
	for kind, crd := range crds(t) {
		t.Run(kind, func(t *testing.T) {
			root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
			for _, part := range []string{"spec", "status"} {
				schema := root.Properties[part]
				walk("."+part, &schema, func(path string, s *apiextensionsv1.JSONSchemaProps) {
					for _, fault := range faults(path, s) {
						t.Errorf("%s: %s", path, fault)
					}
				})
			}
		})
	}
}

// TestFaultsAreFound proves that the test above can fail.
func TestFaultsAreFound(t *testing.T) {
	limit, zero := int64(1), float64(0)
	atomic := "atomic"
	item := &apiextensionsv1.JSONSchemaPropsOrArray{}
	cases := map[string]struct {
		schema apiextensionsv1.JSONSchemaProps
		want   []string
	}{
		"bare string":          {apiextensionsv1.JSONSchemaProps{Type: "string", Description: "x"}, []string{"no maxLength"}},
		"string with a limit":  {apiextensionsv1.JSONSchemaProps{Type: "string", Description: "x", MaxLength: &limit}, nil},
		"enum":                 {apiextensionsv1.JSONSchemaProps{Type: "string", Description: "x", Enum: []apiextensionsv1.JSON{{}}}, nil},
		"time":                 {apiextensionsv1.JSONSchemaProps{Type: "string", Description: "x", Format: "date-time"}, nil},
		"bare list":            {apiextensionsv1.JSONSchemaProps{Type: "array", Description: "x", Items: item}, []string{"no maxItems", "no list type"}},
		"list with limits":     {apiextensionsv1.JSONSchemaProps{Type: "array", Description: "x", MaxItems: &limit, XListType: &atomic}, nil},
		"bare integer":         {apiextensionsv1.JSONSchemaProps{Type: "integer", Description: "x"}, []string{"no minimum", "no maximum"}},
		"integer with limits":  {apiextensionsv1.JSONSchemaProps{Type: "integer", Description: "x", Minimum: &zero, Maximum: &zero, Format: "int32"}, nil},
		"float":                {apiextensionsv1.JSONSchemaProps{Type: "number", Description: "x"}, []string{"is a float"}},
		"bool":                 {apiextensionsv1.JSONSchemaProps{Type: "boolean", Description: "x"}, []string{"is a bool: use an enum"}},
		"map":                  {apiextensionsv1.JSONSchemaProps{Type: "object", Description: "x", AdditionalProperties: &apiextensionsv1.JSONSchemaPropsOrBool{}}, []string{"is a map: use a list"}},
		"nothing said of what": {apiextensionsv1.JSONSchemaProps{Type: "object"}, []string{"no description"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, faults(".spec.x", &tc.schema)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// walk visits a schema and all below it but the selectors.
func walk(path string, s *apiextensionsv1.JSONSchemaProps, visit func(string, *apiextensionsv1.JSONSchemaProps)) {
	visit(path, s)
	if slices.Contains(selectors, path) {
		return
	}
	for name, property := range s.Properties {
		walk(path+"."+name, &property, visit)
	}
	if s.Items != nil && s.Items.Schema != nil {
		walk(path+"[]", s.Items.Schema, visit)
	}
}

func faults(path string, s *apiextensionsv1.JSONSchemaProps) []string {
	var found []string
	if s.Description == "" && !strings.HasSuffix(path, "[]") {
		found = append(found, "no description")
	}
	switch s.Type {
	case "string":
		if s.MaxLength == nil && len(s.Enum) == 0 && s.Format != "date-time" {
			found = append(found, "no maxLength")
		}
	case "array":
		found = append(found, listFaults(s)...)
	case "integer":
		found = append(found, integerFaults(path, s)...)
	case "number":
		found = append(found, "is a float")
	case "boolean":
		if !bools[path] {
			found = append(found, "is a bool: use an enum")
		}
	case "object":
		if s.AdditionalProperties != nil {
			found = append(found, "is a map: use a list")
		}
	}
	return found
}

func listFaults(s *apiextensionsv1.JSONSchemaProps) []string {
	var found []string
	if s.MaxItems == nil {
		found = append(found, "no maxItems")
	}
	if s.XListType == nil {
		found = append(found, "no list type")
	}
	return found
}

func integerFaults(path string, s *apiextensionsv1.JSONSchemaProps) []string {
	var found []string
	if s.Minimum == nil {
		found = append(found, "no minimum")
	}
	// What we count is bounded by its type; what people write, by its meaning.
	if s.Maximum == nil && (s.Format == "" || strings.HasPrefix(path, ".spec")) {
		found = append(found, "no maximum")
	}
	return found
}

// TestListTypes: what people write by name merges by name, what one writer writes is atomic.
func TestListTypes(t *testing.T) {
	for kind, crd := range crds(t) {
		root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		for _, part := range []string{"spec", "status"} {
			schema := root.Properties[part]
			walk("."+part, &schema, func(path string, s *apiextensionsv1.JSONSchemaProps) {
				if s.Type != "array" {
					return
				}
				if got, want := *s.XListType, wantListType(path, s); got != want {
					t.Errorf("%s%s: list type %s, want %s", kind, path, got, want)
				}
			})
		}
	}
}

func wantListType(path string, s *apiextensionsv1.JSONSchemaProps) string {
	switch {
	case path == ".status.conditions":
		return "map"
	case strings.HasPrefix(path, ".status."):
		return "atomic"
	case path == ".spec.sources", path == ".spec.vex", path == ".spec.remediation.schedule.windows":
		return "atomic" // their order counts, or they have no name
	case s.Items.Schema.Type == "object":
		return "map"
	}
	return "set"
}

// TestNames of the kinds: others own imagepolicies and ip, so ours must be told apart.
func TestNames(t *testing.T) {
	want := map[string]string{
		"ImageReport": "imrep Namespaced", "ImagePolicy": "impol Namespaced", "ClusterImagePolicy": "cimpol Cluster",
		"ImageUpdate": "imup Namespaced", "VulnerabilityDatabase": "vdb Cluster",
	}
	got := map[string]string{}
	for kind, crd := range crds(t) {
		names := crd.Spec.Names
		got[kind] = strings.Join(names.ShortNames, ",") + " " + string(crd.Spec.Scope)
		if diff := cmp.Diff([]string{"plimsoll"}, names.Categories); diff != "" {
			t.Errorf("categories of %s (-want +got):\n%s", kind, diff)
		}
		if crd.Spec.Versions[0].Subresources == nil || crd.Spec.Versions[0].Subresources.Status == nil {
			t.Errorf("%s has no status subresource", kind)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("short names and scopes (-want +got):\n%s", diff)
	}
}
