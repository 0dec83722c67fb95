// Package image holds the values that name images: Reference, Digest and
// Platform. It parses them and prints them in one canonical form; it does no I/O.
package image
