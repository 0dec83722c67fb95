// Package notify tells people and programs what changed. In come an image's report before and after, what became of
// an update, and a policy's notifications; out go messages to Slack, Teams, and receivers of CloudEvents or JSON.
//
// What is news, what is sent where and when, and what it says is pure: News finds the events, an Outbox keeps what is
// to be told, has been told, and could not be told, and Render writes the text. A Sender then sends one batch, once.
//
// It must never tell the same fact twice, take a first judgement or another matcher's for news, let an image's
// content mention people, use an HTTP client of its own, or put an address, which is a secret, into an error.
package notify
