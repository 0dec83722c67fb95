package report

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// TestStatusesKeepTheSchema validates statuses as the API server does.
func TestStatusesKeepTheSchema(t *testing.T) {
	validator := schema(t)
	all := inputs()
	all["extreme"] = extreme()
	all["owners with long names"] = longOwners()
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

// longOwners has workloads whose names no API server would take for an object, and which a pod may name as its owners.
func longOwners() Input {
	in := scannedInput()
	long := strings.Repeat("ä", 1000)
	in.Workloads = []v1alpha1.Workload{{Group: long, Kind: long, Name: long, State: v1alpha1.WorkloadRunning}}
	in.Judgement.Verdicts = []v1alpha1.PolicyVerdict{{
		PolicyKind: "ImagePolicy", PolicyName: "p", Result: v1alpha1.VerdictFail,
		Violations: []v1alpha1.Violation{{Rule: "r", Action: v1alpha1.EnforcementAudit, Message: long, Workloads: []string{long + "/" + long, "Pod/p"}}},
	}}
	return in
}

func TestLongOwnersAreListedAllTheSame(t *testing.T) {
	got := Build(longOwners())
	if len(got.Workloads.Items) != 1 {
		t.Fatalf("%d workloads listed", len(got.Workloads.Items))
	}
	w := got.Workloads.Items[0]
	for _, text := range []string{w.Group, w.Kind, w.Name} {
		if len(text) > maxOwnerName || !strings.HasPrefix(text, "äää") {
			t.Errorf("%d bytes: %.20q", len(text), text)
		}
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
