// Package memory is a forge in memory for tests: one repository with branches, commits and pull requests
// that behaves as the real ones do. In come the calls of pullrequest.Forge and what people do;
// out comes what a forge would answer, and how often it was written to. It must never be linked into the operator.
package memory
