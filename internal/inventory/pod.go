package inventory

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Owner is the workload at the top of a pod's chain of owners, or the pod itself.
type Owner struct {
	Group string
	Kind  string
	Name  string
}

// Pod is what the inventory keeps of a pod.
type Pod struct {
	Namespace      string
	Name           string
	Labels         map[string]string
	ServiceAccount string
	PullSecrets    []string
	Platform       image.Platform
	Owner          Owner
	// Running is false once the pod has succeeded or failed.
	Running bool
	// Pending is true until all containers have been created, so that Uses may lack some.
	Pending bool
	Uses    []Use
	// Security is how the pod is set up.
	Security Security
	// Unresolved names running containers whose digest is not known, with the reason.
	Unresolved []Unresolved
}

// Use of an image by a container or an image volume.
type Use struct {
	Name string
	Type v1alpha1.ContainerType
	// Reference is the spec's: kubelets report another repository where a node
	// has the same image twice.
	Reference image.Reference
	// Digest is the status's: of an index or a manifest or, if Bare, of a configuration.
	Digest image.Digest
	Bare   bool
	// Host of the reference, if the kubelet says that it has the image from there.
	Host string
}

// Unresolved is a running container that cannot be tied to a digest.
type Unresolved struct {
	Name    string
	Message string
}

// ParseImageID returns the digest in a container status's imageID. It is bare,
// a configuration's digest, where the runtime named no repository.
func ParseImageID(id string) (digest image.Digest, bare bool, err error) {
	s := id
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	repository, d, ok := strings.Cut(s, "@")
	if !ok {
		repository, d = "", s
	}
	digest, err = image.ParseDigest(d)
	if err != nil {
		return "", false, fmt.Errorf("parse image id %.300q: %w", id, err)
	}
	return digest, repository == "", nil
}

// confirmedHost returns the reference's host where the imageID names it, too. The
// spec alone proves nothing: whoever may edit a pod can write any address there.
func confirmedHost(ref image.Reference, told string) string {
	if _, rest, ok := strings.Cut(told, "://"); ok {
		told = rest
	}
	reported, err := image.ParseReference(told)
	if err != nil || !strings.Contains(told, "@") || reported.Host() != ref.Host() {
		return ""
	}
	return ref.Host()
}

// NewPod reads a pod of the API server. The platform is its node's.
func NewPod(pod *corev1.Pod, platform image.Platform, owner Owner) Pod {
	p := Pod{
		Namespace:      pod.Namespace,
		Name:           pod.Name,
		Labels:         pod.Labels,
		ServiceAccount: pod.Spec.ServiceAccountName,
		Platform:       platform,
		Owner:          owner,
		Running:        pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed,
		Pending:        pod.Status.Phase == corev1.PodPending,
		Security:       NewSecurity(pod.Annotations, &pod.Spec),
	}
	for _, secret := range pod.Spec.ImagePullSecrets {
		p.PullSecrets = append(p.PullSecrets, secret.Name)
	}
	p.addContainers(v1alpha1.ContainerTypeInit, pod.Spec.InitContainers, pod.Status.InitContainerStatuses)
	p.addContainers(v1alpha1.ContainerTypeContainer, pod.Spec.Containers, pod.Status.ContainerStatuses)
	p.addContainers(v1alpha1.ContainerTypeEphemeral, ephemeral(pod.Spec.EphemeralContainers), pod.Status.EphemeralContainerStatuses)
	p.addVolumes(pod)
	return p
}

func ephemeral(containers []corev1.EphemeralContainer) []corev1.Container {
	out := make([]corev1.Container, 0, len(containers))
	for _, c := range containers {
		out = append(out, corev1.Container{Name: c.Name, Image: c.Image})
	}
	return out
}

func (p *Pod) addContainers(kind v1alpha1.ContainerType, specs []corev1.Container, statuses []corev1.ContainerStatus) {
	images := make(map[string]string, len(specs))
	for _, c := range specs {
		images[c.Name] = c.Image
	}
	for _, status := range statuses {
		spec, ok := images[status.Name]
		started := status.State.Running != nil || status.State.Terminated != nil || status.LastTerminationState.Terminated != nil
		if !ok || (status.ImageID == "" && !started) {
			continue
		}
		p.add(kind, status.Name, spec, status.ImageID, status.ImageID)
	}
}

// addVolumes adds image volumes. Their digest is in the status of a container
// that mounts them; kubelets that do not report it leave only a pinned reference.
func (p *Pod) addVolumes(pod *corev1.Pod) {
	reported := reportedVolumes(pod)
	for _, volume := range pod.Spec.Volumes {
		if volume.Image == nil || volume.Image.Reference == "" {
			continue
		}
		id := reported[volume.Name]
		told := id
		if id == "" && pod.Status.Phase == corev1.PodPending {
			// Perhaps not pulled yet; an init container that mounts it says when it is.
			continue
		}
		if id == "" && strings.Contains(volume.Image.Reference, "@") {
			id = volume.Image.Reference
		}
		p.add(v1alpha1.ContainerTypeVolume, volume.Name, volume.Image.Reference, id, told)
	}
}

// reportedVolumes are the image references that the kubelet reports, by volume.
func reportedVolumes(pod *corev1.Pod) map[string]string {
	reported := map[string]string{}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses} {
		for _, status := range statuses {
			for _, mount := range status.VolumeMounts {
				if mount.VolumeStatus != nil && mount.VolumeStatus.Image != nil && mount.VolumeStatus.Image.ImageRef != "" {
					reported[mount.Name] = mount.VolumeStatus.Image.ImageRef
				}
			}
		}
	}
	return reported
}

// add records a use. told is what the kubelet itself says of the image.
func (p *Pod) add(kind v1alpha1.ContainerType, name, spec, imageID, told string) {
	if imageID == "" {
		p.Unresolved = append(p.Unresolved, Unresolved{Name: name, Message: "the kubelet reports no digest for " + spec})
		return
	}
	digest, bare, err := ParseImageID(imageID)
	if err != nil {
		p.Unresolved = append(p.Unresolved, Unresolved{Name: name, Message: err.Error()})
		return
	}
	ref, err := image.ParseReference(spec)
	if err != nil {
		p.Unresolved = append(p.Unresolved, Unresolved{Name: name, Message: err.Error()})
		return
	}
	p.Uses = append(p.Uses, Use{Name: name, Type: kind, Reference: ref, Digest: digest, Bare: bare, Host: confirmedHost(ref, told)})
}
