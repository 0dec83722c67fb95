package export

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/sbom/document"
)

// note says of a package, or of the operating system, what a package URL cannot:
// with it, whoever reads the bill of materials judges as we did. Those that
// Trivy knows have its names.
type note struct{ prefix, name, value string }

func notes(list ...note) []note {
	return slices.DeleteFunc(list, func(n note) bool { return n.value == "" })
}

func packageNotes(os sbom.OS, p sbom.Package) []note {
	kind := string(p.Type)
	if p.Type.OfSystem() {
		kind = os.Family
	}
	epoch, version, release := splitVersion(p)
	return notes(
		note{document.PrefixTrivy, document.PropertyType, kind},
		note{document.PrefixTrivy, document.PropertySrcName, p.SourceName},
		note{document.PrefixTrivy, document.PropertySrcVersion, version},
		note{document.PrefixTrivy, document.PropertySrcRelease, release},
		note{document.PrefixTrivy, document.PropertySrcEpoch, epoch},
		note{document.PrefixTrivy, document.PropertyModularity, p.Modularity},
		note{document.PrefixTrivy, document.PropertyFilePath, p.Path},
		note{document.PrefixTrivy, document.PropertyLayerDiffID, string(p.Layer)},
		note{document.PrefixPlimsoll, document.PropertyThirdParty, yes(p.ThirdParty)},
		note{document.PrefixPlimsoll, document.PropertyJar, jarText(p.Jar)},
	)
}

// jarText is what an archive that names no group offers to find it by.
func jarText(evidence sbom.Jar) string {
	if evidence == (sbom.Jar{}) {
		return ""
	}
	return text(evidence)
}

// splitVersion of the source, as Trivy has its parts.
func splitVersion(p sbom.Package) (epoch, version, release string) {
	version = p.SourceVersion
	if p.Type == sbom.TypeAPK {
		return "", version, ""
	}
	if before, rest, ok := strings.Cut(version, ":"); ok {
		epoch, version = before, rest
	}
	if at := strings.LastIndexByte(version, '-'); at > 0 {
		version, release = version[:at], version[at+1:]
	}
	return epoch, version, release
}

func systemNotes(content *sbom.Image) []note {
	os := content.OS
	list := notes(
		note{document.PrefixTrivy, "Type", os.Family},
		note{document.PrefixTrivy, "Class", "os-pkgs"},
		note{document.PrefixPlimsoll, document.PropertyESM, yes(os.ESM)},
		note{document.PrefixPlimsoll, document.PropertyRapidFort, yes(os.RapidFort)},
		note{document.PrefixPlimsoll, document.PropertyRepositoryFamily, os.RepositoryFamily},
		note{document.PrefixPlimsoll, document.PropertyRepositoryRelease, os.RepositoryRelease},
	)
	for _, layer := range slices.Sorted(maps.Keys(content.Builds)) {
		list = append(list, buildNote(layer, content.Builds[layer]))
	}
	return list
}

func buildNote(layer image.Digest, build sbom.Build) note {
	return note{document.PrefixPlimsoll, document.PropertyBuild, text(document.Build{Layer: layer, Build: build})}
}

// unreadNotes tell of what the document lacks.
func unreadNotes(content *sbom.Image) []note {
	var list []note
	for _, u := range content.Unread {
		list = append(list, note{document.PrefixPlimsoll, document.PropertyUnread, text(u)})
	}
	return list
}

// text of a value that always has one.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // Strings and booleans alone: a fault of this build.
	}
	return string(raw)
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}
