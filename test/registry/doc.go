// Package registry is an OCI registry for tests and the demo, over real HTTP.
//
// In come images, artifacts, OCI layouts, users and faults. Out go the answers
// of a registry, as healthy or as broken as it was told to be, and counts of
// what was asked and served. It must never run outside tests and the demo: it
// has no TLS of its own, its uploads need no credential, and manifests live in memory.
package registry
