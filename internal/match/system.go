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
	// compares versions of the family's packages.
	compares ordering
	// binaryVersion says that the version of the package itself is compared,
	// not that of its source.
	binaryVersion bool
	// introduced says that AffectedVersion, where set, is the first vulnerable version.
	introduced bool
	// unfixed says that an advisory without a fixed version is a finding.
	unfixed bool
	// severitySource of the severities that advisories of the family give for
	// one package; "" where they count for nothing.
	severitySource string
}

// systems by Trivy's name of the family. Trivy looks all of these up by the
// name of the source package.
var systems = map[string]system{
	"alpine":     {bucket: alpineBucket, compares: apkOrder, introduced: true, unfixed: true},
	"debian":     {bucket: debianBucket, compares: debOrder, unfixed: true, severitySource: "debian"},
	"ubuntu":     {bucket: ubuntuBucket, compares: debOrder, unfixed: true},
	"wolfi":      {bucket: rolling("wolfi"), compares: apkOrder, binaryVersion: true},
	"chainguard": {bucket: rolling("chainguard"), compares: apkOrder, binaryVersion: true},
	"minimos":    {bucket: rolling("minimos"), compares: apkOrder, binaryVersion: true},
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

// debianBucket refuses releases such as trixie/sid: the database knows
// Debian's numbered releases alone.
func debianBucket(os sbom.OS, _ time.Time) string {
	release := majorRelease(os.Release)
	if !startsWithDigit(release) {
		return ""
	}
	return "debian " + release
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

// check returns the family's judgement of advisories on a version.
func (f system) check(version string) (judgement, error) {
	olderThan, err := f.compares(version)
	if err != nil {
		return nil, err
	}
	return func(a Advisory) (bool, error) {
		if f.introduced && a.AffectedVersion != "" {
			if before, err := olderThan(a.AffectedVersion); err != nil || before {
				return false, err
			}
		}
		if a.FixedVersion != "" {
			return olderThan(a.FixedVersion)
		}
		return f.unfixed, nil
	}, nil
}
