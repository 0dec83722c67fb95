package sbom

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// item is an entry of a layer's tar.
type item struct {
	tar.Header
	body string
}

func file(name, body string) item {
	return item{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, body}
}

func program(name, body string) item {
	return item{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755}, body}
}

func dir(name string) item {
	return item{tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}, ""}
}

func symlink(name, target string) item {
	return item{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, ""}
}

func hardlink(name, target string, mode int64) item {
	return item{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: mode}, ""}
}

func whiteout(name string) item { return file(name, "") }

func makeTar(t testing.TB, items ...item) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, i := range items {
		i.Size = int64(len(i.body))
		if err := w.WriteHeader(&i.Header); err != nil {
			t.Fatalf("write header of %s: %v", i.Name, err)
		}
		if _, err := io.WriteString(w, i.body); err != nil {
			t.Fatalf("write %s: %v", i.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func diffID(n int) image.Digest { return image.Digest(fmt.Sprintf("sha256:%064x", n)) }

// readLayer reads a layer and takes it through its encoding, as the store does.
func readLayer(t testing.TB, n int, items ...item) *Layer {
	t.Helper()
	layer, err := Read(t.Context(), diffID(n), bytes.NewReader(makeTar(t, items...)), Limits{})
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	raw, err := json.Marshal(layer)
	if err != nil {
		t.Fatalf("encode layer: %v", err)
	}
	stored := &Layer{}
	if err := json.Unmarshal(raw, stored); err != nil {
		t.Fatalf("decode layer: %v", err)
	}
	return stored
}

// squash reads layers, lowest first, and puts them together.
func squash(t testing.TB, layers ...[]item) *Image {
	t.Helper()
	var config Config
	var read []*Layer
	for n, items := range layers {
		read = append(read, readLayer(t, n, items...))
		config.DiffIDs = append(config.DiffIDs, diffID(n))
	}
	img, err := Squash(config, read)
	if err != nil {
		t.Fatalf("Squash: %v", err)
	}
	return img
}

// lines prints packages as "type name version layer [path]", in order.
func lines(packages []Package) []string {
	var list []string
	for _, p := range packages {
		n := strings.TrimLeft(p.Layer.Hex(), "0")
		if n == "" {
			n = "0"
		}
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", p.Type, p.Name, p.Version, n, p.Path)))
	}
	return list
}

// deb is a stanza of dpkg's status.
func deb(name, version string, more ...string) string {
	return "Package: " + name + "\nStatus: install ok installed\nVersion: " + version + "\n" + strings.Join(append(more, "\n"), "\n")
}

func npm(name, version string) string {
	return fmt.Sprintf(`{"name": %q, "version": %q}`, name, version)
}
