// Package playground runs the whole of Plimsoll on this machine: a real
// Kubernetes with fake nodes, a registry, and the operator as a process of its
// own that has just the rights of its ServiceAccount. The end-to-end tests and
// the demo are built on it. It is for tests alone.
package playground
