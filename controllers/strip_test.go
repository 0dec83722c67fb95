package controllers

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

// fullPod has all that the inventory reads, and in all else the word "unread".
func fullPod() *corev1.Pod {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	status := func(name, hex string, state corev1.ContainerState) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, ImageID: "r.example.com/" + name + "@" + string(digest(hex)), State: state, ContainerID: "unread"}
	}
	main := status("main", "a", running)
	main.VolumeMounts = []corev1.VolumeMountStatus{
		{Name: "unread"},
		{Name: "data", VolumeStatus: &corev1.VolumeStatus{Image: &corev1.ImageVolumeStatus{ImageRef: "r.example.com/data@" + string(digest("d"))}}},
	}
	environment := []corev1.EnvVar{{Name: "unread"}}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "api-1", Labels: map[string]string{"tier": "backend"}, Annotations: map[string]string{"a": "unread", corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix + "main": "unconfined"},
			ManagedFields:   []metav1.ManagedFieldsEntry{{Manager: "unread"}},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "api", Controller: new(true)}},
		},
		Spec: corev1.PodSpec{
			NodeName: "node", ServiceAccountName: "api", ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}},
			InitContainers:  []corev1.Container{{Name: "setup", Image: "r.example.com/setup:1", Env: environment}},
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), FSGroup: new(int64(1))}, HostNetwork: true, HostPID: true,
			Containers: []corev1.Container{{Name: "main", Image: "r.example.com/main:1", Env: environment, SecurityContext: &corev1.SecurityContext{Privileged: new(true)}, Ports: []corev1.ContainerPort{{HostPort: 80}}}, {Name: "lost", Image: "r.example.com/lost:1"}, {Name: "crashed", Image: "c"}},
			EphemeralContainers: []corev1.EphemeralContainer{{
				EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug", Image: "r.example.com/debug:1", Env: environment},
			}},
			Volumes: []corev1.Volume{
				{Name: "unread", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
				{Name: "node", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}},
				{Name: "data", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "r.example.com/data:1"}}},
			},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, Message: "unread",
			InitContainerStatuses: []corev1.ContainerStatus{status("setup", "b", ended)},
			ContainerStatuses: []corev1.ContainerStatus{
				main, {Name: "lost", State: running}, {Name: "crashed", LastTerminationState: ended},
			},
			EphemeralContainerStatuses: []corev1.ContainerStatus{status("debug", "c", running)},
		},
	}
}

func TestStripPodLeavesWhatTheInventoryReads(t *testing.T) {
	for _, phase := range []corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed} {
		t.Run(string(phase), func(t *testing.T) {
			pod := fullPod()
			pod.Status.Phase = phase
			object, err := stripPod(pod.DeepCopy())
			if err != nil {
				t.Fatal(err)
			}
			stripped := object.(*corev1.Pod)
			want, got := inventory.NewPod(pod, amd64, inventory.Owner{}), inventory.NewPod(stripped, amd64, inventory.Owner{})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(want.Uses) != 4 || len(want.Unresolved) != 2 {
				t.Errorf("the test's pod has %d uses and %d unresolved", len(want.Uses), len(want.Unresolved))
			}
			// The controller's own: where it runs and who owns it.
			if stripped.Spec.NodeName != "node" || metav1.GetControllerOf(stripped) == nil {
				t.Errorf("node %q, owners %v", stripped.Spec.NodeName, stripped.OwnerReferences)
			}
			raw, err := json.Marshal(stripped)
			if err != nil || strings.Contains(string(raw), "unread") {
				t.Errorf("error %v; left in memory: %s", err, raw)
			}
		})
	}
}

func TestStripPodPassesOverWhatIsNoPod(t *testing.T) {
	gone := cache.DeletedFinalStateUnknown{Key: "shop/api-1"}
	if object, err := stripPod(gone); err != nil || object != any(gone) {
		t.Errorf("%v, %v", object, err)
	}
}
