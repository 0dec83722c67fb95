package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var now = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

const digest = "sha256:9f2c1b7e04a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b"

func input() Input {
	return Input{
		Identity:         v1alpha1.ImageReportSpec{Repository: "registry.example.com/shop/api", Digest: digest, Platform: "linux/amd64"},
		Generation:       1,
		Tags:             []string{"1.8.2", "1.8", "1.8.2"},
		DatabaseRevision: "sha256:db1",
		Workloads: []v1alpha1.Workload{
			{Group: "batch", Kind: "CronJob", Name: "sweep", State: v1alpha1.WorkloadIdle, Containers: []v1alpha1.WorkloadContainer{{Name: "sweep", Type: v1alpha1.ContainerTypeContainer}}},
			{Group: "apps", Kind: "Deployment", Name: "api", State: v1alpha1.WorkloadRunning, Containers: []v1alpha1.WorkloadContainer{
				{Name: "migrate", Type: v1alpha1.ContainerTypeInit}, {Name: "api", Type: v1alpha1.ContainerTypeContainer},
			}},
		},
		Now: now.Add(123 * time.Millisecond),
	}
}

func findings() []policy.Finding {
	return []policy.Finding{
		{ID: "CVE-2024-3", Package: "zlib1g", InstalledVersion: "1:1.2.13", Severity: v1alpha1.SeverityLow, Status: v1alpha1.StatusWillNotFix},
		{ID: "CVE-2024-2", Package: "openssl", InstalledVersion: "3.0.11", FixedVersion: "3.0.13", Severity: v1alpha1.SeverityHigh, Status: v1alpha1.StatusFixed, Published: now.AddDate(0, -1, 0)},
		{ID: "CVE-2024-1", Package: "openssl", InstalledVersion: "3.0.11", Severity: v1alpha1.SeverityHigh, Status: v1alpha1.StatusAffected},
		{ID: "CVE-2024-4", Package: "lodash", Path: "app/node_modules/lodash/package.json", InstalledVersion: "4.17.20", FixedVersion: "4.17.21", Severity: v1alpha1.SeverityMedium, Status: v1alpha1.StatusFixed, KnownExploited: true},
		{ID: "CVE-2024-2", Package: "openssl", InstalledVersion: "3.0.11", FixedVersion: "3.0.13", Severity: v1alpha1.SeverityHigh, Status: v1alpha1.StatusFixed},
	}
}

func scannedInput() Input {
	in := input()
	in.ManifestDigest, in.ConfigDigest = digest, digest
	in.Scan = Scan{Done: true, OS: &v1alpha1.OperatingSystem{Family: "debian", Release: "12", SupportEndTime: new(metav1.NewTime(now.AddDate(2, 0, 0)))}, PackageCount: 142}
	in.Findings = findings()
	in.Judgement = policy.Judgement{
		Verdict: v1alpha1.VerdictFail,
		Verdicts: []v1alpha1.PolicyVerdict{
			{PolicyKind: "ClusterImagePolicy", PolicyName: "all", Result: v1alpha1.VerdictPass, Excepted: 2},
			{PolicyKind: "ImagePolicy", PolicyName: "shop", Result: v1alpha1.VerdictFail, Violations: []v1alpha1.Violation{{
				Rule: "none-exploited", Action: v1alpha1.EnforcementAudit, Message: "1 known exploited Medium finding, 0 tolerated: CVE-2024-4 (lodash)",
				Workloads: []string{"CronJob/sweep", "Deployment/api"},
			}}},
		},
		Due: map[int]time.Time{1: now.AddDate(0, 0, 7)},
	}
	return in
}

