package inventory

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestSecurityIsEqualWhereSettingsAre(t *testing.T) {
	spec := func(edits ...func(*corev1.PodSpec)) *corev1.PodSpec {
		s := &corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "a", SecurityContext: &corev1.SecurityContext{RunAsUser: new(int64(1))}}}}
		for _, edit := range edits {
			edit(s)
		}
		return s
	}
	named := func(name string, source corev1.VolumeSource) func(*corev1.PodSpec) {
		return func(s *corev1.PodSpec) { s.Volumes = []corev1.Volume{{Name: name, VolumeSource: source}} }
	}
	first := NewSecurity(nil, spec())
	tests := map[string]struct {
		annotations map[string]string
		edit        func(*corev1.PodSpec)
		wantEqual   bool
	}{
		"the same":         {nil, func(*corev1.PodSpec) {}, true},
		"another image":    {nil, func(s *corev1.PodSpec) { s.Containers[0].Image = "b" }, true},
		"another node":     {nil, func(s *corev1.PodSpec) { s.NodeName = "n" }, true},
		"a token's volume": {nil, named("kube-api-access-x7k2p", corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}), true},
		"a group":          {nil, func(s *corev1.PodSpec) { s.Containers[0].SecurityContext.RunAsGroup = new(int64(7)) }, true},
		"a port":           {nil, func(s *corev1.PodSpec) { s.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80}} }, true},
		"a probe":          {nil, func(s *corev1.PodSpec) { s.Containers[0].LivenessProbe = &corev1.Probe{PeriodSeconds: 3} }, true},
		"a hook": {nil, func(s *corev1.PodSpec) {
			s.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{}}
		}, true},
		"an annotation":        {map[string]string{"a": "b"}, func(*corev1.PodSpec) {}, true},
		"another user":         {nil, func(s *corev1.PodSpec) { s.Containers[0].SecurityContext.RunAsUser = new(int64(2)) }, false},
		"a volume of the node": {nil, named("node", corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{}}), false},
		"a port of the node":   {nil, func(s *corev1.PodSpec) { s.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 80}} }, false},
		"an AppArmor profile": {map[string]string{corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix + "main": "unconfined"},
			func(*corev1.PodSpec) {}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := NewSecurity(tc.annotations, spec(tc.edit)); (got == first) != tc.wantEqual {
				t.Errorf("equal %t, want %t", got == first, tc.wantEqual)
			}
		})
	}
}

// A pod that is stripped already loses nothing more.
func TestSecurityOfASecuritySpecIsTheSame(t *testing.T) {
	full := corev1.PodSpec{HostPID: true, Containers: []corev1.Container{{Name: "main", LivenessProbe: &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Host: "10.0.0.1"}},
	}}}}
	once := SecuritySpec(&full)
	twice := SecuritySpec(&once)
	if NewSecurity(nil, &once) != NewSecurity(nil, &twice) || NewSecurity(nil, &full) != NewSecurity(nil, &once) {
		t.Error("stripping twice is not stripping once")
	}
	_, spec, known, err := NewSecurity(nil, &full).Settings()
	if err != nil || !known || !spec.HostPID || spec.Containers[0].LivenessProbe.TCPSocket.Host != "10.0.0.1" {
		t.Errorf("%+v, known %t, error %v", spec, known, err)
	}
	if _, _, known, err := (Security{}).Settings(); known || err != nil {
		t.Errorf("of no pod, known %t, error %v", known, err)
	}
}

// Index.Set says that a report has to be judged again, although nothing but a setting has changed.
func TestAChangedSettingTouchesTheReport(t *testing.T) {
	x := New()
	pod := podOf("p", api, use("c", ref("r/a", "1"), "a"))
	pod.Security = NewSecurity(nil, &corev1.PodSpec{})
	x.Set(pod)
	pod.Security = NewSecurity(nil, &corev1.PodSpec{})
	if touched := x.Set(pod); len(touched) != 0 {
		t.Errorf("equal settings touch %v", touched)
	}
	pod.Security = NewSecurity(nil, &corev1.PodSpec{HostPID: true})
	if touched := x.Set(pod); len(touched) != 1 {
		t.Errorf("changed settings touch %v", touched)
	}
}
