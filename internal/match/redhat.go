package match

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	rpm "github.com/knqyf263/go-rpm-version"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// redHat is the family of Red Hat and CentOS. All releases are in one bucket,
// and which entries concern a package says the product that it came with: the
// repositories, or the image, that its layer was built from.
var redHat = system{
	bucket: release("Red Hat", func(string) string { return "" }), lookup: redHatLookup, compares: rpmOrder, binaryVersion: true,
	byArch: true, entries: redHatEntries, unfixed: true, shows: rpmText,
	ownSeverity: func(entry) string { return "redhat" },
}

// defaultRepositories of a release, for layers that do not name theirs. They
// are those of one architecture on all; newer releases have none.
var defaultRepositories = map[string][]string{
	"6": {"rhel-6-server-rpms", "rhel-6-server-extras-rpms"},
	"7": {"rhel-7-server-rpms", "rhel-7-server-extras-rpms"},
	"8": {"rhel-8-for-x86_64-baseos-rpms", "rhel-8-for-x86_64-appstream-rpms"},
	"9": {"rhel-9-for-x86_64-baseos-rpms", "rhel-9-for-x86_64-appstream-rpms"},
}

// redHatLookup reads the CPEs of the package's layer, too, so that a judgement
// changes when they do.
func redHatLookup(p sbom.Package, in contents) (Key, bool) {
	build, ok := in.builds[p.Layer]
	if !ok {
		build.ContentSets = defaultRepositories[majorRelease(in.os.Release)]
	}
	var tables []string
	for _, set := range build.ContentSets {
		tables = append(tables, RedHatCPE+"/repository/"+trimContentSet(set))
	}
	if build.NVR != "" {
		tables = append(tables, RedHatCPE+"/nvr/"+build.NVR+"-"+build.Arch)
	}
	slices.Sort(tables)
	return Key{Bucket: lines(append([]string{in.bucket}, slices.Compact(tables)...)...), Name: moduleName(p)}, true
}

// trimContentSet cuts a number behind two underscores, such as rpms__8; the
// table has rpms__9_DOT_2 as it is.
func trimContentSet(set string) string {
	at := strings.LastIndex(set, "__")
	if at < 0 || at+2 == len(set) || strings.Trim(set[at+2:], "0123456789") != "" {
		return set
	}
	return set[:at]
}

// redHatEntries returns for each CVE the entry that fixes it last, of those
// that concern the subject's product and architecture.
func redHatEntries(s Subject, records []Record) ([]entry, error) {
	cpes := map[int]bool{}
	for _, r := range records {
		for _, cpe := range r.CPEs {
			cpes[cpe] = true
		}
	}
	if len(cpes) == 0 {
		return nil, fmt.Errorf(blind+"the database knows no product of %s", repositoriesOf(s.Key))
	}
	last := map[string]entry{}
	for _, e := range redHatParts(records) {
		if !slices.ContainsFunc(e.part.Affected, func(cpe int) bool { return cpes[cpe] }) || !onArch(e.part.Arches, s.Arch) {
			continue
		}
		known, ok := last[e.ID]
		if !ok || rpm.NewVersion(known.FixedVersion).LessThan(rpm.NewVersion(e.FixedVersion)) {
			last[e.ID] = e.entry
		}
	}
	return slices.SortedFunc(maps.Values(last), byID), nil
}

// redHatPart is what an advisory's part says of one CVE.
type redHatPart struct {
	entry
	part Entry
}

func redHatParts(records []Record) []redHatPart {
	var parts []redHatPart
	for _, r := range records {
		for _, a := range r.Advisories {
			for _, part := range a.Entries {
				for _, cve := range part.CVEs {
					parts = append(parts, redHatPart{entry: redHatEntry(a, part, cve), part: part})
				}
			}
		}
	}
	return parts
}

// redHatEntry names no data source: Trivy reports none for Red Hat.
func redHatEntry(a Advisory, e Entry, cve CVE) entry {
	out := entry{Advisory: Advisory{ID: cmp.Or(cve.ID, a.ID), FixedVersion: e.FixedVersion, Status: e.Status, Severity: cve.Severity, Detail: cve.Detail}}
	if strings.HasPrefix(a.ID, "CVE-") {
		out.ID, out.Detail = a.ID, a.Detail
	} else {
		out.VendorIDs = []string{a.ID}
	}
	return out
}

// onArch says whether an entry is for an architecture. One of none is for all,
// and a package without code is for all, too.
func onArch(arches []string, arch string) bool {
	return len(arches) == 0 || arch == "noarch" || slices.Contains(arches, arch)
}

func repositoriesOf(key Key) string {
	var names []string
	for bucket := range key.Buckets() {
		if table, ok := strings.CutPrefix(bucket, RedHatCPE+"/"); ok {
			_, name, _ := strings.Cut(table, "/")
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "a layer that names no repository"
	}
	return strings.Join(names, ", ")
}

// rpmText writes a version as RPM does, without an epoch of 0.
func rpmText(version string) string { return rpm.NewVersion(version).String() }
