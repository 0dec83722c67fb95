package vulndb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

const (
	layoutFile = "oci-layout"
	indexFile  = "index.json"

	maxManifestBytes = 1 << 20
)

// layout is a directory in the OCI image layout's format with one artifact. It
// serves that whatever the reference's name is.
type layout string

var _ Registry = layout("")

func (l layout) ResolveArtifact(context.Context, image.Reference) (image.Digest, error) {
	raw, err := readBounded(filepath.Join(string(l), indexFile))
	if err != nil {
		return "", err
	}
	var index struct {
		Manifests []struct {
			Digest string `json:"digest"`
		} `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return "", fmt.Errorf("parse index of OCI layout %s: %w", l, err)
	}
	if len(index.Manifests) != 1 {
		return "", fmt.Errorf("OCI layout %s has %d manifests, want 1", l, len(index.Manifests))
	}
	return image.ParseDigest(index.Manifests[0].Digest)
}

func (l layout) FetchArtifact(_ context.Context, reference image.Reference) (Artifact, error) {
	raw, err := readBounded(l.blob(reference.Digest))
	if err != nil {
		return Artifact{}, err
	}
	sum := sha256.Sum256(raw)
	if got := hex.EncodeToString(sum[:]); got != reference.Digest.Hex() {
		return Artifact{}, invalidf("manifest has digest sha256:%s, want %s", got, reference.Digest)
	}
	var manifest struct {
		Layers []struct {
			MediaType string `json:"mediaType"`
			Digest    string `json:"digest"`
			Size      int64  `json:"size"`
		} `json:"layers"`
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return Artifact{}, invalidf("parse manifest: %w", err)
	}
	var a Artifact
	for _, described := range manifest.Layers {
		digest, err := image.ParseDigest(described.Digest)
		if err != nil {
			return Artifact{}, invalidf("parse manifest: %w", err)
		}
		a.Layers = append(a.Layers, Layer{
			MediaType: described.MediaType, Digest: digest, Size: described.Size,
			Open: func(context.Context) (io.ReadCloser, error) { return os.Open(l.blob(digest)) },
		})
	}
	return a, nil
}

func (l layout) blob(digest image.Digest) string {
	return filepath.Join(string(l), "blobs", "sha256", digest.Hex())
}

// readBounded reads a file of at most maxManifestBytes.
func readBounded(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxManifestBytes+1))
	if err == nil && len(raw) > maxManifestBytes {
		err = fmt.Errorf("read %s: more than %d bytes", name, maxManifestBytes)
	}
	return raw, err
}
