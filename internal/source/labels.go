package source

import "fmt"

// Labels of the OCI image specification.
const (
	LabelSource   = "org.opencontainers.image.source"
	LabelRevision = "org.opencontainers.image.revision"
)

// FromLabels reads which repository an image says that it was built from. A built image has its base's labels too, so
// that what the base says counts as the base's; base is nil where that is not known. No label is no error.
func FromLabels(labels, base map[string]string) (Location, bool, error) {
	address, revision := labels[LabelSource], labels[LabelRevision]
	if address == "" || address == base[LabelSource] {
		return Location{}, false, nil
	}
	if revision == base[LabelRevision] {
		revision = ""
	}
	raw, ref, directory := splitAddress(address)
	repository, err := NormaliseRepository(raw)
	if err != nil {
		return Location{}, false, fmt.Errorf("read label %s: %w", LabelSource, err)
	}
	directory, err = within(directory)
	if err != nil {
		return Location{}, false, fmt.Errorf("read label %s: %w", LabelSource, err)
	}
	l := Location{Repository: repository, Revision: revision, Path: directory, Kind: Dockerfile, By: "image labels"}
	if commitPattern.MatchString(ref) && l.Revision == "" {
		l.Revision = ref
	}
	// A tag was built once: what comes next is built from the default branch.
	if branch, err := branchOf(ref); err == nil {
		l.Branch = branch
	}
	return l, true, nil
}
