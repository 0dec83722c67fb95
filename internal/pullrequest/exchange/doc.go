// Package exchange reads what a forge answers when it refuses or fails. In come
// a status, headers and words, or the error of a client; out comes a
// *pullrequest.Error.
//
// The words are a stranger's: they are bounded, on one line and without the
// credentials of the request. It must never follow a redirect to another host,
// which would be sent the credentials, too.
package exchange
