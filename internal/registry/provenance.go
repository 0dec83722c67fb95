package registry

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/package-url/packageurl-go"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

const (
	// maxStatement is how large an attestation may be, in bytes.
	maxStatement = 16 << 20
	// maxAttestations of one image, and statements of one attestation, that are read.
	maxAttestations = 4
	// maxMaterials that are kept of an image.
	maxMaterials = 256
)

// BuildKit's words for an attestation in an index, and for what is in it.
const (
	referenceType   = "vnd.docker.reference.type"
	referenceDigest = "vnd.docker.reference.digest"
	attestationType = "attestation-manifest"
	statementType   = "application/vnd.in-toto+json"
	predicateType   = "in-toto.io/predicate-type"
	slsaPrefix      = "https://slsa.dev/provenance/"
)

// Material is an image that another was built from, in any of its stages.
type Material struct {
	// Name of the image, such as docker.io/library/debian:12. It has no tag where
	// the build named none.
	Name string
	// Digest as the builder resolved it, of an index or a manifest.
	Digest image.Digest
	// Platform as os/architecture[/variant]; empty where it is not said.
	Platform string
}

// Provenance returns the images that the manifest says it was built from: what
// BuildKit attests beside it in the index that Client.Manifest followed for it.
// ref names the repository. Where there is no such attestation it costs no
// request and is nil. It is the builder's word, which nothing confirms: all
// stages are listed, and a statement may be of another image. The error is an
// *Error, or wraps context.Canceled.
func (c *Client) Provenance(ctx context.Context, ref image.Reference, manifest *Manifest, keys Keychain) ([]Material, error) {
	if len(manifest.attestations) == 0 {
		return nil, nil
	}
	var materials []Material
	err := c.try(ctx, ref, keys, func(s *session) error {
		materials = nil
		for _, entry := range manifest.attestations {
			found, err := s.attested(ctx, ref, entry)
			if err != nil {
				return err
			}
			materials = append(materials, found...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return distinct(materials), nil
}

// attestationsOf are the entries of an index that are about one of its manifests.
func attestationsOf(d *document, manifest image.Digest) []v1.Descriptor {
	var found []v1.Descriptor
	for _, entry := range d.Manifests {
		if entry.Annotations[referenceType] == attestationType && entry.Annotations[referenceDigest] == string(manifest) && len(found) < maxAttestations {
			found = append(found, entry)
		}
	}
	return found
}

// attested returns the materials that one attestation names.
func (s *session) attested(ctx context.Context, ref image.Reference, entry v1.Descriptor) ([]Material, error) {
	digest, failure := digestIn(entry)
	if failure != nil {
		return nil, failure.while("read the provenance of " + ref.String())
	}
	raw, _, err := s.manifest(ctx, ref.WithDigest(digest))
	if err != nil {
		return nil, err
	}
	doing := "read attestation " + ref.WithDigest(digest).String()
	doc, failure := parseManifest(raw)
	if failure != nil {
		return nil, failure.while(doing)
	}
	var materials []Material
	for _, layer := range statements(doc) {
		digest, failure := digestIn(layer)
		if failure != nil {
			return nil, failure.while(doing)
		}
		statement, err := s.statement(ctx, digest, layer.Size)
		if err != nil {
			return nil, err
		}
		found, failure := parseStatement(statement)
		if failure != nil {
			return nil, failure.while(doing)
		}
		materials = append(materials, found...)
	}
	return materials, nil
}

// statements are the attestation's layers that hold provenance.
func statements(d *document) []v1.Descriptor {
	var found []v1.Descriptor
	for _, layer := range d.Layers {
		if string(layer.MediaType) == statementType && strings.HasPrefix(layer.Annotations[predicateType], slsaPrefix) && len(found) < maxAttestations {
			found = append(found, layer)
		}
	}
	return found
}

func (s *session) statement(ctx context.Context, digest image.Digest, size int64) ([]byte, error) {
	if size < 0 || size > maxStatement {
		return nil, failf(v1alpha1.ReasonLimitExceeded, "read blob %s of %s: %d bytes are more than %d", digest, s.repository(), size, maxStatement)
	}
	blob, err := s.blob(ctx, digest, size)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	return io.ReadAll(blob)
}

// resource is what a build used, in SLSA's terms.
type resource struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest"`
}

// parseStatement reads an in-toto statement with a SLSA provenance, v0.2 or v1,
// and keeps the images among what the build used.
func parseStatement(raw []byte) ([]Material, *Error) {
	var statement struct {
		PredicateType string `json:"predicateType"`
		Predicate     struct {
			Materials       []resource `json:"materials"`
			BuildDefinition struct {
				ResolvedDependencies []resource `json:"resolvedDependencies"`
			} `json:"buildDefinition"`
		} `json:"predicate"`
	}
	if err := json.Unmarshal(raw, &statement); err != nil {
		return nil, failf(v1alpha1.ReasonNotAnImage, "its statement is not one of in-toto")
	}
	if !strings.HasPrefix(statement.PredicateType, slsaPrefix) {
		return nil, nil
	}
	var materials []Material
	for _, used := range slices.Concat(statement.Predicate.Materials, statement.Predicate.BuildDefinition.ResolvedDependencies) {
		if material, ok := used.material(); ok && len(materials) < maxMaterials {
			materials = append(materials, material)
		}
	}
	return materials, nil
}

// material returns false for what is no image, or has no digest.
func (r resource) material() (Material, bool) {
	if len(r.URI) > 2*maxReference {
		return Material{}, false
	}
	purl, err := packageurl.FromString(r.URI)
	if err != nil || purl.Type != packageurl.TypeDocker {
		return Material{}, false
	}
	name := purl.Name
	if purl.Namespace != "" {
		name = purl.Namespace + "/" + name
	}
	tag := purl.Version
	qualifiers := purl.Qualifiers.Map()
	digest, err := image.ParseDigest("sha256:" + r.Digest["sha256"])
	if err != nil {
		digest, err = image.ParseDigest(qualifiers["digest"])
	}
	if err != nil {
		return Material{}, false
	}
	// A purl may have the digest for its version.
	if _, err := image.ParseDigest(tag); err == nil {
		tag = ""
	}
	full := name
	if tag != "" {
		full += ":" + tag
	}
	ref, err := image.ParseReference(full + "@" + string(digest))
	if err != nil || ref.Tag != tag || ref.Digest != digest {
		return Material{}, false
	}
	ref.Digest = ""
	return Material{Name: ref.String(), Digest: digest, Platform: platformWord(qualifiers["platform"])}, true
}

// platformWord keeps a platform that can be understood.
func platformWord(s string) string {
	p, err := image.ParsePlatform(s)
	if err != nil || !plainWord.MatchString(s) {
		return ""
	}
	return p.String()
}

// distinct keeps each material once, in the order in which they were found.
func distinct(all []Material) []Material {
	var kept []Material
	for _, material := range all {
		if !slices.Contains(kept, material) && len(kept) < maxMaterials {
			kept = append(kept, material)
		}
	}
	return kept
}
