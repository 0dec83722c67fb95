package match

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// supplierOf an image: one who patches packages of distributions and publishes
// advisories of its own for them. RapidFort's and Root.io's judge all packages
// of an image, Seal's those alone that Seal has patched. "" is no one.
func supplierOf(os sbom.OS, packages []sbom.Package) string {
	has := func(made func(sbom.Package) bool) bool {
		return slices.ContainsFunc(packages, func(p sbom.Package) bool { return p.Type.OfSystem() && made(p) })
	}
	switch {
	case os.RapidFort && isFamily("rapidfort "+os.Family):
		return "rapidfort"
	case has(func(p sbom.Package) bool { return ofRoot(p, os.Family) }):
		return "root.io"
	case sealFamilies[os.Family] != "" && has(ofSeal):
		return "seal"
	default:
		return ""
	}
}

// familyOf a package, after its supplier's name if there is one.
func familyOf(p sbom.Package, os sbom.OS, supplier string) string {
	switch {
	case supplier == "seal" && ofSeal(p):
		return sealFamilies[os.Family]
	case supplier == "" || supplier == "seal":
		return os.Family
	default:
		return supplier + " " + os.Family
	}
}

func isFamily(name string) bool {
	_, ok := systems[name]
	return ok
}

// rootAlpine is in the release of packages that Root.io made for Alpine.
var rootAlpine = regexp.MustCompile(`-r[0-9]007[0-9]`)

func ofRoot(p sbom.Package, family string) bool {
	switch family {
	case "debian", "ubuntu":
		return strings.Contains(p.Version, ".root.io")
	case "alpine":
		return rootAlpine.MatchString(p.Version)
	default:
		return false
	}
}

// rootBucket reads the distribution's own advisories, too, of which Root.io's
// replace some.
func rootBucket(os sbom.OS, now time.Time) string {
	release := supportKey(os)
	return lines(os.Family+" "+release, "root.io "+os.Family+" "+release)
}

// rootEntries gives the distribution's advisories the shape of Root.io's.
func rootEntries(s Subject, records []Record) ([]entry, error) {
	entries, err := lastEntries(s, records)
	for i, e := range entries {
		if e.FixedVersion != "" {
			e.VulnerableVersions, e.PatchedVersions = []string{"<" + e.FixedVersion}, []string{e.FixedVersion}
			e.FixedVersion = ""
		}
		entries[i] = e
	}
	return supplied(entries), err
}

func rapidFortEntries(s Subject, records []Record) ([]entry, error) {
	entries, err := lastEntries(s, records)
	return supplied(entries), err
}

// supplied takes from entries what no supplier's findings show, the
// distribution's included that Root.io passes on.
func supplied(entries []entry) []entry {
	for i := range entries {
		entries[i].Status, entries[i].VendorIDs = StatusUnknown, nil
	}
	return entries
}

var (
	// rapidFortRPM marks RapidFort's rebuilds, such as 1.0-1.rf or 1.0-1.rfal.
	rapidFortRPM = regexp.MustCompile(`\.rf(?:[0-9]*)(?:[a-z]*)(?:[.-]|$)`)
	// distributionRPM marks the distribution that a package was built for.
	distributionRPM = regexp.MustCompile(`\.(el|fc)([0-9]*)(?:[^a-zA-Z]|$)`)
)

// rapidFortLookup reads the records of the source, and of those vulnerabilities
// that they do not know, the package's own.
func rapidFortLookup(p sbom.Package, in contents) (Key, bool) {
	source := cmp.Or(p.SourceName, p.Name)
	version := cmp.Or(p.SourceVersion, p.Version)
	key := Key{Bucket: in.bucket, Name: source}
	if source != p.Name {
		key.Name = lines(p.Name, source)
	}
	switch in.os.Family {
	case "ubuntu":
		if strings.Contains(version, "+rf") || strings.Contains(version, "rfubu") {
			key.Bucket = "rapidfort ubuntu"
		}
	case "redhat":
		key.Bucket = rapidFortRedHat(version, in.bucket)
	}
	return key, true
}

// rapidFortRedHat is the bucket of an RPM: rebuilds are of no release, and
// others of the one that they were built for rather than of the image's.
func rapidFortRedHat(version, bucket string) string {
	if rapidFortRPM.MatchString(version) {
		return "rapidfort Red Hat"
	}
	found := distributionRPM.FindAllStringSubmatch(version, -1)
	if len(found) == 0 {
		return bucket
	}
	last := found[len(found)-1]
	switch {
	case last[1] == "fc":
		return "rapidfort fedora " + last[2]
	case last[2] != "":
		return "rapidfort Red Hat " + last[2]
	default:
		return bucket
	}
}
