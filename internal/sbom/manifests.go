package sbom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/package-url/packageurl-go"
)

// manifest is all of a file that describes packages.
func manifest(e *entry) ([]byte, error) {
	text, err := e.text(e.limits.ManifestBytes)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(text)
	if err != nil {
		return nil, fmt.Errorf("read the content: %w", err)
	}
	return bytes.TrimPrefix(raw, []byte("\ufeff")), nil
}

// with adds a package if it has a version and a name that can be read.
func (f *File) with(kind PackageType, name, version string) {
	if name != "" && version != "" && legible(name, version) {
		f.Packages = append(f.Packages, Package{Type: kind, Name: name, Version: version})
	}
}

func isComposer(name string, _ fs.FileMode) bool {
	return path.Base(name) == "installed.json" && path.Base(path.Dir(name)) == "composer"
}

type composerPackage struct{ Name, Version string }

// readComposer reads what PHP's Composer installed: an object that holds a
// list, or, of Composer 1, the list alone.
func readComposer(e *entry) (File, error) {
	raw, err := manifest(e)
	if err != nil {
		return File{}, err
	}
	var installed struct{ Packages []composerPackage }
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		err = json.Unmarshal(raw, &installed.Packages)
	} else {
		err = json.Unmarshal(raw, &installed)
	}
	if err != nil {
		return File{}, err
	}
	var file File
	for _, p := range installed.Packages {
		file.with(TypeComposer, p.Name, p.Version)
	}
	return file, nil
}

func isDotNet(name string, _ fs.FileMode) bool { return strings.HasSuffix(name, ".deps.json") }

// readDotNet reads the libraries that a program was published with. Those of
// type project are the program's own; those that the target lists without any
// file are not there at run time.
func readDotNet(e *entry) (File, error) {
	raw, err := manifest(e)
	if err != nil {
		return File{}, err
	}
	var deps struct {
		RuntimeTarget struct{ Name string }
		Targets       map[string]map[string]dotNetLibrary
		Libraries     map[string]struct{ Type string }
	}
	// Programs that are not .NET's have files of this suffix, too.
	if err := json.Unmarshal(raw, &deps); err != nil || deps.RuntimeTarget.Name == "" {
		return File{}, nil
	}
	target := deps.Targets[deps.RuntimeTarget.Name]
	var file File
	for _, id := range slices.Sorted(maps.Keys(deps.Libraries)) {
		library, listed := target[id]
		if !strings.EqualFold(deps.Libraries[id].Type, "package") || listed && library.empty() {
			continue
		}
		name, version, _ := strings.Cut(id, "/")
		file.with(TypeDotNet, name, version)
	}
	return file, nil
}

type dotNetLibrary struct{ Runtime, RuntimeTargets, Native map[string]json.RawMessage }

func (l dotNetLibrary) empty() bool { return len(l.Runtime)+len(l.RuntimeTargets)+len(l.Native) == 0 }

// isConan wants the file that Conan 1 leaves with a package in its cache. (Conan
// 2 names its folders by hashes.)
func isConan(name string, _ fs.FileMode) bool {
	_, inCache := conanReference(name)
	return inCache && path.Base(name) == "conaninfo.txt"
}

// conanReference of .conan/data/NAME/VERSION/USER/CHANNEL/package/ID/conaninfo.txt.
func conanReference(name string) ([]string, bool) {
	_, rest, ok := strings.Cut("/"+name, "/.conan/data/")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 7 || parts[4] != "package" {
		return nil, false
	}
	return parts[:2], true
}

func readConan(e *entry) (File, error) {
	var file File
	if reference, ok := conanReference(e.path); ok {
		file.with(TypeConan, reference[0], reference[1])
	}
	return file, nil
}

func isBitnami(name string, _ fs.FileMode) bool {
	base := path.Base(name)
	return strings.HasPrefix(name, "opt/bitnami/") && strings.HasPrefix(base, ".spdx-") && path.Ext(base) == ".spdx"
}

// readBitnami reads the SPDX document of a component. Only the component itself
// is taken of it: what it is made of is found where it lies.
func readBitnami(e *entry) (File, error) {
	raw, err := manifest(e)
	if err != nil {
		return File{}, err
	}
	var document struct {
		Packages []struct {
			ExternalRefs []struct{ ReferenceLocator string }
		}
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return File{}, err
	}
	var file File
	for _, p := range document.Packages {
		for _, ref := range p.ExternalRefs {
			url, err := packageurl.FromString(ref.ReferenceLocator)
			if err == nil && url.Type == packageurl.TypeBitnami {
				file.with(TypeBitnami, url.Name, url.Version)
			}
		}
	}
	return file, nil
}

func isJulia(name string, _ fs.FileMode) bool {
	return path.Base(name) == "Manifest.toml" || path.Base(name) == "JuliaManifest.toml"
}

// readJulia reads the packages of an environment: tables of lists by name,
// which older releases have at the top. Those without a version are Julia's own.
func readJulia(e *entry) (File, error) {
	raw, err := manifest(e)
	if err != nil {
		return File{}, err
	}
	var tables map[string]any
	if err := toml.Unmarshal(raw, &tables); err != nil {
		return File{}, fmt.Errorf("parse TOML: %w", err)
	}
	if deps, ok := tables["deps"].(map[string]any); ok {
		tables = deps
	}
	var file File
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		list, _ := tables[name].([]map[string]any)
		for _, p := range list {
			version, _ := p["version"].(string)
			file.with(TypeJulia, name, version)
		}
	}
	return file, nil
}
