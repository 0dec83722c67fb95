package export

import (
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// PURL is the package's URL with its version and, for a system package, what
// tells it from others of the same name: its architecture, the distribution
// and, apart from the version as Trivy has it, the epoch.
func PURL(os sbom.OS, p sbom.Package) string {
	url, err := packageurl.FromString(p.PURL(os))
	if err != nil {
		return ""
	}
	url.Version = p.Version
	if !p.Type.OfSystem() {
		return url.ToString()
	}
	qualifiers := map[string]string{}
	add := func(key, value string) {
		if value != "" {
			qualifiers[key] = value
		}
	}
	if p.Type != sbom.TypeAPK {
		if epoch, rest, ok := strings.Cut(p.Version, ":"); ok {
			url.Version = rest
			add("epoch", epoch)
		}
	}
	add("arch", p.Arch)
	if os.Family != "" && os.Release != "" {
		add("distro", os.Family+"-"+os.Release)
	}
	url.Qualifiers = packageurl.QualifiersFromMap(qualifiers)
	return url.ToString()
}
