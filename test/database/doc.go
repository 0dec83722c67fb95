// Package database makes small vulnerability databases, and Java ones, for tests and the demo,
// with trivy-db's own writer and from real facts, packs them as Trivy's
// artifacts, and finds the large real pair where it is present. The operator
// must not import it.
package database
