package vulndb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Source is one place of the database: exactly one member is set.
type Source struct {
	// Reference of an OCI artifact in trivy-db's format.
	Reference string
	// Directory that holds the database and metadata.json, or an OCI layout of the artifact.
	Directory string
}

func (s Source) String() string {
	if s.Directory != "" {
		return s.Directory
	}
	return s.Reference
}

// Registry is where artifacts are fetched from. Its errors are taken as "the
// source did not answer".
type Registry interface {
	// ResolveArtifact returns the digest of the manifest that the reference names now.
	ResolveArtifact(context.Context, image.Reference) (image.Digest, error)
	// FetchArtifact returns the artifact with the digest of the reference. Its
	// manifest has been verified; its layers need not be.
	FetchArtifact(context.Context, image.Reference) (Artifact, error)
}

// origin is an opened source.
type origin interface {
	// revision of the database that the source offers now.
	revision(context.Context) (image.Digest, error)
	// fetch writes the files of that revision to dir.
	fetch(ctx context.Context, revision image.Digest, dir string, limits Limits) error
}

// Fetch writes the two files of a database of that format to the directory dir,
// which is empty, and returns the source's revision. Where that is known already,
// it writes nothing. Files that it wrote before an error are to be removed; what is
// in the database is for the caller to verify. Errors are as those of Update.
func Fetch(ctx context.Context, s Source, format Format, registry Registry, known image.Digest, dir string, limits Limits) (image.Digest, error) {
	from, err := open(s, format, registry)
	if err != nil {
		return "", err
	}
	revision, err := from.revision(ctx)
	if err != nil || revision == known {
		return revision, err
	}
	return revision, from.fetch(ctx, revision, dir, limits)
}

func open(s Source, format Format, registry Registry) (origin, error) {
	if s.Directory == "" {
		reference, err := image.ParseReference(s.Reference)
		if err != nil {
			return nil, unavailable("read source", err)
		}
		return artifact{format: format, registry: registry, reference: reference}, nil
	}
	if IsLayout(s.Directory) {
		return artifact{format: format, registry: layout(s.Directory)}, nil
	}
	return directory{path: s.Directory, file: format.File}, nil
}

// artifact is a source in a registry or an OCI layout.
type artifact struct {
	format    Format
	registry  Registry
	reference image.Reference
}

func (a artifact) revision(ctx context.Context) (image.Digest, error) {
	digest, err := a.registry.ResolveArtifact(ctx, a.reference)
	if err != nil {
		return "", unavailable("resolve artifact", err)
	}
	return digest, nil
}

func (a artifact) fetch(ctx context.Context, revision image.Digest, dir string, limits Limits) error {
	fetched, err := a.registry.FetchArtifact(ctx, a.reference.WithDigest(revision))
	if err != nil {
		return unavailable("fetch artifact", err)
	}
	l, err := a.format.layer(fetched, limits)
	if err != nil {
		return err
	}
	blob, err := l.Open(ctx)
	if err != nil {
		return unavailable("fetch layer", err)
	}
	defer blob.Close()
	return a.format.unpack(dir, blob, l, limits)
}

// directory is a source that holds a database's two files. They are copied,
// because whoever put them there may replace them at any time.
type directory struct{ path, file string }

// revision is a digest of the two files.
func (d directory) revision(context.Context) (image.Digest, error) {
	return d.each(Limits{}, func(_ string, file io.Reader, _ int64) error {
		_, err := io.Copy(io.Discard, file)
		return err
	})
}

func (d directory) fetch(_ context.Context, revision image.Digest, dir string, limits Limits) error {
	copied, err := d.each(limits, func(name string, file io.Reader, limit int64) error {
		return writeFile(filepath.Join(dir, name), file, limit)
	})
	if err != nil {
		return err
	}
	if copied != revision {
		return unavailable("copy database", fmt.Errorf("%s changed meanwhile", d.path))
	}
	return nil
}

// each reads both files, and returns a digest of what was read.
func (d directory) each(limits Limits, read func(name string, file io.Reader, limit int64) error) (image.Digest, error) {
	sum := sha256.New()
	for _, part := range []struct {
		name  string
		limit int64
	}{{metadataFile, maxMetadataBytes}, {d.file, limits.Unpacked}} {
		content := sha256.New()
		if err := d.read(part.name, func(file io.Reader) error {
			return read(part.name, io.TeeReader(file, content), part.limit)
		}); err != nil {
			return "", err
		}
		_, _ = sum.Write(content.Sum(nil)) // Never fails.
	}
	return image.Digest("sha256:" + hex.EncodeToString(sum.Sum(nil))), nil
}

func (d directory) read(name string, read func(io.Reader) error) error {
	file, err := os.Open(filepath.Join(d.path, name))
	if err != nil {
		return unavailable("read database", err)
	}
	defer file.Close()
	return read(file)
}
