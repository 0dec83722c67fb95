package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// users are the workloads of a report, each as "Kind/name State Type:container ...".
func users(r *v1alpha1.ImageReport) []string {
	var out []string
	if r.Status.Workloads == nil {
		return nil
	}
	for _, w := range r.Status.Workloads.Items {
		line := fmt.Sprintf("%s/%s %s", w.Kind, w.Name, w.State)
		for _, c := range w.Containers {
			line += fmt.Sprintf(" %s:%s", c.Type, c.Name)
		}
		out = append(out, line)
	}
	return out
}

// usedBy is a check of the report's workloads.
func usedBy(want ...string) func(*v1alpha1.ImageReport) string {
	return func(r *v1alpha1.ImageReport) string { return cmp.Diff(want, users(r)) }
}

// small pushes an image of one package that only this test has.
func small(t *testing.T, repository string) image.Reference {
	t.Helper()
	return push(t, repository, compose(t, debian(t, vulnerable("tar"))))
}

func TestEveryKindOfContainerIsReported(t *testing.T) {
	ns := namespace(t, nil)
	refs := map[string]image.Reference{}
	for _, name := range []string{"init", "sidecar", "main", "volume", "debug"} {
		refs[name] = small(t, "kinds/"+name+":1")
	}
	p := pod(ns, "all", refs["main"])
	for name, ref := range refs {
		p.Annotations[controlplane.ImageIDAnnotation+"."+name] = untagged(ref)
	}
	always := corev1.ContainerRestartPolicyAlways
	tagged := func(name string) string { return refs[name].Repository + ":1" }
	p.Spec.InitContainers = []corev1.Container{
		{Name: "init", Image: tagged("init")},
		{Name: "sidecar", Image: tagged("sidecar"), RestartPolicy: &always},
	}
	// A fake kubelet says nothing of image volumes: the reference is pinned.
	p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		Image: &corev1.ImageVolumeSource{Reference: tagged("volume") + "@" + string(refs["volume"].Digest)},
	}}}
	p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	create(t, p)
	addDebugger(t, p, tagged("debug"))

	for name, want := range map[string]string{
		"init":    "Pod/all Running Init:init",
		"sidecar": "Pod/all Running Init:sidecar",
		"main":    "Pod/all Running Container:main",
		"debug":   "Pod/all Running Ephemeral:debug",
		"volume":  "Pod/all Running Volume:data",
	} {
		got := awaitReport(t, ns, refs[name].Repository, both(scanned, usedBy(want)))
		if got.Spec.Digest != string(refs[name].Digest) || !slices.Equal(got.Status.Tags, []string{"1"}) {
			t.Errorf("%s: report is about %s, tags %v, want %s, tag 1", name, got.Spec.Digest, got.Status.Tags, refs[name].Digest)
		}
	}
}

// addDebugger adds an ephemeral container, as kubectl debug does.
func addDebugger(t *testing.T, p *corev1.Pod, img string) {
	t.Helper()
	patch := client.MergeFrom(p.DeepCopy())
	p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Name: "debug", Image: img, ImagePullPolicy: corev1.PullIfNotPresent, TerminationMessagePolicy: corev1.TerminationMessageReadFile,
	}}}
	if err := world.Client.SubResource("ephemeralcontainers").Patch(t.Context(), p, patch); err != nil {
		t.Fatal(err)
	}
}

