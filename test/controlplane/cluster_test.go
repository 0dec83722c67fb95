package controlplane

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"
)

const digest = "sha256:9f2c1b7e04a1c7a1f1d0a3b5b7c9d1e3f5a7b9c1d3e5f7091b3d5f7a9b1c3d5e"

func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a whole control plane")
	}
	cluster, err := Start(t.Context(), Options{
		Dir:       t.TempDir(),
		KWOKNodes: []Node{{Name: "intel", Architecture: "amd64"}, {Name: "arm", Architecture: "arm64"}},
		Log:       t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Errorf("Stop() = %v", err)
		}
		expectNoProcess(t, cluster.dir)
	})
	client := kubernetes.NewForConfigOrDie(cluster.Config())
	for name, test := range map[string]func(*testing.T, *kubernetes.Clientset){
		"nodes": testNodes, "deployment": testDeployment, "ephemeral": testEphemeral,
		"job": testJob, "image replaced in place": testReplacedImage, "deleted pod": testDelete,
	} {
		t.Run(name, func(t *testing.T) { test(t, client) })
	}
	t.Run("kubectl", func(t *testing.T) { testKubectl(t, cluster) })
	t.Run("second start in the same folder", func(t *testing.T) {
		if _, err := Start(t.Context(), Options{Dir: cluster.dir, Log: t.Logf}); err == nil || !strings.Contains(err.Error(), "already runs") {
			t.Errorf("Start() = %v, want that a cluster already runs", err)
		}
	})
}

