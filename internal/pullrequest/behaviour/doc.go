// Package behaviour is the suite of what pullrequest.Sync and Withdraw must do at any forge. In comes a way to make
// a repository with a person who works in it; out come test failures. It must never be linked into the operator.
package behaviour