func TestImageVolumeIsReportedByTheKubeletsDigest(t *testing.T) {
	ns := namespace(t, nil)
	ref, data := small(t, "volume/main:1"), small(t, "volume/data:1")
	p := pod(ns, "mounts", ref)
	p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		Image: &corev1.ImageVolumeSource{Reference: data.Repository + ":1"},
	}}}
	p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	create(t, p)
	awaitReport(t, ns, ref.Repository, scanned)
	if early := report(t.Context(), t, ns, data.Repository); early != nil {
		t.Fatalf("there is a report of %s before its digest is known: %+v", data.Repository, early.Spec)
	}

	if err := world.Client.Get(t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
		t.Fatal(err)
	}
	patch := client.MergeFrom(p.DeepCopy())
	p.Status.ContainerStatuses[0].VolumeMounts = []corev1.VolumeMountStatus{{
		Name: "data", MountPath: "/data", ReadOnly: true,
		VolumeStatus: &corev1.VolumeStatus{Image: &corev1.ImageVolumeStatus{ImageRef: untagged(data)}},
	}}
	if err := world.Client.Status().Patch(t.Context(), p, patch); err != nil {
		t.Fatal(err)
	}
	if p.Status.ContainerStatuses[0].VolumeMounts[0].VolumeStatus == nil {
		t.Fatal("the API server drops volumeStatus: its gate ImageVolumeWithDigest is off")
	}
	got := awaitReport(t, ns, data.Repository, both(scanned, usedBy("Pod/mounts Running Volume:data")))
	if got.Spec.Digest != string(data.Digest) {
		t.Errorf("report is about %s, want %s", got.Spec.Digest, data.Digest)
	}
}

func TestEveryFormOfImageIDLeadsToTheImage(t *testing.T) {
	tests := map[string]struct {
		id func(image.Reference, v1.Hash) string
		// wantConfig says that the report goes by the configuration's digest.
		wantConfig bool
	}{
		"containerd":            {id: func(r image.Reference, _ v1.Hash) string { return untagged(r) }},
		"dockershim":            {id: func(r image.Reference, _ v1.Hash) string { return "docker-pullable://" + untagged(r) }},
		"another repository":    {id: func(r image.Reference, _ v1.Hash) string { return "other.example.com/some/thing@" + string(r.Digest) }},
		"docker, configuration": {id: func(_ image.Reference, c v1.Hash) string { return "docker://" + c.String() }, wantConfig: true},
		"bare configuration":    {id: func(_ image.Reference, c v1.Hash) string { return c.String() }, wantConfig: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ns := namespace(t, nil)
			img := compose(t, debian(t, vulnerable("tar")))
			ref := push(t, "ids/"+strings.NewReplacer(" ", "-", ",", "").Replace(name)+":1", img)
			config, err := img.ConfigName()
			if err != nil {
				t.Fatal(err)
			}
			p := pod(ns, "one", ref)
			p.Annotations[controlplane.ImageIDAnnotation] = test.id(ref, config)
			create(t, p)
			got := awaitReport(t, ns, ref.Repository, scanned)
			want := string(ref.Digest)
			if test.wantConfig {
				want = config.String()
			}
			if got.Spec.Digest != want || got.Status.ManifestDigest != string(ref.Digest) || got.Status.ConfigDigest != config.String() {
				t.Errorf("report is about %s, manifest %s, configuration %s; want %s, %s, %s",
					got.Spec.Digest, got.Status.ManifestDigest, got.Status.ConfigDigest, want, ref.Digest, config)
			}
			if got.Status.Image != ref.Repository+":1" {
				t.Errorf("report names %s, want the spec's %s:1", got.Status.Image, ref.Repository)
			}
		})
	}
}

func TestConfigurationDigestIsNotTakenForWhatTheTagHoldsNow(t *testing.T) {
	ns := namespace(t, nil)
	before := compose(t, debian(t, vulnerable("tar")))
	config, err := before.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	ref := small(t, "moved/app:1")
	p := pod(ns, "one", ref)
	p.Annotations[controlplane.ImageIDAnnotation] = "docker://" + config.String()
	create(t, p)
	got := awaitReport(t, ns, ref.Repository, hasCondition(v1alpha1.ConditionScanned, metav1.ConditionFalse, v1alpha1.ReasonDigestNotPullable))
	if got.Status.Summary != nil || got.Status.Verdict == v1alpha1.VerdictPass {
		t.Errorf("an image that could not be read has counts %+v and verdict %s", got.Status.Summary, got.Status.Verdict)
	}
	if stalled := hasCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDigestNotPullable)(got); stalled != "" {
		t.Error(stalled)
	}
	remove(t, p)
	awaitReport(t, ns, ref.Repository, both(unused, hasCondition(v1alpha1.ConditionScanned, metav1.ConditionFalse, v1alpha1.ReasonDigestNotPullable)))
	awaitGone(t, ns, ref.Repository)
	if log, err := world.Operator().Log(); err != nil || strings.Contains(log, untagged(image.Reference{Repository: ref.Repository, Digest: image.Digest(config.String())})) {
		t.Errorf("the configuration's digest was asked for as a manifest's, or the log cannot be read: %v", err)
	}
}