func testNodes(t *testing.T, client *kubernetes.Clientset) {
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, node := range nodes.Items {
		info := node.Status.NodeInfo
		got[node.Name] = strings.Join([]string{node.Labels[corev1.LabelOSStable], node.Labels[corev1.LabelArchStable], info.OperatingSystem, info.Architecture}, " ")
	}
	want := map[string]string{"intel": "linux amd64 linux amd64", "arm": "linux arm64 linux arm64"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata:
      labels: {app: api}
      annotations:
        plimsoll.dev/test-image-id: "docker.io/library/any@` + digest + `"
        plimsoll.dev/test-image-id.own: "` + digest + `"
    spec:
      initContainers:
      - {name: init, image: "localhost:5000/init:1@` + digest + `"}
      - {name: sidecar, image: "registry.example.com/sidecar@` + digest + `", restartPolicy: Always}
      containers:
      - {name: own, image: "registry.example.com/own:1"}
      - {name: any, image: "any:latest"}
`

func testDeployment(t *testing.T, client *kubernetes.Clientset) {
	start := time.Now()
	var object appsv1.Deployment
	if err := yaml.UnmarshalStrict([]byte(deployment), &object); err != nil {
		t.Fatal(err)
	}
	if _, err := client.AppsV1().Deployments(metav1.NamespaceDefault).Create(t.Context(), &object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pods := awaitPods(t, client, "app=api", func(pods []corev1.Pod) bool {
		return len(pods) == 2 && all(pods, isReady)
	})
	t.Logf("two replicas ready after %s", time.Since(start).Round(time.Millisecond))
	want := []string{
		"init localhost:5000/init:1@" + digest + " localhost:5000/init@" + digest + " terminated",
		"sidecar registry.example.com/sidecar@" + digest + " registry.example.com/sidecar@" + digest + " running",
		"own registry.example.com/own:1 " + digest + " running",
		"any any:latest docker.io/library/any@" + digest + " running",
	}
	for _, pod := range pods {
		if diff := cmp.Diff(want, describe(pod)); diff != "" {
			t.Errorf("pod %s (-want +got):\n%s", pod.Name, diff)
		}
		if pod.Status.PodIP == "" || pod.Status.HostIP == "" {
			t.Errorf("pod %s has addresses %q, %q", pod.Name, pod.Status.PodIP, pod.Status.HostIP)
		}
	}
}

func testEphemeral(t *testing.T, client *kubernetes.Clientset) {
	pods := client.CoreV1().Pods(metav1.NamespaceDefault)
	pod := createPod(t, client, "debugged")
	awaitPods(t, client, "app=debugged", func(pods []corev1.Pod) bool { return all(pods, isReady) })
	pod, err := pods.Get(t.Context(), pod.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Name: "shell", Image: "busybox@" + digest, TerminationMessagePolicy: corev1.TerminationMessageReadFile, ImagePullPolicy: corev1.PullIfNotPresent,
	}}}
	if _, err := pods.UpdateEphemeralContainers(t.Context(), pod.Name, pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	got := awaitPods(t, client, "app=debugged", func(pods []corev1.Pod) bool {
		return len(pods[0].Status.EphemeralContainerStatuses) == 1
	})
	want := []string{"main registry.example.com/main:1  running", "shell busybox@" + digest + " busybox@" + digest + " running"}
	if diff := cmp.Diff(want, describe(got[0])); diff != "" {
		t.Errorf("pod (-want +got):\n%s", diff)
	}
	if !got[0].Status.StartTime.Equal(pod.Status.StartTime) || got[0].Status.PodIP != pod.Status.PodIP {
		t.Errorf("an ephemeral container changed start or address: %v %s, was %v %s", got[0].Status.StartTime, got[0].Status.PodIP, pod.Status.StartTime, pod.Status.PodIP)
	}
}

func testJob(t *testing.T, client *kubernetes.Clientset) {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "once"}, Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "once"}, Annotations: map[string]string{CompleteAnnotation: "true"}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: "main", Image: "registry.example.com/once@" + digest}},
		},
	}}}
	jobs := client.BatchV1().Jobs(metav1.NamespaceDefault)
	if _, err := jobs.Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the job succeeded", func(ctx context.Context) (bool, error) {
		job, err := jobs.Get(ctx, "once", metav1.GetOptions{})
		return err == nil && job.Status.Succeeded == 1, err
	})
	pods := awaitPods(t, client, "app=once", func(pods []corev1.Pod) bool {
		return all(pods, func(pod corev1.Pod) bool { return pod.Status.Phase == corev1.PodSucceeded })
	})
	want := []string{"main registry.example.com/once@" + digest + " registry.example.com/once@" + digest + " terminated"}
	if diff := cmp.Diff(want, describe(pods[0])); diff != "" {
		t.Errorf("pod (-want +got):\n%s", diff)
	}
}

func testReplacedImage(t *testing.T, client *kubernetes.Clientset) {
	createPod(t, client, "patched")
	pod := awaitPods(t, client, "app=patched", func(pods []corev1.Pod) bool { return all(pods, isReady) })[0]
	pod.Spec.Containers[0].Image = "registry.example.com/main:2@" + digest
	if _, err := client.CoreV1().Pods(pod.Namespace).Update(t.Context(), &pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitPods(t, client, "app=patched", func(pods []corev1.Pod) bool {
		return pods[0].Status.ContainerStatuses[0].ImageID == "registry.example.com/main@"+digest
	})
}

func testDelete(t *testing.T, client *kubernetes.Clientset) {
	pod := createPod(t, client, "gone")
	awaitPods(t, client, "app=gone", func(pods []corev1.Pod) bool { return all(pods, isReady) })
	if err := client.CoreV1().Pods(pod.Namespace).Delete(t.Context(), pod.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the pod is gone", func(ctx context.Context) (bool, error) {
		pods, err := client.CoreV1().Pods(pod.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=gone"})
		return err == nil && len(pods.Items) == 0, err
	})
}

func testKubectl(t *testing.T, cluster *Cluster) {
	output, err := exec.Command(cluster.Kubectl, "--kubeconfig", cluster.Kubeconfig, "get", "nodes", "-o", "name").CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl: %v\n%s", err, output)
	}
	got := strings.Fields(string(output))
	slices.Sort(got)
	if diff := cmp.Diff([]string{"node/arm", "node/intel"}, got); diff != "" {
		t.Errorf("kubectl get nodes (-want +got):\n%s", diff)
	}
}

// describe lists a pod's containers as "name image imageID state", init containers first.
func describe(pod corev1.Pod) []string {
	var lines []string
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses) {
		state := "waiting"
		if status.State.Running != nil {
			state = "running"
		}
		if status.State.Terminated != nil {
			state = "terminated"
		}
		lines = append(lines, strings.Join([]string{status.Name, status.Image, status.ImageID, state}, " "))
	}
	return lines
}

func createPod(t *testing.T, client *kubernetes.Clientset, name string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "registry.example.com/main:1"}}},
	}
	pod, err := client.CoreV1().Pods(metav1.NamespaceDefault).Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

func awaitPods(t *testing.T, client *kubernetes.Clientset, selector string, done func([]corev1.Pod) bool) []corev1.Pod {
	t.Helper()
	var pods []corev1.Pod
	await(t, "pods "+selector, func(ctx context.Context) (bool, error) {
		list, err := client.CoreV1().Pods(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return false, err
		}
		pods = list.Items
		return len(pods) > 0 && done(pods), nil
	})
	return pods
}

func await(t *testing.T, what string, done wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), pollPeriod, time.Minute, true, done); err != nil {
		t.Fatalf("wait until %s: %v", what, err)
	}
}

func all(pods []corev1.Pod, is func(corev1.Pod) bool) bool {
	return !slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return !is(pod) })
}

func isReady(pod corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodRunning && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// expectNoProcess looks at all processes of the machine, not only at those that we remember.
func expectNoProcess(t *testing.T, dir string) {
	t.Helper()
	for _, line := range processesOf(t, dir) {
		t.Errorf("left behind: %s", line)
	}
}

func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("needs /proc")
	}
	var lines []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(content), dir+"/") {
			lines = append(lines, strings.ReplaceAll(string(content), "\x00", " "))
		}
	}
	return lines
}
