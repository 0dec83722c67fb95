package registry

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

const (
	// maxIndexDepth is how many indexes may lie between a reference and its image.
	maxIndexDepth = 3
	maxIndexItems = 1024
	maxLayers     = 512
)

// document is a manifest or an index, of OCI or Docker.
type document struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     types.MediaType   `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *v1.Descriptor    `json:"config"`
	Layers        []v1.Descriptor   `json:"layers"`
	Manifests     []v1.Descriptor   `json:"manifests"`
	FSLayers      []json.RawMessage `json:"fsLayers"`
	Annotations   map[string]string `json:"annotations"`
}

func (d *document) isIndex() bool { return d.Config == nil }

// artifactType names what a manifest (not an index) describes.
func (d *document) artifactType() string {
	if d.ArtifactType != "" {
		return d.ArtifactType
	}
	return string(d.Config.MediaType)
}

// plainWord is what of a manifest's words may be repeated to people.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+/-]{0,127}$`)

func quoted(word string) string {
	if !plainWord.MatchString(word) {
		return "(unprintable)"
	}
	return word
}

// parseManifest reads a manifest or an index. What it is follows from its
// content alone, which the digest covers, and not from the response's
// Content-Type; content that could be taken for both is refused.
func parseManifest(raw []byte) (*document, *Error) {
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, failf(v1alpha1.ReasonNotAnImage, "it is not a manifest")
	}
	switch {
	case d.SchemaVersion == 1 || d.FSLayers != nil || d.MediaType.IsSchema1():
		return nil, failf(v1alpha1.ReasonNotAnImage, "it is a Docker schema 1 manifest, which is not supported: push the image again with a current tool")
	case d.Config == nil && d.Manifests == nil:
		return nil, failf(v1alpha1.ReasonNotAnImage, "it is neither a manifest nor an index")
	case d.Config != nil && d.Manifests != nil,
		d.MediaType.IsImage() && d.isIndex(), d.MediaType.IsIndex() && !d.isIndex():
		return nil, failf(v1alpha1.ReasonNotAnImage, "it could be taken for a manifest and for an index")
	}
	return &d, d.checkLimits()
}

func (d *document) checkLimits() *Error {
	switch {
	case len(d.Manifests) > maxIndexItems:
		return failf(v1alpha1.ReasonLimitExceeded, "the index has %d manifests, more than %d", len(d.Manifests), maxIndexItems)
	case len(d.Layers) > maxLayers:
		return failf(v1alpha1.ReasonLimitExceeded, "the manifest has %d layers, more than %d", len(d.Layers), maxLayers)
	}
	return nil
}

// choose returns the entry for a node of the platform. Entries that name no
// platform come last, with sure false: only the image's configuration can tell.
func (d *document) choose(platform image.Platform) (entry v1.Descriptor, sure bool, err *Error) {
	for _, want := range preferred(platform) {
		for _, entry := range d.Manifests {
			if entry.Platform != nil && leadsToImage(entry) && platformOf(entry.Platform) == want {
				return entry, true, nil
			}
		}
	}
	for _, entry := range d.Manifests {
		if entry.Platform == nil && leadsToImage(entry) {
			return entry, false, nil
		}
	}
	return v1.Descriptor{}, false, failf(v1alpha1.ReasonPlatformNotFound, "there is no image for %s, only for: %s", platform, d.platforms())
}

// leadsToImage says whether an index's entry may be an image. Indexes that
// go-containerregistry writes repeat the configuration's type as the artifact's.
func leadsToImage(entry v1.Descriptor) bool {
	artifact := entry.ArtifactType != "" && !types.MediaType(entry.ArtifactType).IsConfig()
	return !artifact && (entry.MediaType.IsImage() || entry.MediaType.IsIndex())
}

// platforms lists the first of the index's platforms.
func (d *document) platforms() string {
	var names []string
	for _, entry := range d.Manifests {
		if entry.Platform == nil || len(names) == 20 {
			continue
		}
		name := image.Platform{OS: entry.Platform.OS, Architecture: entry.Platform.Architecture, Variant: entry.Platform.Variant}.String()
		if plainWord.MatchString(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// checkImage returns an *Error unless the manifest is that of an image whose layers are archives.
func (d *document) checkImage() *Error {
	if !d.Config.MediaType.IsConfig() {
		return failf(v1alpha1.ReasonNotAnImage, "it is not a container image but an artifact of type %s", quoted(d.artifactType()))
	}
	for _, layer := range d.Layers {
		if !layer.MediaType.IsLayer() && layer.MediaType != dockerZstdLayer {
			return failf(v1alpha1.ReasonNotAnImage, "it has a layer of type %s, which is not an archive of files", quoted(string(layer.MediaType)))
		}
	}
	return nil
}

// dockerZstdLayer is pushed by some builders, though no specification has it.
const dockerZstdLayer types.MediaType = "application/vnd.docker.image.rootfs.diff.tar.zstd"

// digestIn returns a descriptor's digest, which must be SHA-256.
func digestIn(d v1.Descriptor) (image.Digest, *Error) {
	digest, err := image.ParseDigest(d.Digest.String())
	if err != nil {
		return "", failf(v1alpha1.ReasonNotAnImage, "it names content by something else than a SHA-256 digest")
	}
	return digest, nil
}
