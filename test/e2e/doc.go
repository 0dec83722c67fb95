// Package e2e tests the operator from outside: a real API server with fake
// nodes, a real registry, and the operator as a process with just its
// ServiceAccount's rights. All tests share them, so each works in a namespace
// and in repositories of its own. A test that stops the operator or changes the
// database puts back what it found, and none runs in parallel.
package e2e
