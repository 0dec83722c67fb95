package match

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// sealPrefix begins the names of all of Seal's buckets.
const sealPrefix = "seal "

// sealFamilies whose packages Seal patches, by the distribution's.
var sealFamilies = map[string]string{
	"alpine": "seal alpine", "debian": "seal debian", "ubuntu": "seal debian",
	"cbl-mariner": "seal redhat", "centos": "seal redhat", "oracle": "seal redhat", "redhat": "seal redhat",
}

func ofSeal(p sbom.Package) bool {
	return strings.HasPrefix(strings.ToLower(p.Name), "seal-") || strings.HasPrefix(strings.ToLower(p.SourceName), "seal-")
}

// sealRPMLookup takes the release from the package's own: el8 of 1.0-3.el8+sp1.
func sealRPMLookup(p sbom.Package, in contents) (Key, bool) {
	key, ok := sourceLookup(p, in)
	version := p.SourceVersion
	if p.SourceName == "" {
		version = p.Version
	}
	if _, after, tagged := strings.Cut(releaseOf(version), "el"); tagged {
		number, _, _ := strings.Cut(after, "_")
		number, _, _ = strings.Cut(number, "+")
		key.Bucket += " " + number
	}
	return key, ok
}

// sealEntries makes an entry of each vulnerable range, with the version that
// ends that range. An advisory without a range says nothing.
func sealEntries(s Subject, records []Record) ([]entry, error) {
	advisories, _ := lastEntries(s, records)
	var entries []entry
	for _, a := range advisories {
		if len(a.VulnerableVersions) == 1 {
			entries = append(entries, a)
			continue
		}
		for i, r := range a.VulnerableVersions {
			if i >= len(a.PatchedVersions) || !strings.Contains(r, a.PatchedVersions[i]) {
				return nil, fmt.Errorf("%s: %s: range %q does not end at its patched version", s.Key.Name, a.ID, r)
			}
			part := a
			part.VulnerableVersions, part.PatchedVersions = []string{r}, []string{a.PatchedVersions[i]}
			entries = append(entries, part)
		}
	}
	return supplied(entries), nil
}

// sealMark is how Seal marks libraries of an ecosystem.
type sealMark struct {
	name    *regexp.Regexp
	version *regexp.Regexp
	// certain says that the mark of a version cannot be another's.
	certain bool
}

var sealMarks = map[string]sealMark{
	"maven":    {name: regexp.MustCompile(`^seal\.sp[0-9]`), version: regexp.MustCompile(`\+sp[0-9]+(p[0-9]+)?$`), certain: true},
	"pip":      {name: regexp.MustCompile(`^seal-`), version: regexp.MustCompile(`\+sp[0-9]+(p[0-9]+)?$`), certain: true},
	"npm":      {name: regexp.MustCompile(`^@seal-security/`), version: regexp.MustCompile(`-sp[0-9]+(p[0-9]+)?$`)},
	"go":       {name: regexp.MustCompile(`^sealsecurity\.io/`), version: regexp.MustCompile(`-sp[0-9]+(p[0-9]+)?(\+incompatible)?$`)},
	"rubygems": {name: regexp.MustCompile(`^seal-`), version: regexp.MustCompile(`\.0\.1\.sp[0-9]+(p[0-9]+)?$`)},
}

// libraryBucket is Seal's for what is certainly Seal's, and both for what may be.
func libraryBucket(ecosystem, name, version string) string {
	bucket := ecosystem + "::"
	mark, ok := sealMarks[ecosystem]
	if !ok {
		return bucket
	}
	switch marked := mark.version.MatchString(version); {
	case mark.name.MatchString(name) || marked && mark.certain:
		return sealPrefix + bucket
	case marked:
		return lines(bucket, sealPrefix+bucket)
	default:
		return bucket
	}
}

// sealedEntries takes Seal's records alone where there are any.
func sealedEntries(s Subject, records []Record) ([]entry, error) {
	ofSeal := func(r Record) bool { return strings.HasPrefix(r.Bucket, sealPrefix) }
	if at := slices.IndexFunc(records, ofSeal); at >= 0 {
		// Its bucket is read last.
		records = records[at:]
	}
	return lastEntries(s, records)
}
