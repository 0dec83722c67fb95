// Package gitea speaks to Gitea and Forgejo for package pullrequest. In come a base
// URL, a token and a repository; out comes a pullrequest.Forge. It must never send the token to another host than
// that of the base URL, or let it into an error.
package gitea
