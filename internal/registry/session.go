package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

const (
	maxRedirects = 5
	// maxManifest in bytes; the distribution specification asks registries to take this much.
	maxManifest = 4 << 20
)

// accepted are the media types of manifests, as sent to registries, which convert what is not among them.
var accepted = strings.Join([]string{
	string(types.OCIImageIndex), string(types.OCIManifestSchema1),
	string(types.DockerManifestList), string(types.DockerManifestSchema2),
	string(types.DockerManifestSchema1Signed),
}, ",")

// session reads one repository at one endpoint with one credential.
type session struct {
	endpoint
	client *http.Client
}

// connect authenticates. go-containerregistry sends a credential only to the
// endpoint's host and to the token realm that it names.
func (c *Client) connect(ctx context.Context, place endpoint, credential Credential) (*session, error) {
	doing := "connect to the registry of " + place.repository()
	var options []name.Option
	if c.insecure[place.host] {
		options = append(options, name.Insecure)
	}
	host, err := name.NewRegistry(place.host, options...)
	if err != nil {
		return nil, failf(v1alpha1.ReasonImageNotFound, "%s: %q is not a registry's host", doing, place.host)
	}
	place.host = host.RegistryStr()
	authenticated, err := transport.NewWithContext(ctx, host, authenticator(credential), c.transport,
		[]string{"repository:" + place.path + ":pull"})
	if err != nil {
		return nil, place.explain(doing, err)
	}
	return &session{endpoint: place, client: &http.Client{Transport: authenticated, CheckRedirect: fewRedirects}}, nil
}

func authenticator(c Credential) authn.Authenticator {
	if c == (Credential{}) {
		return authn.Anonymous
	}
	return authn.FromConfig(authn.AuthConfig{
		Username: c.Username, Password: c.Password, IdentityToken: c.Token, RegistryToken: c.RegistryToken,
	})
}

func fewRedirects(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errRedirects
	}
	return nil
}

// request asks for a manifest or blob; the answer is 200, else an error.
func (s *session) request(ctx context.Context, method, kind, identifier string) (*http.Response, error) {
	// The transport speaks plain HTTP instead where the handshake had to.
	url := fmt.Sprintf("https://%s/v2/%s/%s/%s", s.host, s.path, kind, identifier)
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	if kind == "manifests" {
		req.Header.Set("Accept", accepted)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// manifest returns the manifest or index that ref names and its digest, which
// is ref's where it has one.
func (s *session) manifest(ctx context.Context, ref image.Reference) ([]byte, image.Digest, error) {
	doing := "get manifest " + ref.String()
	resp, err := s.request(withBodyLimit(ctx, maxManifest), http.MethodGet, "manifests", identifier(ref))
	if err != nil {
		return nil, "", s.explain(doing, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, "", s.explain(doing, err)
	}
	digest := digestOf(raw)
	if ref.Digest != "" && digest != ref.Digest {
		return nil, "", failf(v1alpha1.ReasonDigestMismatch, "%s: what was sent has the digest %s", doing, digest)
	}
	return raw, digest, nil
}

// head returns the digest that the registry claims for ref, "" where it claims none.
func (s *session) head(ctx context.Context, ref image.Reference) (image.Digest, error) {
	resp, err := s.request(ctx, http.MethodHead, "manifests", identifier(ref))
	if err != nil {
		return "", s.explain("look up manifest "+ref.String(), err)
	}
	defer resp.Body.Close()
	digest, err := image.ParseDigest(resp.Header.Get("Docker-Content-Digest"))
	if err != nil {
		return "", nil
	}
	return digest, nil
}

// blob streams a blob of the given size, verified.
func (s *session) blob(ctx context.Context, digest image.Digest, size int64) (*verifiedBlob, error) {
	doing := "read blob " + string(digest) + " of " + s.repository()
	resp, err := s.request(withBodyLimit(ctx, size+1), http.MethodGet, "blobs", string(digest))
	if err != nil {
		return nil, s.explain(doing, err)
	}
	return newVerifiedBlob(resp.Body, digest, size, doing), nil
}

// document returns a small blob, such as a configuration.
func (s *session) document(ctx context.Context, digest image.Digest, size int64) ([]byte, error) {
	if size < 0 || size > maxDocument {
		return nil, failf(v1alpha1.ReasonLimitExceeded, "read blob %s of %s: %d bytes are more than %d", digest, s.repository(), size, maxDocument)
	}
	blob, err := s.blob(ctx, digest, size)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	return io.ReadAll(blob)
}

func identifier(ref image.Reference) string {
	if ref.Digest != "" {
		return string(ref.Digest)
	}
	return ref.Tag
}
