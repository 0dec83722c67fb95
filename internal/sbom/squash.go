package sbom

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// maxImagePackages bounds the packages of an image.
const maxImagePackages = 200_000

// Squash puts an image's layers together, lowest first. It changes no Layer.
// Its *Error has reason NotAnImage where the layers are not those of config,
// and LimitExceeded where the image has more than 200,000 packages.
func Squash(config Config, layers []*Layer) (*Image, error) {
	if err := checkLayers(config, layers); err != nil {
		return nil, err
	}
	visible := view{}
	for _, layer := range layers {
		visible.put(layer)
	}
	img := &Image{
		OS: detectOS(visible), Config: config, Builds: buildsOf(layers), Unread: visible.unread(),
		Programs: visible.programs(), Setuid: visible.setuid(),
	}
	owned := visible.owned()
	for name, file := range visible {
		for _, p := range file.Packages {
			if !p.Type.OfSystem() {
				if owned.has(name) {
					continue
				}
				p.Path = path.Join(name, p.Path)
			}
			img.Packages = append(img.Packages, p)
		}
		if len(img.Packages) > maxImagePackages {
			return nil, &Error{
				Reason: v1alpha1.ReasonLimitExceeded,
				Err:    fmt.Errorf("image has more than %d packages", maxImagePackages),
			}
		}
	}
	slices.SortFunc(img.Packages, comparePackages)
	img.Packages = slices.Compact(img.Packages)
	return img, nil
}

func checkLayers(config Config, layers []*Layer) error {
	if len(config.DiffIDs) != len(layers) {
		return &Error{
			Reason: v1alpha1.ReasonNotAnImage,
			Err:    fmt.Errorf("image has %d layers, and its configuration %d", len(layers), len(config.DiffIDs)),
		}
	}
	for i, layer := range layers {
		if layer.DiffID != config.DiffIDs[i] {
			return &Error{
				Reason: v1alpha1.ReasonNotAnImage,
				Err:    fmt.Errorf("layer %d of the image is %s, and its configuration has %s", i, layer.DiffID, config.DiffIDs[i]),
			}
		}
	}
	return nil
}

func comparePackages(a, b Package) int {
	return cmp.Or(
		cmp.Compare(a.Type, b.Type),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Arch, b.Arch),
		cmp.Compare(a.SourceName, b.SourceName),
		cmp.Compare(a.SourceVersion, b.SourceVersion),
		cmp.Compare(a.Layer, b.Layer),
	)
}

// view holds the files that are visible above some number of layers. Its
// packages have their Layer.
type view map[string]*shown

// shown is a visible file.
type shown struct {
	File
	// brought is the layer that brought it, if it is a program of interest.
	brought image.Digest
}

// put puts one more layer above.
func (v view) put(layer *Layer) {
	files := make(view, len(layer.Files))
	for name, file := range layer.Files {
		if file.Link != "" {
			file = v.follow(name, file.Link, layer).withFacts(file)
		}
		files[name] = file.in(layer.DiffID, v[name])
	}
	hiding := shadow{layer: layer, under: map[string]bool{}}
	maps.DeleteFunc(v, func(name string, _ *shown) bool { return hiding.hides(name) })
	maps.Copy(v, files)
}

// follow returns what the target of a hard link says, which is in a lower layer
// unless the link's own has it.
func (v view) follow(name, target string, layer *Layer) File {
	if file, ok := v[target]; ok && !layer.Gone.has(target) {
		return file.File
	}
	if wantedByName := extractorOf(name, 0) != nil; !wantedByName {
		return File{}
	}
	return File{
		Reason:  v1alpha1.ReasonCorruptPackageDatabase,
		Message: fmt.Sprintf("hard link to %.200q, whose content was not read", target),
	}
}

// in returns the file with each package's layer: that of the same package in
// the older content of the path, if it had it, or else diffID. So the packages
// of a database that one more package was added to stay where they were, and so
// does a program that was written anew.
func (f File) in(diffID image.Digest, older *shown) *shown {
	now := &shown{File: f, brought: diffID}
	brought := map[Package]image.Digest{}
	if older != nil {
		if older.Program {
			now.brought = older.brought
		}
		for _, p := range older.Packages {
			brought[p.identity()] = p.Layer
		}
	}
	now.Packages = slices.Clone(f.Packages)
	for i, p := range now.Packages {
		now.Packages[i].Layer = cmp.Or(brought[p.identity()], diffID)
	}
	return now
}

// identity is what makes a package the same in two layers.
func (p Package) identity() Package {
	return Package{
		Type: p.Type, Name: p.Name, Version: p.Version, Arch: p.Arch,
		SourceName: p.SourceName, SourceVersion: p.SourceVersion, Modularity: p.Modularity,
	}
}

// at is the file, or an empty one.
func (v view) at(name string) File {
	if file, ok := v[name]; ok {
		return file.File
	}
	return File{}
}

func (v view) unread() []Unread {
	var list []Unread
	for _, name := range slices.Sorted(maps.Keys(v)) {
		file := v[name]
		unread := Unread{Path: name, Reason: file.Reason, Message: file.Message, Database: isDatabase(name)}
		if file.Symlink != "" && !v.reaches(name) {
			unread.Reason = v1alpha1.ReasonCorruptPackageDatabase
			unread.Message = fmt.Sprintf("symbolic link to %.200q, whose content was not read", file.Symlink)
			unread.Database = true
		}
		if unread.Reason != "" {
			list = append(list, unread)
		}
	}
	return list
}

// maxLinks is how many symbolic links Linux follows.
const maxLinks = 40

// reaches says whether a symbolic link ends where the extractor of its name
// looks, too: at another database that was read, or at a directory of the same kind.
func (v view) reaches(name string) bool {
	end := name
	for range maxLinks {
		file, ok := v[end]
		switch {
		case ok && file.Symlink != "":
			end = file.Symlink[1:]
		case ok:
			return extractorOf(end, 0) == extractorOf(name, 0)
		default:
			return isDatabaseDir(end) && path.Base(end) == path.Base(name)
		}
	}
	return false
}

// owned are the paths of the files that the system's own packages installed:
// what they bring in libraries, the system's advisories speak of. Those of third
// parties are not among them.
func (v view) owned() PathSet {
	official := v.officialPackages()
	var all PathSet
	for name, file := range v {
		if len(file.Owned) > 0 && (!isDpkgFileList(name, 0) || v.officialList(name, official)) {
			all = append(all, file.Owned...)
		}
	}
	all.sort()
	return all
}

func (v view) officialPackages() map[string]bool {
	official := map[string]bool{}
	for _, p := range v.at(dpkgStatus).Packages {
		official[p.Name] = !p.ThirdParty
	}
	return official
}

func (v view) officialList(list string, official map[string]bool) bool {
	if path.Dir(list) == dpkgInfoDir {
		return official[dpkgOwner(list)]
	}
	for _, p := range v.at(dpkgSibling(list)).Packages {
		if !p.ThirdParty {
			return true
		}
	}
	return false
}
