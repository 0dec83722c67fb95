package sbom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

func isPackageJSON(name string, _ fs.FileMode) bool { return path.Base(name) == "package.json" }

// readPackageJSON reads name and version alone. (scalibr's extractor reads the
// authors, too, and loses a package that spells them in a way of its own.)
func readPackageJSON(e *entry) (File, error) {
	text, err := e.text(e.limits.ManifestBytes)
	if err != nil {
		return File{}, err
	}
	raw, err := io.ReadAll(text)
	if err != nil {
		return File{}, fmt.Errorf("read the content: %w", err)
	}
	// Any type, for a file of this name may be about something else.
	var manifest struct{ Name, Version any }
	if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\ufeff")), &manifest); err != nil {
		return File{}, unlessFixture(e.path, err)
	}
	name, _ := manifest.Name.(string)
	version, _ := manifest.Version.(string)
	if name == "" || version == "" || !legible(name, version) {
		return File{}, nil
	}
	return File{Packages: []Package{{Type: TypeNode, Name: name, Version: version}}}, nil
}

// unlessFixture drops the error of a file that npm did not install: packages
// ship broken ones, to test with.
func unlessFixture(name string, err error) error {
	dir := path.Dir(path.Dir(name))
	if strings.HasPrefix(path.Base(dir), "@") {
		dir = path.Dir(dir)
	}
	if path.Base(dir) != "node_modules" {
		return nil
	}
	return err
}

// storedName is that of a file in a pnpm store, such as v3/files/0a/1b2c...
var storedName = regexp.MustCompile(`(?:^|/)files/[0-9a-f]{2}/[0-9a-f]{30,}$`)

func isStored(name string) bool { return storedName.MatchString(name) }

// storedManifest reads a file that may be a package.json. If it is none, nobody
// will ask for it.
var storedManifest = extractor{name: "node package", read: func(e *entry) (File, error) {
	if e.size > e.limits.ManifestBytes {
		return File{}, nil
	}
	if is, err := e.startsWith("{"); err != nil || !is {
		return File{}, err
	}
	return readPackageJSON(e)
}}
