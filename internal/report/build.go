package report

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Build returns the status of the report. Counts are exact and absent before
// the first scan; lists are cut, worst first where there is a worst.
func Build(in Input) v1alpha1.ImageReportStatus {
	tags := sortedTags(in.Tags)
	status := v1alpha1.ImageReportStatus{
		ObservedGeneration: in.Generation,
		Conditions:         conditions(in),
		Image:              imageName(in.Identity, tags),
		Tags:               fit(tags, maxTags, tagsBudget),
		ManifestDigest:     in.ManifestDigest,
		ConfigDigest:       in.ConfigDigest,
		Verdict:            in.Judgement.Verdict,
		Workloads:          workloads(in.Workloads),
	}
	findings := worstFirst(in.Findings, in.Judgement.Due)
	if !in.Scan.Done {
		status.LastChange = previousChange(in.Previous)
	} else {
		addContent(&status, in, findings)
	}
	// The lists that may be long share what is left.
	status.Verdicts = verdicts(in.Judgement.Verdicts, statusBudget-size(status)-hashSize-findingsReserve)
	if in.Scan.Done {
		status.Vulnerabilities = list(findings, layersOf(in), statusBudget-size(status)-hashSize)
	}
	status.ContentHash = ContentHash(status)
	return status
}

// addContent adds what only a scan tells, but for the list of findings.
func addContent(status *v1alpha1.ImageReportStatus, in Input, findings []finding) {
	summary, layers := summarize(findings), layersOf(in)
	status.Summary = &summary
	status.Actionable = actionable(in, findings, layers)
	status.Base = baseImage(in, findings, layers)
	status.Update = updateSummary(in.Update)
	status.OS = operatingSystem(in.Scan.OS)
	status.PackageCount = new(int32(in.Scan.PackageCount))
	status.Unread = unread(in.Scan.Unread)
	status.LastChange = lastChange(in, summary, findings)
}

func sortedTags(tags []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(tags)))
}

// imageName names the image for people.
func imageName(identity v1alpha1.ImageReportSpec, tags []string) string {
	if len(tags) == 0 {
		return clip(identity.Repository+"@"+identity.Digest, maxText)
	}
	return clip(identity.Repository+":"+tags[0], maxText)
}

func operatingSystem(os *v1alpha1.OperatingSystem) *v1alpha1.OperatingSystem {
	if os == nil {
		return nil
	}
	return &v1alpha1.OperatingSystem{
		Family:         clip(os.Family, maxName),
		Release:        clip(os.Release, maxName),
		SupportEndTime: os.SupportEndTime,
	}
}

// unread are in the order in which they were found, which is that of the image's content.
func unread(parts []v1alpha1.UnreadPart) []v1alpha1.UnreadPart {
	clipped := make([]v1alpha1.UnreadPart, 0, min(len(parts), maxUnread))
	for _, p := range parts[:cap(clipped)] {
		clipped = append(clipped, v1alpha1.UnreadPart{Path: clip(p.Path, maxPath), Reason: clip(p.Reason, maxPath)})
	}
	return fit(clipped, maxUnread, unreadBudget)
}

// workloads that run the image come before those that only last ran it, each by name.
func workloads(all []v1alpha1.Workload) *v1alpha1.Workloads {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b v1alpha1.Workload) int {
		return cmp.Or(
			-cmp.Compare(a.State, b.State), // Running after Idle in the alphabet
			cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Group, b.Group),
		)
	})
	items := sorted[:min(len(sorted), maxWorkloads)]
	for i, w := range items {
		// A pod may name any owner.
		items[i].Group = clip(w.Group, maxOwnerName)
		items[i].Kind = clip(w.Kind, maxOwnerName)
		items[i].Name = clip(w.Name, maxOwnerName)
		containers := slices.SortedFunc(slices.Values(w.Containers), compareContainers)
		items[i].Containers = fit(containers, maxContainers, containersBudget)
	}
	return &v1alpha1.Workloads{Total: int32(len(all)), Items: fit(items, maxWorkloads, workloadsBudget)}
}

func compareContainers(a, b v1alpha1.WorkloadContainer) int {
	return cmp.Or(strings.Compare(string(a.Type), string(b.Type)), strings.Compare(a.Name, b.Name))
}

// seconds is the precision of the API's times.
func seconds(in Input) metav1.Time { return metav1.NewTime(in.Now).Rfc3339Copy() }
