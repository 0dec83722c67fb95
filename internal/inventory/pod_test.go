package inventory

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

var (
	amd64 = image.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = image.Platform{OS: "linux", Architecture: "arm64"}
	api   = Owner{Group: "apps", Kind: "Deployment", Name: "api"}
)

func digest(hex string) image.Digest { return image.Digest("sha256:" + strings.Repeat(hex, 64)) }

func ref(repository, tag string) image.Reference {
	return image.Reference{Repository: repository, Tag: tag}
}

func TestParseImageID(t *testing.T) {
	a := string(digest("a"))
	tests := map[string]struct {
		id       string
		want     image.Digest
		wantBare bool
		wantErr  bool
	}{
		"containerd":                      {id: "r.example.com/shop/api@" + a, want: digest("a")},
		"containerd, with a tag":          {id: "r.example.com/shop/api:1.2@" + a, want: digest("a")},
		"containerd, without a name":      {id: a, want: digest("a"), wantBare: true},
		"CRI-O":                           {id: "r.example.com:5000/shop/api@" + a, want: digest("a")},
		"dockershim":                      {id: "docker-pullable://nginx@" + a, want: digest("a")},
		"dockershim, built on the node":   {id: "docker://" + a, want: digest("a"), wantBare: true},
		"an empty name":                   {id: "@" + a, want: digest("a"), wantBare: true},
		"empty":                           {id: "", wantErr: true},
		"a name alone":                    {id: "nginx:1.27", wantErr: true},
		"digits without an algorithm":     {id: digest("a").Hex(), wantErr: true},
		"another algorithm":               {id: "nginx@sha512:" + strings.Repeat("a", 128), wantErr: true},
		"a digit short":                   {id: "nginx@" + a[:70], wantErr: true},
		"two digests":                     {id: "nginx@" + a + "@" + a, wantErr: true},
		"upper case":                      {id: "nginx@" + strings.ToUpper(a), wantErr: true},
		"a scheme inside of a name":       {id: "a@b://nginx@" + a, want: digest("a")},
		"a scheme without anything after": {id: "docker://", wantErr: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, bare, err := ParseImageID(tc.id)
			if got != tc.want || bare != tc.wantBare || (err != nil) != tc.wantErr {
				t.Errorf("got %q, bare %t, error %v; want %q, bare %t", got, bare, err, tc.want, tc.wantBare)
			}
		})
	}
}

func FuzzParseImageID(f *testing.F) {
	a := string(digest("a"))
	for _, seed := range []string{a, "nginx@" + a, "docker://" + a, "docker-pullable://nginx@" + a, "nginx", "", "://", "@", "a@b://" + a} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		got, bare, err := ParseImageID(id)
		if err != nil {
			if got != "" || bare {
				t.Errorf("%q, %t with an error", got, bare)
			}
			return
		}
		if _, err := image.ParseDigest(string(got)); err != nil {
			t.Error(err)
		}
		if !strings.HasSuffix(id, string(got)) {
			t.Errorf("%q is not the end of %q", got, id)
		}
	})
}

// edit changes a pod of one container, "main", that has not started.
type edit func(*corev1.Pod)

func newPod(edits ...edit) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "api-1", Labels: map[string]string{"tier": "backend"}},
		Spec:       corev1.PodSpec{ServiceAccountName: "api", Containers: []corev1.Container{{Name: "main", Image: "r.example.com/api:1"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
	for _, e := range edits {
		e(pod)
	}
	return pod
}

func phase(p corev1.PodPhase) edit { return func(pod *corev1.Pod) { pod.Status.Phase = p } }

func containers(s ...corev1.ContainerStatus) edit {
	return func(pod *corev1.Pod) { pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, s...) }
}

func volume(name, reference string) edit {
	return func(pod *corev1.Pod) {
		source := corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: reference}}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: source})
	}
}

var (
	running = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	ended   = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	waiting = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}
)

func status(name, imageID string, state corev1.ContainerState) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, ImageID: imageID, State: state}
}

// mounts says that a container mounts image volumes, given as name and what the kubelet says of it.
func mounts(s corev1.ContainerStatus, volumes ...string) corev1.ContainerStatus {
	for i := 0; i < len(volumes); i += 2 {
		m := corev1.VolumeMountStatus{Name: volumes[i]}
		m.VolumeStatus = &corev1.VolumeStatus{Image: &corev1.ImageVolumeStatus{ImageRef: volumes[i+1]}}
		s.VolumeMounts = append(s.VolumeMounts, m)
	}
	return s
}

