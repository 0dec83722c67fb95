// Package document reads bills of materials that other tools wrote: CycloneDX
// and SPDX, as JSON. In comes the document, out comes the same as from an
// image's layers. Where Trivy says more of a package than its URL does, that is
// read, too; what cannot be read as a package is named as unread.
//
// It must never follow a reference out of the document, and is apart from sbom
// so that the operator does not link what it needs.
package document
