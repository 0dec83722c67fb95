package registry

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

// tarFile is an entry of a tar; with a target it is a symbolic link.
type tarFile struct{ name, body, target string }

func writeTar(t testing.TB, files ...tarFile) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.body)), Typeflag: tar.TypeReg}
		if f.target != "" {
			header.Typeflag, header.Linkname = tar.TypeSymlink, f.target
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "archive.tar")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func configOf(diffID image.Digest, architecture string) string {
	return `{"os":"linux","architecture":"` + architecture + `","rootfs":{"type":"layers","diff_ids":["` + string(diffID) + `"]}}`
}

// readArchive reads the archive's only layer to its end.
func readArchive(t testing.TB, name string, platform image.Platform) (names []string, content []byte, err error) {
	t.Helper()
	a, err := OpenArchive(t.Context(), name)
	if err != nil {
		return nil, nil, err
	}
	defer a.Close()
	m, names, err := a.Image(t.Context(), platform)
	if err != nil {
		return nil, nil, err
	}
	layer, err := m.Layers[0].Open(t.Context())
	if err != nil {
		return nil, nil, err
	}
	defer layer.Close()
	content, err = io.ReadAll(layer)
	return names, content, err
}

func TestDockerArchives(t *testing.T) {
	plain := string(archive("content"))
	diffID := digestOf([]byte(plain))
	config := configOf(diffID, "amd64")
	configName := digestOf([]byte(config)).Hex() + ".json"
	manifest := func(layer string) tarFile {
		return tarFile{name: "manifest.json", body: `[{"Config":"` + configName + `","RepoTags":["shop/api:1"],"Layers":["` + layer + `"]}]`}
	}
	other := configOf(diffID, "arm64")
	otherName := digestOf([]byte(other)).Hex() + ".json"
	two := []tarFile{{name: configName, body: config}, {name: otherName, body: other}, {name: "l.tar", body: plain}, {name: "manifest.json",
		body: `[{"Config":"` + configName + `","RepoTags":["a:1"],"Layers":["l.tar"]},{"Config":"` + otherName + `","RepoTags":["b:1"],"Layers":["l.tar"]}]`}}
	for name, tc := range map[string]struct {
		files    []tarFile
		platform image.Platform
		reason   string
		message  string
	}{
		"plain layer":              {files: []tarFile{manifest("l/layer.tar"), {name: configName, body: config}, {name: "l/layer.tar", body: plain}}},
		"compressed layer":         {files: []tarFile{manifest("l.tar.gz"), {name: configName, body: config}, {name: "l.tar.gz", body: string(gzipped([]byte(plain)))}}},
		"linked layer":             {files: []tarFile{manifest("l/layer.tar"), {name: configName, body: config}, {name: "l/layer.tar", target: "../x/layer.tar"}, {name: "x/layer.tar", body: plain}}},
		"link in a circle":         {files: []tarFile{manifest("l"), {name: configName, body: config}, {name: "l", target: "l"}}, reason: v1alpha1.ReasonNotAnImage, message: "it lacks the layer"},
		"link out of it":           {files: []tarFile{manifest("l"), {name: configName, body: config}, {name: "l", target: "../../../../../etc/hostname"}}, reason: v1alpha1.ReasonNotAnImage, message: "it lacks the layer"},
		"another layer":            {files: []tarFile{manifest("l"), {name: configName, body: config}, {name: "l", body: string(archive("other"))}}, reason: v1alpha1.ReasonDigestMismatch, message: "the configuration says"},
		"another configuration":    {files: []tarFile{manifest("l"), {name: configName, body: config + " "}, {name: "l", body: plain}}, reason: v1alpha1.ReasonDigestMismatch, message: "has the digest"},
		"no configuration":         {files: []tarFile{manifest("l")}, reason: v1alpha1.ReasonNotAnImage, message: "it lacks the configuration"},
		"no layer":                 {files: []tarFile{manifest("l"), {name: configName, body: config}}, reason: v1alpha1.ReasonNotAnImage, message: "it lacks the layer"},
		"two images":               {files: two, reason: v1alpha1.ReasonNotAnImage, message: "it holds 2 images, and one is to be chosen: name its platform, if that tells it from the others: a:1 (linux/amd64), b:1 (linux/arm64)"},
		"two images, one chosen":   {files: two, platform: image.Platform{OS: "linux", Architecture: "arm64"}},
		"two images, none chosen":  {files: two, platform: image.Platform{OS: "linux", Architecture: "s390x"}, reason: v1alpha1.ReasonPlatformNotFound, message: "none of them for linux/s390x"},
		"a manifest of nothing":    {files: []tarFile{{name: "manifest.json", body: "[]"}}, reason: v1alpha1.ReasonPlatformNotFound, message: "it holds 0 images"},
		"a manifest of words":      {files: []tarFile{{name: "manifest.json", body: `"words"`}}, reason: v1alpha1.ReasonNotAnImage, message: "is not one of docker save"},
		"a large manifest":         {files: []tarFile{{name: "manifest.json", body: strings.Repeat(" ", maxManifest+1)}}, reason: v1alpha1.ReasonLimitExceeded, message: "has more than"},
		"an index that is none":    {files: []tarFile{{name: "index.json", body: `{"schemaVersion":2,"config":{},"layers":[]}`}}, reason: v1alpha1.ReasonNotAnImage, message: "is not an index"},
		"an index of nothing":      {files: []tarFile{{name: "index.json", body: `{"schemaVersion":2,"manifests":[]}`}}, reason: v1alpha1.ReasonNotAnImage, message: "its index names no image"},
		"an index of what is gone": {files: []tarFile{{name: "index.json", body: `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"digest":"` + string(diffID) + `"}]}`}}, reason: v1alpha1.ReasonImageNotFound, message: "it does not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			names, content, err := readArchive(t, writeTar(t, tc.files...), tc.platform)
			if tc.reason == "" {
				if err != nil || string(content) != plain || len(names) != 1 {
					t.Errorf("names %v, %d bytes, error %v", names, len(content), err)
				}
				return
			}
			var failure *Error
			if !errors.As(err, &failure) || failure.Reason != tc.reason || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("error %v, want reason %s and %q", err, tc.reason, tc.message)
			}
		})
	}
}