func TestNewPodUses(t *testing.T) {
	a, b := string(digest("a")), string(digest("b"))
	main := Use{Name: "main", Type: v1alpha1.ContainerTypeContainer, Reference: ref("r.example.com/api", "1"), Digest: digest("a")}
	bare := main
	bare.Bare = true
	sidecar := func(pod *corev1.Pod) {
		pod.Spec.InitContainers = []corev1.Container{{Name: "proxy", Image: "proxy", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}, {Name: "setup", Image: "setup"}}
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{status("proxy", "proxy@"+b, running), status("setup", "setup@"+a, ended)}
	}
	debugger := func(pod *corev1.Pod) {
		common := corev1.EphemeralContainerCommon{Name: "debug", Image: "busybox:1.36"}
		pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: common}}
		pod.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{status("debug", "docker.io/library/busybox@"+b, running)}
	}
	data := func(d string) Use {
		return Use{Name: "data", Type: v1alpha1.ContainerTypeVolume, Reference: ref("r.example.com/data", "1"), Digest: digest(d)}
	}
	mainStatus := status("main", "r.example.com/api@"+a, running)
	tests := map[string]struct {
		pod            *corev1.Pod
		want           []Use
		wantUnresolved []Unresolved
	}{
		"no status yet":                         {pod: newPod(phase(corev1.PodPending))},
		"cannot be pulled":                      {pod: newPod(containers(status("main", "", waiting)))},
		"runs":                                  {pod: newPod(containers(mainStatus)), want: []Use{main}},
		"runs what is under another repository": {pod: newPod(containers(status("main", "mirror.example.com/twin@"+a, running))), want: []Use{main}},
		"runs a configuration":                  {pod: newPod(containers(status("main", a, running))), want: []Use{bare}},
		"crashed, and waits":                    {pod: newPod(containers(status("main", "r.example.com/api@"+a, waiting))), want: []Use{main}},
		"has ended":                             {pod: newPod(phase(corev1.PodSucceeded), containers(status("main", "r.example.com/api@"+a, ended))), want: []Use{main}},
		"a status of no container":              {pod: newPod(containers(status("gone", "r.example.com/api@"+a, running)))},
		"runs what the kubelet does not name": {
			pod: newPod(containers(status("main", "", running))), wantUnresolved: []Unresolved{{"main", "the kubelet reports no digest for r.example.com/api:1"}},
		},
		"ran before what the kubelet does not name": {
			pod:            newPod(containers(corev1.ContainerStatus{Name: "main", State: waiting, LastTerminationState: ended})),
			wantUnresolved: []Unresolved{{"main", "the kubelet reports no digest for r.example.com/api:1"}},
		},
		"an id that is none": {
			pod:            newPod(containers(status("main", "api:1", running))),
			wantUnresolved: []Unresolved{{"main", `parse image id "api:1": parse digest "api:1": want sha256: and 64 lower-case hexadecimal digits`}},
		},
		"a reference that is none": {
			pod:            newPod(func(pod *corev1.Pod) { pod.Spec.Containers[0].Image = "API" }, containers(mainStatus)),
			wantUnresolved: []Unresolved{{"main", `parse image reference "API": invalid reference format: repository name (library/API) must be lowercase`}},
		},
		"init containers and sidecars": {pod: newPod(sidecar, containers(mainStatus)), want: []Use{
			{Name: "proxy", Type: v1alpha1.ContainerTypeInit, Reference: ref("docker.io/library/proxy", "latest"), Digest: digest("b")},
			{Name: "setup", Type: v1alpha1.ContainerTypeInit, Reference: ref("docker.io/library/setup", "latest"), Digest: digest("a")},
			main,
		}},
		"an ephemeral container": {pod: newPod(debugger, containers(mainStatus)), want: []Use{
			main, {Name: "debug", Type: v1alpha1.ContainerTypeEphemeral, Reference: ref("docker.io/library/busybox", "1.36"), Digest: digest("b")},
		}},
		"a volume of which the kubelet says the digest": {
			pod: newPod(volume("data", "r.example.com/data:1"), containers(mounts(mainStatus, "data", "r.example.com/data@"+b))), want: []Use{main, data("b")},
		},
		"a volume whose second mount is not ready": {
			pod: newPod(volume("data", "r.example.com/data:1"),
				containers(mounts(mainStatus, "data", "r.example.com/data@"+b), mounts(status("other", "", waiting), "data", ""))),
			want: []Use{main, data("b")},
		},
		"a volume of which it says nothing": {
			pod:  newPod(volume("data", "r.example.com/data:1"), containers(mainStatus)),
			want: []Use{main}, wantUnresolved: []Unresolved{{"data", "the kubelet reports no digest for r.example.com/data:1"}},
		},
		"a pinned volume of which it says nothing": {
			pod: newPod(volume("data", "r.example.com/data@"+b), containers(mainStatus)),
			want: []Use{main, {
				Name: "data", Type: v1alpha1.ContainerTypeVolume,
				Reference: image.Reference{Repository: "r.example.com/data", Digest: digest("b")}, Digest: digest("b"),
			}},
		},
		"a volume of a pod that waits": {pod: newPod(phase(corev1.PodPending), volume("data", "r.example.com/data@"+b))},
		"a volume that an init container mounts already": {
			pod: newPod(phase(corev1.PodPending), volume("data", "r.example.com/data:1"), func(pod *corev1.Pod) {
				pod.Spec.InitContainers = []corev1.Container{{Name: "setup", Image: "setup"}}
				pod.Status.InitContainerStatuses = []corev1.ContainerStatus{mounts(status("setup", "setup@"+a, running), "data", "r.example.com/data@"+b)}
			}),
			want: []Use{
				{Name: "setup", Type: v1alpha1.ContainerTypeInit, Reference: ref("docker.io/library/setup", "latest"), Digest: digest("a")}, data("b"),
			},
		},
		"volumes that are no images": {pod: newPod(volume("unset", ""), containers(mainStatus), func(pod *corev1.Pod) {
			pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		}), want: []Use{main}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := NewPod(tc.pod, amd64, api)
			if diff := cmp.Diff(tc.want, got.Uses, cmpopts.IgnoreFields(Use{}, "Host")); diff != "" {
				t.Errorf("uses (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantUnresolved, got.Unresolved); diff != "" {
				t.Errorf("unresolved (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewPod(t *testing.T) {
	pod := newPod(func(pod *corev1.Pod) {
		pod.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "one"}, {Name: "two"}}
	})
	want := Pod{
		Namespace: "shop", Name: "api-1", Labels: map[string]string{"tier": "backend"}, ServiceAccount: "api",
		PullSecrets: []string{"one", "two"}, Platform: arm64, Owner: api, Running: true,
		Security: NewSecurity(nil, &pod.Spec),
	}
	if diff := cmp.Diff(want, NewPod(pod, arm64, api)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for p, want := range map[corev1.PodPhase]bool{
		corev1.PodPending: true, corev1.PodRunning: true, corev1.PodUnknown: true, "": true, corev1.PodSucceeded: false, corev1.PodFailed: false,
	} {
		if got := NewPod(newPod(phase(p)), amd64, api).Pending; got != (p == corev1.PodPending) {
			t.Errorf("a pod in phase %q is pending: %t", p, got)
		}
		if got := NewPod(newPod(phase(p)), amd64, api).Running; got != want {
			t.Errorf("in phase %q running is %t, want %t", p, got, want)
		}
	}
}

// Only what the kubelet says proves that an address may be pulled from.
func TestNewPodHosts(t *testing.T) {
	a := string(digest("a"))
	tests := map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"the spec's":         {newPod(containers(status("main", "r.example.com/other@"+a, running))), "r.example.com"},
		"docker's form":      {newPod(containers(status("main", "docker-pullable://r.example.com/api@"+a, running))), "r.example.com"},
		"another":            {newPod(containers(status("main", "mirror.example.com/api@"+a, running))), ""},
		"a configuration":    {newPod(containers(status("main", a, running))), ""},
		"a docker id":        {newPod(containers(status("main", "docker://"+a, running))), ""},
		"a volume's of spec": {newPod(volume("data", "10.0.0.1/data@"+a)), ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := NewPod(tc.pod, amd64, api)
			if len(got.Uses) != 1 || got.Uses[0].Host != tc.want {
				t.Errorf("uses %+v, want one of host %q", got.Uses, tc.want)
			}
		})
	}
}

func TestLabelsOfOnePodAreNoSetOfTheirOwn(t *testing.T) {
	x := New()
	for _, name := range []string{"db-0", "db-1", "db-2"} {
		pod := podOf(name, api, use("c", ref("r/a", "1"), "a"))
		pod.Labels = map[string]string{"app": "db", "statefulset.kubernetes.io/pod-name": name}
		x.Set(pod)
	}
	img, _ := x.Image(key("shop", "r/a", "a", amd64))
	if variants := img.Workloads[0].Variants; len(variants) != 1 || !maps.Equal(variants[0].Labels, map[string]string{"app": "db"}) {
		t.Errorf("variants %+v, want one, with the label app", variants)
	}
}
