package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/report/export"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/sbom/document"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
)

// subject reads what is to be judged.
func (e *environment) subject(ctx context.Context) (*subject, error) {
	read := e.pulled
	switch {
	case e.archive != "":
		read = e.archived
	case e.sbom != "":
		read = e.listed
	case e.rootfs != "":
		read = e.unpacked
	}
	s, err := read(ctx)
	if err != nil {
		return nil, err
	}
	if e.as != "" {
		if s.reference, err = image.ParseReference(e.as); err != nil {
			return nil, fmt.Errorf("read --as: %w", err)
		}
	}
	return s, nil
}

func (e *environment) pulled(ctx context.Context) (*subject, error) {
	ref, err := image.ParseReference(e.reference)
	if err != nil {
		return nil, err
	}
	platform := e.platform
	if platform == (image.Platform{}) {
		platform = image.Platform{OS: "linux", Architecture: runtime.GOARCH}
	}
	manifest, err := e.client.Manifest(ctx, ref, platform, registry.UserKeychain())
	if err != nil {
		return nil, err
	}
	s, err := e.extracted(ctx, manifest)
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", ref, err)
	}
	s.artifact.Name, s.artifact.Type, s.reference = ref.String(), "image", ref
	return s, nil
}

func (e *environment) archived(ctx context.Context) (*subject, error) {
	archive, err := registry.OpenArchive(ctx, e.archive)
	if err != nil {
		return nil, err
	}
	defer archive.Close() //nolint:errcheck // it was only read
	manifest, names, err := archive.Image(ctx, e.platform)
	if err != nil {
		return nil, err
	}
	s, err := e.extracted(ctx, manifest)
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", e.archive, err)
	}
	s.artifact.Name, s.artifact.Type = e.archive, "archive"
	for _, name := range names {
		// Some tools write a tag alone, which names no image.
		if ref, err := image.ParseReference(name); err == nil {
			s.reference = ref
			break
		}
	}
	return s, nil
}

func (e *environment) extracted(ctx context.Context, manifest *registry.Manifest) (*subject, error) {
	img, err := e.scanner.Image(ctx, manifest)
	if err != nil {
		return nil, err
	}
	s := &subject{content: &img.Content, artifact: export.Artifact{ConfigDigest: string(img.ConfigDigest), Platform: img.Content.Config.Platform.String()}}
	// An image of docker save has no manifest: its configuration's digest stands for it.
	if img.ManifestDigest != img.ConfigDigest {
		s.artifact.Digest = string(img.ManifestDigest)
	}
	return s, nil
}

func (e *environment) listed(context.Context) (*subject, error) {
	content, err := document.ReadFile(e.sbom)
	if err != nil {
		return nil, err
	}
	return &subject{content: content, artifact: export.Artifact{Name: e.sbom, Type: "sbom"}}, nil
}

func (e *environment) unpacked(ctx context.Context) (*subject, error) {
	dir, err := filepath.Abs(e.rootfs)
	if err != nil {
		return nil, fmt.Errorf("read --rootfs: %w", err)
	}
	content, err := scan.Directory(ctx, dir, sbom.Limits{Bytes: 1 << 40, Entries: 10_000_000})
	if err != nil {
		return nil, err
	}
	return &subject{content: content, artifact: export.Artifact{Name: e.rootfs, Type: "rootfs"}}, nil
}
