package document

import (
	"bytes"
	"fmt"

	"github.com/CycloneDX/cyclonedx-go"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

func readCycloneDX(raw []byte) (*sbom.Image, error) {
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(raw), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		return nil, fmt.Errorf("parse CycloneDX: %w", err)
	}
	c := &contents{}
	if bom.Metadata != nil {
		c.addUnread(propertiesOf(bom.Metadata.Properties))
	}
	files := filesOf(bom)
	// Components may hold others; those are read after them.
	todo := components(bom.Components)
	for i := 0; i < len(todo); i++ {
		component := todo[i]
		todo = append(todo, components(component.Components)...)
		if err := c.component(component, files); err != nil {
			return nil, err
		}
	}
	return c.finish(), nil
}

func components(list *[]cyclonedx.Component) []cyclonedx.Component {
	if list == nil {
		return nil
	}
	return *list
}

// filesOf names the file in which a package was found, by the package's
// reference: a lock file is a component that depends on what it locks.
func filesOf(bom cyclonedx.BOM) map[string]string {
	applications := map[string]string{}
	for _, component := range components(bom.Components) {
		if component.Type == cyclonedx.ComponentTypeApplication && component.PackageURL == "" {
			applications[component.BOMRef] = component.Name
		}
	}
	files := map[string]string{}
	if bom.Dependencies == nil || len(applications) == 0 {
		return files
	}
	for _, d := range *bom.Dependencies {
		name, ok := applications[d.Ref]
		if !ok || d.Dependencies == nil {
			continue
		}
		for _, ref := range *d.Dependencies {
			files[ref] = name
		}
	}
	return files
}

func (c *contents) component(component cyclonedx.Component, files map[string]string) error {
	properties := propertiesOf(component.Properties)
	switch component.Type {
	case cyclonedx.ComponentTypeOS:
		c.setOS(component.Name, component.Version, properties)
		return nil
	case cyclonedx.ComponentTypeLibrary, cyclonedx.ComponentTypeFramework:
	default:
		// Files, containers and the like are packages where they have a URL that says so.
		if component.PackageURL == "" {
			return nil
		}
	}
	name := component.Name
	if component.Group != "" {
		name = component.Group + "/" + name
	}
	p := part{purl: component.PackageURL, name: name, version: component.Version, properties: byName(properties)}
	if p.properties[PropertyFilePath] == "" {
		p.properties[PropertyFilePath] = files[component.BOMRef]
	}
	return c.add(p)
}

func propertiesOf(properties *[]cyclonedx.Property) []property {
	if properties == nil {
		return nil
	}
	var list []property
	for _, p := range *properties {
		if own, ok := propertyOf(p.Name, p.Value); ok {
			list = append(list, own)
		}
	}
	return list
}
