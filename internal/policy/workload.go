package policy

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// checkWorkload judges how each workload that the policy selects runs the image.
func checkWorkload(t *trial, rule v1alpha1.Rule) outcome {
	r := rule.Workload
	if r == nil {
		return failed("the rule does not set workload")
	}
	if !requiresAny(r) {
		return failed("the rule requires nothing of a workload")
	}
	judged, open := false, false
	faults := map[string][]string{} // complaints by workload
	for _, w := range t.workloads {
		if w.Pod == nil {
			continue
		}
		judged = true
		complaints, undecided, err := t.judgePod(r, w.Pod)
		if err != nil {
			return failed(err.Error())
		}
		open = open || undecided
		if len(complaints) > 0 {
			faults[w.name()] = sorted(append(faults[w.name()], complaints...))
		}
	}
	switch {
	case !judged:
		return outcome{verdict: v1alpha1.VerdictUnknown, skipped: "no container of a known pod runs the image"}
	case len(faults) > 0:
		message, workloads := workloadMessage(faults)
		return outcome{verdict: v1alpha1.VerdictFail, message: message, workloads: workloads}
	case open:
		return unknown()
	default:
		return passed()
	}
}

// requiresAny is the API's condition, too. A rule without requirements would pass as if it had judged something.
func requiresAny(r *v1alpha1.WorkloadRule) bool {
	return r.Profile != "" || slices.Contains([]v1alpha1.Requirement{r.NonRoot, r.ReadOnlyRootFilesystem, r.NoPrivilegeEscalation}, v1alpha1.RequirementRequired)
}

// judgePod returns what is wrong with the containers that run the image, and
// whether something stays open until the image is scanned.
func (t *trial) judgePod(r *v1alpha1.WorkloadRule, pod *Pod) (complaints []string, open bool, err error) {
	if r.Profile != "" {
		if complaints, err = profileComplaints(r.Profile, pod); err != nil {
			return nil, false, err
		}
	}
	for _, c := range containers(&pod.Spec) {
		if r.NonRoot == v1alpha1.RequirementRequired {
			complaint, known := t.rootComplaint(pod, c)
			if complaint != "" {
				complaints = append(complaints, complaint)
			}
			open = open || !known
		}
		complaints = append(complaints, settingComplaints(r, c)...)
	}
	return complaints, open, nil
}

// containers of all types.
func containers(spec *corev1.PodSpec) []corev1.Container {
	all := slices.Concat(spec.InitContainers, spec.Containers)
	for _, c := range spec.EphemeralContainers {
		all = append(all, corev1.Container(c.EphemeralContainerCommon))
	}
	return all
}

// settingComplaints are about what a container has to set itself.
func settingComplaints(r *v1alpha1.WorkloadRule, c corev1.Container) []string {
	var context corev1.SecurityContext
	if c.SecurityContext != nil {
		context = *c.SecurityContext
	}
	var complaints []string
	if readOnly := context.ReadOnlyRootFilesystem; r.ReadOnlyRootFilesystem == v1alpha1.RequirementRequired && (readOnly == nil || !*readOnly) {
		complaints = append(complaints, fmt.Sprintf("container %q can write to its root filesystem", c.Name))
	}
	if escalation := context.AllowPrivilegeEscalation; r.NoPrivilegeEscalation == v1alpha1.RequirementRequired && (escalation == nil || *escalation) {
		complaints = append(complaints, fmt.Sprintf("container %q can gain privileges", c.Name))
	}
	return complaints
}

// rootComplaint says why a container may run as root. It is not known where only the image can tell, and was not scanned.
func (t *trial) rootComplaint(pod *Pod, c corev1.Container) (complaint string, known bool) {
	nonRoot, user := identity(pod, c)
	switch {
	case user != nil && *user == 0:
		return fmt.Sprintf("container %q runs as user 0", c.Name), true
	case user != nil, nonRoot != nil && *nonRoot:
		// With runAsNonRoot, the kubelet starts no container as root.
		return "", true
	case !t.facts.Scanned:
		return "", false
	}
	if message := rootMessage(t.facts.Config.User); message != "" {
		return fmt.Sprintf("container %q sets no user, and %s", c.Name, message), true
	}
	return "", true
}

// identity is what the container sets or, for what it does not, its pod.
func identity(pod *Pod, c corev1.Container) (nonRoot *bool, user *int64) {
	if context := pod.Spec.SecurityContext; context != nil {
		nonRoot, user = context.RunAsNonRoot, context.RunAsUser
	}
	if context := c.SecurityContext; context != nil {
		if context.RunAsNonRoot != nil {
			nonRoot = context.RunAsNonRoot
		}
		if context.RunAsUser != nil {
			user = context.RunAsUser
		}
	}
	return nonRoot, user
}

// workloadMessage groups workloads by what is wrong with them.
func workloadMessage(faults map[string][]string) (message string, workloads []string) {
	groups := map[string][]string{}
	for workload, complaints := range faults {
		workloads = append(workloads, workload)
		text := some(complaints)
		groups[text] = append(groups[text], workload)
	}
	slices.Sort(workloads)
	if len(groups) == 1 {
		return some(faults[workloads[0]]), workloads
	}
	var parts []string
	for text, group := range groups {
		slices.Sort(group)
		who := group[0]
		if more := len(group) - 1; more > 0 {
			who = fmt.Sprintf("%s and %d more", who, more)
		}
		parts = append(parts, who+": "+text)
	}
	slices.Sort(parts)
	if more := len(parts) - examples; more > 0 {
		parts = append(parts[:examples], fmt.Sprintf("and %d other faults", more))
	}
	return strings.Join(parts, "; "), workloads
}
