package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func vulnerabilities(rule string) string {
	return `{rules: [{name: a, type: Vulnerabilities, vulnerabilities: ` + rule + `}]}`
}

func ruleOf(kind, member, rule string) string {
	return `{rules: [{name: a, type: ` + kind + `, ` + member + `: ` + rule + `}]}`
}

func signatures(rule string) string {
	return `{rules: [{name: a, type: Signatures, signatures: ` + rule + `}]}`
}

func exception(fields string) string { return `{exceptions: [{name: a, ` + fields + `}]}` }

// many joins n copies of a format that takes the copy's number.
func many(n int, format string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(items, ", ")
}

func long(s string, n int) string { return strings.Repeat(s, n) }

// TestValidation offers each spec to the API server, and then asks whether each
// CEL rule has been seen to accept and to reject.
func TestValidation(t *testing.T) {
	kinds := []struct {
		kind, plural string
		cases        map[string]specCase
	}{
		{"ImagePolicy", "imagepolicies", policyCases},
		{"ClusterImagePolicy", "clusterimagepolicies", merged(policyCases, clusterPolicyCases)},
		{"VulnerabilityDatabase", "vulnerabilitydatabases", databaseCases},
	}
	definitions := crds(t)
	for _, k := range kinds {
		t.Run(k.kind, func(t *testing.T) {
			root := definitions[k.kind].Spec.Versions[0].Schema.OpenAPIV3Schema
			seen := coverage{}
			seen.declare("", root)
			for name, tc := range k.cases {
				t.Run(name, func(t *testing.T) {
					u := object(t, k.kind, "validation", tc.spec)
					_, err := resource(k.plural).Create(t.Context(), u, metav1.CreateOptions{
						DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
					})
					got := causes(t, err)
					want := slices.Clone(tc.want)
					slices.Sort(want)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("faults (-want +got):\n%s", diff)
					}
					if !skipsCEL(err) {
						seen.record("", "", root, u.Object, got)
					}
				})
			}
			for _, gap := range seen.gaps() {
				t.Error(gap)
			}
		})
	}
}

func merged(parts ...map[string]specCase) map[string]specCase {
	all := map[string]specCase{}
	for _, part := range parts {
		for name, tc := range part {
			all["+"+name] = tc
		}
	}
	return all
}

// causes returns the faults that the API server found, sorted, each as field and message.
func causes(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Details == nil || !apierrors.IsInvalid(err) {
		t.Fatalf("the API server refuses the object otherwise than as invalid: %v", err)
	}
	var found []string
	for _, cause := range status.ErrStatus.Details.Causes {
		if !strings.Contains(cause.Message, rulesSkipped) {
			found = append(found, cause.Field+": "+celMessage(cause.Message))
		}
	}
	slices.Sort(found)
	return found
}

// rulesSkipped is what the API server says where a fault of another kind kept it from asking the CEL rules.
const rulesSkipped = "some validation rules were not checked"

func skipsCEL(err error) bool { return err != nil && strings.Contains(err.Error(), rulesSkipped) }

// celMessage strips what the API server puts before the message of a CEL rule, and leaves other messages alone.
func celMessage(message string) string {
	rest, ok := strings.CutPrefix(message, "Invalid value: ")
	if !ok || strings.Contains(rest, " in body should ") {
		return message
	}
	if strings.HasPrefix(rest, `"`) {
		_, rest, _ = strings.Cut(rest, `": `)
	}
	return rest
}

// coverage tells of each CEL rule, by its place in the schema and its expression, what it was seen to do.
type coverage map[string]*sighting

type sighting struct{ accepted, rejected, constant bool }

func ruleKey(place string, rule apiextensionsv1.ValidationRule) string {
	return place + ": " + rule.Rule
}

// declare adds all rules of a schema. Those that compare with the old object have a test of their own.
func (c coverage) declare(place string, s *apiextensionsv1.JSONSchemaProps) {
	for _, rule := range s.XValidations {
		if !strings.Contains(rule.Rule, "oldSelf") {
			c[ruleKey(place, rule)] = &sighting{constant: rule.Rule == "false"}
		}
	}
	for name, property := range s.Properties {
		c.declare(place+"."+name, &property)
	}
	if s.Items != nil && s.Items.Schema != nil {
		c.declare(place+"[]", s.Items.Schema)
	}
}

