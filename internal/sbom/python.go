package sbom

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/wheelegg"
)

// pythonSuffixes are those of what pip, setuptools and the distributions leave
// behind. A .whl is no installed package: Python's own ensurepip carries some.
var pythonSuffixes = []string{".dist-info/METADATA", ".egg-info/PKG-INFO", "EGG-INFO/PKG-INFO", ".egg-info", ".egg"}

func isPythonPackage(name string, _ fs.FileMode) bool {
	for _, suffix := range pythonSuffixes {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

var pythonExtractor = newExtractor(wheelegg.New(&cpb.PluginConfig{}))

func readPythonPackage(e *entry) (File, error) {
	if strings.HasSuffix(e.path, ".egg") {
		return readEgg(e)
	}
	text, err := e.text(e.limits.ManifestBytes)
	if err != nil {
		return File{}, err
	}
	return readPythonMetadata(e, e.path, text)
}

var errHeaderEnd = errors.New("end of the header")

// readPythonMetadata reads a header as of a mail message; what follows is a description.
func readPythonMetadata(e *entry, name string, text io.Reader) (File, error) {
	s := sieve{wanted: []string{"Name", "Version"}, limit: 1}
	err := scanFields(text, func(key, value string) error {
		if key == "" && len(s.seen) > 0 {
			return errHeaderEnd
		}
		return s.field(key, value)
	})
	// Python's own reader, too, takes a line that is no field for the header's end.
	if err != nil && !errors.Is(err, errHeaderEnd) && !errors.Is(err, errNoField) {
		return File{}, err
	}
	found, err := extractText(e.ctx, pythonExtractor, name, s.kept.Bytes())
	var file File
	for _, p := range found {
		if !legible(p.Name, p.Version) {
			return File{}, errIllegible
		}
		file.Packages = append(file.Packages, Package{Type: TypePython, Name: p.Name, Version: p.Version})
	}
	return file, err
}

const eggMetadata = "EGG-INFO/PKG-INFO"

// readEgg reads an egg that is a zip archive: of it no more than a header is unpacked.
func readEgg(e *entry) (File, error) {
	content, err := e.random(e.limits.ArchiveBytes)
	if err != nil {
		return File{}, err
	}
	archive, err := zip.NewReader(content, e.size)
	if err != nil {
		return File{}, fmt.Errorf("open the archive: %w", err)
	}
	for _, f := range archive.File {
		if f.Name == eggMetadata {
			return readEggMetadata(e, f)
		}
	}
	return File{}, nil
}

func readEggMetadata(e *entry, f *zip.File) (File, error) {
	text, err := f.Open()
	if err != nil {
		return File{}, fmt.Errorf("open %s: %w", eggMetadata, err)
	}
	defer func() { _ = text.Close() }()
	return readPythonMetadata(e, e.path+"/"+eggMetadata, io.LimitReader(text, e.limits.ManifestBytes))
}
