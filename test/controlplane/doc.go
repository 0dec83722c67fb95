// Package controlplane runs a real Kubernetes on this machine without containers: etcd, the API
// server, and, unless only the API is wanted, the controller manager, the scheduler and KWOK, which
// plays the kubelets of fake nodes.
//
// In: Options. Out: a Cluster whose kubeconfig, REST configuration and kubectl any client can use. It must
// never use a kubectl or a cluster that the machine happens to have, listen on
// anything but the loopback address, or leave a process behind after Stop.
//
// KWOK runs no container. A fake pod's containers report as imageID, first found first: the pod's
// annotation ImageIDAnnotation + "." + the container's name; repository@digest where the container's
// image has a digest; the annotation ImageIDAnnotation; nothing. A pod with the annotation
// CompleteAnnotation: "true" succeeds as soon as it ran.
package controlplane
