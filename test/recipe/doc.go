// Package recipe bakes images for tests and for the demo: from lists of
// packages, or from real tools, come OCI images and indexes in memory, whose
// package records have the form and the content that the real tools write.
//
// It never touches a registry and never reads the clock. The same recipe gives
// the same digests: with compiled Go programs for as long as the toolchain is
// the same, and not with what mmdebstrap and npm fetch.
package recipe
