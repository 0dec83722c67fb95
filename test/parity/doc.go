// Package parity holds what an image and a database must come to, in the cases
// where scanners go different ways. Each file of testdata is of one family of
// operating systems, or of one rule of all languages. A case has facts (a system
// and packages, or the files of an image's layers), the records of a database,
// and the findings that Trivy makes of them; it is named after what may surprise.
//
// The tests take the cases through the product's own stages: the files are read
// as an image's layers are, the records are written by trivy-db's own writer,
// and all is judged by a fleet. No case was made by running Plimsoll: they are
// written from the rules.
//
// # Comparing with Trivy itself
//
// Who has a trivy binary can compare the two over an image of their own. Both
// must have the same database, or the differences are the database's:
//
//	trivy image --format json --scanners vuln --output trivy.json registry.example.com/app:1
//	kubectl plimsoll scan --format json registry.example.com/app:1 > ours.json
//	go run ./test/parity/compare ours.json trivy.json
//
// It prints each difference on a line of its own, by kind: missing in ours, only
// in ours, and another fixed version, severity, status or list of vendors' ids.
// It exits with 0 where there is none, with 1 where there are some, and with 2
// where it could not read its input.
//
// A finding is one of a vulnerability, a package, its version and its path. Of
// a package that is there for two architectures Trivy may report two, which are
// compared as one. Give trivy image no --severity, --ignore-unfixed or
// --ignorefile, unless the scan had the same.
package parity
