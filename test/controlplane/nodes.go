package controlplane

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

const kwokAnnotation = "kwok.x-k8s.io/node"

// The annotations by which a test tells the fake kubelets what to report: see the package's documentation.
const (
	ImageIDAnnotation  = "plimsoll.dev/test-image-id"
	CompleteAnnotation = "plimsoll.dev/test-complete"
)

// NewNode is the object of a fake node, for tests that add nodes to a running cluster.
func NewNode(node Node) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:        node.Name,
		Annotations: map[string]string{kwokAnnotation: "fake"},
		Labels: map[string]string{
			corev1.LabelHostname:   node.Name,
			corev1.LabelArchStable: node.Architecture,
			corev1.LabelOSStable:   "linux",
		},
	}}
}

func (c *Cluster) createNodes(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		return fmt.Errorf("create nodes: %w", err)
	}
	for _, node := range c.options.KWOKNodes {
		if _, err := client.CoreV1().Nodes().Create(ctx, NewNode(node), metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create node %s: %w", node.Name, err)
		}
	}
	return nil
}

// nodesReady succeeds when a pod can be scheduled to each node: the condition alone is not enough, as the
// controller manager takes the taint away only afterwards.
func (c *Cluster) nodesReady(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		return err
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	for _, node := range nodes.Items {
		if node.Annotations[kwokAnnotation] != "" && !schedulable(node) {
			return fmt.Errorf("node %s is not ready", node.Name)
		}
	}
	return nil
}

func schedulable(node corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0
		}
	}
	return false
}

// awaitServiceAccount waits for the account that each pod of the default namespace runs as: without it
// the API server refuses the pod.
func (c *Cluster) awaitServiceAccount(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		return fmt.Errorf("wait for service account: %w", err)
	}
	var last error
	err = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, last = client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for service account default: %w (last: %w)", err, last)
	}
	return nil
}
