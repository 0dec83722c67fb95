package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

const policyHead = "apiVersion: plimsoll.dev/v1alpha1\nkind: ImagePolicy\nmetadata: {name: gate, namespace: shop}\nspec:\n"

// noneOf is a policy that tolerates no finding of a severity.
func noneOf(severity string) string {
	return policyHead + "  rules:\n  - {name: none, type: Vulnerabilities, vulnerabilities: {severities: [" + severity + "], maxCount: 0}}\n"
}

func TestPolicies(t *testing.T) {
	db := buildDatabase(t)
	saved := savedTar(t, map[string]v1.Image{"registry.example.com/shop/api:1": testImage(t, recipe.AMD64)})
	cluster := strings.NewReplacer("kind: ImagePolicy", "kind: ClusterImagePolicy", ", namespace: shop", "").Replace
	elsewhere := strings.Replace(noneOf("Critical"), "spec:\n", "spec:\n  selector: {images: [\"registry.example.com/other/**\"]}\n", 1)
	excepted := noneOf("Critical") + "  exceptions:\n  - {name: known, vulnerabilities: [CVE-2026-0001], packages: [\"pkg:deb/debian/openssl\"], " +
		"status: not_affected, justification: vulnerable_code_not_present, statement: Known.}\n"
	for name, tc := range map[string]struct {
		policies []string
		args     []string
		want     []string
		code     int
	}{
		"passes":                      {policies: []string{noneOf("Medium")}, want: []string{"ImagePolicy gate Pass"}},
		"fails":                       {policies: []string{noneOf("Critical")}, want: []string{"ImagePolicy gate Fail"}, code: exitFailed},
		"of the cluster":              {policies: []string{cluster(noneOf("Critical"))}, want: []string{"ClusterImagePolicy gate Fail"}, code: exitFailed},
		"several in a file":           {policies: []string{noneOf("Medium") + "---\n" + cluster(noneOf("Low"))}, want: []string{"ImagePolicy gate Pass", "ClusterImagePolicy gate Fail"}, code: exitFailed},
		"several files":               {policies: []string{noneOf("Medium"), "---\n# nothing\n---\n" + noneOf("Low")}, want: []string{"ImagePolicy gate Pass", "ImagePolicy gate Fail"}, code: exitFailed},
		"excepted":                    {policies: []string{excepted}, want: []string{"ImagePolicy gate Pass"}},
		"of another image":            {policies: []string{elsewhere}, want: []string{"ImagePolicy gate NoPolicy"}},
		"of the image it is taken as": {policies: []string{elsewhere}, args: []string{"--as", "registry.example.com/other/api:1"}, want: []string{"ImagePolicy gate Fail"}, code: exitFailed},
		"what is not shown counts":    {policies: []string{noneOf("Low")}, args: []string{"--severity", "critical"}, want: []string{"ImagePolicy gate Fail"}, code: exitFailed},
		"before the exit code":        {policies: []string{noneOf("Medium")}, args: []string{"--exit-code", "7"}, want: []string{"ImagePolicy gate Pass"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append(tc.args, "--archive", saved, "--db", db, "--format", "json")
			for _, text := range tc.policies {
				args = append(args, "--policy", file(t, "policy.yaml", text))
			}
			r := scanned(t, args...)
			var got []string
			for _, p := range r.document(t, tc.code).Policies {
				got = append(got, p.Kind+" "+p.Name+" "+string(p.Result))
				told := strings.Contains(r.stderr, p.Kind+" "+p.Name+": "+string(p.Result)) || strings.Contains(r.stderr, "does not select")
				if passed := p.Result == "Pass"; told == passed {
					t.Errorf("%s: %s, and stderr says: %s", p.Name, p.Result, r.stderr)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("policies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPoliciesAreHeldToTheAPI(t *testing.T) {
	db := buildDatabase(t)
	for name, tc := range map[string]struct{ text, want string }{
		"empty":               {"", "it holds no ImagePolicy and no ClusterImagePolicy"},
		"not YAML":            {"a: [", "document 1: "},
		"duplicate key":       {policyHead + "  suspend: true\n  suspend: false\n", "already set in map"},
		"another kind":        {"apiVersion: plimsoll.dev/v1alpha1\nkind: ImageReport\nmetadata: {name: a}\n", `it is a "ImageReport"`},
		"another group":       {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", `it is of "v1"`},
		"no name":             {"apiVersion: plimsoll.dev/v1alpha1\nkind: ImagePolicy\nmetadata: {}\nspec: {rules: []}\n", "the ImagePolicy has no name"},
		"unknown field":       {noneOf("Low") + "  enforcment: Deny\n", `unknown field "enforcment"`},
		"unknown value":       {noneOf("Severe"), "spec.rules[0].vulnerabilities.severities[0]: Unsupported value"},
		"wrong type":          {policyHead + "  rules: 7\n", "spec.rules: Invalid value"},
		"rule of CEL":         {policyHead + "  rules:\n  - {name: a, type: Vulnerabilities}\n", "spec.rules[0]"},
		"not implemented yet": {noneOf("Low") + "  unknownImages: Deny\n", "not implemented in this version"},
		"bad pattern":         {strings.Replace(noneOf("Low"), "spec:\n", "spec:\n  selector: {images: [\"a[\"]}\n", 1), "selector.images: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := scanned(t, "--rootfs", t.TempDir(), "--db", db, "--policy", file(t, "policy.yaml", tc.text))
			if r.code != exitError || !strings.Contains(r.stderr, tc.want) || r.stdout != "" {
				t.Errorf("%+v, want 2 and %q", r, tc.want)
			}
		})
	}
	r := scanned(t, "--rootfs", t.TempDir(), "--db", db, "--policy", "/no/such.yaml")
	if r.code != exitError || !strings.Contains(r.stderr, "read policy: open /no/such.yaml: ") {
		t.Errorf("no file: %+v", r)
	}
}

// A policy that cannot be judged is not passed.
func TestPolicyOverAnImageThatIsNotKnown(t *testing.T) {
	layer, err := recipe.Layer(recipe.OSRelease("fedora", "41", "Fedora")...)
	if err != nil {
		t.Fatal(err)
	}
	img, err := recipe.Image(recipe.AMD64, v1.Config{}, layer)
	if err != nil {
		t.Fatal(err)
	}
	r := scanned(t, "--archive", layoutDir(t, img), "--db", buildDatabase(t), "--format", "json", "--policy", file(t, "p.yaml", noneOf("Low")))
	d := r.document(t, exitError)
	if len(d.Policies) != 1 || !d.Policies[0].Undecided() || d.Scan.Judged {
		t.Errorf("policies %+v, scan %+v", d.Policies, d.Scan)
	}
}
