// Package delivery sends one HTTP request of a message that leaves the cluster. In come a client whose
// connections are guarded, a request, and the secrets that it holds; out comes the bounded answer, or an Error that
// says whether and when to try again. It must never try again by itself, follow a redirect, use a client of its own,
// or let a secret, or the address it sends to, into an error.
package delivery
