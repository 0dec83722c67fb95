package sbom

import (
	"compress/zlib"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
)

// rustSection holds what cargo-auditable puts into a program: zlib-compressed JSON.
const rustSection = ".dep-v0"

// rustPackages reads the packages that a program was built from. The program
// itself and what only its build used are left out. (Of the libraries that read
// this none bounds what it unpacks.)
func rustPackages(content io.ReaderAt, limits Limits) (File, error) {
	program, err := elf.NewFile(content)
	if err != nil {
		// Not every program is ELF, or whole.
		return File{}, nil
	}
	section := program.Section(rustSection)
	if section == nil || section.Type == elf.SHT_NOBITS {
		return File{}, nil
	}
	unpacked, err := zlib.NewReader(io.NewSectionReader(section.ReaderAt, 0, int64(section.FileSize)))
	if err != nil {
		return File{}, fmt.Errorf("unpack %s: %w", rustSection, err)
	}
	raw, err := io.ReadAll(io.LimitReader(unpacked, limits.ManifestBytes+1))
	if err != nil {
		return File{}, fmt.Errorf("unpack %s: %w", rustSection, err)
	}
	if int64(len(raw)) > limits.ManifestBytes {
		return File{}, &tooLarge{what: "unpacked bytes", limit: limits.ManifestBytes}
	}
	return parseRust(raw)
}

func parseRust(raw []byte) (File, error) {
	var info struct {
		Packages []struct {
			Name, Version, Kind string
			Root                bool
		}
	}
	if err := json.Unmarshal(raw, &info); err != nil {
		return File{}, err
	}
	var file File
	for _, p := range info.Packages {
		if p.Root || p.Kind != "" && p.Kind != "runtime" {
			continue
		}
		if p.Name == "" || p.Version == "" || !legible(p.Name, p.Version) {
			return file, errIllegible
		}
		file.Packages = append(file.Packages, Package{Type: TypeRustBinary, Name: p.Name, Version: p.Version})
	}
	return file, nil
}
