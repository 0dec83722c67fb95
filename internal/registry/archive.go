package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Archive is a file or a directory that holds images, in the place of a
// registry: an OCI layout, or what docker save writes.
type Archive struct {
	name  string
	files archiveFiles
}

// archiveFiles are an archive's files. None of their paths leads out of it.
type archiveFiles interface {
	// open returns the file and its size, or an error that wraps fs.ErrNotExist.
	open(name string) (io.ReadCloser, int64, error)
	Close() error
}

const (
	layoutIndex    = "index.json"
	dockerManifest = "manifest.json"
)

// Close ends the use of the archive, and of its images' layers.
func (a *Archive) Close() error { return a.files.Close() }

// Image returns the archive's image and the names that it has there. Of several
// images the one for the platform is taken; without a platform, an index is
// followed to this machine's, and of several images none is taken. The error
// is an *Error that lists them.
func (a *Archive) Image(ctx context.Context, platform image.Platform) (*Manifest, []string, error) {
	m, names, err := a.image(ctx, platform)
	if err != nil {
		return nil, nil, archiveError(a.name, err)
	}
	return m, names, nil
}

func (a *Archive) image(ctx context.Context, platform image.Platform) (*Manifest, []string, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	raw, err := a.read(layoutIndex)
	if err == nil {
		return a.layoutImage(raw, platform)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	raw, err = a.read(dockerManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, failf(v1alpha1.ReasonNotAnImage, "it holds no image: neither %s of an OCI layout nor %s of docker save", layoutIndex, dockerManifest)
	}
	if err != nil {
		return nil, nil, err
	}
	return a.dockerImage(raw, platform)
}

// archiveError says which archive it was, and gives what has no reason one.
func archiveError(name string, err error) error {
	doing := fmt.Sprintf("read archive %s", name)
	var failure *Error
	if errors.As(err, &failure) {
		return failure.while(doing)
	}
	return &Error{Reason: v1alpha1.ReasonNotAnImage, Err: fmt.Errorf("%s: %w", doing, err)}
}

// read returns a small file.
func (a *Archive) read(name string) ([]byte, error) {
	file, size, err := a.files.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if size > maxManifest {
		return nil, failf(v1alpha1.ReasonLimitExceeded, "%.200q has more than %d bytes", name, maxManifest)
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("read %.200q: %w", name, err)
	}
	return raw, nil
}

func blobPath(digest image.Digest) string { return "blobs/sha256/" + digest.Hex() }

// document returns a blob that a descriptor names, verified.
func (a *Archive) document(d v1.Descriptor) ([]byte, image.Digest, error) {
	digest, failure := digestIn(d)
	if failure != nil {
		return nil, "", failure
	}
	raw, err := a.read(blobPath(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", failf(v1alpha1.ReasonImageNotFound, "it does not hold %s, which it names", digest)
	}
	if err != nil {
		return nil, "", err
	}
	if got := digestOf(raw); got != digest || int64(len(raw)) != d.Size {
		return nil, "", failf(v1alpha1.ReasonDigestMismatch, "%s has %d bytes and the digest %s, want %d bytes", digest, len(raw), got, d.Size)
	}
	return raw, digest, nil
}

// layoutImage follows a layout's index to one image.
func (a *Archive) layoutImage(raw []byte, platform image.Platform) (*Manifest, []string, error) {
	doc, failure := parseManifest(raw)
	if failure != nil {
		return nil, nil, failure.while(layoutIndex)
	}
	if !doc.isIndex() {
		return nil, nil, failf(v1alpha1.ReasonNotAnImage, "its %s is not an index", layoutIndex)
	}
	entry, names, failure := only(doc.Manifests, platform)
	if failure != nil {
		return nil, nil, failure
	}
	found, err := a.descend(entry, platform)
	if err != nil {
		return nil, nil, err
	}
	m, err := a.load(found)
	return m, names, err
}

// only returns the one image of a layout, or the one for the platform.
func only(entries []v1.Descriptor, platform image.Platform) (v1.Descriptor, []string, *Error) {
	var images []v1.Descriptor
	names := map[v1.Hash][]string{}
	for _, entry := range entries {
		if !leadsToImage(entry) {
			continue
		}
		if _, seen := names[entry.Digest]; !seen {
			images = append(images, entry)
		}
		names[entry.Digest] = append(names[entry.Digest], namesOf(entry)...)
	}
	if len(images) > 1 && platform != (image.Platform{}) {
		matching := slices.DeleteFunc(slices.Clone(images), func(d v1.Descriptor) bool {
			return d.Platform == nil || platformOf(d.Platform) != normal(platform)
		})
		if len(matching) == 1 {
			images = matching
		}
	}
	switch len(images) {
	case 0:
		return v1.Descriptor{}, nil, failf(v1alpha1.ReasonNotAnImage, "its index names no image")
	case 1:
		return images[0], names[images[0].Digest], nil
	}
	var list []string
	for _, entry := range images {
		list = append(list, describe(names[entry.Digest], entry.Platform, entry.Digest.String()))
	}
	return v1.Descriptor{}, nil, several(list)
}

// plainReference is what of an archive's names may be repeated to people.
var plainReference = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+/:@-]{0,511}$`)

// several refuses to guess which image is meant.
func several(list []string) *Error {
	return failf(v1alpha1.ReasonNotAnImage, "it holds %d images, and one is to be chosen: name its platform, if that tells it from the others: %s",
		len(list), strings.Join(list[:min(len(list), 20)], ", "))
}

func describe(names []string, platform *v1.Platform, digest string) string {
	text := digest
	if len(names) > 0 {
		text = names[0]
	}
	if !plainReference.MatchString(text) {
		text = "(unprintable)"
	}
	if platform != nil {
		text += " (" + quoted(image.Platform{OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant}.String()) + ")"
	}
	return text
}

// namesOf an entry, the full one first: containerd gives it, and the other may be a tag alone.
func namesOf(d v1.Descriptor) []string {
	var names []string
	for _, key := range []string{"io.containerd.image.name", "org.opencontainers.image.ref.name"} {
		if name := d.Annotations[key]; name != "" {
			names = append(names, name)
		}
	}
	return names
}

// descend follows indexes from the entry to a manifest.
func (a *Archive) descend(entry v1.Descriptor, platform image.Platform) (*foundImage, error) {
	for range maxIndexDepth + 1 {
		raw, digest, err := a.document(entry)
		if err != nil {
			return nil, err
		}
		doc, failure := parseManifest(raw)
		if failure != nil {
			return nil, failure.while("manifest " + digest.String())
		}
		if !doc.isIndex() {
			return &foundImage{digest: digest, doc: doc}, nil
		}
		if entry, failure = a.choose(doc, platform); failure != nil {
			return nil, failure.while("index " + digest.String())
		}
	}
	return nil, failf(v1alpha1.ReasonLimitExceeded, "more than %d indexes lie between it and an image", maxIndexDepth)
}

// choose is the index's choice among the images that the archive does hold:
// tools save one of an index, too, together with the whole index.
func (a *Archive) choose(doc *document, platform image.Platform) (v1.Descriptor, *Error) {
	present := *doc
	present.Manifests = slices.DeleteFunc(slices.Clone(doc.Manifests), func(d v1.Descriptor) bool { return !leadsToImage(d) || !a.has(d) })
	if platform == (image.Platform{}) {
		if len(present.Manifests) == 1 {
			return present.Manifests[0], nil
		}
		platform = image.Platform{OS: "linux", Architecture: runtime.GOARCH}
	}
	entry, _, failure := present.choose(platform)
	return entry, failure
}

func (a *Archive) has(d v1.Descriptor) bool {
	digest, failure := digestIn(d)
	if failure != nil {
		return false
	}
	file, _, err := a.files.open(blobPath(digest))
	if err != nil {
		return false
	}
	file.Close()
	return true
}

func (a *Archive) load(found *foundImage) (*Manifest, error) {
	if failure := found.doc.checkImage(); failure != nil {
		return nil, failure
	}
	config, configDigest, err := a.document(*found.doc.Config)
	if err != nil {
		return nil, err
	}
	diffIDs, failure := readConfig(config, found)
	if failure != nil {
		return nil, failure
	}
	m := &Manifest{Digest: found.digest, ConfigDigest: configDigest, Config: config}
	for i, d := range found.doc.Layers {
		digest, failure := digestIn(d)
		if failure != nil {
			return nil, failure
		}
		m.Layers = append(m.Layers, a.layer(blobPath(digest), digest, diffIDs[i], d.Size))
	}
	return m, nil
}

// layer is a file of the archive. Without a digest of its own it is known by
// its uncompressed content alone.
func (a *Archive) layer(name string, digest, diffID image.Digest, size int64) Layer {
	doing := fmt.Sprintf("read %.200q of archive %s", name, a.name)
	return Layer{Digest: digest, DiffID: diffID, Size: size, open: func(context.Context) (io.ReadCloser, error) {
		file, _, err := a.files.open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, failf(v1alpha1.ReasonImageNotFound, "%s: the archive does not hold it", doing)
		}
		if err != nil {
			return nil, failf(v1alpha1.ReasonNotAnImage, "%s: %w", doing, err)
		}
		layer, err := newLayerReader(newVerifiedBlob(file, digest, size, doing), diffID)
		if err != nil {
			return nil, err
		}
		return layer, nil
	}}
}

// startsAs says whether the file begins with one of the marks of compression.
func startsAs(head []byte, marks ...[]byte) bool {
	return slices.ContainsFunc(marks, func(mark []byte) bool { return bytes.HasPrefix(head, mark) })
}
