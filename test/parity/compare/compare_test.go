package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// change a text by one replacement, of the first that there is.
type change struct{ old, replacement string }

func (c change) apply(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), c.old) {
		t.Fatalf("%s has no %q to replace", name, c.old)
	}
	changed := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), c.old, c.replacement, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return changed
}

const curl = `"package": "curl", "installedVersion": "7.88.1-10", `

func TestRun(t *testing.T) {
	equal := "0 differences: 4 findings of ours, 4 of Trivy's"
	one := "1 differences: 4 findings of ours, 4 of Trivy's"
	cases := map[string]struct {
		ours, trivy change
		want        []string
		wantExit    int
	}{
		"equal, whatever the spelling and the order are": {want: []string{equal}},
		"missing in ours": {
			ours:     change{`{"vulnerabilityID": "CVE-2024-2", ` + curl + `"severity": "Low", "status": "will_not_fix", "severitySource": "debian"},`, ""},
			want:     []string{"missing in ours: CVE-2024-2 in curl 7.88.1-10", "1 differences: 3 findings of ours, 4 of Trivy's"},
			wantExit: exitDifferent,
		},
		"only in ours": {
			trivy:    change{`{"VulnerabilityID": "CVE-2024-3", "PkgName": "ms", "PkgPath": "app/node_modules/ms/package.json", "InstalledVersion": "1.0.0", "FixedVersion": "2.0.0", "Status": "fixed", "Severity": "UNKNOWN"}`, ""},
			want:     []string{"only in ours: CVE-2024-3 in ms 1.0.0 (app/node_modules/ms/package.json)", "1 differences: 4 findings of ours, 3 of Trivy's"},
			wantExit: exitDifferent,
		},
		"another path is another finding": {
			trivy: change{`"usr/bin/app"`, `"usr/bin/other"`},
			want: []string{
				"missing in ours: CVE-2024-4 in stdlib v1.26.5 (usr/bin/other)", "only in ours: CVE-2024-4 in stdlib v1.26.5 (usr/bin/app)",
				"2 differences: 4 findings of ours, 4 of Trivy's",
			},
			wantExit: exitDifferent,
		},
		"fixed version": {
			ours:     change{"1.25.13, 1.26.6", "1.26.6"},
			want:     []string{`different fixed version: CVE-2024-4 in stdlib v1.26.5 (usr/bin/app): ours is "1.26.6", Trivy's is "1.25.13, 1.26.6"`, one},
			wantExit: exitDifferent,
		},
		"severity": {
			ours:     change{`"severity": "High"`, `"severity": "Low"`},
			want:     []string{`different severity: CVE-2024-1 in curl 7.88.1-10: ours is "LOW", Trivy's is "HIGH"`, one},
			wantExit: exitDifferent,
		},
		"severity source": {
			trivy:    change{`"SeveritySource": "debian"`, `"SeveritySource": "nvd"`},
			want:     []string{`different severity source: CVE-2024-2 in curl 7.88.1-10: ours is "debian", Trivy's is "nvd"`, one},
			wantExit: exitDifferent,
		},
		"status": {
			trivy:    change{"will_not_fix", "affected"},
			want:     []string{`different status: CVE-2024-2 in curl 7.88.1-10: ours is "will_not_fix", Trivy's is "affected"`, one},
			wantExit: exitDifferent,
		},
		"vendor ids": {
			trivy:    change{`"DSA-2-1", "DSA-1-1"`, `"DSA-1-1"`},
			want:     []string{`different vendor ids: CVE-2024-1 in curl 7.88.1-10: ours is "DSA-1-1 DSA-2-1", Trivy's is "DSA-1-1"`, one},
			wantExit: exitDifferent,
		},
		"two architectures are one, with the greater fixed version": {
			trivy: change{`{"VulnerabilityID": "CVE-2024-4",`, `{"VulnerabilityID": "CVE-2024-4", "PkgName": "stdlib", "InstalledVersion": "v1.26.5", "FixedVersion": "0"}, {"VulnerabilityID": "CVE-2024-4",`},
			want:  []string{equal},
		},
		"no results are no findings": {
			trivy: change{`"Results"`, `"Others"`},
			want: []string{
				"only in ours: CVE-2024-1 in curl 7.88.1-10", "only in ours: CVE-2024-2 in curl 7.88.1-10",
				"only in ours: CVE-2024-3 in ms 1.0.0 (app/node_modules/ms/package.json)", "only in ours: CVE-2024-4 in stdlib v1.26.5 (usr/bin/app)",
				"4 differences: 4 findings of ours, 0 of Trivy's",
			},
			wantExit: exitDifferent,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			exit := run([]string{tc.ours.apply(t, "ours.json"), tc.trivy.apply(t, "trivy.json")}, &stdout, &stderr)
			if exit != tc.wantExit || stderr.Len() > 0 {
				t.Errorf("exit %d, want %d; %s", exit, tc.wantExit, &stderr)
			}
			if diff := cmp.Diff(tc.want, strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRunBadInput(t *testing.T) {
	cases := map[string]struct {
		ours, trivy change
		want        string
	}{
		"our report is no JSON":     {ours: change{"{", "<"}, want: "read our report: parse"},
		"our report has no list":    {ours: change{`"findings"`, `"others"`}, want: "no findings"},
		"our finding has no id":     {ours: change{`"CVE-2024-1"`, `""`}, want: "finding 0 has no vulnerability"},
		"our finding has no name":   {ours: change{`"curl"`, `""`}, want: "finding 0 has no vulnerability"},
		"Trivy's report is no JSON": {trivy: change{"{", "<"}, want: "read Trivy's report: parse"},
		"Trivy's is another schema": {trivy: change{`"SchemaVersion": 2`, `"SchemaVersion": 3`}, want: "schema version 3"},
		"Trivy's has none":          {trivy: change{`"SchemaVersion": 2`, `"Version": 2`}, want: "is it Trivy's?"},
		"Trivy's has no id":         {trivy: change{`"CVE-2024-3"`, `""`}, want: "vulnerability 0 of Node.js"},
		"Trivy's has no name":       {trivy: change{`"ms"`, `""`}, want: "vulnerability 0 of Node.js"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			checkBad(t, tc.want, tc.ours.apply(t, "ours.json"), tc.trivy.apply(t, "trivy.json"))
		})
	}
	checkBad(t, "usage", "ours.json")
	checkBad(t, "no such file", "testdata/none.json", "testdata/trivy.json")
}

func checkBad(t *testing.T, want string, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if exit := run(args, &stdout, &stderr); exit != exitBadInput || stdout.Len() > 0 || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit %d with %q, want %d with %q", exit, &stderr, exitBadInput, want)
	}
}
