// Package baseimage says which image another one is built on, to which newer tag
// that base may move, and which of these moves is worth it.
//
// In come an image's layers and what it says of its base, the bases that are
// known, the tags of a repository, and the findings of two scans. Out come the
// base, candidates in the order in which they are to be tried, the difference
// between two lists of findings, and a decision. It never believes what an image
// says where its layers say otherwise. It uses no network, file or clock, and must not.
package baseimage
