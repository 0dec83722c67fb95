package perf

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// BenchmarkExtract reads one layer of packages and of other files, and compares
// that with what nobody can do without: to uncompress it and to walk its archive.
// How much of it the digests' verification is depends on how hard the files are to
// uncompress. Those of Go's own distribution are like an image's; of the others half
// is random and half is zeros, which cost next to nothing but to be verified.
func BenchmarkExtract(b *testing.B) {
	layer := blob(b, layerOf(b, realFiles(b, 192<<20)))
	for b.Loop() {
		compareExtraction(b, "a layer", layer, 1.5)
		record(b, "peak heap, layer of packages", peak(func() { extract(b, bytes.NewReader(layer)) }), 256, "MiB")
	}
}

func BenchmarkExtractZeros(b *testing.B) {
	layer := blob(b, layerOf(b, randomFiles()))
	for b.Loop() {
		compareExtraction(b, "a layer of noise and zeros", layer, 0)
	}
}

func compareExtraction(b *testing.B, what string, layer []byte, budget float64) {
	const rounds = 5
	walked, extracted := 0.0, 0.0
	for range rounds {
		walked += timed(b, func() { walk(b, bytes.NewReader(layer)) })
		extracted += timed(b, func() { extract(b, bytes.NewReader(layer)) })
	}
	record(b, "extraction of "+what+", digests verified, against its gunzip and walk", extracted/walked, budget, "times")
	record(b, "extraction of "+what, extracted/rounds, 0, "CPU s")
}

// BenchmarkExtractLarge reads a layer of 1 GiB, which is one file.
func BenchmarkExtractLarge(b *testing.B) {
	bomb, err := recipe.Bomb("opt/app/data.bin", 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	layer := blob(b, bomb)
	for b.Loop() {
		record(b, "peak heap, layer of 1 GiB in one file", peak(func() { extract(b, bytes.NewReader(layer)) }), 256, "MiB")
	}
}

func timed(b *testing.B, do func()) float64 {
	b.Helper()
	start := cpu(b)
	do()
	return cpu(b) - start
}

// layerOf returns a layer of 118 Debian packages, 600 npm modules and the files.
func layerOf(b *testing.B, more []recipe.File) v1.Layer {
	b.Helper()
	files := append(recipe.DebianRelease("12", "12.12"),
		recipe.Dpkg(append(recipe.Debs("debian-12", "base", "amd64"), recipe.Debs("debian-12", "app", "amd64")...)...)...)
	modules := make([]recipe.Module, 600)
	for i := range modules {
		modules[i] = recipe.Module{Name: fmt.Sprint("lib-", i), Version: "1.2.3"}
	}
	files = append(files, recipe.Node("app", modules...)...)
	layer, err := recipe.Layer(append(files, more...)...)
	if err != nil {
		b.Fatal(err)
	}
	return layer
}

// randomFiles are 64 MiB that hardly compress, but for the zeros in them.
func randomFiles() []recipe.File {
	random := rand.NewChaCha8([32]byte{1})
	files := make([]recipe.File, 4096)
	for i := range files {
		body := make([]byte, 16<<10)
		_, _ = random.Read(body[:len(body)/2])
		files[i] = recipe.File{Path: fmt.Sprintf("usr/share/data/%d/%d", i%64, i), Body: body}
	}
	return files
}

var errEnough = errors.New("enough")

// realFiles are programs and texts of Go's distribution, of about that many bytes.
func realFiles(b *testing.B, bytes int) []recipe.File {
	b.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	distribution := os.DirFS(strings.TrimSpace(string(root)))
	var files []recipe.File
	err = fs.WalkDir(distribution, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if bytes <= 0 {
			return errEnough
		}
		body, err := fs.ReadFile(distribution, name)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		files = append(files, recipe.File{Path: path.Join("usr/local/go", name), Body: body, Mode: int64(info.Mode().Perm())})
		bytes -= len(body)
		return err
	})
	if err != nil && !errors.Is(err, errEnough) {
		b.Fatal(err)
	}
	return files
}

func blob(b *testing.B, layer v1.Layer) []byte {
	b.Helper()
	stream, err := layer.Compressed()
	if err != nil {
		b.Fatal(err)
	}
	raw, err := io.ReadAll(stream)
	if err := errors.Join(err, stream.Close()); err != nil {
		b.Fatal(err)
	}
	return raw
}

func walk(b *testing.B, compressed io.Reader) {
	b.Helper()
	plain, err := gzip.NewReader(compressed)
	if err != nil {
		b.Fatal(err)
	}
	archive := tar.NewReader(plain)
	for err == nil {
		_, err = archive.Next()
	}
	if err != io.EOF {
		b.Fatal(err)
	}
}

// extract does what the operator does with a layer: it also verifies the digests of the blob and of its content.
func extract(b *testing.B, compressed io.Reader) {
	b.Helper()
	plain, err := gzip.NewReader(bufio.NewReaderSize(io.TeeReader(compressed, sha256.New()), 64<<10))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := sbom.Read(b.Context(), digest("layer", 0), io.TeeReader(plain, sha256.New()), sbom.Limits{}); err != nil {
		b.Fatal(err)
	}
}
