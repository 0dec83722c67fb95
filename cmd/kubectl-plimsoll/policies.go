package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/internal/report/export"
)

// givenPolicy is one that a file holds.
type givenPolicy struct{ policy.Policy }

func readPolicies(ctx context.Context, files []string) ([]givenPolicy, error) {
	var all []givenPolicy
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read policy: %w", err)
		}
		policies, err := parsePolicies(ctx, raw)
		if err != nil {
			return nil, fmt.Errorf("read policy %s: %w", name, err)
		}
		all = append(all, policies...)
	}
	return all, nil
}

func parsePolicies(ctx context.Context, raw []byte) ([]givenPolicy, error) {
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
		p, err := parsePolicy(ctx, text)
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

// parsePolicy returns nil for a document without content. A policy is held to
// what the API would hold it to, and has its defaults.
func parsePolicy(ctx context.Context, text []byte) (*givenPolicy, error) {
	raw, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, err
	}
	var object map[string]any
	// It keeps whole numbers whole, other than encoding/json.
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, nil
	}
	head := unstructured.Unstructured{Object: object}
	if want := v1alpha1.GroupVersion.String(); head.GetAPIVersion() != want {
		return nil, fmt.Errorf("it is of %.100q, want %s", head.GetAPIVersion(), want)
	}
	if _, ok := definitions[head.GetKind()]; !ok {
		return nil, fmt.Errorf("it is a %.100q, want an ImagePolicy or a ClusterImagePolicy", head.GetKind())
	}
	if head.GetName() == "" {
		return nil, fmt.Errorf("the %s has no name", head.GetKind())
	}
	p := givenPolicy{policy.Policy{Kind: head.GetKind(), Name: head.GetName()}}
	err = admit(ctx, p.Kind, object)
	if err == nil {
		p.Spec, err = specOf(p.Kind, object)
	}
	if err == nil {
		err = policy.Validate(p.Spec)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %.300q: %w", p.Kind, p.Name, err)
	}
	return &p, nil
}

// specOf decodes a policy. A field that the API does not have is an error: kubectl would warn of it.
func specOf(kind string, object map[string]any) (v1alpha1.ImagePolicySpec, error) {
	raw, err := yaml.Marshal(object)
	if err != nil {
		return v1alpha1.ImagePolicySpec{}, err
	}
	if kind == "ImagePolicy" {
		var p v1alpha1.ImagePolicy
		err := yaml.UnmarshalStrict(raw, &p)
		return p.Spec, err
	}
	var p v1alpha1.ClusterImagePolicy
	err = yaml.UnmarshalStrict(raw, &p)
	return p.Spec.ImagePolicySpec, err
}

// judgePolicies puts the facts to each policy. Those that do not select the
// image are in the result, too: a gate that judges nothing must not be silent.
func judgePolicies(policies []givenPolicy, facts policy.Facts, s *subject, now time.Time) []export.Policy {
	facts.Repository, facts.Digest = s.reference.Repository, s.artifact.Digest
	if s.reference.Tag != "" {
		facts.Tags = []string{s.reference.Tag}
	}
	var results []export.Policy
	for _, given := range policies {
		results = append(results, s.judgePolicy(given.Policy, facts, now))
	}
	return results
}

func (s *subject) judgePolicy(p policy.Policy, facts policy.Facts, now time.Time) export.Policy {
	result := export.Policy{Kind: p.Kind, Name: p.Name, Result: v1alpha1.VerdictNoPolicy}
	rules := p.Spec.Rules
	p.Spec.Rules = nil
	for _, rule := range rules {
		if why := s.lacks(rule); why != "" {
			result.Skipped = append(result.Skipped, rule.Name+": "+why)
		} else {
			p.Spec.Rules = append(p.Spec.Rules, rule)
		}
	}
	judged := policy.Judge(facts, []policy.Policy{p}, nil, now)
	for _, v := range judged.Verdicts {
		result.Result, result.Excepted = v.Result, v.Excepted
		for _, violation := range v.Violations {
			result.Violations = append(result.Violations, export.Violation{Rule: violation.Rule, Action: string(violation.Action), Message: violation.Message})
		}
	}
	for _, skipped := range judged.Skipped {
		result.Skipped = append(result.Skipped, skipped.Rule+": "+skipped.Why)
	}
	if len(p.Spec.Rules) == 0 && len(rules) > 0 && result.Result == v1alpha1.VerdictPass {
		result.Result = v1alpha1.VerdictUnknown
	}
	return result
}

// lacks says why a rule cannot be judged from what was read: to pass it for
// want of facts would be wrong.
func (s *subject) lacks(rule v1alpha1.Rule) string {
	switch {
	case rule.Type == v1alpha1.RuleRegistries && s.reference.Repository == "":
		return "the image has no name, which --as would give it"
	case rule.Type == v1alpha1.RuleImage && s.artifact.ConfigDigest == "":
		return "only an image has a configuration"
	case rule.Type == v1alpha1.RulePackages && s.artifact.Type == "sbom" && rule.Packages != nil && len(rule.Packages.DeniedKinds) > 0:
		return "a bill of materials does not list all programs"
	}
	return ""
}
