package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

func digest(n int) image.Digest { return image.Digest(fmt.Sprintf("sha256:%064x", n)) }

func imageOf(n int, name string, layers ...int) *Image {
	img := &Image{ManifestDigest: digest(n), ConfigDigest: digest(1000 + n)}
	img.Content.OS = sbom.OS{Family: "debian", Release: "12"}
	img.Content.Packages = []sbom.Package{{Type: sbom.TypeDpkg, Name: name, Version: "1:2.3-4", Arch: "amd64"}}
	for _, layer := range layers {
		img.Content.Config.DiffIDs = append(img.Content.Config.DiffIDs, digest(layer))
	}
	return img
}

func layerOf(n int, name string) *sbom.Layer {
	return &sbom.Layer{
		DiffID: digest(n),
		Files:  map[string]sbom.File{"var/lib/dpkg/status": {Packages: []sbom.Package{{Type: sbom.TypeDpkg, Name: name, Version: "1"}}}},
		Gone:   sbom.PathSet{1, 2, 1 << 60},
	}
}

func openTest(t *testing.T, dir string, options Options) *Store {
	t.Helper()
	s, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, s *Store) []image.Digest {
	t.Helper()
	var list []image.Digest
	for d, err := range s.Images() {
		must(t, err)
		list = append(list, d)
	}
	return list
}

func TestWhatIsPutIsFoundAlsoByTheNextProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := openTest(t, dir, Options{Extractor: "1"})
	must(t, s.PutImage(imageOf(1, "bash", 7, 8)))
	must(t, s.PutLayer(layerOf(7, "bash")))
	must(t, s.PutResolution(digest(5), linux, digest(1)))
	must(t, s.PutImage(imageOf(2, "curl")))
	for _, s := range []*Store{s, openTest(t, dir, Options{Extractor: "1"})} {
		img, err := s.Image(digest(1))
		must(t, err)
		if diff := cmp.Diff(imageOf(1, "bash", 7, 8), img); diff != "" {
			t.Errorf("image (-want +got):\n%s", diff)
		}
		layer, err := s.Layer(digest(7))
		must(t, err)
		if diff := cmp.Diff(layerOf(7, "bash"), layer); diff != "" {
			t.Errorf("layer (-want +got):\n%s", diff)
		}
		if d, err := s.Resolution(digest(5), linux); err != nil || d != digest(1) {
			t.Errorf("resolution: %s, %v", d, err)
		}
		if diff := cmp.Diff([]image.Digest{digest(1), digest(2)}, stored(t, s)); diff != "" {
			t.Errorf("images (-want +got):\n%s", diff)
		}
	}
}

func TestWhatWasNotPutIsNotFound(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	must(t, s.PutImage(imageOf(1, "bash")))
	must(t, s.PutResolution(digest(5), linux, digest(1)))
	_, imageErr := s.Image(digest(2))
	_, layerErr := s.Layer(digest(1))
	_, otherPlatform := s.Resolution(digest(5), image.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"})
	_, otherDigest := s.Resolution(digest(6), linux)
	for what, err := range map[string]error{"image": imageErr, "layer": layerErr, "platform": otherPlatform, "digest": otherDigest} {
		if !errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got error %v", what, err)
		}
	}
}

func TestWhatIsNotADigestIsRefused(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	for _, d := range []image.Digest{"", "sha256:", "sha256:../../etc/passwd", "sha256:" + image.Digest(strings.Repeat("/", 64)), "sha512:ab"} {
		_, getImage := s.Image(d)
		_, getLayer := s.Layer(d)
		putImage := s.PutImage(&Image{ManifestDigest: d})
		putLayer := s.PutLayer(&sbom.Layer{DiffID: d})
		for i, err := range []error{getImage, getLayer, putImage, putLayer} {
			if err == nil || errors.Is(err, ErrNotFound) {
				t.Errorf("%q, call %d: got error %v", d, i, err)
			}
		}
	}
}

// damage returns all that may happen to an entry: each byte changed, each
// truncation, one byte more.
func damage(entry []byte) map[string][]byte {
	damaged := map[string][]byte{"longer": append(slices.Clone(entry), 0)}
	for i := range entry {
		flipped := slices.Clone(entry)
		flipped[i] ^= 1 << (i % 8)
		damaged[fmt.Sprint("bit at ", i)] = flipped
		damaged[fmt.Sprint("first ", i)] = entry[:i]
	}
	return damaged
}

