// Package source says where in Git an image is named, and what has to change there for it to be another version.
//
// In come a workload's metadata with the Argo CD and Flux objects that it leads to, an image's labels, what a policy says
// of repositories, and a tree of files at a commit. Out come locations (repository, branch, path), and the new
// content of files. The objects that somebody has to read first are named as data.
//
// It talks to no cluster and no forge itself, and must never let a location outside the policy's repositories pass for
// one that may be proposed to, nor put a credential that stood in a URL into anything that it returns.
package source
