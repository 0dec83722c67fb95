package registry

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// dockerImage is an entry of the manifest that docker save writes.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// dockerImage returns the image of such a manifest. It has no manifest of a
// registry, so that the configuration's digest stands for the manifest's, too.
func (a *Archive) dockerImage(raw []byte, platform image.Platform) (*Manifest, []string, error) {
	var entries []dockerImage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, nil, failf(v1alpha1.ReasonNotAnImage, "its %s is not one of docker save", dockerManifest)
	}
	if len(entries) > maxIndexItems {
		return nil, nil, failf(v1alpha1.ReasonLimitExceeded, "it holds more than %d images", maxIndexItems)
	}
	var images []*Manifest
	var list []string
	var names [][]string
	for _, entry := range entries {
		m, config, err := a.dockerManifest(entry)
		if err != nil {
			return nil, nil, err
		}
		if len(entries) > 1 && platform != (image.Platform{}) && platformOf(config.Platform()) != normal(platform) {
			continue
		}
		images, names = append(images, m), append(names, entry.RepoTags)
		list = append(list, describe(entry.RepoTags, config.Platform(), m.ConfigDigest.String()))
	}
	switch len(images) {
	case 0:
		return nil, nil, failf(v1alpha1.ReasonPlatformNotFound, "it holds %d images, none of them for %s", len(entries), platform)
	case 1:
		return images[0], names[0], nil
	}
	return nil, nil, several(list)
}

func (a *Archive) dockerManifest(entry dockerImage) (*Manifest, *v1.ConfigFile, error) {
	raw, err := a.read(entry.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, failf(v1alpha1.ReasonNotAnImage, "it lacks the configuration %.200q", entry.Config)
	}
	if err != nil {
		return nil, nil, err
	}
	digest := digestOf(raw)
	if named := digestInName(entry.Config); named != "" && named != digest {
		return nil, nil, failf(v1alpha1.ReasonDigestMismatch, "the configuration %.200q has the digest %s", entry.Config, digest)
	}
	var config v1.ConfigFile
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, nil, failf(v1alpha1.ReasonNotAnImage, "%.200q is not the configuration of an image", entry.Config)
	}
	if len(entry.Layers) > maxLayers {
		return nil, nil, failf(v1alpha1.ReasonLimitExceeded, "the image has %d layers, more than %d", len(entry.Layers), maxLayers)
	}
	diffIDs, failure := readConfig(raw, &foundImage{doc: &document{Layers: make([]v1.Descriptor, len(entry.Layers))}})
	if failure != nil {
		return nil, nil, failure
	}
	m := &Manifest{Digest: digest, ConfigDigest: digest, Config: raw}
	for i, name := range entry.Layers {
		size, err := a.size(name)
		if err != nil {
			return nil, nil, err
		}
		m.Layers = append(m.Layers, a.layer(name, "", diffIDs[i], size))
	}
	return m, &config, nil
}

func (a *Archive) size(name string) (int64, error) {
	file, size, err := a.files.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, failf(v1alpha1.ReasonNotAnImage, "it lacks the layer %.200q", name)
	}
	if err != nil {
		return 0, err
	}
	file.Close()
	return size, nil
}

// digestInName is the digest that a file is named after, or "": some tools
// name files otherwise.
func digestInName(name string) image.Digest {
	base := strings.TrimPrefix(strings.TrimSuffix(path.Base(name), ".json"), "sha256:")
	digest, err := image.ParseDigest("sha256:" + base)
	if err != nil {
		return ""
	}
	return digest
}

// clean makes a name in an archive a path without a way out of it.
func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// linkTarget is the path to which a symbolic link of an archive leads.
func linkTarget(name, target string) string {
	if path.IsAbs(target) {
		return clean(target)
	}
	return clean(path.Join(path.Dir(name), target))
}

// hasSparseParts says whether a tar's entry has fewer bytes than its file.
func hasSparseParts(records map[string]string) bool {
	return slices.ContainsFunc([]string{"GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.size", "GNU.sparse.realsize"}, func(key string) bool {
		_, ok := records[key]
		return ok
	})
}
