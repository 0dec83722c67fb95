package document

import (
	"bytes"
	"fmt"
	"strings"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

const (
	purposeOS = "OPERATING-SYSTEM"
	// builtFrom begins the source of a package, as Trivy writes it.
	builtFrom = "built package from: "
)

func readSPDX(raw []byte) (*sbom.Image, error) {
	document, err := spdxjson.Read(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("parse SPDX: %w", err)
	}
	c := &contents{}
	var notes []string
	for _, annotation := range document.Annotations {
		if annotation != nil {
			notes = append(notes, annotation.AnnotationComment)
		}
	}
	c.addUnread(noted(notes))
	for _, p := range document.Packages {
		if p == nil {
			continue
		}
		if err := c.spdxPackage(p); err != nil {
			return nil, err
		}
	}
	return c.finish(), nil
}

func (c *contents) spdxPackage(p *spdx.Package) error {
	properties := spdxProperties(p)
	purl := purlOf(p)
	switch p.PrimaryPackagePurpose {
	case purposeOS:
		c.setOS(p.PackageName, p.PackageVersion, properties)
		return nil
	case "CONTAINER", "SOURCE", "FILE", "APPLICATION":
		if purl == "" || strings.HasPrefix(purl, "pkg:oci/") {
			return nil
		}
	}
	return c.add(part{purl: purl, name: p.PackageName, version: p.PackageVersion, properties: byName(properties)})
}

func purlOf(p *spdx.Package) string {
	for _, ref := range p.PackageExternalReferences {
		if ref != nil && ref.RefType == "purl" {
			return ref.Locator
		}
	}
	return ""
}

// spdxProperties are notes such as "LayerDiffID: sha256:...", which Trivy
// writes as attributions or as annotations, and the source.
func spdxProperties(p *spdx.Package) []property {
	notes := p.PackageAttributionTexts
	for _, annotation := range p.Annotations {
		notes = append(notes, annotation.AnnotationComment)
	}
	var list []property
	if source, ok := strings.CutPrefix(p.PackageSourceInfo, builtFrom); ok {
		name, version, _ := strings.Cut(source, " ")
		list = append(list, property{PropertySrcName, name}, property{PropertySrcVersion, strings.TrimSpace(version)})
	}
	return append(list, noted(notes)...)
}

func noted(notes []string) []property {
	var list []property
	for _, note := range notes {
		if name, value, ok := strings.Cut(note, ": "); ok {
			list = append(list, property{name, value})
		}
	}
	return list
}
