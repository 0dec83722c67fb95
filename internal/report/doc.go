// Package report turns what is known of an image into the status of its
// ImageReport. In come the image's identity, the state of its scan, its
// findings, the policies' judgement and the status before; out comes a status
// that keeps the whole object under 32 KiB, whatever the image holds, and that
// is equal where nothing changed. It is pure: it never does I/O, never reads a
// clock, and never shows a count that is not exact.
package report