func TestArchiveThatIsCompressedIsBounded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	name := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(name, gzipped(archive("a")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenArchive(ctx, name); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("error %v", err)
	}
}

// A host that the user named may be anywhere; what it redirects to may not.
func TestNamedHostsMayBeAnywhereAndTheirRedirectsMayNot(t *testing.T) {
	r, elsewhere := startRegistry(t, testregistry.Options{}), startRegistry(t, testregistry.Options{})
	img := testImage{layers: []testLayer{layerOf(gzipped, "content")}}
	ref, _ := img.put(t, r, "shop/api", "1")
	client := newClient(func(o *Options) { o.AllowedAddresses, o.NamedHosts = nil, []string{r.Addr} })
	if _, err := client.Manifest(t.Context(), ref, amd64, nil); err != nil {
		t.Errorf("the registry that was named: %v", err)
	}
	r.Fail("/v2/shop/api/blobs/", testregistry.Fault{Redirect: "http://" + elsewhere.Addr + "/"})
	_, err := client.Manifest(t.Context(), ref, amd64, nil)
	if reasonOf(err) != v1alpha1.ReasonAddressNotAllowed {
		t.Errorf("a redirect to another host: %v", err)
	}
	metadata := newClient(func(o *Options) { o.NamedHosts = []string{"169.254.169.254"} })
	_, err = metadata.Manifest(t.Context(), image.Reference{Repository: "169.254.169.254/a", Tag: "b"}, amd64, nil)
	if reasonOf(err) != v1alpha1.ReasonAddressNotAllowed {
		t.Errorf("the metadata service: %v", err)
	}
}

// memoryFile is one without a disk, which would slow the fuzzing down a thousandfold.
type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

func FuzzArchive(f *testing.F) {
	plain := string(archive("content"))
	config := configOf(digestOf([]byte(plain)), "amd64")
	name := writeTar(f, tarFile{name: "manifest.json", body: `[{"Config":"c.json","Layers":["l"]}]`}, tarFile{name: "c.json", body: config}, tarFile{name: "l", body: plain})
	seed, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(archive("x"))
	f.Add([]byte("text"))
	f.Add(gzipped(seed))
	f.Fuzz(func(t *testing.T, raw []byte) {
		files, err := openTar(t.Context(), memoryFile{bytes.NewReader(raw)})
		if err != nil {
			if err := archiveError("a.tar", err); reasonOf(err) == "" {
				t.Fatalf("an error without a reason: %v", err)
			}
			return
		}
		a := &Archive{name: "a.tar", files: files}
		defer a.Close()
		if _, _, err := a.Image(t.Context(), image.Platform{}); err != nil && reasonOf(err) == "" {
			t.Errorf("an error without a reason: %v", err)
		}
	})
}
