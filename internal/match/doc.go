// Package match judges packages by the advisories of a vulnerability database,
// as Trivy judges them over the same database.
//
// In come an image's contents (sbom.Image) and, for each subject that
// Components names, the records under its key. Out come findings. What is
// found depends on these arguments alone: the package sees no client, file,
// clock or context, and must not.
package match
