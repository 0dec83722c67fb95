package export

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"sigs.k8s.io/yaml"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// gitlabDemands are what GitLab refuses a report for, without what is optional and not written.
func gitlabDemands(t testing.TB) validation.SchemaValidator {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "gitlab.schema.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var v1 apiextensionsv1.JSONSchemaProps
	if err := yaml.UnmarshalStrict(raw, &v1); err != nil {
		t.Fatal(err)
	}
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&v1, &props, nil); err != nil {
		t.Fatal(err)
	}
	validator, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		t.Fatal(err)
	}
	return validator
}

func TestGitLabAcceptsTheReport(t *testing.T) {
	validator := gitlabDemands(t)
	long := input()
	long.Artifact.OS, long.Scan.OS, long.Version = nil, nil, ""
	long.Scan.Done, long.Scan.Message = false, ""
	for i := range long.Found {
		long.Found[i].Match.FixedVersion = strings.Repeat("1.2.3, ", 2000)
	}
	release := input()
	release.Scan.OS.Release = strings.Repeat("9", 300)
	for name, in := range map[string]Input{
		"findings":      input(),
		"nothing":       {Content: &sbom.Image{}, Now: now, Artifact: Artifact{Name: "a", Type: "rootfs"}},
		"long fixes":    long,
		"long releases": release,
	} {
		t.Run(name, func(t *testing.T) {
			var got any
			if err := json.Unmarshal(written(t, "gitlab.json", in), &got); err != nil {
				t.Fatal(err)
			}
			if problems := validation.ValidateCustomResource(nil, got, validator); len(problems) > 0 {
				t.Error(problems.ToAggregate())
			}
		})
	}
}

// TestGitLabDemands: what the schema above lets through would say nothing.
func TestGitLabDemands(t *testing.T) {
	validator := gitlabDemands(t)
	for _, cut := range []string{`"version"`, `"vulnerabilities"`, `"end_time"`, `"identifiers"`, `"operating_system"`, `"dependency"`, `"vendor"`, `"level"`} {
		var got any
		text := strings.ReplaceAll(string(written(t, "gitlab.json", input())), cut+":", `"other":`)
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if problems := validation.ValidateCustomResource(nil, got, validator); len(problems) == 0 {
			t.Errorf("a report without %s is accepted", cut)
		}
	}
}
