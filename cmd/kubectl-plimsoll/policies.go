package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/report/export"
)

// givenPolicy is one that a file holds.
type givenPolicy struct{ policy.Policy }

func readPolicies(files []string) ([]givenPolicy, error) {
	var all []givenPolicy
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read policy: %w", err)
		}
		policies, err := parsePolicies(raw)
		if err != nil {
			return nil, fmt.Errorf("read policy %s: %w", name, err)
		}
		all = append(all, policies...)
	}
	return all, nil
}

func parsePolicies(raw []byte) ([]givenPolicy, error) {
	var all []givenPolicy
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(raw)))
	for n := 1; ; n++ {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		p, err := parsePolicy(text)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		if p != nil {
			all = append(all, *p)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it holds no ImagePolicy and no ClusterImagePolicy")
	}
	return all, nil
}

// parsePolicy returns nil for a document without content.
func parsePolicy(text []byte) (*givenPolicy, error) {
	var head struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
	}
	var content any
	if err := yaml.Unmarshal(text, &content); err != nil {
		return nil, err
	}
	if content == nil {
		return nil, nil
	}
	if err := yaml.Unmarshal(text, &head); err != nil {
		return nil, err
	}
	if want := v1alpha1.GroupVersion.String(); head.APIVersion != want {
		return nil, fmt.Errorf("it is of %.100q, want %s", head.APIVersion, want)
	}
	p := givenPolicy{policy.Policy{Kind: head.Kind, Name: head.Name}}
	var err error
	switch head.Kind {
	case "ImagePolicy":
		var object v1alpha1.ImagePolicy
		err = yaml.UnmarshalStrict(text, &object)
		p.Spec = object.Spec
	case "ClusterImagePolicy":
		var object v1alpha1.ClusterImagePolicy
		err = yaml.UnmarshalStrict(text, &object)
		p.Spec = object.Spec.ImagePolicySpec
	default:
		return nil, fmt.Errorf("it is a %.100q, want an ImagePolicy or a ClusterImagePolicy", head.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %.300q: %w", head.Kind, head.Name, err)
	}
	if err := policy.Validate(p.Spec); err != nil {
		return nil, fmt.Errorf("%s %.300q: %w", head.Kind, head.Name, err)
	}
	return &p, nil
}

// judgePolicies puts the findings to each policy. Those that do not select the
// image are in the result, too: a gate that judges nothing must not be silent.
func judgePolicies(policies []givenPolicy, read *subject, known bool, findings []policy.Finding, now time.Time) []export.Policy {
	facts := policy.Facts{Repository: read.reference.Repository, Digest: read.artifact.Digest, Scanned: known, Findings: findings}
	if read.reference.Tag != "" {
		facts.Tags = []string{read.reference.Tag}
	}
	var results []export.Policy
	for _, given := range policies {
		result := export.Policy{Kind: given.Kind, Name: given.Name, Result: v1alpha1.VerdictNoPolicy}
		for _, v := range policy.Judge(facts, []policy.Policy{given.Policy}, nil, now).Verdicts {
			result.Result, result.Excepted = v.Result, v.Excepted
			for _, violation := range v.Violations {
				result.Violations = append(result.Violations, export.Violation{Rule: violation.Rule, Action: string(violation.Action), Message: violation.Message})
			}
		}
		results = append(results, result)
	}
	return results
}
