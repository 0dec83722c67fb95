package sbom

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Red Hat's images describe their layers in files of these directories.
const (
	redHatManifests  = "root/buildinfo/content_manifests"
	redHatDockerfile = "root/buildinfo/Dockerfile-"
	redHatBuildInfo  = "usr/share/buildinfo"
	redHatLabels     = "labels.json"
)

// maxContentSets of one file, and maxContentSet their length in bytes.
const (
	maxContentSets = 1000
	maxContentSet  = 256
)

func isRedHatBuild(name string, _ fs.FileMode) bool {
	if rest, ok := strings.CutPrefix(name, redHatDockerfile); ok {
		return !strings.Contains(rest, "/")
	}
	dir := path.Dir(name)
	return (dir == redHatManifests || dir == redHatBuildInfo) && path.Ext(name) == ".json" ||
		name == path.Dir(redHatManifests)+"/"+redHatLabels
}

func readRedHatBuild(e *entry) (File, error) {
	text, err := e.text(e.limits.ManifestBytes)
	if err != nil {
		return File{}, err
	}
	raw, err := io.ReadAll(text)
	if err != nil {
		return File{}, fmt.Errorf("read the content: %w", err)
	}
	var build Build
	switch {
	case strings.HasPrefix(e.path, redHatDockerfile):
		build = dockerfileBuild(strings.TrimPrefix(e.path, redHatDockerfile), string(raw))
	case path.Base(e.path) == redHatLabels:
		build, err = labelsBuild(raw)
	default:
		build, err = manifestBuild(raw)
	}
	if err != nil {
		return File{}, err
	}
	if !legible(append(build.ContentSets, build.NVR, build.Arch)...) {
		return File{}, errIllegible
	}
	if build.empty() {
		return File{}, nil
	}
	return File{Build: &build}, nil
}

func manifestBuild(raw []byte) (Build, error) {
	var manifest struct {
		ContentSets []string `json:"content_sets"`
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return Build{}, err
	}
	long := func(set string) bool { return len(set) > maxContentSet }
	if len(manifest.ContentSets) > maxContentSets || slices.ContainsFunc(manifest.ContentSets, long) {
		return Build{}, &tooLarge{what: "content sets", limit: maxContentSets}
	}
	return Build{ContentSets: manifest.ContentSets}, nil
}

func labelsBuild(raw []byte) (Build, error) {
	// Any type, for a label that is of no interest may have one.
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return Build{}, err
	}
	label := func(name string) string { s, _ := all[name].(string); return s }
	version, release := label("version"), label("release")
	if version == "" || release == "" {
		return Build{}, nil
	}
	return newBuild(label("com.redhat.component"), version+"-"+release, label("architecture")), nil
}

// newBuild has a name only where there is a component.
func newBuild(component, versionRelease, arch string) Build {
	if component == "" || versionRelease == "" {
		return Build{}
	}
	return Build{NVR: component + "-" + versionRelease, Arch: arch}
}

var (
	dockerfileLabel = regexp.MustCompile(`(?i)^\s*LABEL\s+(.*)`)
	labelPair       = regexp.MustCompile(`"?([A-Za-z.]+)"?\s*[= ]\s*"?([^\s"$]+)"?`)
)

// dockerfileBuild reads two labels; the version is in the name of the file,
// such as ubi8-8.3-227.
func dockerfileBuild(name, text string) Build {
	labels := map[string]string{}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		label := dockerfileLabel.FindStringSubmatch(line)
		if label == nil {
			continue
		}
		for _, pair := range labelPair.FindAllStringSubmatch(label[1], -1) {
			labels[strings.ToLower(pair[1])] = pair[2]
		}
	}
	component := labels["com.redhat.component"]
	if component == "" {
		component = labels["bzcomponent"]
	}
	nv, release, ok := cutLast(name, "-")
	_, version, ok2 := cutLast(nv, "-")
	if !ok || !ok2 {
		return Build{}
	}
	return newBuild(component, version+"-"+release, labels["architecture"])
}

func (b Build) empty() bool { return len(b.ContentSets) == 0 && b.NVR == "" }

// build puts together what a layer's own files say.
func (l *Layer) build() Build {
	var build Build
	for _, file := range l.Files {
		if file.Build == nil {
			continue
		}
		build.ContentSets = append(build.ContentSets, file.Build.ContentSets...)
		// Of several, one that does not depend on the order of the files.
		if file.Build.NVR > build.NVR {
			build.NVR, build.Arch = file.Build.NVR, file.Build.Arch
		}
	}
	slices.Sort(build.ContentSets)
	build.ContentSets = slices.Compact(build.ContentSets)
	return build
}

// buildsOf says for each layer what it was built as. What was put on an image
// of Red Hat's came from the same repositories as the image; its lowest layer
// is described by the one above it.
func buildsOf(layers []*Layer) map[image.Digest]Build {
	builds := map[image.Digest]Build{}
	var below Build
	for i, layer := range layers {
		own := layer.build()
		if own.empty() && i == 0 && len(layers) > 1 {
			own = layers[1].build()
		}
		if own.empty() {
			own = below
		}
		if below = own; !own.empty() {
			builds[layer.DiffID] = own
		}
	}
	if len(builds) == 0 {
		return nil
	}
	return builds
}
