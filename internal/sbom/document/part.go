package document

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Properties of packages and of the operating system, by Trivy's names without
// their prefix, and those that Trivy does not have.
const (
	PropertyType        = "PkgType"
	PropertySrcName     = "SrcName"
	PropertySrcVersion  = "SrcVersion"
	PropertySrcRelease  = "SrcRelease"
	PropertySrcEpoch    = "SrcEpoch"
	PropertyModularity  = "Modularitylabel"
	PropertyLayerDiffID = "LayerDiffID"
	PropertyFilePath    = "FilePath"

	PropertyThirdParty        = "ThirdParty"
	PropertyESM               = "ESM"
	PropertyRapidFort         = "RapidFort"
	PropertyRepositoryFamily  = "RepositoryFamily"
	PropertyRepositoryRelease = "RepositoryRelease"
	PropertyBuild             = "RedHatBuild"
	PropertyUnread            = "Unread"
	PropertyJar               = "Jar"

	PrefixTrivy    = "aquasecurity:trivy:"
	PrefixPlimsoll = "plimsoll:"
)

// part of a document that describes one package.
type part struct {
	purl string
	// name and version as the document itself has them, the name with its group.
	name       string
	version    string
	properties map[string]string
}

func (p part) label() string { return cmp.Or(p.purl, strings.TrimSuffix(p.name+"@"+p.version, "@")) }

// typeOf a package's URL.
var typeOf = map[string]sbom.PackageType{
	packageurl.TypeDebian: sbom.TypeDpkg, packageurl.TypeApk: sbom.TypeAPK, packageurl.TypeRPM: sbom.TypeRPM,

	packageurl.TypeBitnami: sbom.TypeBitnami, packageurl.TypeCargo: sbom.TypeRustBinary, packageurl.TypeCocoapods: sbom.TypeCocoaPods,
	packageurl.TypeComposer: sbom.TypeComposer, packageurl.TypeConan: sbom.TypeConan, packageurl.TypeConda: sbom.TypeConda,
	packageurl.TypeGem: sbom.TypeGem, packageurl.TypeGolang: sbom.TypeGoBinary, packageurl.TypeHex: sbom.TypeHex,
	packageurl.TypeJulia: sbom.TypeJulia, packageurl.TypeMaven: sbom.TypeJar, packageurl.TypeNPM: sbom.TypeNode,
	packageurl.TypeNuget: sbom.TypeNuGet, packageurl.TypePub: sbom.TypePub, packageurl.TypePyPi: sbom.TypePython,
	packageurl.TypeSwift: sbom.TypeSwift, "k8s": sbom.TypeKubernetes,
}

// refined are types that a URL's type does not tell from another.
var refined = map[string]sbom.PackageType{string(sbom.TypeDotNet): sbom.TypeDotNet}

// pkg is the package, and what its URL says of the operating system.
func (p part) pkg() (sbom.Package, sbom.OS, error) {
	if p.purl == "" {
		return sbom.Package{}, sbom.OS{}, errors.New("it has no package URL")
	}
	url, err := packageurl.FromString(p.purl)
	if err != nil {
		return sbom.Package{}, sbom.OS{}, fmt.Errorf("its package URL cannot be read: %w", err)
	}
	kind, ok := typeOf[url.Type]
	if !ok {
		return sbom.Package{}, sbom.OS{}, fmt.Errorf("there are no advisories for packages of type %.80q", url.Type)
	}
	out := sbom.Package{
		Type:       cmp.Or(refined[p.properties[PropertyType]], kind),
		Name:       p.fullName(url),
		Version:    url.Version,
		Path:       p.properties[PropertyFilePath],
		ThirdParty: p.properties[PropertyThirdParty] == "true",
	}
	if layer, err := image.ParseDigest(p.properties[PropertyLayerDiffID]); err == nil {
		out.Layer = layer
	}
	switch {
	case kind.OfSystem():
		distro := p.system(&out, url)
		return out, distro, nil
	case kind == sbom.TypeGoBinary:
		out.Version = goVersion(url.Version)
	}
	return out, sbom.OS{}, nil
}