func TestDamagedEntryIsReportedRemovedAndReplaceable(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	put := func() { must(t, s.PutImage(imageOf(1, "bash"))) }
	put()
	path := s.path(kindImage, digest(1).Hex())
	entry, err := os.ReadFile(path)
	must(t, err)
	for name, bytes := range damage(entry) {
		must(t, os.WriteFile(path, bytes, 0o600))
		if img, err := s.Image(digest(1)); !errors.Is(err, ErrCorrupt) || !errors.Is(err, ErrNotFound) || img != nil {
			t.Fatalf("%s: got %+v, error %v", name, img, err)
		}
		if _, err := s.Image(digest(1)); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
			t.Fatalf("%s: once removed: got error %v", name, err)
		}
	}
	put()
	if _, err := s.Image(digest(1)); err != nil {
		t.Errorf("put again: %v", err)
	}
}

func TestEntryOfAnotherNameKindOrVersionIsDamaged(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{Extractor: "1"})
	other := openTest(t, t.TempDir(), Options{Extractor: "2"})
	must(t, s.PutImage(imageOf(2, "bash")))
	must(t, s.PutLayer(layerOf(1, "bash")))
	must(t, other.PutImage(imageOf(1, "bash")))
	for name, from := range map[string]string{
		"name":    s.path(kindImage, digest(2).Hex()),
		"kind":    s.path(kindLayer, digest(1).Hex()),
		"version": other.path(kindImage, digest(1).Hex()),
	} {
		entry, err := os.ReadFile(from)
		must(t, err)
		must(t, os.WriteFile(s.path(kindImage, digest(1).Hex()), entry, 0o600))
		if img, err := s.Image(digest(1)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("entry of another %s: got %+v, error %v", name, img, err)
		}
	}
}

func TestEntriesAreBounded(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{MaxEntryBytes: 4000})
	big := imageOf(1, strings.Repeat("a", 5000))
	if err := s.PutImage(big); err == nil || !strings.Contains(err.Error(), "limit of 4000") {
		t.Errorf("put of a large entry: got error %v", err)
	}
	path := s.path(kindImage, digest(1).Hex())
	bomb := slices.Concat([]byte(`{"`), make([]byte, 100<<20))
	body := s.codec.encoder.EncodeAll(bomb, nil)
	for name, entry := range map[string][]byte{
		"that grows":   append(s.codec.checksum(kindImage, digest(1).Hex(), body), body...),
		"that is long": make([]byte, 4000+compressionSlack+1),
	} {
		must(t, os.WriteFile(path, entry, 0o600))
		if _, err := s.Image(digest(1)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("entry %s: got error %v", name, err)
		}
	}
}

// What the disk refuses to tell is an error of its own: pulling again would not help.
func TestUnreadableEntryIsNotMissing(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	path := s.path(kindImage, digest(1).Hex())
	must(t, os.Mkdir(path, 0o700))
	if _, err := s.Image(digest(1)); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("got error %v", err)
	}
	must(t, os.RemoveAll(filepath.Dir(path)))
	for d, err := range s.Images() {
		if err == nil {
			t.Errorf("listed %s without the folder", d)
		}
	}
}

func TestOpen(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, dir string)
		kept    bool
		refused bool
	}{
		"same version":      {func(*testing.T, string) {}, true, false},
		"another extractor": {func(t *testing.T, dir string) { openTest(t, dir, Options{Extractor: "2"}) }, false, false},
		"another format": {func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, markerName), []byte("plimsoll store\nformat 99\nextractor 1\n"), 0o600))
		}, false, false},
		"damaged marker": {func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, markerName), nil, 0o600))
		}, false, false},
		"no marker": {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, markerName))) }, false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, openTest(t, dir, Options{Extractor: "1"}).PutImage(imageOf(1, "bash")))
			foreign := filepath.Join(dir, "someone-elses")
			must(t, os.WriteFile(foreign, []byte("precious"), 0o600))
			test.prepare(t, dir)
			s, err := Open(dir, Options{Extractor: "1"})
			if (err != nil) != test.refused {
				t.Fatalf("got error %v", err)
			}
			if err == nil {
				_, err = s.Image(digest(1))
				if (err == nil) != test.kept {
					t.Errorf("the image after it: error %v", err)
				}
			}
			if text, err := os.ReadFile(foreign); err != nil || string(text) != "precious" {
				t.Errorf("a foreign file became %q, %v", text, err)
			}
		})
	}
}

