package registry

import (
	"context"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Error is a failure to get something from a registry. Its text names the
// action and the object, and holds neither a credential nor a registry's words.
type Error struct {
	// Reason is one of the API's reasons, such as ImageNotFound or TooManyRequests.
	Reason string
	// RetryAfter is how long the registry asks to wait. 0: it does not say.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Credential for a registry. The zero value is anonymous.
type Credential struct {
	Username string
	Password string
	// Token is an identity token (OAuth2 refresh token); RegistryToken a bearer token.
	Token         string
	RegistryToken string
}

// Keychain yields the credentials to try for a repository (in full form, as
// docker.io/library/nginx), best first. The client tries anonymous access last.
// Credentials returned together with an error are tried all the same; the
// error's text, which must hold no secret, is told where none of them serves.
//
// The clouds' keychains (ECR, GCR and Artifact Registry, ACR) are meant to be
// further implementations; there is none yet.
type Keychain interface {
	Credentials(ctx context.Context, repository string) ([]Credential, error)
}

// Manifest of one platform's image, verified against its digest, with its configuration.
type Manifest struct {
	// Digest of the platform's manifest, and of the configuration.
	Digest       image.Digest
	ConfigDigest image.Digest
	// Config is the raw configuration file (OCI image configuration), verified.
	Config []byte
	// Layers, lowest first.
	Layers []Layer
	// Index that led to the manifest, the first if there are several. Empty where none did.
	Index image.Digest
	// Annotations of the manifest and, for those that it lacks, of its entry in the
	// index: only AnnotationBaseName and AnnotationBaseDigest, and only where they
	// hold a reference and a digest. nil where there are none.
	Annotations map[string]string

	attestations []v1.Descriptor
}

// Layer of an image.
type Layer struct {
	Digest image.Digest
	DiffID image.Digest
	// Size of the compressed blob, in bytes.
	Size int64
	open func(context.Context) (io.ReadCloser, error)
}

// Open streams the layer's uncompressed tar. Both digests are verified: a
// mismatch is the error of the last Read, with reason DigestMismatch. So only
// who reads up to io.EOF, past the end of the archive, may trust what was read.
func (l Layer) Open(ctx context.Context) (io.ReadCloser, error) { return l.open(ctx) }

// Artifact is a manifest whose layers may be anything, such as a vulnerability database.
type Artifact struct {
	Digest image.Digest
	// Type is the manifest's artifactType or, where it has none, its configuration's media type.
	Type        string
	Annotations map[string]string
	Layers      []Blob
}

// Blob of an artifact.
type Blob struct {
	MediaType string
	Digest    image.Digest
	// Size in bytes.
	Size        int64
	Annotations map[string]string
	open        func(context.Context) (io.ReadCloser, error)
}

// Open streams the blob as it is stored. Size and digest are verified: a
// mismatch is the error of the last Read.
func (b Blob) Open(ctx context.Context) (io.ReadCloser, error) { return b.open(ctx) }
