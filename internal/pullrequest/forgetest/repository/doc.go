// Package repository keeps a repository and its pull requests in memory, for the
// test servers that speak of it in a forge's words. In come commits, moves of
// branches and merges; out comes what git would say of them. A commit is a whole
// snapshot, and files are merged as a whole. It is for tests only.
package repository
