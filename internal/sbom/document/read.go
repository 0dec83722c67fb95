package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

const (
	maxBytes    = 256 << 20
	maxPackages = 200_000
)

// ReasonUnknownPackage is why a component is unread: it is of a kind that has
// no advisories, or does not say what it is.
const ReasonUnknownPackage = "UnknownPackage"

// ReadFile reads the document in a file of at most 256 MiB.
func ReadFile(name string) (*sbom.Image, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read bill of materials: %w", err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read bill of materials: %w", err)
	}
	if len(raw) > maxBytes {
		return nil, fmt.Errorf("read bill of materials %s: it has more than %d bytes", name, maxBytes)
	}
	content, err := Read(raw)
	if err != nil {
		return nil, fmt.Errorf("read bill of materials %s: %w", name, err)
	}
	return content, nil
}

// Read reads a document.
func Read(raw []byte) (*sbom.Image, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	var head struct {
		BOMFormat   string          `json:"bomFormat"`
		SPDXVersion string          `json:"spdxVersion"`
		Context     json.RawMessage `json:"@context"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, notJSON(raw)
	}
	switch {
	case head.BOMFormat == "CycloneDX":
		return readCycloneDX(raw)
	case head.SPDXVersion != "":
		return readSPDX(raw)
	case bytes.Contains(head.Context, []byte("spdx.org/rdf/3")):
		return nil, errors.New("it is SPDX 3, which is not supported: write SPDX 2.3 or CycloneDX")
	}
	return nil, errors.New("it is JSON, but neither CycloneDX nor SPDX")
}

// notJSON says what the document may be instead.
func notJSON(raw []byte) error {
	start := bytes.TrimSpace(raw[:min(len(raw), 4096)])
	switch {
	case bytes.HasPrefix(start, []byte("<")):
		return errors.New("it is XML, which is not supported: write it as JSON")
	case bytes.HasPrefix(start, []byte("SPDXVersion:")):
		return errors.New("it is SPDX as tags and values, which is not supported: write it as JSON")
	}
	return errors.New("it is not a JSON document")
}

// contents are gathered from the parts of a document.
type contents struct {
	image sbom.Image
	// distro is what packages' URLs say of the operating system, if no part does.
	distro sbom.OS
}

// add adds what a part describes, or notes that it cannot be read.
func (c *contents) add(p part) error {
	pkg, distro, err := p.pkg()
	if err == nil {
		err = p.jar(&pkg)
		c.image.Packages = append(c.image.Packages, pkg)
	}
	if err != nil {
		c.image.Unread = append(c.image.Unread, sbom.Unread{Path: p.label(), Reason: ReasonUnknownPackage, Message: err.Error()})
	}
	if c.distro.Family == "" {
		c.distro = distro
	}
	if len(c.image.Packages)+len(c.image.Unread) > maxPackages {
		return fmt.Errorf("it lists more than %d packages", maxPackages)
	}
	return nil
}

func (c *contents) finish() *sbom.Image {
	if c.image.OS.Family == "" {
		c.image.OS.Family, c.image.OS.Release = c.distro.Family, c.distro.Release
	}
	c.image.Packages = sbom.Sorted(c.image.Packages)
	return &c.image
}
