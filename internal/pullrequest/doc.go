// Package pullrequest keeps one pull request for each base image and
// repository. In come a proposal, that is a branch, the files to change, a
// title, a text and a candidate that they are about, and a forge; out comes
// where the pull request stands, whoever opened it.
//
// Its state is the forge's: it is found again by its branch, so that a restart,
// another leader or another cluster makes no second one. It must never push over
// a commit that is not its own, open anew what a person closed for the
// same candidate, or put a credential into a text or an error.
package pullrequest
