package report

import (
	"encoding/json"
	"os"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// TestStatusesKeepTheSchema validates statuses as the API server does.
func TestStatusesKeepTheSchema(t *testing.T) {
	validator := schema(t)
	all := inputs()
	all["extreme"] = extreme()
	for name, in := range all {
		t.Run(name, func(t *testing.T) {
			var stored map[string]any
			if err := json.Unmarshal(object(t, in), &stored); err != nil {
				t.Fatal(err)
			}
			for _, err := range validation.ValidateCustomResource(field.NewPath(""), stored, validator) {
				t.Errorf("%.300s", err.Error())
			}
		})
	}
}

func schema(t *testing.T) validation.SchemaValidator {
	t.Helper()
	file, err := os.ReadFile("../../config/crd/bases/plimsoll.dev_imagereports.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(file, &crd); err != nil {
		t.Fatal(err)
	}
	var internal apiextensions.JSONSchemaProps
	v1schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v1schema, &internal, nil); err != nil {
		t.Fatal(err)
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		t.Fatal(err)
	}
	return validator
}
