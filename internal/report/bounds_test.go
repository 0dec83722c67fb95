package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

const maxObject = 32 << 10

// many findings, of which the first 200 are critical. The first n are the same for each n.
func many(n int) []policy.Finding {
	all := make([]policy.Finding, n)
	for i := range all {
		all[i] = policy.Finding{
			ID: fmt.Sprintf("CVE-2024-%05d", i), Package: fmt.Sprintf("libexample%d", i%300), InstalledVersion: "1:2.36-9+deb12u3",
			FixedVersion: "1:2.36-9+deb12u4", Severity: v1alpha1.SeverityMedium, Status: v1alpha1.StatusFixed, Published: now,
		}
		if i < 200 {
			all[i].Severity = v1alpha1.SeverityCritical
		}
	}
	return all
}

// mixed are n findings, urgent ones first and then half of them without a fix.
func mixed(n, urgent int) []policy.Finding {
	all := many(n)
	for i := range all {
		all[i].Severity = v1alpha1.SeverityLow
		if i < urgent {
			all[i].Severity = v1alpha1.SeverityHigh
		}
		if i%2 > 0 {
			all[i].Status, all[i].FixedVersion = v1alpha1.StatusAffected, ""
		}
	}
	return all
}

// extreme holds as much of everything as the inputs can, of characters that
// take the most room.
func extreme() Input {
	in := scannedInput()
	long := strings.Repeat(`<"\`+"\x00\xffé", 300)
	in.Identity.Repository = "r" + strings.Repeat("/x", 255)
	in.Identity.Platform = "linux/" + strings.Repeat("a", 58)
	in.ManifestDigest, in.ConfigDigest = digest, digest
	in.DatabaseRevision = strings.Repeat("&", 500)
	in.Base = &v1alpha1.BaseImage{Name: long, Digest: digest, Source: v1alpha1.BaseAnnotation}
	in.BaseLayers = []string{"a"}
	in.Update = &v1alpha1.UpdateSummary{State: v1alpha1.UpdateSuperseded, Candidate: long, URL: "https://" + strings.Repeat("x", 1016), Fixes: 5000, Adds: 5000}
	in.Scan.OS = &v1alpha1.OperatingSystem{Family: long, Release: long, SupportEndTime: new(metav1.NewTime(now))}
	in.Tags, in.Workloads, in.Findings = nil, nil, nil
	in.Judgement = policy.Judgement{Verdict: v1alpha1.VerdictFail, Due: map[int]time.Time{}}
	name := strings.Repeat("n", 253)
	for i := range 500 {
		in.Tags = append(in.Tags, fmt.Sprintf("%03d%s", i, strings.Repeat("t", 125)))
		in.Scan.Unread = append(in.Scan.Unread, v1alpha1.UnreadPart{Path: long, Reason: long})
		w := v1alpha1.Workload{Group: name, Kind: name, Name: name, State: v1alpha1.WorkloadRunning}
		for range 100 {
			w.Containers = append(w.Containers, v1alpha1.WorkloadContainer{Name: strings.Repeat("c", 63), Type: v1alpha1.ContainerTypeEphemeral})
		}
		in.Workloads = append(in.Workloads, w)
		verdict := v1alpha1.PolicyVerdict{PolicyKind: "ClusterImagePolicy", PolicyName: name, Result: v1alpha1.VerdictFail, Excepted: 5000}
		for range 32 {
			verdict.Violations = append(verdict.Violations, v1alpha1.Violation{
				Rule: strings.Repeat("r", 63), Action: v1alpha1.EnforcementAudit, Message: long,
				Workloads: slices.Repeat([]string{name + "/" + name}, 100),
			})
		}
		in.Judgement.Verdicts = append(in.Judgement.Verdicts, verdict)
	}
	for i, f := range many(5000) {
		f.ID += long
		f.Package, f.Path, f.InstalledVersion, f.FixedVersion = long, long, fmt.Sprintf("%d%s", i, long), long
		f.KnownExploited, f.Layer = true, "a"
		in.Findings = append(in.Findings, f)
		in.Judgement.Due[i] = now
	}
	return in
}

// object as the API server stores it: what this package builds, and the managed
// fields of an owner that applies the object and its status.
func object(t *testing.T, in Input) []byte {
	t.Helper()
	report := v1alpha1.ImageReport{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ImageReport"},
		ObjectMeta: metav1.ObjectMeta{
			Name:      Name(in.Identity.Repository, in.Identity.Digest, in.Identity.Platform),
			Namespace: strings.Repeat("s", 63), Generation: 1, ResourceVersion: "123456789012",
			UID: types.UID("6fa459ea-ee8a-3ca4-894e-db77e160355e"), CreationTimestamp: metav1.NewTime(now),
			Labels:      Labels(in.Identity.Repository, in.Judgement.Verdict),
			Annotations: map[string]string{v1alpha1.AnnotationRequestedAt: "2026-01-10T12:00:00Z"},
		},
		Spec: in.Identity, Status: Build(in),
	}
	for _, subresource := range []string{"", "status"} {
		report.ManagedFields = append(report.ManagedFields, managedFields(t, report, subresource))
	}
	stored, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// managedFields names each field of structures, each condition's, and lists as a
// whole, since all other lists of a report are atomic.
func managedFields(t *testing.T, report v1alpha1.ImageReport, subresource string) metav1.ManagedFieldsEntry {
	t.Helper()
	encoded, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := json.Unmarshal(encoded, &whole); err != nil {
		t.Fatal(err)
	}
	if subresource == "status" {
		whole = map[string]any{"status": whole["status"]}
	} else {
		delete(whole, "status")
	}
	raw, err := json.Marshal(fieldSet(whole))
	if err != nil {
		t.Fatal(err)
	}
	return metav1.ManagedFieldsEntry{
		Manager: "plimsoll", Operation: metav1.ManagedFieldsOperationApply, APIVersion: v1alpha1.GroupVersion.String(),
		Time: new(metav1.NewTime(now)), FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(raw)), Subresource: subresource,
	}
}

func fieldSet(v map[string]any) map[string]any {
	set := map[string]any{}
	for name, value := range v {
		children := map[string]any{}
		switch value := value.(type) {
		case map[string]any:
			children = fieldSet(value)
		case []any:
			if name != "conditions" {
				break
			}
			for _, c := range value {
				condition := fieldSet(c.(map[string]any))
				condition["."] = map[string]any{}
				children[fmt.Sprintf(`k:{"type":%q}`, c.(map[string]any)["type"])] = condition
			}
		}
		set["f:"+name] = children
	}
	return set
}

func TestTheObjectStaysSmall(t *testing.T) {
	longNames := scannedInput()
	longNames.Findings = many(5000)
	for i := range longNames.Findings {
		longNames.Findings[i].Package = strings.Repeat("p", 300) + fmt.Sprint(i)
		longNames.Findings[i].Path = strings.Repeat("d/", 600)
	}
	typical, bad := scannedInput(), scannedInput()
	typical.Findings, bad.Findings = mixed(120, 15), mixed(300, 60)
	stalled := extreme()
	stalled.Scan = Scan{Reason: v1alpha1.ReasonLimitExceeded, Message: strings.Repeat("<", 5000)}
	short := scannedInput()
	short.Findings = many(5000)
	tests := map[string]struct {
		in      Input
		max     int
		atLeast int // findings listed
	}{
		"everything at its worst":           {in: extreme(), max: maxObject, atLeast: 4},
		"not scanned, and all else":         {in: stalled, max: maxObject},
		"5,000 findings":                    {in: short, max: maxObject, atLeast: maxFindings},
		"5,000 findings with long names":    {in: longNames, max: 25 << 10, atLeast: 20},
		"a typical image with 120 findings": {in: typical, max: 8 << 10, atLeast: fillFindings},
		"a bad image with 300 findings":     {in: bad, max: 16 << 10, atLeast: 60},
		"a good image with 4 findings":      {in: scannedInput(), max: 5 << 10, atLeast: 4},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stored := object(t, tc.in)
			status := Build(tc.in)
			t.Logf("%d bytes, of these status %d", len(stored), size(status))
			if len(stored) > tc.max {
				t.Errorf("the object takes %d bytes, want at most %d", len(stored), tc.max)
			}
			if size(status) > statusBudget {
				t.Errorf("the status takes %d bytes, want at most %d", size(status), statusBudget)
			}
			if !tc.in.Scan.Done {
				if status.Summary != nil || status.Vulnerabilities != nil || status.PackageCount != nil {
					t.Error("counts before a scan")
				}
				return
			}
			listed := len(status.Vulnerabilities.Items)
			if listed < tc.atLeast || listed > maxFindings {
				t.Errorf("%d findings listed, want %d to %d", listed, tc.atLeast, maxFindings)
			}
			if int(status.Vulnerabilities.Omitted)+listed != int(status.Summary.Total) {
				t.Errorf("%d listed and %d omitted of %d", listed, status.Vulnerabilities.Omitted, status.Summary.Total)
			}
			if int(status.Workloads.Total) != len(tc.in.Workloads) {
				t.Errorf("%d workloads, want %d", status.Workloads.Total, len(tc.in.Workloads))
			}
		})
	}
}

func TestCountsAreExact(t *testing.T) {
	in := extreme()
	in.Findings = append(in.Findings, in.Findings[:100]...)
	want := v1alpha1.Summary{Critical: 200, Medium: 4800, Fixable: 5000, KnownExploited: 5000, Total: 5000}
	if got := *Build(in).Summary; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	want = v1alpha1.Summary{High: 2, Medium: 1, Low: 1, Fixable: 2, KnownExploited: 1, Total: 4}
	if got := *Build(scannedInput()).Summary; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := *Build(inputs()["partial"]).Summary; got != (v1alpha1.Summary{}) {
		t.Errorf("scanned without findings: got %+v, want zeros", got)
	}
}

func TestOnlyUrgentFindingsMakeALongList(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Input)
		want int
	}{
		"medium":        {want: fillFindings},
		"high":          {edit: func(in *Input) { in.Findings[50].Severity = v1alpha1.SeverityHigh }, want: fillFindings},
		"with deadline": {edit: func(in *Input) { in.Judgement.Due = map[int]time.Time{20: now, 21: now} }, want: fillFindings + 2},
		"all exploited": {want: maxFindings, edit: func(in *Input) {
			for i := range in.Findings {
				in.Findings[i].KnownExploited, in.Findings[i].FixedVersion = true, ""
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			in := scannedInput()
			in.Judgement.Due = nil
			in.Findings = many(400)[200:]
			if tc.edit != nil {
				tc.edit(&in)
			}
			got := Build(in).Vulnerabilities
			if len(got.Items) != tc.want || int(got.Omitted) != 200-tc.want {
				t.Errorf("%d listed, %d omitted, want %d listed", len(got.Items), got.Omitted, tc.want)
			}
		})
	}
}

func TestVerdictsAreListedWorstFirst(t *testing.T) {
	in := scannedInput()
	in.Judgement.Verdicts = nil
	for i, result := range slices.Repeat([]v1alpha1.Verdict{v1alpha1.VerdictPass, v1alpha1.VerdictError, v1alpha1.VerdictFail}, 100) {
		in.Judgement.Verdicts = append(in.Judgement.Verdicts, v1alpha1.PolicyVerdict{PolicyKind: "ImagePolicy", PolicyName: fmt.Sprintf("p%03d", i), Result: result})
	}
	got := Build(in).Verdicts
	sorted := slices.IsSortedFunc(got, func(a, b v1alpha1.PolicyVerdict) int {
		return cmp.Or(policy.Worse(b.Result, a.Result), strings.Compare(a.PolicyName, b.PolicyName))
	})
	if !sorted || len(got) != maxVerdicts || got[0].Result != v1alpha1.VerdictError {
		t.Errorf("%d verdicts, sorted %t, the first is %s", len(got), sorted, got[0].Result)
	}
}

func TestManyWorkloadsOfAViolationAreCounted(t *testing.T) {
	in := scannedInput()
	v := &in.Judgement.Verdicts[1].Violations[0]
	v.Message, v.Workloads = "m", nil
	for i := range 25 {
		v.Workloads = append(v.Workloads, fmt.Sprintf("Deployment/d%02d", i))
	}
	got := Build(in).Verdicts[0].Violations[0]
	if len(got.Workloads) != maxNamed || got.Message != "m (and 15 more workloads)" {
		t.Errorf("%d workloads, message %q", len(got.Workloads), got.Message)
	}
}

func TestClip(t *testing.T) {
	tests := map[string]struct {
		in    string
		limit int
		want  string
	}{
		"empty":               {"", 10, ""},
		"short":               {"abc", 10, "abc"},
		"exact":               {"abcdefghij", 10, "abcdefghij"},
		"long":                {"abcdefghijk", 10, "abcdefg…"},
		"between characters":  {"äöüäöüäöü", 10, "äöü…"},
		"what JSON escapes":   {`""""""`, 10, `"""…`},
		"what HTML escapes":   {"<<<", 12, "<…"},
		"bytes that are none": {"a\xffb", 10, "a\uFFFDb"},
		"control characters":  {"a\x1b[31m\nb", 20, "a\uFFFD[31m b"},
		"reversed text":       {"a\u202eb", 10, "a\uFFFDb"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := clip(tc.in, tc.limit); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func FuzzClip(f *testing.F) {
	f.Add("abc", 10)
	f.Add("ä<\"\\\u2028\U0001F600\xff", 12)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < len(ellipsis) || limit > 1<<16 {
			t.Skip()
		}
		got := clip(s, limit)
		if !utf8.ValidString(got) {
			t.Errorf("%q is no UTF-8", got)
		}
		if n := size(got) - len(`""`); n > limit {
			t.Errorf("%q takes %d bytes, want at most %d", got, n, limit)
		}
		if again := clip(got, limit); again != got {
			t.Errorf("clipped twice: %q, then %q", got, again)
		}
	})
}
