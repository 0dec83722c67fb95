// Package rebuild asks a pipeline to build an image anew. In come a policy's trigger, its credentials, and the
// image and base that it is about; out comes where the run can be seen, or an Error that says whether to try again.
//
// Each kind of pipeline is one function that makes its documented request. A key that is the same for the same
// rebuild goes along, as a header and in the payload, for receivers that want to tell a repetition. It must never
// try again by itself, follow a redirect, send a Secret where that does not say that it may go, or put a credential into
// an error or an address.
package rebuild
