package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Manifest is what can be pushed: a v1.Image or a v1.ImageIndex.
type Manifest interface {
	MediaType() (types.MediaType, error)
	Digest() (v1.Hash, error)
	RawManifest() ([]byte, error)
}

// Pusher uploads to one registry, past its faults, users and counters if it is one of this process.
type Pusher struct {
	addr string
	do   func(*http.Request) (*http.Response, error)
}

// To returns a pusher for the registry at addr (host:port), in whatever process it runs.
func To(addr string) *Pusher { return &Pusher{addr: addr, do: http.DefaultClient.Do} }

// Pusher returns a pusher for this registry.
func (r *Registry) Pusher() *Pusher {
	return &Pusher{addr: r.Addr, do: func(req *http.Request) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		r.store.ServeHTTP(recorder, req)
		return recorder.Result(), nil
	}}
}

// Push uploads an image or an index as ref, repository:tag without a host, and returns its full reference with its digest.
func (r *Registry) Push(ref string, m Manifest) (image.Reference, error) {
	return r.Pusher().Push(context.Background(), ref, m)
}

// Push uploads an image or an index as ref, repository:tag without a host, and returns its full reference with its digest.
func (p *Pusher) Push(ctx context.Context, ref string, m Manifest) (image.Reference, error) {
	repository, tag, _ := strings.Cut(ref, ":")
	if err := p.content(ctx, repository, m); err != nil {
		return image.Reference{}, fmt.Errorf("push %s: %w", ref, err)
	}
	raw, err := m.RawManifest()
	if err != nil {
		return image.Reference{}, fmt.Errorf("push %s: %w", ref, err)
	}
	mediaType, err := m.MediaType()
	if err != nil {
		return image.Reference{}, fmt.Errorf("push %s: %w", ref, err)
	}
	return p.PutManifest(ctx, repository, tag, string(mediaType), raw)
}

// PushLayout uploads the first manifest of an OCI layout directory as ref.
func (p *Pusher) PushLayout(ctx context.Context, ref, dir string) (image.Reference, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return image.Reference{}, fmt.Errorf("push layout %s: %w", dir, err)
	}
	contents, err := index.IndexManifest()
	if err != nil {
		return image.Reference{}, fmt.Errorf("push layout %s: %w", dir, err)
	}
	if len(contents.Manifests) == 0 {
		return image.Reference{}, fmt.Errorf("push layout %s: it has no manifest", dir)
	}
	m, err := child(index, contents.Manifests[0])
	if err != nil {
		return image.Reference{}, fmt.Errorf("push layout %s: %w", dir, err)
	}
	return p.Push(ctx, ref, m)
}

func child(index v1.ImageIndex, d v1.Descriptor) (Manifest, error) {
	if d.MediaType.IsIndex() {
		return index.ImageIndex(d.Digest)
	}
	return index.Image(d.Digest)
}

// content uploads what a manifest refers to.
func (p *Pusher) content(ctx context.Context, repository string, m Manifest) error {
	switch m := m.(type) {
	case v1.ImageIndex:
		return p.children(ctx, repository, m)
	case v1.Image:
		return p.blobs(ctx, repository, m)
	}
	return fmt.Errorf("%T is neither an image nor an index", m)
}

func (p *Pusher) children(ctx context.Context, repository string, index v1.ImageIndex) error {
	contents, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, descriptor := range contents.Manifests {
		m, err := child(index, descriptor)
		if err != nil {
			return err
		}
		if _, err := p.Push(ctx, repository+":"+descriptor.Digest.String(), m); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pusher) blobs(ctx context.Context, repository string, img v1.Image) error {
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	if _, err := p.PutBlob(ctx, repository, bytes.NewReader(config)); err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		compressed, err := layer.Compressed()
		if err != nil {
			return err
		}
		_, err = p.PutBlob(ctx, repository, compressed)
		compressed.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// PutBlob uploads a blob, which is held in memory for that, and returns its digest.
func (p *Pusher) PutBlob(ctx context.Context, repository string, content io.Reader) (image.Digest, error) {
	raw, err := io.ReadAll(content)
	if err != nil {
		return "", fmt.Errorf("put blob into %s: %w", repository, err)
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return "", fmt.Errorf("put blob into %s: %w", repository, err)
	}
	url := fmt.Sprintf("http://%s/v2/%s/blobs/uploads/?digest=%s", p.addr, repository, digest)
	if err := p.send(ctx, http.MethodPost, url, "application/octet-stream", raw); err != nil {
		return "", fmt.Errorf("put blob into %s: %w", repository, err)
	}
	return image.Digest(digest.String()), nil
}

// PutManifest uploads any bytes as a manifest with a tag (empty: with its digest alone).
func (p *Pusher) PutManifest(ctx context.Context, repository, tag, mediaType string, raw []byte) (image.Reference, error) {
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return image.Reference{}, fmt.Errorf("put manifest into %s: %w", repository, err)
	}
	identifier := tag
	if strings.HasPrefix(tag, "sha256:") {
		tag = ""
	}
	if identifier == "" {
		identifier = digest.String()
	}
	url := fmt.Sprintf("http://%s/v2/%s/manifests/%s", p.addr, repository, identifier)
	if err := p.send(ctx, http.MethodPut, url, mediaType, raw); err != nil {
		return image.Reference{}, fmt.Errorf("put manifest into %s: %w", repository, err)
	}
	return image.Reference{Repository: p.addr + "/" + repository, Tag: tag, Digest: image.Digest(digest.String())}, nil
}

func (p *Pusher) send(ctx context.Context, method, url, mediaType string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := p.do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s %s: %s", method, url, resp.Status)
	}
	return nil
}
