package main

import (
	"context"
	"fmt"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/plimsoll-dev/plimsoll/config/crd"
)

// definitions of the kinds that may be given, by kind.
var definitions = map[string]string{
	"ImagePolicy":        "bases/plimsoll.dev_imagepolicies.yaml",
	"ClusterImagePolicy": "bases/plimsoll.dev_clusterimagepolicies.yaml",
}

// admit does with an object what an API server would: it sets the defaults, and
// refuses what the schema or its rules refuse.
func admit(ctx context.Context, kind string, object map[string]any) error {
	raw, err := crd.Bases.ReadFile(definitions[kind])
	if err != nil {
		return fmt.Errorf("find the definition of %s: %w", kind, err)
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(raw, &definition); err != nil {
		return fmt.Errorf("read the definition of %s: %w", kind, err)
	}
	var props apiextensions.JSONSchemaProps
	err = apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(definition.Spec.Versions[0].Schema.OpenAPIV3Schema, &props, nil)
	if err != nil {
		return fmt.Errorf("read the definition of %s: %w", kind, err)
	}
	structural, err := schema.NewStructural(&props)
	if err != nil {
		return fmt.Errorf("read the definition of %s: %w", kind, err)
	}
	defaulting.Default(object, structural)
	validator, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		return fmt.Errorf("read the definition of %s: %w", kind, err)
	}
	problems := validation.ValidateCustomResource(nil, object, validator)
	if len(problems) == 0 {
		problems, _ = cel.NewValidator(structural, true, celconfig.PerCallLimit).
			Validate(ctx, nil, structural, object, nil, celconfig.RuntimeCELCostBudget)
	}
	return problems.ToAggregate()
}
