package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Store is a directory of extracted images and layers. It is safe for
// concurrent use.
type Store struct {
	dir   string
	disk  disk
	codec *codec

	// collecting is held by Collect.
	collecting sync.Mutex
	// changing is held by whatever puts an entry in its place or removes one,
	// for no longer than that takes, and guards touched.
	changing sync.Mutex
	// touched are the entries that were put or asked for since the last Collect.
	touched map[entryID]bool
}

type entryID struct{ kind, name string }

// Image returns what was extracted of a manifest, or an ErrNotFound.
func (s *Store) Image(manifest image.Digest) (*Image, error) {
	img, err := getDigest[Image](s, kindImage, manifest)
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", manifest, err)
	}
	return img, nil
}

// PutImage keeps an image under its manifest's digest. When it returns nil the
// image survives a power cut; so it is with the other puts.
func (s *Store) PutImage(img *Image) error {
	if err := s.putDigest(kindImage, img.ManifestDigest, img); err != nil {
		return fmt.Errorf("store image %s: %w", img.ManifestDigest, err)
	}
	return nil
}

// Layer returns what was extracted of a layer, or an ErrNotFound.
func (s *Store) Layer(diffID image.Digest) (*sbom.Layer, error) {
	layer, err := getDigest[sbom.Layer](s, kindLayer, diffID)
	if err != nil {
		return nil, fmt.Errorf("read layer %s: %w", diffID, err)
	}
	return layer, nil
}

// PutLayer keeps a layer under its diff ID.
func (s *Store) PutLayer(layer *sbom.Layer) error {
	if err := s.putDigest(kindLayer, layer.DiffID, layer); err != nil {
		return fmt.Errorf("store layer %s: %w", layer.DiffID, err)
	}
	return nil
}

// Resolution returns the manifest that a digest, of an index perhaps, leads to
// on a platform, or an ErrNotFound.
func (s *Store) Resolution(digest image.Digest, platform image.Platform) (image.Digest, error) {
	name := resolutionName(digest, platform)
	s.touch(kindResolution, name)
	r, err := get[resolution](s, kindResolution, name)
	if err != nil {
		return "", fmt.Errorf("read resolution of %s on %s: %w", digest, platform, err)
	}
	return r.Manifest, nil
}

// PutResolution keeps which manifest a digest leads to on a platform.
func (s *Store) PutResolution(digest image.Digest, platform image.Platform, manifest image.Digest) error {
	r := resolution{Digest: digest, Platform: platform, Manifest: manifest}
	if err := s.put(kindResolution, resolutionName(digest, platform), r); err != nil {
		return fmt.Errorf("store resolution of %s on %s: %w", digest, platform, err)
	}
	return nil
}

func resolutionName(digest image.Digest, platform image.Platform) string {
	sum := sha256.Sum256([]byte(digest.String() + " " + platform.String()))
	return hex.EncodeToString(sum[:])
}

// Images yields the manifests of all stored images, or an error and then no
// more. Images that are put or removed meanwhile may be among them or not.
func (s *Store) Images() iter.Seq2[image.Digest, error] {
	return func(yield func(image.Digest, error) bool) {
		for name, err := range s.names(kindImage) {
			if err != nil {
				yield("", fmt.Errorf("list images: %w", err))
				return
			}
			if !yield(digestOf(name), nil) {
				return
			}
		}
	}
}

// names yields the names of a kind's entries, or an error and then no more.
func (s *Store) names(kind string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for shard := range shards {
			entries, err := os.ReadDir(filepath.Join(s.dir, kind, fmt.Sprintf("%x", shard)))
			if err != nil {
				yield("", err)
				return
			}
			for _, e := range entries {
				// Whatever else lies there is not an entry.
				if _, err := image.ParseDigest(string(digestOf(e.Name()))); err != nil {
					continue
				}
				if !yield(e.Name(), nil) {
					return
				}
			}
		}
	}
}

func digestOf(name string) image.Digest { return image.Digest("sha256:" + name) }

// getDigest, like putDigest, refuses what is not a digest, because it becomes a path.
func getDigest[T any](s *Store, kind string, d image.Digest) (*T, error) {
	if _, err := image.ParseDigest(string(d)); err != nil {
		return nil, err
	}
	s.touch(kind, d.Hex())
	return get[T](s, kind, d.Hex())
}

func (s *Store) putDigest(kind string, d image.Digest, value any) error {
	if _, err := image.ParseDigest(string(d)); err != nil {
		return err
	}
	return s.put(kind, d.Hex(), value)
}

func get[T any](s *Store, kind, name string) (*T, error) {
	value, damage, err := read[T](s, kind, name)
	if err != nil || damage == nil {
		return value, err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	// A good entry may have taken its place meanwhile.
	if value, damage, err = read[T](s, kind, name); err != nil || damage == nil {
		return value, err
	}
	if err := s.disk.remove(s.path(kind, name)); err != nil {
		return nil, fmt.Errorf("remove the damaged entry (%w): %w", damage, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrCorrupt, damage)
}

// read returns the value or, in damage, why what is stored cannot be it.
func read[T any](s *Store, kind, name string) (value *T, damage, err error) {
	path := s.path(kind, name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > int64(s.codec.max)+compressionSlack {
		return nil, fmt.Errorf("%d bytes are more than the limit of %d", info.Size(), s.codec.max), nil
	}
	entry, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	value = new(T)
	if damage := s.codec.decode(kind, name, entry, value); damage != nil {
		return nil, damage, nil
	}
	return value, nil, nil
}

func (s *Store) put(kind, name string, value any) error {
	s.touch(kind, name)
	entry, err := s.codec.encode(kind, name, value)
	if err != nil {
		return err
	}
	return writeFile(s.disk, s.path(kind, name), entry, func(rename func() error) error {
		s.changing.Lock()
		defer s.changing.Unlock()
		return rename()
	})
}

func (s *Store) path(kind, name string) string {
	return filepath.Join(s.dir, kind, name[:1], name)
}

func (s *Store) touch(kind, name string) {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.touched[entryID{kind, name}] = true
}
