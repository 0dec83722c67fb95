package recipe

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Hostile returns images that no one should have to read: each must be refused
// or reported with a reason, none may exhaust the reader.
func Hostile() []Recipe {
	return []Recipe{
		hostile("zero-bomb", single(func() (v1.Layer, error) { return Bomb("srv/zero", 2<<30) })),
		hostile("record-bomb", single(func() (v1.Layer, error) { return Bomb("var/lib/dpkg/status", 2<<30) })),
		hostile("many-entries", single(func() (v1.Layer, error) { return Entries(200_000) })),
		hostile("link-loops", bake(AMD64, shell, debianBase(), linkLoops())),
		hostile("traversal", bake(AMD64, shell, debianBase(), traversal())),
		hostile("truncated", single(func() (v1.Layer, error) { return Truncated(debianBase()...) })),
		hostile("corrupt-dpkg", bake(AMD64, shell, append(DebianRelease("12", "12.12"), Text("var/lib/dpkg/status", garbage)))),
		hostile("corrupt-apk", bake(AMD64, shell, append(AlpineRelease("3.21.0", "v3.21"), Text("lib/apk/db/installed", garbage)))),
		hostile("unknown-os", bake(AMD64, shell, OSRelease("fedora", "41", "Fedora Linux 41"))),
		hostile("no-os", bake(AMD64, shell, Dpkg(Debs("debian-12", "base", "amd64")...))),
		hostile("many-findings", bake(AMD64, shell, append(DebianRelease("12", "12.12"), Dpkg(manyDebs()...)...))),
		{Name: "chart", Repository: "hostile/chart", Tag: "1.0.0", Build: func(context.Context) (Artifact, error) { return Chart() }},
	}
}

func hostile(name string, build func(context.Context) (Artifact, error)) Recipe {
	return Recipe{Name: name, Repository: "hostile/" + name, Tag: "1.0.0", Platforms: one(AMD64), Build: build}
}

func single(layer func() (v1.Layer, error)) func(context.Context) (Artifact, error) {
	return func(context.Context) (Artifact, error) {
		l, err := layer()
		if err != nil {
			return nil, err
		}
		return Image(AMD64, shell, l)
	}
}

const garbage = "Package openssl\n\x00\x01\x02 neither this\nnor that has a colon"

const (
	// zeros is the content of one gzip member of a bomb.
	zeros = 64 << 20
	// tarEnd is the length of the zero bytes that end an archive.
	tarEnd = 1024
)

// Bomb is a layer with one file of zero bytes; size is rounded up to 64 MiB. It
// compresses about a thousand to one, and is never held unpacked.
func Bomb(name string, size int64) (v1.Layer, error) {
	members := (size + zeros - 1) / zeros
	var head bytes.Buffer
	header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: members * zeros, ModTime: Created}
	if err := tar.NewWriter(&head).WriteHeader(header); err != nil {
		return nil, fmt.Errorf("pack %s: %w", name, err)
	}
	// Gzip members may be joined: the same one stands for every 64 MiB.
	content := sha256.New()
	content.Write(head.Bytes())
	first, err := member(&head)
	if err != nil {
		return nil, err
	}
	middle, err := member(io.LimitReader(zeroReader{}, zeros))
	if err != nil {
		return nil, err
	}
	last, err := member(io.LimitReader(zeroReader{}, tarEnd))
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(content, zeroReader{}, header.Size+tarEnd); err != nil {
		return nil, fmt.Errorf("sum bomb: %w", err)
	}
	compressed := append(append(first, bytes.Repeat(middle, int(members))...), last...)
	return newLayer(compressed, content.Sum(nil)), nil
}

func member(content io.Reader) ([]byte, error) {
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	if _, err := io.Copy(zipped, content); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := zipped.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return buffer.Bytes(), nil
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Entries is a layer with n files of one byte.
func Entries(n int) (v1.Layer, error) {
	return pack(func(w *tar.Writer) error {
		for i := range n {
			if err := Text(fmt.Sprintf("srv/%03d/%06d", i%1000, i), "x").write(w); err != nil {
				return err
			}
		}
		return nil
	})
}

// Truncated is a layer whose blob ends in the middle, with the digest of what
// is left of it and the diff ID of the whole.
func Truncated(files ...File) (v1.Layer, error) {
	whole, err := Layer(files...)
	if err != nil {
		return nil, err
	}
	l := whole.(*layer)
	half := l.compressed[:len(l.compressed)/2]
	sum := sha256.Sum256(half)
	return &layer{compressed: half, digest: hash(sum[:]), diffID: l.diffID}, nil
}

func linkLoops() []File {
	return []File{
		Symlink("srv/a", "b"),
		Symlink("srv/b", "a"),
		Symlink("srv/self", "self"),
		Symlink("srv/up", "../../../../srv/up/up"),
		Symlink("usr/lib/os-release", "../../etc/os-release"),
		Symlink("var/lib/dpkg/status", "status"),
		Hardlink("srv/hard", "srv/hard"),
		Hardlink("srv/dangling", "srv/absent"),
	}
}

func traversal() []File {
	return []File{
		Text("../../../../tmp/escaped", "outside\n"),
		Text("/etc/absolute", "absolute\n"),
		Symlink("srv/out", "/etc"),
		Text("srv/out/passwd", "root::0:0::/:/bin/sh\n"),
		Text("srv/../../var/lib/dpkg/status", "Package: escaped\nVersion: 1\n\n"),
	}
}

// manyDebs have two findings each, 5,000 in all, under both databases.
func manyDebs() []Deb {
	debs := make([]Deb, 2500)
	for i := range debs {
		debs[i] = Deb{
			Name: fmt.Sprintf("tar-part-%04d", i), Source: "tar", Version: "1.34+dfsg-1.2",
			Arch: "amd64", Section: "utils", Maintainer: "Janitor <janitor@example.com>", Description: "part of tar",
		}
	}
	return debs
}
