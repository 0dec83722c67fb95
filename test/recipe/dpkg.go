package recipe

import (
	"crypto/md5" // the sum that dpkg records, not a protection
	"fmt"
	"strings"
)

// Deb is the record of an installed Debian package.
type Deb struct {
	Name, Version string
	// Source and SourceVersion are empty where they are those of the package itself.
	Source, SourceVersion string
	Arch                  string
	// MultiArch is "same" for a library: dpkg then names its lists after the architecture too.
	MultiArch   string
	Section     string
	Maintainer  string
	Description string
	// Files that the package owns, besides its copyright file.
	Files []File
}

// Dpkg writes the records as dpkg does, together with the packages' files.
func Dpkg(debs ...Deb) []File { return DpkgOnto(nil, debs...) }

// DpkgOnto writes what installing debs changes in an image that has the packages
// below: only their own files, but the whole status file. A package of the same
// name is replaced.
func DpkgOnto(below []Deb, debs ...Deb) []File {
	installed := map[string]bool{}
	for _, d := range debs {
		installed[d.Name] = true
	}
	files := dpkgFiles(debs)
	var status strings.Builder
	for _, d := range below {
		if !installed[d.Name] {
			status.WriteString(d.stanza("Status: install ok installed\n") + "\n")
		}
	}
	for _, d := range debs {
		status.WriteString(d.stanza("Status: install ok installed\n") + "\n")
		name := "var/lib/dpkg/info/" + d.listName()
		files = append(files, Text(name+".list", d.list()), Text(name+".md5sums", d.sums()))
	}
	return append(files, Text("var/lib/dpkg/status", status.String()))
}

// Distroless writes the records as distroless images hold them: a file per
// package in status.d, without a status.
func Distroless(debs ...Deb) []File {
	files := dpkgFiles(debs)
	for _, d := range debs {
		name := "var/lib/dpkg/status.d/" + d.Name
		files = append(files, Text(name, d.stanza("")), Text(name+".md5sums", d.sums()))
	}
	return files
}

func dpkgFiles(debs []Deb) []File {
	var files []File
	for _, d := range debs {
		files = append(files, d.owned()...)
	}
	return files
}

func (d Deb) stanza(status string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "Package: %s\n%s", d.Name, status)
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&s, "%s: %s\n", name, value)
		}
	}
	field("Section", d.Section)
	field("Maintainer", d.Maintainer)
	field("Architecture", d.Arch)
	field("Multi-Arch", d.MultiArch)
	field("Source", d.source())
	field("Version", d.Version)
	field("Description", d.Description)
	return s.String()
}

func (d Deb) source() string {
	switch {
	case d.SourceVersion == "":
		return d.Source
	case d.Source == "":
		return fmt.Sprintf("%s (%s)", d.Name, d.SourceVersion)
	default:
		return fmt.Sprintf("%s (%s)", d.Source, d.SourceVersion)
	}
}

func (d Deb) owned() []File {
	copyright := Text("usr/share/doc/"+d.Name+"/copyright", "Copyright of "+d.Name+"\n")
	return append([]File{copyright}, d.Files...)
}

func (d Deb) listName() string {
	if d.MultiArch == "same" {
		return d.Name + ":" + d.Arch
	}
	return d.Name
}

func (d Deb) list() string {
	var s strings.Builder
	s.WriteString("/.\n")
	for _, f := range d.owned() {
		fmt.Fprintf(&s, "/%s\n", f.Path)
	}
	return s.String()
}

func (d Deb) sums() string {
	var s strings.Builder
	for _, f := range d.owned() {
		fmt.Fprintf(&s, "%x  %s\n", md5.Sum(f.Body), f.Path)
	}
	return s.String()
}
