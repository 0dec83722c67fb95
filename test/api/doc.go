// Package api holds the tests of what users hand to the API server: the schema
// and the CEL rules of our kinds, the kustomize base and the Helm chart. In: the
// committed files. Out: nothing but verdicts. The tests use a real API server of
// their own and must never touch a cluster that the machine happens to know.
package api