func TestOpenOfWhatIsNotAStore(t *testing.T) {
	tests := map[string]struct {
		name    string
		refused bool
	}{
		"a new volume":            {"lost+found", false},
		"a crash before the mark": {temporaryPrefix + "1", false},
		"someone's folder":        {"images", true},
		"someone's file":          {"notes.txt", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, test.name), []byte("precious"), 0o600))
			_, err := Open(dir, Options{})
			if (err != nil) != test.refused {
				t.Fatalf("got error %v", err)
			}
			if entries, _ := os.ReadDir(dir); test.refused && len(entries) != 1 {
				t.Errorf("the refused directory now has %v", entries)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := Open(file, Options{}); err == nil {
		t.Error("a file is opened as a store")
	}
}

func TestCollect(t *testing.T) {
	type entries struct {
		images, layers, resolutions []int
	}
	tests := map[string]struct {
		live    []int
		touch   []int
		want    entries
		removed int
	}{
		"all live":              {[]int{1, 2}, nil, entries{[]int{1, 2}, []int{11, 12, 13}, []int{21, 22}}, 1},
		"one live":              {[]int{1}, nil, entries{[]int{1}, []int{11, 12}, []int{21}}, 4},
		"none live":             {nil, nil, entries{}, 8},
		"live and not stored":   {[]int{2, 99}, nil, entries{[]int{2}, []int{12, 13}, []int{22}}, 4},
		"an extraction goes on": {[]int{2}, []int{11, 14}, entries{[]int{2}, []int{11, 12, 13, 14}, []int{22}}, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openTest(t, dir, Options{})
			must(t, s.PutImage(imageOf(1, "bash", 11, 12)))
			must(t, s.PutImage(imageOf(2, "curl", 12, 13)))
			for layer := 11; layer <= 14; layer++ {
				must(t, s.PutLayer(layerOf(layer, "bash")))
			}
			must(t, s.PutResolution(digest(21), linux, digest(1)))
			must(t, s.PutResolution(digest(22), linux, digest(2)))
			s = openTest(t, dir, Options{})
			for _, layer := range test.touch {
				_, err := s.Layer(digest(layer))
				must(t, err)
			}
			live := func(d image.Digest) bool {
				return slices.ContainsFunc(test.live, func(n int) bool { return digest(n) == d })
			}
			removed, err := s.Collect(live)
			must(t, err)
			var got entries
			for n := range 100 {
				if _, err := s.Image(digest(n)); err == nil {
					got.images = append(got.images, n)
				}
				if _, err := os.Stat(s.path(kindLayer, digest(n).Hex())); err == nil {
					got.layers = append(got.layers, n)
				}
				if _, err := s.Resolution(digest(n), linux); err == nil {
					got.resolutions = append(got.resolutions, n)
				}
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(entries{})); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
			if removed != test.removed {
				t.Errorf("removed %d, want %d", removed, test.removed)
			}
		})
	}
}

func TestLayerThatNobodyWantsGoesWithTheSecondCollect(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	must(t, s.PutLayer(layerOf(1, "bash")))
	for i, want := range []int{0, 1, 0} {
		removed, err := s.Collect(func(image.Digest) bool { return true })
		if err != nil || removed != want {
			t.Errorf("collect %d removed %d, %v; want %d", i+1, removed, err, want)
		}
	}
}

// An operator may store an image before it says that it is live.
func TestWhatNobodyWantsYetGoesWithTheSecondCollect(t *testing.T) {
	put := func(t *testing.T, s *Store) {
		must(t, s.PutLayer(layerOf(7, "bash")))
		must(t, s.PutResolution(digest(5), linux, digest(1)))
		must(t, s.PutImage(imageOf(1, "bash", 7)))
	}
	tests := map[string]struct {
		touch func(*testing.T, *Store)
		want  []int
	}{
		"put":                  {put, []int{0, 3, 0}},
		"put twice":            {func(t *testing.T, s *Store) { put(t, s); put(t, s) }, []int{0, 3, 0}},
		"nothing":              {func(*testing.T, *Store) {}, []int{3, 0}},
		"image asked for":      {func(t *testing.T, s *Store) { must(t, errorOf(s.Image(digest(1)))) }, []int{0, 3, 0}},
		"layer asked for":      {func(t *testing.T, s *Store) { must(t, errorOf(s.Layer(digest(7)))) }, []int{2, 1, 0}},
		"resolution asked for": {func(t *testing.T, s *Store) { must(t, errorOf(s.Resolution(digest(5), linux))) }, []int{2, 1, 0}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, openTest(t, dir, Options{}))
			s := openTest(t, dir, Options{})
			test.touch(t, s)
			for i, want := range test.want {
				removed, err := s.Collect(func(image.Digest) bool { return false })
				if err != nil || removed != want {
					t.Errorf("collect %d removed %d, %v; want %d", i+1, removed, err, want)
				}
			}
		})
	}
}