func TestIndexIsReportedByThePlatformOfTheNode(t *testing.T) {
	ns := namespace(t, nil)
	index := bake(t, "web").(v1.ImageIndex)
	ref := push(t, "platforms/web:1", index.(recipe.Artifact))
	for _, architecture := range []string{"amd64", "arm64"} {
		p := pod(ns, architecture, ref)
		p.Spec.NodeSelector[corev1.LabelArchStable] = architecture
		create(t, p)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, d := range manifest.Manifests {
		want[d.Platform.OS+"/"+d.Platform.Architecture] = d.Digest.String()
	}
	await(t, "a report for each platform", func(ctx context.Context) (string, error) {
		got := map[string]string{}
		for _, r := range reports(ctx, t, ns) {
			if r.Spec.Digest == string(ref.Digest) {
				got[r.Spec.Platform] = r.Status.ManifestDigest
			}
		}
		return cmp.Diff(want, got), nil
	})
}

func TestImageIsPulledOnceForAllNamespaces(t *testing.T) {
	here, there := namespace(t, nil), namespace(t, nil)
	world.registry.ResetStats()
	ref := push(t, "once/app:1", compose(t, debian(t, vulnerable("tar")), debian(t, vulnerable("tar"), vulnerable("rmt"))))
	for _, ns := range []string{here, there} {
		create(t, pod(ns, "app", ref))
	}
	for _, ns := range []string{here, there} {
		awaitReport(t, ns, ref.Repository, both(scanned, usedBy("Pod/app Running Container:main")))
	}
	stats := world.registry.Stats().Repositories["once/app"]
	if stats.Manifests.Gets != 1 || stats.Manifests.Heads > 0 {
		t.Errorf("manifests were asked for with %+v, want one GET", stats.Manifests)
	}
	if want := 3; stats.Blobs.Gets != want { // two layers and the configuration
		t.Errorf("blobs were fetched %d times, want %d", stats.Blobs.Gets, want)
	}
}

func TestSharedLayerIsFetchedOnce(t *testing.T) {
	ns := namespace(t, nil)
	base := debian(t, vulnerable("tar"))
	world.registry.ResetStats()
	gets := 0
	for _, name := range []string{"first", "second"} {
		own := []recipe.File{recipe.Text("srv/"+name, fmt.Sprintf("%s %d", t.Name(), serial.Add(1)))}
		ref := push(t, "layers/"+name+":1", compose(t, base, own))
		create(t, pod(ns, name, ref))
	}
	for _, name := range []string{"first", "second"} {
		r := awaitReport(t, ns, world.registry.Addr+"/layers/"+name, scanned)
		if r.Status.Summary.Total != 2 {
			t.Errorf("%s has %d findings, want the two of its base", name, r.Status.Summary.Total)
		}
		gets += world.registry.Stats().Repositories["layers/"+name].Blobs.Gets
	}
	if want := 5; gets != want { // two configurations, two layers of their own, one shared
		t.Errorf("blobs were fetched %d times, want %d", gets, want)
	}
}

func TestPodsAreRolledUpToTheirWorkloads(t *testing.T) {
	ns := namespace(t, nil)
	deployed, job, cron, static := small(t, "rollup/deployment:1"), small(t, "rollup/job:1"), small(t, "rollup/cron:1"), small(t, "rollup/static:1")
	create(t, deployment(ns, "api", deployed, 2))
	create(t, jobOf(ns, "import", job, nil))
	nightly := cronJob(ns, "nightly", cron)
	create(t, nightly)
	create(t, jobOf(ns, "nightly-1", cron, nightly))
	create(t, mirrorPod(t, ns, "proxy", static))

	for ref, want := range map[string]string{
		deployed.Repository: "Deployment/api Running Container:main",
		job.Repository:      "Job/import Running Container:main",
		cron.Repository:     "CronJob/nightly Running Container:main",
		static.Repository:   "Pod/proxy Running Container:main",
	} {
		awaitReport(t, ns, ref, both(scanned, usedBy(want)))
	}
}

func podTemplate(p *corev1.Pod) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: p.Labels, Annotations: p.Annotations}, Spec: p.Spec}
}

