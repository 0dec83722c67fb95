package api

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// fullReport has every field set.
func fullReport() *v1alpha1.ImageReport {
	time, count := now(), int32(142)
	digest := "sha256:" + long("1", 64)
	summary := &v1alpha1.Summary{Critical: 3, High: 12, Medium: 1, Low: 2, Unknown: 4, Fixable: 9, KnownExploited: 1, Total: 22}
	return &v1alpha1.ImageReport{
		ObjectMeta: metav1.ObjectMeta{Name: "api-9f2c1b7e04", Namespace: metav1.NamespaceDefault},
		Spec:       v1alpha1.ImageReportSpec{Repository: "registry.example.com/shop/api", Digest: digest, Platform: "linux/amd64"},
		Status: v1alpha1.ImageReportStatus{
			ObservedGeneration: 1,
			Conditions: []metav1.Condition{
				condition(v1alpha1.ConditionReady, metav1.ConditionTrue), condition(v1alpha1.ConditionScanned, metav1.ConditionTrue),
				condition(v1alpha1.ConditionCompliant, metav1.ConditionFalse),
			},
			Image: "registry.example.com/shop/api:1.8.2", Tags: []string{"1.8.2"}, ManifestDigest: digest, ConfigDigest: digest,
			Verdict: v1alpha1.VerdictFail, Actionable: v1alpha1.ActionableUpdate,
			LastChange:   &v1alpha1.Change{Time: time, Cause: v1alpha1.CauseDatabase, DatabaseRevision: digest, Added: 2},
			OS:           &v1alpha1.OperatingSystem{Family: "debian", Release: "12", SupportEndTime: &time},
			PackageCount: &count,
			UnusedTime:   &time,
			Workloads: &v1alpha1.Workloads{Total: 1, Items: []v1alpha1.Workload{{
				Group: "apps", Kind: "Deployment", Name: "api", State: v1alpha1.WorkloadRunning,
				Containers: []v1alpha1.WorkloadContainer{{Name: "api", Type: v1alpha1.ContainerTypeContainer}},
			}}},
			Summary: summary,
			Vulnerabilities: &v1alpha1.Vulnerabilities{Omitted: 21, Items: []v1alpha1.Vulnerability{{
				ID: "CVE-2024-1", Package: "openssl", Path: "usr/lib/x", InstalledVersion: "1", FixedVersion: "2", Severity: v1alpha1.SeverityCritical,
				Status: v1alpha1.StatusFixed, Layer: v1alpha1.LayerBase, KnownExploited: true, PublishedTime: &time, DueTime: &time,
			}}},
			Base:   &v1alpha1.BaseImage{Name: "docker.io/library/debian:12", Digest: digest, Source: v1alpha1.BaseAnnotation, Trust: v1alpha1.BaseConfirmed, Summary: summary},
			Update: &v1alpha1.UpdateSummary{State: v1alpha1.UpdateProposed, Candidate: "docker.io/library/debian:12.2", Fixes: 9, URL: "https://x"},
			Verdicts: []v1alpha1.PolicyVerdict{{
				PolicyKind: "ImagePolicy", PolicyName: "p", Result: v1alpha1.VerdictFail, Excepted: 2,
				Violations: []v1alpha1.Violation{{Rule: "r", Action: v1alpha1.EnforcementAudit, Message: "m", Workloads: []string{"Deployment/api"}}},
			}},
			Unread:      []v1alpha1.UnreadPart{{Path: "a", Reason: "b"}},
			ContentHash: "h",
		},
	}
}

// fullUpdate has every field set.
func fullUpdate() *v1alpha1.ImageUpdate {
	digest := "sha256:" + long("1", 64)
	return &v1alpha1.ImageUpdate{
		ObjectMeta: metav1.ObjectMeta{Name: "u", Namespace: metav1.NamespaceDefault},
		Spec: v1alpha1.ImageUpdateSpec{
			PolicyKind: "ImagePolicy", PolicyName: "p", SourceRepository: "https://git.example.com/a", Base: "docker.io/library/debian:12.1",
		},
		Status: v1alpha1.ImageUpdateStatus{
			ObservedGeneration: 1, Conditions: []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionTrue)},
			Phase: v1alpha1.UpdateProposed,
			From:  &v1alpha1.ImageVersion{Tag: "12.1", Digest: digest}, To: &v1alpha1.ImageVersion{Tag: "12.2", Digest: digest},
			Fixes: &v1alpha1.Summary{Critical: 1, Total: 1}, Adds: &v1alpha1.Summary{},
			Step: v1alpha1.StepPatch,
			Candidates: []v1alpha1.UpdateCandidate{
				{Tag: "12.2", Digest: digest, FirstSeenTime: now()},
				{Tag: "12.3", Digest: digest, FirstSeenTime: now(), PassedOver: v1alpha1.PassedTooNew, Message: "m"},
			},
			Smaller:    &v1alpha1.SmallerBase{Reference: "docker.io/library/debian:12.1-slim", Fixes: 2, Adds: 1},
			ImageCount: 1, Workloads: []string{"shop/Deployment/api"},
			Files: []v1alpha1.FilePosition{{Path: "Dockerfile", Line: 1}},
			PullRequest: &v1alpha1.PullRequest{
				Number: 1, State: v1alpha1.PullRequestOpen, CreatedTime: new(now()), URL: "https://x", HeadSHA: "abc",
			},
			Rebuild:       &v1alpha1.Rebuild{RequestedTime: now(), BaseDigest: digest, Trigger: "ci", URL: "https://y"},
			AvailableTime: new(now()), MergedTime: new(now()), RolledOutTime: new(now()),
			Ignored:    []string{"docker.io/library/debian:13"},
			Deliveries: []v1alpha1.Delivery{{Key: "k", Time: now()}},
		},
	}
}

// fullDatabase has every field set.
func fullDatabase(time *metav1.Time) *v1alpha1.VulnerabilityDatabase {
	return &v1alpha1.VulnerabilityDatabase{
		ObjectMeta: metav1.ObjectMeta{Name: "d"},
		Spec:       v1alpha1.VulnerabilityDatabaseSpec{Sources: []v1alpha1.DatabaseSource{{Reference: "ghcr.io/aquasecurity/trivy-db:2"}}},
		Status: v1alpha1.VulnerabilityDatabaseStatus{
			ObservedGeneration: 1,
			Conditions: []metav1.Condition{
				condition(v1alpha1.ConditionReady, metav1.ConditionTrue), condition(v1alpha1.ConditionFresh, metav1.ConditionTrue),
			},
			Revision: "sha256:r", Source: "ghcr.io/aquasecurity/trivy-db:2", BuiltTime: time, CheckedTime: time, PublishedTime: time,
			LastSwap: &v1alpha1.Swap{Time: *time, ChangedKeys: 1, ChangedImages: 2, ReportsWritten: 3, Milliseconds: 4},
			Coverage: &v1alpha1.Coverage{Images: 5, Covered: 4, Uncovered: 1, Reasons: []v1alpha1.CoverageReason{{Reason: "Pending", Images: 1}}},
		},
	}
}
