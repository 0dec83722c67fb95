// Package sbom reads what an image contains.
//
// In: the uncompressed tar of each layer (Read) and the image's configuration
// (ParseConfig). Out: a Layer, which depends on nothing but the layer's bytes
// and so can be kept by diff ID, and of all layers together the Image (Squash):
// its operating system, its packages with the layer that brought each, and
// what could not be read.
//
// It must never unpack a layer, open a path that an image names, use the
// network, or trust a size or count that an image claims. What it holds in
// memory is bounded by Limits; at most one executable or archive, and one rpm
// database, at a time lie in private temporary files.
package sbom
