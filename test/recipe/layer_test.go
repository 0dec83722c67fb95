package recipe

import (
	"archive/tar"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// entries reads a layer back: the header and the content of each entry.
func entries(t *testing.T, l v1.Layer) ([]*tar.Header, map[string]string) {
	t.Helper()
	content, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	var headers []*tar.Header
	bodies := map[string]string{}
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, bodies
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, header)
		bodies[header.Name] = string(body)
	}
}

// mustLayer packs files that are known to be valid.
func mustLayer(t *testing.T, files ...File) v1.Layer {
	t.Helper()
	l, err := Layer(files...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLayerEntries(t *testing.T) {
	tests := map[string]struct {
		file File
		want tar.Header
		body string
	}{
		"text":              {Text("etc/a", "hello"), tar.Header{Name: "etc/a", Typeflag: tar.TypeReg, Mode: 0o644, Size: 5}, "hello"},
		"empty text":        {Text("etc/a", ""), tar.Header{Name: "etc/a", Typeflag: tar.TypeReg, Mode: 0o644}, ""},
		"program":           {Program("bin/a", []byte("x")), tar.Header{Name: "bin/a", Typeflag: tar.TypeReg, Mode: 0o755, Size: 1}, "x"},
		"directory":         {Dir("etc"), tar.Header{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755}, ""},
		"symbolic link":     {Symlink("a", "b"), tar.Header{Name: "a", Typeflag: tar.TypeSymlink, Mode: 0o777, Linkname: "b"}, ""},
		"hard link":         {Hardlink("a", "b"), tar.Header{Name: "a", Typeflag: tar.TypeLink, Mode: 0o644, Linkname: "b"}, ""},
		"whiteout":          {Whiteout("etc/a"), tar.Header{Name: "etc/.wh.a", Typeflag: tar.TypeReg, Mode: 0o644}, ""},
		"whiteout at root":  {Whiteout("a"), tar.Header{Name: ".wh.a", Typeflag: tar.TypeReg, Mode: 0o644}, ""},
		"opaque directory":  {Opaque("etc"), tar.Header{Name: "etc/.wh..wh..opq", Typeflag: tar.TypeReg, Mode: 0o644}, ""},
		"a path over 100":   {Text(strings.Repeat("long/", 60)+"a", ""), tar.Header{Name: strings.Repeat("long/", 60) + "a", Typeflag: tar.TypeReg, Mode: 0o644}, ""},
		"outside the image": {Text("../a", ""), tar.Header{Name: "../a", Typeflag: tar.TypeReg, Mode: 0o644}, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			headers, bodies := entries(t, mustLayer(t, tc.file))
			if len(headers) != 1 {
				t.Fatalf("%d entries, want 1", len(headers))
			}
			h := headers[0]
			got := tar.Header{Name: h.Name, Typeflag: h.Typeflag, Mode: h.Mode, Size: h.Size, Linkname: h.Linkname}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if !h.ModTime.Equal(Created) {
				t.Errorf("time is %s, want %s", h.ModTime, Created)
			}
			if bodies[h.Name] != tc.body {
				t.Errorf("body is %q, want %q", bodies[h.Name], tc.body)
			}
		})
	}
}

func TestLayerKeepsOrder(t *testing.T) {
	headers, _ := entries(t, mustLayer(t, Text("b", ""), Text("a", ""), Whiteout("b")))
	var names []string
	for _, h := range headers {
		names = append(names, h.Name)
	}
	if diff := cmp.Diff([]string{"b", "a", ".wh.b"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestLayerRefusesWhatTarCannotHold(t *testing.T) {
	if _, err := Layer(Text("a\x00b", "")); err == nil {
		t.Error("no error for a name with a zero byte")
	}
}

func TestLayerIsValid(t *testing.T) {
	if err := validate.Layer(mustLayer(t, Text("etc/a", "hello"), Dir("etc"))); err != nil {
		t.Error(err)
	}
	if err := validate.Layer(mustLayer(t)); err != nil {
		t.Errorf("empty layer: %v", err)
	}
}

func TestImage(t *testing.T) {
	config := v1.Config{User: "101", Entrypoint: []string{"/web"}}
	bottom, top := mustLayer(t, Text("a", "1")), mustLayer(t, Text("b", "2"))
	img, err := Image(ARM64, config, bottom, top)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if file.OS != "linux" || file.Architecture != "arm64" || !file.Created.Equal(Created) {
		t.Errorf("configuration is of %s/%s at %s", file.OS, file.Architecture, file.Created)
	}
	if diff := cmp.Diff(config, file.Config); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	lower, _ := bottom.DiffID()
	upper, _ := top.DiffID()
	if diff := cmp.Diff([]v1.Hash{lower, upper}, file.RootFS.DiffIDs); diff != "" {
		t.Errorf("diff IDs (-want +got):\n%s", diff)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != types.OCIConfigJSON || manifest.Layers[0].MediaType != types.OCILayer {
		t.Errorf("media types are %s, %s, %s", manifest.MediaType, manifest.Config.MediaType, manifest.Layers[0].MediaType)
	}
}

func TestIndex(t *testing.T) {
	var images []v1.Image
	for _, platform := range []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}} {
		p := AMD64
		p.Architecture = platform.Architecture
		img, err := Image(p, v1.Config{}, mustLayer(t, Text("arch", platform.Architecture)))
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
	}
	index, err := Index(images...)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
	if manifest.MediaType != types.OCIImageIndex {
		t.Errorf("media type is %s", manifest.MediaType)
	}
}
