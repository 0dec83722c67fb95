package sbom

import (
	"path"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Layer is what one layer holds and what it does to the layers below it. It
// may be kept by DiffID, encoded as JSON; equal bytes make equal layers.
type Layer struct {
	DiffID image.Digest `json:"d"`
	// Files that say something of packages or of the operating system, by their
	// path without a leading slash.
	Files map[string]File `json:"f,omitempty"`
	// Gone are whiteouts and the paths of whatever is not a directory: they hide
	// in lower layers the path itself and all that is under it.
	Gone PathSet `json:"g,omitempty"`
	// Dirs are the paths of directories: they hide the path itself, should it be a file.
	Dirs PathSet `json:"k,omitempty"`
	// Opaque are directories that hide all that lower layers have under them.
	Opaque PathSet `json:"o,omitempty"`
}

// File is what one file of a layer says.
type File struct {
	// Packages without Layer, which Squash knows. Their Path is that within the
	// file, where it is an archive.
	Packages []Package `json:"p,omitempty"`
	// Owned are the paths of files that system packages installed.
	Owned PathSet `json:"o,omitempty"`
	// Build is this file's part of what Red Hat says of the layer.
	Build *Build `json:"b,omitempty"`
	// OS is this file's part of the answer.
	OS OS `json:"s,omitzero"`
	// Link is the path of which this file is a hard link, if its content is not
	// in this layer or came under another name.
	Link string `json:"h,omitempty"`
	// Symlink is the target of a symbolic link in the place of a package database
	// or of its directory.
	Symlink string `json:"y,omitempty"`
	// Program says that the file, or what it links to, is a program of interest.
	Program bool `json:"x,omitempty"`
	// Target is that of a program's symbolic link.
	Target string `json:"t,omitempty"`
	// Setuid says that a regular file has the setuid or setgid bit.
	Setuid bool `json:"u,omitempty"`
	// Reason and Message say why the file, or the rest of it, is unread.
	Reason  string `json:"r,omitempty"`
	Message string `json:"m,omitempty"`
}

func (f File) empty() bool {
	return len(f.Packages) == 0 && len(f.Owned) == 0 && f.Build == nil && f.OS == OS{} && f.Link == "" && f.Symlink == "" && f.Reason == "" &&
		!f.Program && !f.Setuid
}

func (j Jar) size() int { return len(j.SHA1) + len(j.Group) + len(j.Artifact) + len(j.Version) }

// size is about what f takes in memory, in bytes.
func (f File) size() int64 {
	n := 160 + len(f.Link) + len(f.Symlink) + len(f.Target) + len(f.Message) + 8*len(f.Owned)
	for _, p := range f.Packages {
		n += 160 + len(p.Name) + len(p.Version) + len(p.SourceName) + len(p.SourceVersion) + len(p.Arch) + len(p.Modularity) + len(p.Path) + p.Jar.size()
	}
	if f.Build != nil {
		for _, set := range f.Build.ContentSets {
			n += 16 + len(set)
		}
	}
	return int64(n)
}

// shadow answers which paths of lower layers a layer hides. It remembers the
// answer for directories, of which many files share one.
type shadow struct {
	layer *Layer
	under map[string]bool
}

func (s *shadow) hides(file string) bool {
	return s.layer.Gone.has(file) || s.layer.Dirs.has(file) || s.hidesUnder(parent(file))
}

func (s *shadow) hidesUnder(dir string) bool {
	if hidden, ok := s.under[dir]; ok {
		return hidden
	}
	hidden := s.layer.Opaque.has(dir) || s.layer.Gone.has(dir) || dir != "" && s.hidesUnder(parent(dir))
	s.under[dir] = hidden
	return hidden
}

// parent is the directory of a clean relative path; the root is "".
func parent(p string) string {
	dir := path.Dir(p)
	if dir == "." {
		return ""
	}
	return dir
}
