// Package edit replaces an image reference in a file that names images, and leaves every other byte as it was.
//
// In come a file's path, its bytes, and the reference to replace with the one to write. Out come the new bytes and
// the places that changed, or a Refusal that says why nothing did. A place keeps its form: what had a tag has a
// tag, what had a digest has a digest, comments and quotes stay.
//
// Each edit is proven: the new bytes are parsed again, and must hold the same places and the same other values,
// except for exactly the references that were meant. It uses no network, file or clock, and must never write a file
// whose other references changed, guess at a value that it cannot trace to bytes of the file, or render a file anew.
package edit