// record notes for each rule that a value comes under, whether it is among the faults.
func (c coverage) record(place, path string, s *apiextensionsv1.JSONSchemaProps, value any, faults []string) {
	for _, rule := range s.XValidations {
		if slices.ContainsFunc(faults, func(fault string) bool { return tells(rule, path, fault) }) {
			c[ruleKey(place, rule)].rejected = true
		} else {
			c[ruleKey(place, rule)].accepted = true
		}
	}
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			if property, ok := s.Properties[name]; ok {
				c.record(place+"."+name, strings.TrimPrefix(path+"."+name, "."), &property, member, faults)
			}
		}
	case []any:
		for i, item := range value {
			c.record(place+"[]", fmt.Sprintf("%s[%d]", path, i), s.Items.Schema, item, faults)
		}
	}
}

// tells whether a fault is that a rule does not hold at path.
func tells(rule apiextensionsv1.ValidationRule, path, fault string) bool {
	message, ok := strings.CutPrefix(fault, path+": ")
	if !ok {
		return false
	}
	if rule.MessageExpression != "" {
		return strings.HasPrefix(message, "rules of type ") && strings.HasSuffix(message, " are not implemented in this version")
	}
	return message == rule.Message
}

func (c coverage) gaps() []string {
	var gaps []string
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if !c[key].rejected {
			gaps = append(gaps, "no case that this rule rejects: "+key)
		}
		// A rule that is never true accepts only by the absence of its field.
		if !c[key].accepted && !c[key].constant {
			gaps = append(gaps, "no case that this rule accepts: "+key)
		}
	}
	return gaps
}

func TestReportSpecIsImmutable(t *testing.T) {
	digest := "sha256:" + long("a", 64)
	reports := resource("imagereports")
	u := object(t, "ImageReport", "immutable", `{repository: docker.io/library/nginx, digest: "`+digest+`", platform: linux/arm64/v8}`)
	if _, err := reports.Create(t.Context(), u, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustKubectl(t, nil, "delete", "imrep", "immutable") })
	mustKubectl(t, nil, "annotate", "imrep", "immutable", "plimsoll.dev/requested-at=now")
	for field, value := range map[string]string{
		"repository": "docker.io/library/httpd", "digest": "sha256:" + long("b", 64), "platform": "linux/amd64",
	} {
		out, err := kubectl(t.Context(), nil, "patch", "imrep", "immutable", "--type=merge", "-p", `{"spec":{"`+field+`":"`+value+`"}}`)
		if err == nil || !strings.Contains(out, "spec is immutable: it identifies the report") {
			t.Errorf("change of %s: %v\n%s", field, err, out)
		}
	}
}

func TestReportSpecIsChecked(t *testing.T) {
	good := "sha256:" + long("a", 64)
	cases := map[string]struct {
		repository, digest, platform string
		field                        string
	}{
		"good":              {"docker.io/library/nginx", good, "linux/amd64", ""},
		"no repository":     {"", good, "linux/amd64", "spec.repository"},
		"short digest":      {"a/b", "sha256:abc", "linux/amd64", "spec.digest"},
		"upper-case digest": {"a/b", "sha256:" + long("A", 64), "linux/amd64", "spec.digest"},
		"no architecture":   {"a/b", good, "linux", "spec.platform"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u := object(t, "ImageReport", "checked", fmt.Sprintf(`{repository: %q, digest: %q, platform: %q}`, tc.repository, tc.digest, tc.platform))
			_, err := resource("imagereports").Create(t.Context(), u, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			var fields []string
			for _, cause := range causes(t, err) {
				field, _, _ := strings.Cut(cause, ": ")
				fields = append(fields, field)
			}
			if got := strings.Join(slices.Compact(fields), " "); got != tc.field {
				t.Errorf("faults in %q, want %q: %v", got, tc.field, err)
			}
		})
	}
}
