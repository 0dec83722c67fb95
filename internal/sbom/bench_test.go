package sbom

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// benchLayer is like the layers of a Debian image with Node: many files of no
// interest, a thousand packages, a database, a Go program.
func benchLayer(b *testing.B) []byte {
	b.Helper()
	var items []item
	var status, sums strings.Builder
	content := strings.Repeat("some content of a file\n", 400)
	for i := range 500 {
		status.WriteString(deb(fmt.Sprintf("package-%d", i), "1.0-1", "Description: "+strings.Repeat("x", 500)))
	}
	for i := range 20_000 {
		name := fmt.Sprintf("usr/share/some/folder/%d/file-%d.txt", i%100, i)
		items = append(items, file(name, content))
		fmt.Fprintf(&sums, "d41d8cd98f00b204e9800998ecf8427e  %s\n", name)
	}
	for i := range 1000 {
		items = append(items, file(fmt.Sprintf("app/node_modules/p%d/package.json", i), npm(fmt.Sprintf("p%d", i), "1.0.0")))
	}
	items = append(items, file(dpkgStatus, status.String()), file("var/lib/dpkg/info/package-1.md5sums", sums.String()), program("bin/gopher", goBinary(b)))
	return makeTar(b, items...)
}

func BenchmarkRead(b *testing.B) {
	raw := benchLayer(b)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(b.Context(), diffID(0), bytes.NewReader(raw), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWalk is what no reader of a layer can do without.
func BenchmarkWalk(b *testing.B) {
	raw := benchLayer(b)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		walk := tar.NewReader(bytes.NewReader(raw))
		for {
			if _, err := walk.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, walk); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkSquash(b *testing.B) {
	var config Config
	var layers []*Layer
	for n := range 10 {
		items := []item{file(dpkgStatus, deb("a", fmt.Sprint(n)))}
		for i := range 2000 {
			name := fmt.Sprintf("app%d/node_modules/p%d", n, i)
			items = append(items, file(name+"/package.json", npm(fmt.Sprintf("p%d", i), "1.0.0")), file(name+"/index.js", ""))
		}
		layers = append(layers, readLayer(b, n, items...))
		config.DiffIDs = append(config.DiffIDs, diffID(n))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Squash(config, layers); err != nil {
			b.Fatal(err)
		}
	}
}
