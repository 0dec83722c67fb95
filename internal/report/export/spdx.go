package export

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

const (
	noAssertion = "NOASSERTION"
	spdxSubject = "Artifact"
	spdxSystem  = "OperatingSystem"
	contains    = "CONTAINS"
)

// SPDX writes a bill of materials in version 2.3. It has no place for
// vulnerabilities; what a package's URL cannot say is in annotations.
func (d *Document) SPDX(w io.Writer) error {
	doc := &spdx.Document{
		SPDXVersion:       spdx.Version,
		DataLicense:       spdx.DataLicense,
		SPDXIdentifier:    "DOCUMENT",
		DocumentName:      d.Artifact.Name,
		DocumentNamespace: "https://plimsoll.dev/spdx/" + url.PathEscape(d.Artifact.Type) + "/" + d.uuid(),
		CreationInfo: &spdx.CreationInfo{
			Creators: []common.Creator{{CreatorType: "Tool", Creator: toolName + "-" + cmp.Or(d.version, "unknown")}},
			Created:  d.now.Format(time.RFC3339),
		},
	}
	for _, a := range d.annotations(append(unreadNotes(d.content), d.problemNotes()...)) {
		doc.Annotations = append(doc.Annotations, &a)
	}
	purpose := "CONTAINER"
	if d.Artifact.ConfigDigest == "" {
		purpose = "APPLICATION"
	}
	add := func(p *spdx.Package, parent, relation string) {
		p.PackageDownloadLocation, p.PackageLicenseConcluded, p.PackageLicenseDeclared, p.PackageCopyrightText = noAssertion, noAssertion, noAssertion, noAssertion
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, &spdx.Relationship{
			RefA: common.MakeDocElementID("", parent), RefB: common.MakeDocElementID("", string(p.PackageSPDXIdentifier)), Relationship: relation,
		})
	}
	add(&spdx.Package{PackageName: d.Artifact.Name, PackageVersion: d.Artifact.Digest, PackageSPDXIdentifier: spdxSubject, PrimaryPackagePurpose: purpose},
		"DOCUMENT", "DESCRIBES")
	if os := d.content.OS; os.Family != "" {
		add(&spdx.Package{
			PackageName: os.Family, PackageVersion: os.Release, PackageSPDXIdentifier: spdxSystem, PrimaryPackagePurpose: "OPERATING-SYSTEM",
			Annotations: d.annotations(systemNotes(d.content)),
		}, spdxSubject, contains)
	}
	for i, p := range d.content.Packages {
		parent := spdxSubject
		if p.Type.OfSystem() && d.content.OS.Family != "" {
			parent = spdxSystem
		}
		add(d.spdxPackage(i, p), parent, contains)
	}
	return spdxjson.Write(doc, w, spdxjson.Indent("  "), spdxjson.EscapeHTML(false))
}

func (d *Document) spdxPackage(i int, p sbom.Package) *spdx.Package {
	out := &spdx.Package{
		PackageName: p.Name, PackageVersion: p.Version, PackageSPDXIdentifier: common.ElementID(fmt.Sprint("Package-", i)),
		PrimaryPackagePurpose: "LIBRARY",
		PackageExternalReferences: []*v2_3.PackageExternalReference{
			{Category: common.CategoryPackageManager, RefType: "purl", Locator: PURL(d.content.OS, p)},
		},
		Annotations: d.annotations(packageNotes(d.content.OS, p)),
	}
	if p.SourceName != "" {
		out.PackageSourceInfo = "built package from: " + p.SourceName + " " + p.SourceVersion
	}
	return out
}

func (d *Document) annotations(list []note) []spdx.Annotation {
	var out []spdx.Annotation
	for _, n := range list {
		out = append(out, spdx.Annotation{
			Annotator:      common.Annotator{AnnotatorType: "Tool", Annotator: toolName + "-" + cmp.Or(d.version, "unknown")},
			AnnotationDate: d.now.Format(time.RFC3339), AnnotationType: "OTHER", AnnotationComment: n.name + ": " + n.value,
		})
	}
	return out
}
