// Package scan turns a reference into a stored, extracted image: it joins
// registry, sbom and store. What the store already has costs no request; what
// it lacks is pulled and read once, layer by layer. It judges nothing, and puts
// what was found into the terms of policies (Findings).
package scan
