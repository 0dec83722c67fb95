package database

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Media types of Trivy's artifact.
const (
	ManifestType = "application/vnd.oci.image.manifest.v1+json"
	ConfigType   = "application/vnd.aquasec.trivy.config.v1+json"
	LayerType    = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
)

// Descriptor of a blob in an OCI layout.
type Descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Manifest of an artifact.
type Manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	ArtifactType  string       `json:"artifactType,omitempty"`
	Config        Descriptor   `json:"config"`
	Layers        []Descriptor `json:"layers"`
}

// Layout packs the database in dbDir as an OCI layout with one artifact, tagged
// 2, and returns the artifact's digest.
func Layout(dbDir, layoutDir string) (string, error) {
	layer, err := pack(dbDir, "trivy.db", "metadata.json")
	if err != nil {
		return "", fmt.Errorf("pack database %s: %w", dbDir, err)
	}
	described, err := WriteBlob(layoutDir, LayerType, layer)
	if err != nil {
		return "", err
	}
	described.Annotations = map[string]string{"org.opencontainers.image.title": "db.tar.gz"}
	return WriteArtifact(layoutDir, described)
}

// WriteArtifact makes an OCI layout of the layers, whatever they are, that
// WriteBlob has put there, and returns the artifact's digest.
func WriteArtifact(layoutDir string, layers ...Descriptor) (string, error) {
	config, err := WriteBlob(layoutDir, ConfigType, []byte("{}"))
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(Manifest{SchemaVersion: 2, MediaType: ManifestType, ArtifactType: ConfigType, Config: config, Layers: layers})
	if err != nil {
		return "", fmt.Errorf("write layout %s: %w", layoutDir, err)
	}
	manifest, err := WriteBlob(layoutDir, ManifestType, raw)
	if err != nil {
		return "", err
	}
	manifest.Annotations = map[string]string{"org.opencontainers.image.ref.name": "2"}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []Descriptor{manifest}})
	if err != nil {
		return "", fmt.Errorf("write layout %s: %w", layoutDir, err)
	}
	for name, content := range map[string][]byte{"index.json": index, "oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)} {
		if err := os.WriteFile(filepath.Join(layoutDir, name), content, 0o644); err != nil {
			return "", fmt.Errorf("write layout: %w", err)
		}
	}
	return manifest.Digest, nil
}

// WriteBlob puts a blob into an OCI layout.
func WriteBlob(layoutDir, mediaType string, content []byte) (Descriptor, error) {
	sum := sha256.Sum256(content)
	digits := hex.EncodeToString(sum[:])
	dir := filepath.Join(layoutDir, "blobs", "sha256")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Descriptor{}, fmt.Errorf("write blob: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, digits), content, 0o644); err != nil {
		return Descriptor{}, fmt.Errorf("write blob: %w", err)
	}
	return Descriptor{MediaType: mediaType, Digest: "sha256:" + digits, Size: len(content)}, nil
}

func pack(dbDir string, names ...string) ([]byte, error) {
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dbDir, name))
		if err != nil {
			return nil, err
		}
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := archive.Write(content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := zipped.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// Unpack writes the database of an OCI layout to dst, which it makes if need be.
func Unpack(layoutDir, dst string) error {
	if err := unpack(layoutDir, dst); err != nil {
		return fmt.Errorf("unpack layout %s: %w", layoutDir, err)
	}
	return nil
}

func unpack(layoutDir, dst string) error {
	var index struct{ Manifests []Descriptor }
	if err := readJSON(filepath.Join(layoutDir, "index.json"), &index); err != nil {
		return err
	}
	if len(index.Manifests) != 1 {
		return fmt.Errorf("%d manifests, want 1", len(index.Manifests))
	}
	var manifest Manifest
	if err := readJSON(blob(layoutDir, index.Manifests[0].Digest), &manifest); err != nil {
		return err
	}
	if len(manifest.Layers) != 1 {
		return fmt.Errorf("%d layers, want 1", len(manifest.Layers))
	}
	file, err := os.Open(blob(layoutDir, manifest.Layers[0].Digest))
	if err != nil {
		return err
	}
	defer file.Close()
	if err := os.MkdirAll(dst, 0o755); err != nil {
		return err
	}
	return extract(file, dst)
}

func extract(compressed io.Reader, dst string) error {
	zipped, err := gzip.NewReader(compressed)
	if err != nil {
		return err
	}
	archive := tar.NewReader(zipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dst, filepath.Base(header.Name)), content, 0o644); err != nil {
			return err
		}
	}
}

func readJSON(name string, into any) error {
	raw, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func blob(layoutDir, digest string) string {
	return filepath.Join(layoutDir, "blobs", "sha256", digest[len("sha256:"):])
}
