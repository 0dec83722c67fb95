// Package store keeps what was extracted of images and layers in a directory,
// so that no digest is pulled or read twice. What comes in: extracted images,
// extracted layers, summaries of images, and which manifest an index's digest
// resolved to. What goes
// out: exactly that, or an error.
//
// All of it can be rebuilt from the registries, so nothing here is precious: a
// directory of another format or another extractor is emptied, and a damaged
// entry is removed and reported as missing. What it must never do is to return
// something else than what was put, or to touch files that are not its own.
package store
