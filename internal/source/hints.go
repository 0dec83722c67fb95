package source

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/plimsoll-dev/plimsoll/internal/edit"
)

// Hints say where in a repository to look.
type Hints struct {
	// Paths of files and directories to look in, all of them together. An empty one is the whole repository, of which the
	// others are looked through first.
	Paths []string
	// Kind of the files. Empty: any.
	Kind Kind
	// Files are the policy's patterns of paths that may be edited. Empty: all.
	Files []string
	// Mapped says that the policy maps the image to the repository, so that it is edited whoever else updates it.
	Mapped bool
}

// HintsOf locations in one repository, with the policy's patterns. An image that is built from a repository may be so from any of its
// files, while manifests that were deployed are where the deployment says.
func HintsOf(locations []Location, files []string) Hints {
	h := Hints{Files: files}
	for i, l := range locations {
		if i == 0 {
			h.Kind = l.Kind
		} else if h.Kind != l.Kind {
			h.Kind = ""
		}
		h.Mapped = h.Mapped || l.By == byPolicy
		h.Paths = append(h.Paths, l.Path)
		if l.Kind != Manifests {
			h.Paths = append(h.Paths, "")
		}
	}
	slices.Sort(h.Paths)
	h.Paths = slices.Compact(h.Paths)
	return h
}

// editable lists the files that may be edited and may name an image, the likeliest first.
func (h Hints) editable(files []File) ([]File, error) {
	for _, pattern := range h.Files {
		if !doublestar.ValidatePattern(pattern) {
			return nil, fmt.Errorf("pattern %.300q of files: %w", pattern, doublestar.ErrBadPattern)
		}
	}
	var found []File
	for _, f := range files {
		if edit.Reads(f.Path) && f.Size <= edit.MaxBytes && h.ofKind(f.Path) && h.permits(f.Path) && !foreign(f.Path) {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b File) int {
		return cmp.Or(cmp.Compare(rank(a.Path), rank(b.Path)), cmp.Compare(strings.Count(a.Path, "/"), strings.Count(b.Path, "/")),
			cmp.Compare(a.Path, b.Path))
	})
	return found, nil
}

func (h Hints) ofKind(name string) bool {
	return h.Kind == "" || (h.Kind == Dockerfile) == edit.IsDockerfile(name)
}

func (h Hints) permits(name string) bool {
	return len(h.Files) == 0 || slices.ContainsFunc(h.Files, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, name) })
}

// foreign files are copies of other projects'.
func foreign(name string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(folder string) bool { return folder == "node_modules" || folder == "vendor" })
}

func rank(name string) int {
	if edit.IsDockerfile(name) {
		return 0
	}
	return 1
}

// below says whether a file is the path or is in it.
func below(name, directory string) bool {
	return directory == "" || name == directory || strings.HasPrefix(name, directory+"/")
}
