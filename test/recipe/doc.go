// Package recipe bakes images for tests and for the demo: from lists of
// packages, or from real tools, come OCI images and indexes in memory, whose
// package records have the form and the content that the real tools write.
//
// It never touches a registry, never reads the clock, and gives the same
// digests for the same recipe, except where a toolchain (Go, mmdebstrap, npm)
// makes the content: those are the same on one machine.
package recipe