func errorOf[T any](_ T, err error) error { return err }

func TestImageThatIsPutDuringCollectStays(t *testing.T) {
	dir := t.TempDir()
	must(t, openTest(t, dir, Options{}).PutImage(imageOf(1, "bash")))
	s := openTest(t, dir, Options{})
	removed, err := s.Collect(func(image.Digest) bool {
		must(t, s.PutImage(imageOf(1, "bash")))
		return false
	})
	if diff := cmp.Diff([]image.Digest{digest(1)}, stored(t, s)); err != nil || removed != 0 || diff != "" {
		t.Errorf("collect removed %d, %v; left (-want +got):\n%s", removed, err, diff)
	}
}

// A report repeats the error's text, and is written again where that changes.
func TestTheSameFailureHasTheSameText(t *testing.T) {
	for name, obstruct := range map[string]func(*testing.T, string){
		"the folder is gone": func(t *testing.T, path string) { must(t, os.RemoveAll(filepath.Dir(path))) },
		"something is in the way": func(t *testing.T, path string) {
			must(t, os.MkdirAll(filepath.Join(path, "x"), 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, t.TempDir(), Options{})
			obstruct(t, s.path(kindImage, digest(1).Hex()))
			first, second := s.PutImage(imageOf(1, "bash")), s.PutImage(imageOf(1, "bash"))
			if first == nil || second == nil || first.Error() != second.Error() || strings.Contains(first.Error(), temporaryPrefix) {
				t.Errorf("first %v, then %v", first, second)
			}
		})
	}
}

func TestErrorsAreAboutThePath(t *testing.T) {
	for name, err := range map[string]error{
		"of one path":  &fs.PathError{Op: "write", Path: "/s/.tmp-1", Err: syscall.ENOSPC},
		"of two paths": &os.LinkError{Op: "write", Old: "/s/.tmp-1", New: "/s/a", Err: syscall.ENOSPC},
	} {
		got := about("/s/a", err)
		if want := "write /s/a: no space left on device"; got.Error() != want || !errors.Is(got, syscall.ENOSPC) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if err := about("/s/a", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestLayerThatIsAskedForDuringCollectStays(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	must(t, s.PutLayer(layerOf(1, "bash")))
	must(t, s.PutImage(imageOf(2, "bash")))
	s = openTest(t, dir, Options{})
	removed, err := s.Collect(func(image.Digest) bool {
		_, err := s.Layer(digest(1))
		must(t, err)
		return true
	})
	if _, missing := s.Layer(digest(1)); err != nil || removed != 0 || missing != nil {
		t.Errorf("collect removed %d, %v; the layer: %v", removed, err, missing)
	}
}

func TestCollectOfDamagedEntries(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	must(t, s.PutImage(imageOf(1, "bash")))
	must(t, s.PutResolution(digest(2), linux, digest(1)))
	for _, path := range []string{s.path(kindImage, digest(1).Hex()), s.path(kindResolution, resolutionName(digest(2), linux))} {
		must(t, os.WriteFile(path, []byte("damaged"), 0o600))
	}
	removed, err := s.Collect(func(image.Digest) bool { return true })
	if err != nil || removed != 2 {
		t.Errorf("removed %d, %v", removed, err)
	}
	must(t, os.RemoveAll(filepath.Join(s.dir, kindLayer, "0")))
	if _, err := s.Collect(func(image.Digest) bool { return true }); err == nil {
		t.Error("a folder is missing and there is no error")
	}
}

func TestConcurrentUse(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	path := s.path(kindImage, digest(0).Hex())
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 40 {
				n := i % 3
				name := fmt.Sprint("by-", worker)
				for _, err := range []error{s.PutImage(imageOf(n, name)), s.PutLayer(layerOf(n, name))} {
					if err != nil {
						t.Error(err)
					}
				}
				img, err := s.Image(digest(n))
				if err != nil && !errors.Is(err, ErrNotFound) || err == nil && !strings.HasPrefix(img.Content.Packages[0].Name, "by-") {
					t.Errorf("image: %+v, %v", img, err)
				}
				if _, err := s.Layer(digest(n)); err != nil && !errors.Is(err, ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() {
		for range 20 {
			if _, err := s.Collect(func(d image.Digest) bool { return d != digest(1) }); err != nil {
				t.Error(err)
			}
			if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
}
