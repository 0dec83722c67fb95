// Package export writes what a scan of one image found in the formats that
// people and other tools read: a table, JSON, SARIF, CycloneDX, SPDX, GitLab's
// report and a page of HTML.
//
// In come the image's content, its findings and the policies' results; out
// comes the whole of it, in an order that is the same every time. It is pure
// but for the writer that it is given: it reads no clock, and must never drop
// a finding or what could not be read without a word. It is apart from report
// so that the operator links none of these formats.
package export
