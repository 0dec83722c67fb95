package sbom

import (
	"strings"

	"github.com/package-url/packageurl-go"
)

var purlTypes = map[PackageType]string{
	TypeDpkg: packageurl.TypeDebian,
	TypeAPK:  packageurl.TypeApk,
	TypeRPM:  packageurl.TypeRPM,

	TypeGoBinary:   packageurl.TypeGolang,
	TypeNode:       packageurl.TypeNPM,
	TypePython:     packageurl.TypePyPi,
	TypeJar:        packageurl.TypeMaven,
	TypeGem:        packageurl.TypeGem,
	TypeRustBinary: packageurl.TypeCargo,
	TypeComposer:   packageurl.TypeComposer,
	TypeDotNet:     packageurl.TypeNuget,
	TypeConan:      packageurl.TypeConan,
	TypeBitnami:    packageurl.TypeBitnami,
	TypeJulia:      packageurl.TypeJulia,
	TypeNuGet:      packageurl.TypeNuget,
	TypeSwift:      packageurl.TypeSwift,
	TypeCocoaPods:  packageurl.TypeCocoapods,
	TypePub:        packageurl.TypePub,
	TypeHex:        packageurl.TypeHex,
	TypeKubernetes: "k8s",
	TypeConda:      packageurl.TypeConda,
}

// PURLs are the package's own URL and, where it was built from a source package
// of another name, that of the source: people and VEX documents name either.
func (p Package) PURLs(os OS) []string {
	urls := []string{p.PURL(os)}
	if p.SourceName != "" && p.SourceName != p.Name {
		source := p
		source.Name = p.SourceName
		urls = append(urls, source.PURL(os))
	}
	return urls
}

// PURL is the package's URL without its version. The namespace of a system
// package is the family of the operating system. Names are in the form that
// the URL's specification asks for: in lower case, where a type ignores it.
func (p Package) PURL(os OS) string {
	namespace, name := "", p.Name
	switch {
	case p.Type.OfSystem():
		namespace = os.Family
	case p.Type == TypeJar:
		if group, artifact, ok := strings.Cut(name, ":"); ok {
			namespace, name = group, artifact
		}
	case p.Type == TypeGoBinary || p.Type == TypeNode || p.Type == TypeComposer:
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			namespace, name = name[:i], name[i+1:]
		}
	}
	url := packageurl.NewPackageURL(purlTypes[p.Type], namespace, name, "", nil, "")
	// What it could refuse, an absent type or name, no package has.
	_ = url.Normalize()
	return url.ToString()
}
