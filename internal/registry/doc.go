// Package registry gets images and artifacts from OCI registries, and images
// from archives that stand in for one.
//
// In come a reference, a platform and the credentials a kubelet would use. Out
// come verified manifests, configurations and layer streams, or an *Error with
// one of the API's reasons.
//
// Everything a registry says is hostile until its digest matches: sizes,
// counts, redirects, token realms, error texts. So this package must never
// connect to an address that the guard refuses, follow a URL inside a manifest,
// send a credential to another host than the one it is for, put a registry's
// words or a credential into an error, or ask a host that said "later" before
// that time. It unpacks nothing, and keeps nothing on disk but an archive that is
// compressed as a whole, while it is read.
package registry