// fullName joins the parts of the URL, in the spelling of the document where
// that differs in case alone: some types' URLs are in lower case.
func (p part) fullName(url packageurl.PackageURL) string {
	name := url.Name
	separator := ""
	switch url.Type {
	case packageurl.TypeMaven:
		separator = ":"
	case packageurl.TypeGolang, packageurl.TypeNPM, packageurl.TypeComposer, packageurl.TypeSwift:
		separator = "/"
	case packageurl.TypeCocoapods:
		return path.Join(name, url.Subpath)
	}
	if separator != "" && url.Namespace != "" {
		name = url.Namespace + separator + name
	}
	if url.Type != packageurl.TypeMaven && plainName(p.name) == plainName(name) {
		return p.name
	}
	return name
}

// plainName is equal for spellings that the specification of URLs makes equal.
func plainName(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// goVersion has the v that tools leave out, of the standard library above all.
func goVersion(version string) string {
	switch {
	case version == "(devel)":
		return ""
	case version != "" && version[0] >= '0' && version[0] <= '9':
		return "v" + version
	}
	return version
}

// system completes a system package.
func (p part) system(out *sbom.Package, url packageurl.PackageURL) sbom.OS {
	qualifiers := url.Qualifiers.Map()
	epoch := qualifiers["epoch"]
	out.Version = complete(epoch, url.Version, "")
	out.Arch = qualifiers["arch"]
	out.Modularity = cmp.Or(p.properties[PropertyModularity], qualifiers["modularitylabel"], qualifiers["rpmmod"])
	out.SourceName, out.SourceVersion = p.source(qualifiers["upstream"], epoch)
	// As Trivy does where a document does not name the source.
	out.SourceName = cmp.Or(out.SourceName, out.Name)
	out.SourceVersion = cmp.Or(out.SourceVersion, out.Version)
	return distroOf(url.Namespace, qualifiers["distro"])
}

// source is the name and version that the package was built from; either may be empty.
func (p part) source(upstream, epoch string) (name, version string) {
	if name := p.properties[PropertySrcName]; name != "" {
		return name, complete(p.properties[PropertySrcEpoch], p.properties[PropertySrcVersion], p.properties[PropertySrcRelease])
	}
	if nvr, ok := strings.CutSuffix(upstream, ".src.rpm"); ok {
		return cutNVR(nvr, epoch)
	}
	name, version, _ = strings.Cut(upstream, "@")
	return name, version
}

// cutNVR splits name-version-release.
func cutNVR(nvr, epoch string) (name, version string) {
	release := strings.LastIndexByte(nvr, '-')
	if release < 0 {
		return nvr, ""
	}
	at := strings.LastIndexByte(nvr[:release], '-')
	if at < 0 {
		return nvr, ""
	}
	return nvr[:at], complete(epoch, nvr[at+1:], "")
}

// complete joins [epoch:]version[-release].
func complete(epoch, version, release string) string {
	if version == "" {
		return ""
	}
	if epoch != "" && epoch != "0" && !strings.HasPrefix(version, epoch+":") {
		version = epoch + ":" + version
	}
	if release != "" {
		version += "-" + release
	}
	return version
}

// families by other names than those in os-release and than Trivy's own.
var families = map[string]string{
	"suse linux enterprise server": "sles", "suse": "sles", "opensuse.leap": "opensuse-leap", "opensuse.tumbleweed": "opensuse-tumbleweed",
	"amazonlinux": "amazon", "oraclelinux": "oracle", "rockylinux": "rocky",
	// Trivy's own names that are not in os-release.
	"redhat": "redhat", "alma": "alma", "oracle": "oracle", "amazon": "amazon", "cbl-mariner": "cbl-mariner", "slem": "slem",
}

// familyOf a name of an operating system. One that is not known stays as it is:
// it is then said that its packages cannot be judged.
func familyOf(name string) string {
	name = strings.ToLower(name)
	return cmp.Or(sbom.Family(name), families[name], name)
}

// distroOf a URL such as pkg:deb/debian/curl@8?distro=debian-12. Some write the release alone.
func distroOf(namespace, distro string) sbom.OS {
	if distro == "" {
		return sbom.OS{}
	}
	if at := strings.LastIndexByte(distro, '-'); at > 0 {
		return sbom.OS{Family: familyOf(distro[:at]), Release: distro[at+1:]}
	}
	if distro[0] >= '0' && distro[0] <= '9' && namespace != "" {
		return sbom.OS{Family: familyOf(namespace), Release: distro}
	}
	return sbom.OS{}
}
