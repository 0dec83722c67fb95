package policy

import (
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	standards "k8s.io/pod-security-admission/policy"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// evaluator holds the newest Pod Security Standards that we are built with.
var evaluator = sync.OnceValues(func() (standards.Evaluator, error) {
	return standards.NewEvaluator(standards.DefaultChecks(), nil)
})

var levels = map[v1alpha1.PodSecurityProfile]api.Level{
	v1alpha1.ProfileBaseline:   api.LevelBaseline,
	v1alpha1.ProfileRestricted: api.LevelRestricted,
}

// profileComplaints are the controls of the Pod Security Standards that the pod does not keep.
func profileComplaints(profile v1alpha1.PodSecurityProfile, pod *Pod) ([]string, error) {
	level, ok := levels[profile]
	if !ok {
		return nil, fmt.Errorf("workload.profile %.64q is not implemented in this version", profile)
	}
	e, err := evaluator()
	if err != nil {
		return nil, fmt.Errorf("load the Pod Security Standards: %w", err)
	}
	var complaints []string
	metadata := metav1.ObjectMeta{Annotations: pod.Annotations}
	for _, result := range e.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()}, &metadata, &pod.Spec) {
		if result.Allowed {
			continue
		}
		complaint := result.ForbiddenReason
		if result.ForbiddenDetail != "" {
			complaint += " (" + result.ForbiddenDetail + ")"
		}
		complaints = append(complaints, complaint)
	}
	return complaints, nil
}
