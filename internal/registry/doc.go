// Package registry gets images and artifacts from OCI registries.
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
// that time. It keeps nothing on disk and unpacks nothing.
package registry
