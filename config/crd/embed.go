// Package crd holds the definitions of Plimsoll's kinds, for programs that
// check objects without an API server.
package crd

import "embed"

// Bases are the generated definitions, in the folder bases.
//
//go:embed bases/*.yaml
var Bases embed.FS