func inputs() map[string]Input {
	pending := input()
	pending.Judgement.Verdict = v1alpha1.VerdictNoPolicy

	unauthorized := input()
	unauthorized.Tags = nil
	unauthorized.Scan = Scan{Reason: v1alpha1.ReasonUnauthorized, Message: "pull registry.example.com/shop/api: 401 Unauthorized"}
	unauthorized.Judgement = policy.Judgement{Verdict: v1alpha1.VerdictUnknown, Verdicts: []v1alpha1.PolicyVerdict{
		{PolicyKind: "ImagePolicy", PolicyName: "shop", Result: v1alpha1.VerdictUnknown},
	}}

	stalled := unauthorized
	stalled.Scan = Scan{Reason: v1alpha1.ReasonLimitExceeded, Message: "layer 3: more than 1000000 entries"}

	store := unauthorized
	store.Scan = Scan{Reason: v1alpha1.ReasonStoreFailed, Message: "write: no space left on device"}

	partial := scannedInput()
	partial.Findings, partial.Scan.OS = nil, nil
	partial.Scan.Unread = []v1alpha1.UnreadPart{{Path: "var/lib/rpm/Packages", Reason: v1alpha1.ReasonCorruptPackageDatabase}}
	partial.Judgement = policy.Judgement{Verdict: v1alpha1.VerdictPass, Verdicts: []v1alpha1.PolicyVerdict{
		{PolicyKind: "ImagePolicy", PolicyName: "shop", Result: v1alpha1.VerdictPass},
	}}

	errs := scannedInput()
	errs.Findings = findings()[:1]
	errs.Judgement = policy.Judgement{Verdict: v1alpha1.VerdictError, Verdicts: []v1alpha1.PolicyVerdict{
		{PolicyKind: "ImagePolicy", PolicyName: "fails", Result: v1alpha1.VerdictFail, Violations: []v1alpha1.Violation{{Rule: "r", Action: v1alpha1.EnforcementDeny, Message: "m"}}},
		{PolicyKind: "ImagePolicy", PolicyName: "signed", Result: v1alpha1.VerdictError, Violations: []v1alpha1.Violation{{Rule: "r", Action: v1alpha1.EnforcementDeny, Message: "m"}}},
	}}

	skipped := scannedInput()
	skipped.Findings = nil
	skipped.Judgement = unauthorized.Judgement

	based := scannedInput()
	based.Findings[1].Layer, based.Findings[4].Layer, based.Findings[3].Layer = "a", "a", "c"
	based.Base = &v1alpha1.BaseImage{Name: "docker.io/library/debian:12", Digest: digest, Source: v1alpha1.BaseProvenance}
	based.BaseLayers = []string{"a", "b"}
	based.UpdateStep = v1alpha1.StepPatch
	based.Update = &v1alpha1.UpdateSummary{
		State: v1alpha1.UpdateProposed, Candidate: "docker.io/library/debian:12.5@" + digest, Fixes: 1, Adds: 0, URL: "https://forge.example.com/shop/api/pulls/1",
	}

	return map[string]Input{
		"based": based, "skipped": skipped, "pending": pending, "unauthorized": unauthorized, "stalled": stalled, "store-failed": store,
		"failing": scannedInput(), "partial": partial, "error": errs,
	}
}

func TestBuildGolden(t *testing.T) {
	for name, in := range inputs() {
		t.Run(name, func(t *testing.T) {
			got, err := yaml.Marshal(Build(in))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".golden.yaml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("status (-want +got), rewrite with -update:\n%s", diff)
			}
		})
	}
}

func TestNothingChangesNothing(t *testing.T) {
	for name, in := range inputs() {
		t.Run(name, func(t *testing.T) {
			first := Build(in)
			in.Previous, in.Now = &first, now.Add(time.Hour)
			if diff := cmp.Diff(first, Build(in)); diff != "" {
				t.Errorf("a second build differs (-first +second):\n%s", diff)
			}
			in.Previous = nil
			if again := Build(in); again.ContentHash != first.ContentHash {
				t.Error("the hash depends on the time")
			}
		})
	}
}

func TestBuildLeavesItsInputAlone(t *testing.T) {
	in, same := scannedInput(), scannedInput()
	Build(in)
	if diff := cmp.Diff(same, in); diff != "" {
		t.Errorf("input (-before +after):\n%s", diff)
	}
}

