// Package baseimage says which newer tags of a base image an image may move to.
//
// In come the tag in use and the tags of its repository. Out come candidates,
// in the order in which they are to be tried: the smallest step first. It knows
// tags alone: whether a candidate fixes anything is for a scan to say. It uses
// no network, file or clock, and must not.
package baseimage
