// Package github makes a repository at GitHub, or at a GitHub Enterprise server,
// a pullrequest.Forge.
//
// In come a repository and a token, or a GitHub App's key; out come what the
// forge has, or a *pullrequest.Error. Commits are made by GitHub itself, which
// signs them: their author is the account of the token, their committer GitHub's
// own noreply@github.com. It must never wait for a limit to end, retry other than
// once with a new installation token, push without the commit that it expects at
// a branch's head, or point a pull request's branch at its bare target, which
// would close it.
package github
