package inventory

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unique"

	corev1 "k8s.io/api/core/v1"
)

// Security is all that a pod sets of what the Pod Security Standards and single
// settings judge. Values of pods that are set alike are equal, and share their
// memory. The zero value says that nothing is known.
type Security struct{ encoded unique.Handle[string] }

type settings struct {
	Annotations map[string]string `json:"annotations,omitempty"`
	Spec        corev1.PodSpec    `json:"spec"`
}

// NewSecurity keeps the security settings of a pod, or of a pod template.
func NewSecurity(annotations map[string]string, spec *corev1.PodSpec) Security {
	encoded, err := json.Marshal(settings{SecurityAnnotations(annotations), SecuritySpec(spec)})
	if err != nil {
		// No value of these types fails. If one did, nothing would be known of the pod.
		return Security{}
	}
	return Security{unique.Make(string(encoded))}
}

// Settings returns what was kept, as the annotations and the spec of a pod; false if nothing is known.
func (s Security) Settings() (annotations map[string]string, spec corev1.PodSpec, known bool, err error) {
	if s == (Security{}) {
		return nil, corev1.PodSpec{}, false, nil
	}
	var kept settings
	if err := json.Unmarshal([]byte(s.encoded.Value()), &kept); err != nil {
		return nil, corev1.PodSpec{}, false, fmt.Errorf("decode the security settings of a pod: %w", err)
	}
	return kept.Annotations, kept.Spec, true, nil
}

// Equal makes values comparable for tests.
func (s Security) Equal(other Security) bool { return s == other }

// SecurityAnnotations are those that are settings. Older pods name their AppArmor profile so.
func SecurityAnnotations(all map[string]string) map[string]string {
	kept := maps.Clone(all)
	maps.DeleteFunc(kept, func(name, _ string) bool {
		return !strings.HasPrefix(name, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix)
	})
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// SecuritySpec leaves of a pod's spec the security settings and the names of the containers.
func SecuritySpec(spec *corev1.PodSpec) corev1.PodSpec {
	kept := corev1.PodSpec{
		OS: spec.OS, HostNetwork: spec.HostNetwork, HostPID: spec.HostPID, HostIPC: spec.HostIPC, HostUsers: spec.HostUsers,
		InitContainers: securityContainers(spec.InitContainers), Containers: securityContainers(spec.Containers),
	}
	for _, c := range spec.EphemeralContainers {
		common := corev1.EphemeralContainerCommon(securityContainer(corev1.Container(c.EphemeralContainerCommon)))
		kept.EphemeralContainers = append(kept.EphemeralContainers, corev1.EphemeralContainer{EphemeralContainerCommon: common})
	}
	for _, v := range spec.Volumes {
		if !harmless(v.VolumeSource) {
			kept.Volumes = append(kept.Volumes, v)
		}
	}
	if c := spec.SecurityContext; c != nil {
		kept.SecurityContext = &corev1.PodSecurityContext{
			SELinuxOptions: c.SELinuxOptions, WindowsOptions: hostProcess(c.WindowsOptions), RunAsUser: c.RunAsUser, RunAsNonRoot: c.RunAsNonRoot,
			Sysctls: c.Sysctls, SeccompProfile: c.SeccompProfile, AppArmorProfile: c.AppArmorProfile,
		}
	}
	return kept
}

// harmless volumes are of the kinds that every profile allows. The names of some differ from pod to pod.
func harmless(v corev1.VolumeSource) bool {
	// One without a kind is an emptyDir.
	return v == (corev1.VolumeSource{}) || v.ConfigMap != nil || v.CSI != nil || v.DownwardAPI != nil || v.EmptyDir != nil || v.Ephemeral != nil || v.Image != nil ||
		v.PersistentVolumeClaim != nil || v.Projected != nil || v.Secret != nil
}

func hostProcess(o *corev1.WindowsSecurityContextOptions) *corev1.WindowsSecurityContextOptions {
	if o == nil || o.HostProcess == nil {
		return nil
	}
	return &corev1.WindowsSecurityContextOptions{HostProcess: o.HostProcess}
}

func securityContainers(containers []corev1.Container) []corev1.Container {
	var kept []corev1.Container
	for _, c := range containers {
		kept = append(kept, securityContainer(c))
	}
	return kept
}

func securityContainer(c corev1.Container) corev1.Container {
	kept := corev1.Container{
		Name:          c.Name,
		LivenessProbe: hostProbe(c.LivenessProbe), ReadinessProbe: hostProbe(c.ReadinessProbe), StartupProbe: hostProbe(c.StartupProbe),
		Lifecycle: hostLifecycle(c.Lifecycle),
	}
	for _, p := range c.Ports {
		if p.HostPort != 0 {
			kept.Ports = append(kept.Ports, corev1.ContainerPort{HostPort: p.HostPort, ContainerPort: p.ContainerPort, Protocol: p.Protocol})
		}
	}
	if context := c.SecurityContext; context != nil {
		kept.SecurityContext = context.DeepCopy()
		kept.SecurityContext.WindowsOptions = hostProcess(context.WindowsOptions)
		kept.SecurityContext.RunAsGroup = nil
	}
	return kept
}

// hostProbe keeps which host a probe is sent to, if it names one.
func hostProbe(p *corev1.Probe) *corev1.Probe {
	if p == nil {
		return nil
	}
	http, tcp := hostAction(p.HTTPGet, p.TCPSocket)
	if http == nil && tcp == nil {
		return nil
	}
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: http, TCPSocket: tcp}}
}

func hostLifecycle(l *corev1.Lifecycle) *corev1.Lifecycle {
	if l == nil {
		return nil
	}
	kept := corev1.Lifecycle{PostStart: hostHook(l.PostStart), PreStop: hostHook(l.PreStop)}
	if kept.PostStart == nil && kept.PreStop == nil {
		return nil
	}
	return &kept
}

func hostHook(h *corev1.LifecycleHandler) *corev1.LifecycleHandler {
	if h == nil {
		return nil
	}
	http, tcp := hostAction(h.HTTPGet, h.TCPSocket)
	if http == nil && tcp == nil {
		return nil
	}
	return &corev1.LifecycleHandler{HTTPGet: http, TCPSocket: tcp}
}

func hostAction(http *corev1.HTTPGetAction, tcp *corev1.TCPSocketAction) (*corev1.HTTPGetAction, *corev1.TCPSocketAction) {
	var keptHTTP *corev1.HTTPGetAction
	if http != nil && http.Host != "" {
		keptHTTP = &corev1.HTTPGetAction{Host: http.Host}
	}
	var keptTCP *corev1.TCPSocketAction
	if tcp != nil && tcp.Host != "" {
		keptTCP = &corev1.TCPSocketAction{Host: tcp.Host}
	}
	return keptHTTP, keptTCP
}
