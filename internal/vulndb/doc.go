// Package vulndb fetches, verifies, opens and reads vulnerability databases in
// trivy-db's format, schema version 2.
//
// In come an OCI artifact or a directory, and keys. Out come an open database,
// its revision, and the records under a key. A database that is damaged,
// truncated, older or too large never takes the place of a good one, and
// never ends the process, whatever its bytes are.
//
// Nothing else imports trivy-db. Its pkg/db is not used to read, because it
// has one handle per process and two databases are open during a swap.
package vulndb
