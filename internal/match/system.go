package match

import (
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// system is a family of operating systems: how its releases are called in the
// database, and how its packages are judged.
type system struct {
	// bucket of a release at a time; "" where the release is not one that the
	// database could know.
	bucket func(os sbom.OS, now time.Time) string
	// lookup names what is read of a package, and says whether it is judged at
	// all. Where it is nil, the package's source is looked up.
	lookup func(p sbom.Package, in contents) (Key, bool)
	// compares versions of the family's packages.
	compares ordering
	// binaryVersion says that the version of the package itself is compared,
	// not that of its source.
	binaryVersion bool
	// thirdParty says that packages of others than the system's vendor are judged, too.
	thirdParty bool
	// byArch says that the family's advisories are for some architectures.
	byArch bool
	// entries of the records that may concern a subject, sorted by id. Where it
	// is nil, an advisory is an entry.
	entries func(Subject, []Record) ([]entry, error)
	// introduced says that AffectedVersion, where set, is the first vulnerable version.
	introduced bool
	// unfixed says that an advisory without a fixed version is a finding.
	unfixed bool
	// ranges says that advisories have ranges of versions, as libraries' have.
	ranges bool
	// ownSeverity is the source of the severity that an advisory gives for one
	// package; "" where it gives none. Where it is nil, it counts for nothing.
	ownSeverity func(entry) string
	// shows a fixed version; nil where that is shown as the database has it.
	shows func(version string) string
}

// systems by Trivy's name of the family, those of suppliers after the
// supplier's name.
var systems = map[string]system{
	"alpine":     {bucket: alpineBucket, compares: apkOrder, introduced: true, unfixed: true},
	"debian":     {bucket: release("debian ", majorRelease), compares: debOrder, unfixed: true, ownSeverity: severityOf("debian")},
	"ubuntu":     {bucket: ubuntuBucket, compares: debOrder, unfixed: true},
	"echo":       {bucket: rolling("echo"), compares: debOrder, unfixed: true, thirdParty: true, ownSeverity: severityOf("echo")},
	"wolfi":      {bucket: rolling("wolfi"), compares: apkOrder, binaryVersion: true},
	"chainguard": {bucket: rolling("chainguard"), compares: apkOrder, binaryVersion: true},
	"minimos":    {bucket: rolling("minimos"), compares: apkOrder, binaryVersion: true},

	"redhat": redHat,
	"centos": redHat,
	"alma":   {bucket: release("alma ", majorRelease), lookup: almaLookup, compares: rpmOrder, binaryVersion: true, shows: rpmText},
	"rocky": {
		bucket: release("rocky ", majorRelease), lookup: moduleLookup, compares: rpmOrder, binaryVersion: true,
		byArch: true, entries: archEntries, shows: rpmText,
	},
	"oracle": {
		bucket: release("Oracle Linux ", majorRelease), lookup: binaryLookup, compares: rpmOrder, binaryVersion: true,
		byArch: true, entries: oracleEntries,
	},
	"amazon":              {bucket: amazonBucket, lookup: binaryLookup, compares: debOrder, binaryVersion: true},
	"sles":                {bucket: release("SUSE Linux Enterprise ", unchanged), lookup: binaryLookup, compares: rpmOrder, binaryVersion: true},
	"slem":                {bucket: release("SUSE Linux Enterprise Micro ", unchanged), lookup: binaryLookup, compares: rpmOrder, binaryVersion: true},
	"opensuse-leap":       {bucket: release("openSUSE Leap ", unchanged), lookup: binaryLookup, compares: rpmOrder, binaryVersion: true},
	"opensuse-tumbleweed": {bucket: rolling("openSUSE Tumbleweed"), lookup: binaryLookup, compares: rpmOrder, binaryVersion: true},
	// Photon's packages are looked up by their source, and compared by their own version.
	"photon":       {bucket: release("Photon OS ", unchanged), compares: rpmOrder, binaryVersion: true},
	"azurelinux":   {bucket: release("Azure Linux ", minorRelease), compares: rpmOrder, unfixed: true, shows: rpmText},
	"cbl-mariner":  {bucket: release("CBL-Mariner ", minorRelease), compares: rpmOrder, unfixed: true, shows: rpmText},
	"bottlerocket": {bucket: rolling("bottlerocket"), lookup: binaryLookup, compares: rpmOrder, binaryVersion: true},

	"rapidfort alpine": {bucket: release("rapidfort alpine ", minorRelease), lookup: rapidFortLookup, compares: apkOrder, thirdParty: true, entries: rapidFortEntries, ranges: true, ownSeverity: severityOfSource},
	"rapidfort ubuntu": {bucket: release("rapidfort ubuntu ", minorRelease), lookup: rapidFortLookup, compares: debOrder, thirdParty: true, entries: rapidFortEntries, ranges: true, ownSeverity: severityOfSource},
	"rapidfort redhat": {bucket: release("rapidfort Red Hat ", majorRelease), lookup: rapidFortLookup, compares: rpmOrder, thirdParty: true, entries: rapidFortEntries, ranges: true, ownSeverity: severityOfSource},
	"root.io alpine":   {bucket: rootBucket, compares: apkOrder, entries: rootEntries, ranges: true, ownSeverity: severityOfSource},
	"root.io debian":   {bucket: rootBucket, compares: debOrder, entries: rootEntries, ranges: true, ownSeverity: severityOfSource},
	"root.io ubuntu":   {bucket: rootBucket, compares: debOrder, entries: rootEntries, ranges: true, ownSeverity: severityOfSource},
	"seal alpine":      {bucket: rolling("seal alpine"), compares: apkOrder, entries: sealEntries, ranges: true, ownSeverity: severityOfBase},
	"seal debian":      {bucket: rolling("seal debian"), compares: debOrder, entries: sealEntries, ranges: true, ownSeverity: severityOfBase},
	"seal redhat":      {bucket: rolling("seal Red Hat"), lookup: sealRPMLookup, compares: rpmOrder, entries: sealEntries, ranges: true, ownSeverity: severityOfBase},
}

// Supported says whether packages of the operating system can be judged. Where
// they cannot, an image that has such packages is not covered, however empty
// its list of findings is.
func Supported(os sbom.OS) bool {
	os = assume(os)
	family, ok := systems[os.Family]
	return ok && family.bucket(os, time.Time{}) != ""
}

// assume takes the distribution that the package repositories name where the
// image has no other sign of its operating system.
func assume(os sbom.OS) sbom.OS {
	if os.Family == "" {
		os.Family, os.Release = os.RepositoryFamily, os.RepositoryRelease
	}
	return os
}

func rolling(bucket string) func(sbom.OS, time.Time) string {
	return func(sbom.OS, time.Time) string { return bucket }
}

// release appends the part of the release that cut leaves. It refuses releases
// such as Debian's trixie/sid: the database knows numbered releases alone.
func release(prefix string, cut func(string) string) func(sbom.OS, time.Time) string {
	return func(os sbom.OS, _ time.Time) string {
		if !startsWithDigit(os.Release) {
			return ""
		}
		return prefix + cut(os.Release)
	}
}

// alpineBucket prefers the release of the repositories that packages come
// from over that of the image, because an image may have moved to edge.
func alpineBucket(os sbom.OS, _ time.Time) string {
	release := minorRelease(os.Release)
	if os.RepositoryFamily == "alpine" && os.RepositoryRelease != "" {
		release = minorRelease(os.RepositoryRelease)
	}
	if release != "edge" && !startsWithDigit(release) {
		return ""
	}
	return "alpine " + release
}

func ubuntuBucket(os sbom.OS, now time.Time) string {
	release := ubuntuRelease(os, now)
	if !startsWithDigit(release) {
		return ""
	}
	return "ubuntu " + release
}

// ubuntuRelease adds -ESM where expanded maintenance is enabled. Ubuntu
// publishes advisories for that apart only once the release's general support
// has ended.
func ubuntuRelease(os sbom.OS, now time.Time) string {
	release := supportKey(os)
	if _, known := supportEnds["ubuntu"][release]; known || !os.ESM {
		return release
	}
	if end, known := supportEnd("ubuntu", os.Release); known && now.Before(end) {
		return os.Release
	}
	return release
}

func amazonBucket(os sbom.OS, _ time.Time) string {
	if os.Release == "" {
		return ""
	}
	return "amazon linux " + amazonRelease(os.Release)
}

// amazonRelease takes every release but three for the first one, whose releases
// are dates such as 2018.03.
func amazonRelease(release string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(release), " ")
	switch major := majorRelease(first); major {
	case "2", "2022", "2023":
		return major
	default:
		return "1"
	}
}

// minorRelease cuts 3.20.1 to 3.20.
func minorRelease(release string) string {
	parts := strings.SplitN(release, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// majorRelease cuts 12.5 to 12.
func majorRelease(release string) string {
	major, _, _ := strings.Cut(release, ".")
	return major
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }
