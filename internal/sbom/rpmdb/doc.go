// Package rpmdb reads the packages that rpm installed.
//
// In: the content of rpm's database in any of the forms that it has had
// (Berkeley DB, ndb, SQLite with or without a write-ahead log). Out: a Package
// for each header.
//
// The database is an image's, so anyone may have written it. The package must
// never run the SQL that is in it, open a path, start a goroutine (whose panic
// nobody could recover), or believe a length or a page number: what it reads is
// bounded by the size of the content. That is why it is no use of go-rpmdb,
// which does all of these.
package rpmdb
