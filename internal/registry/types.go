package registry

import (
	"context"
	"io"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Error is a failure to get something from a registry.
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

// Keychain yields the credentials to try for a repository, best first. The
// client tries anonymous access last.
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
// mismatch is the error of the last Read, with reason DigestMismatch.
func (l Layer) Open(ctx context.Context) (io.ReadCloser, error) { return l.open(ctx) }