func TestActionable(t *testing.T) {
	inBase, inApp := findings()[1:2], findings()[3:4]
	inBase[0].Layer, inApp[0].Layer = "a", "c"
	update := func(state v1alpha1.UpdatePhase, fixes int32) *v1alpha1.UpdateSummary {
		return &v1alpha1.UpdateSummary{State: state, Fixes: fixes}
	}
	tests := map[string]struct {
		findings []policy.Finding
		update   *v1alpha1.UpdateSummary
		step     v1alpha1.UpdateStep
		unbased  bool
		want     v1alpha1.Actionable
	}{
		"nothing found":                         {want: v1alpha1.ActionableNone},
		"nothing found, and an update":          {update: update(v1alpha1.UpdateAvailable, 1), want: v1alpha1.ActionableNone},
		"nothing fixable":                       {findings: findings()[:1], want: v1alpha1.ActionableUpstream},
		"a fix exists":                          {findings: findings(), want: v1alpha1.ActionableRebuild},
		"an update":                             {findings: inBase, update: update(v1alpha1.UpdateProposed, 1), step: v1alpha1.StepPatch, want: v1alpha1.ActionableUpdate},
		"an update that is not proposed":        {findings: inBase, update: update(v1alpha1.UpdateDryRun, 1), step: v1alpha1.StepMajor, want: v1alpha1.ActionableUpdate},
		"an update of what has no fix here":     {findings: findings()[:1], update: update(v1alpha1.UpdateAvailable, 1), step: v1alpha1.StepVariant, want: v1alpha1.ActionableUpdate},
		"a refresh":                             {findings: inBase, update: update(v1alpha1.UpdateAvailable, 1), step: v1alpha1.StepRefresh, want: v1alpha1.ActionableRebuild},
		"an update that is merged":              {findings: inBase, update: update(v1alpha1.UpdateMerged, 1), step: v1alpha1.StepPatch, want: v1alpha1.ActionableRebuild},
		"no update, and all is the base's":      {findings: inBase, update: update(v1alpha1.UpdateNone, 0), want: v1alpha1.ActionableUpstream},
		"refused, and all is the base's":        {findings: inBase, update: update(v1alpha1.UpdateIgnored, 1), want: v1alpha1.ActionableUpstream},
		"no update, and not all is the base's":  {findings: append(inBase, inApp...), update: update(v1alpha1.UpdateNone, 0), want: v1alpha1.ActionableRebuild},
		"no update, and the base is not known":  {findings: inBase, update: update(v1alpha1.UpdateNone, 0), unbased: true, want: v1alpha1.ActionableRebuild},
		"no update, and nothing fixable at all": {findings: findings()[:1], update: update(v1alpha1.UpdateNone, 0), want: v1alpha1.ActionableUpstream},
		"nobody looked for an update":           {findings: inBase, want: v1alpha1.ActionableRebuild},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			in := scannedInput()
			in.Findings, in.Update, in.UpdateStep = tc.findings, tc.update, tc.step
			if !tc.unbased {
				in.Base, in.BaseLayers = &v1alpha1.BaseImage{Name: "b:1", Source: v1alpha1.BaseLayers}, []string{"a"}
			}
			if got := Build(in).Actionable; got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	if got := Build(input()).Actionable; got != "" {
		t.Errorf("not scanned: got %s, want none", got)
	}
}

// The base's findings are counted all, however many are listed.
func TestBase(t *testing.T) {
	in := scannedInput()
	in.Findings = many(1000)
	for i := range in.Findings {
		in.Findings[i].Layer = []string{"a", "b", "c", ""}[i%4]
	}
	in.Base = &v1alpha1.BaseImage{Name: "docker.io/library/debian:12", Source: v1alpha1.BaseLayers, Summary: &v1alpha1.Summary{Total: 9}}
	if got := Build(in); got.Base.Summary != nil || got.Vulnerabilities.Items[0].Layer != "" {
		t.Errorf("a base whose layers are not known: %+v", got.Base)
	}
	in.BaseLayers = []string{"a", "b"}
	got := Build(in)
	if want := (v1alpha1.Summary{Critical: 100, Medium: 400, Fixable: 500, Total: 500}); *got.Base.Summary != want {
		t.Errorf("got %+v, want %+v", *got.Base.Summary, want)
	}
	var origins []v1alpha1.LayerOrigin
	for _, v := range got.Vulnerabilities.Items[:4] {
		origins = append(origins, v.Layer)
	}
	if diff := cmp.Diff([]v1alpha1.LayerOrigin{v1alpha1.LayerBase, v1alpha1.LayerBase, v1alpha1.LayerApp, ""}, origins); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
	in.Base.Name = ""
	if got := Build(in).Base; got != nil {
		t.Errorf("a base without a name: %+v", got)
	}
}

func TestAURLIsNeverCut(t *testing.T) {
	in := scannedInput()
	in.Update = &v1alpha1.UpdateSummary{State: v1alpha1.UpdateProposed, URL: "https://forge.example.com/" + strings.Repeat("x", maxText), Candidate: strings.Repeat("x", 2*maxText)}
	if got := Build(in).Update; got.URL != "" || len(got.Candidate) > maxText {
		t.Errorf("%d bytes of URL, %d of the candidate", len(got.URL), len(got.Candidate))
	}
}

func TestConditionsKeepTheirTransitions(t *testing.T) {
	in := inputs()["unauthorized"]
	first := Build(in)
	in.Now = now.Add(time.Hour)
	in.Previous = &first
	in.Scan.Reason = v1alpha1.ReasonTooManyRequests
	second := Build(in)
	if second.ContentHash == first.ContentHash {
		t.Error("another reason, but an equal hash")
	}
	for i, c := range second.Conditions {
		if !c.LastTransitionTime.Equal(&first.Conditions[i].LastTransitionTime) {
			t.Errorf("%s: the status stayed, but its transition moved to %s", c.Type, c.LastTransitionTime)
		}
	}
	scanned := scannedInput()
	scanned.Now, scanned.Previous = in.Now, &first
	for _, c := range Build(scanned).Conditions {
		if want := metav1.NewTime(now.Add(time.Hour)); !c.LastTransitionTime.Equal(&want) {
			t.Errorf("%s: the status changed, but its transition is from %s", c.Type, c.LastTransitionTime)
		}
	}
}

func TestEveryReasonIsEitherFinalOrRetried(t *testing.T) {
	tests := map[string]struct {
		condition, ready string
	}{
		v1alpha1.ReasonPending:                {v1alpha1.ConditionReconciling, "Unknown"},
		v1alpha1.ReasonDatabaseMissing:        {v1alpha1.ConditionReconciling, "Unknown"},
		v1alpha1.ReasonUnauthorized:           {v1alpha1.ConditionReconciling, "Unknown"},
		v1alpha1.ReasonRegistryUnavailable:    {v1alpha1.ConditionReconciling, "Unknown"},
		v1alpha1.ReasonTooManyRequests:        {v1alpha1.ConditionReconciling, "Unknown"},
		v1alpha1.ReasonStoreFailed:            {v1alpha1.ConditionReconciling, "False"},
		"NotHeardOf":                          {v1alpha1.ConditionReconciling, "Unknown"},
		v1alpha1.ReasonImageNotFound:          {v1alpha1.ConditionStalled, "False"},
		v1alpha1.ReasonDigestMismatch:         {v1alpha1.ConditionStalled, "False"},
		v1alpha1.ReasonDigestNotPullable:      {v1alpha1.ConditionStalled, "False"},
		v1alpha1.ReasonAddressNotAllowed:      {v1alpha1.ConditionStalled, "False"},
		v1alpha1.ReasonPlatformNotFound:       {v1alpha1.ConditionStalled, "False"},
		v1alpha1.ReasonNotAnImage:             {v1alpha1.ConditionStalled, "False"},
		v1alpha1.ReasonTruncatedLayer:         {v1alpha1.ConditionStalled, "False"},
		v1alpha1.ReasonLimitExceeded:          {v1alpha1.ConditionStalled, "False"},
		v1alpha1.ReasonCorruptPackageDatabase: {v1alpha1.ConditionStalled, "False"},
		v1alpha1.ReasonUnsupportedOS:          {v1alpha1.ConditionStalled, "False"},
	}
	for reason, tc := range tests {
		t.Run(reason, func(t *testing.T) {
			in := input()
			in.Scan = Scan{Reason: reason, Message: "m"}
			got := map[string]string{}
			for _, c := range Build(in).Conditions {
				got[c.Type] = string(c.Status)
			}
			want := map[string]string{
				v1alpha1.ConditionReady: tc.ready, v1alpha1.ConditionScanned: "False",
				v1alpha1.ConditionCompliant: "Unknown", tc.condition: "True",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
			if Final(reason) != (tc.condition == v1alpha1.ConditionStalled) {
				t.Errorf("Final is %t", Final(reason))
			}
		})
	}
}