func deployment(ns, name string, ref image.Reference, replicas int32) *appsv1.Deployment {
	p := pod(ns, name, ref)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: p.Labels},
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Template: podTemplate(p),
		},
	}
}

// cronJob never runs by itself while a test lasts.
func cronJob(ns, name string, ref image.Reference) *batchv1.CronJob {
	return &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec:       batchv1.CronJobSpec{Schedule: "0 0 29 2 *", JobTemplate: batchv1.JobTemplateSpec{Spec: jobOf(ns, name, ref, nil).Spec}},
	}
}

// jobOf makes a Job, of a CronJob as kubectl create job --from does.
func jobOf(ns, name string, ref image.Reference, owner *batchv1.CronJob) *batchv1.Job {
	p := pod(ns, name, ref)
	p.Spec.RestartPolicy = corev1.RestartPolicyNever
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: batchv1.JobSpec{Template: podTemplate(p)}}
	if owner != nil {
		job.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, batchv1.SchemeGroupVersion.WithKind("CronJob"))}
	}
	return job
}

// mirrorPod is what a kubelet tells the API server of a static pod.
func mirrorPod(t *testing.T, ns, name string, ref image.Reference) *corev1.Pod {
	t.Helper()
	var node corev1.Node
	if err := world.Client.Get(t.Context(), client.ObjectKey{Name: "amd64"}, &node); err != nil {
		t.Fatal(err)
	}
	p := pod(ns, name, ref)
	p.Annotations[corev1.MirrorPodAnnotationKey] = "0123456789abcdef"
	p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(&node, corev1.SchemeGroupVersion.WithKind("Node"))}
	p.Spec.NodeName = node.Name
	return p
}

func TestCoverageCountsWhatRuns(t *testing.T) {
	ns := namespace(t, nil)
	known := small(t, "coverage/known:1")
	absent := known
	absent.Digest = "sha256:" + image.Digest(strings.Repeat("4", 64))
	create(t, pod(ns, "known", known))
	create(t, pod(ns, "known-again", known))
	create(t, pod(ns, "absent", absent))
	lost := pod(ns, "lost", known)
	delete(lost.Annotations, controlplane.ImageIDAnnotation)
	create(t, lost)

	await(t, "coverage", func(ctx context.Context) (string, error) {
		// Pods of tests that are over may still be about to go.
		want := &v1alpha1.Coverage{Images: 3, Covered: 1, Uncovered: 2, Reasons: []v1alpha1.CoverageReason{
			{Reason: "DigestUnknown", Images: 1}, {Reason: v1alpha1.ReasonImageNotFound, Images: 1},
		}}
		if diff := cmp.Diff(want, vulnerabilityDatabase(ctx, t).Status.Coverage); diff != "" {
			return fmt.Sprintf("%s\nwith the pods %v", diff, allPods(ctx, t)), nil
		}
		return "", nil
	})
}

// reports returns those of a namespace.
func reports(ctx context.Context, t *testing.T, ns string) []v1alpha1.ImageReport {
	t.Helper()
	var list v1alpha1.ImageReportList
	if err := world.Client.List(ctx, &list, client.InNamespace(ns)); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func allPods(ctx context.Context, t *testing.T) []string {
	t.Helper()
	var pods corev1.PodList
	if err := world.Client.List(ctx, &pods); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range pods.Items {
		names = append(names, p.Namespace+"/"+p.Name)
	}
	return names
}
