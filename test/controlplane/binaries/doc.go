// Package binaries brings the programs that tests and make need, and that no
// package of the product may depend on: a Kubernetes control plane, Gitea and pinned
// developer tools.
//
// In: the nested modules test/controlplane/kube, test/forge/gitea and hack/tools/*, or the official
// downloads. Out: paths of executables, cached below the user's cache folder
// under a name that holds a hash of what they were made from, so that a
// changed pin never meets an old program. It must never touch the product's go.mod,
// start what it fetched, or leave a half-written file under its final name.
//
// Linux and macOS only.
package binaries
