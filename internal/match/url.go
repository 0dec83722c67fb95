package match

import "strings"

// pages of vulnerabilities by the prefix of their ids.
var pages = []struct{ prefix, url string }{
	{"CVE-", "https://avd.aquasec.com/nvd/"},
	{"RUSTSEC-", "https://osv.dev/vulnerability/"},
	{"GHSA-", "https://github.com/advisories/"},
	{"TEMP-", "https://security-tracker.debian.org/tracker/"},
}

// sites of data sources, the best first, for ids that have no page.
var sites = map[string][]string{
	"debian":             {"http://www.debian.org", "https://www.debian.org"},
	"ubuntu":             {"http://www.ubuntu.com", "https://usn.ubuntu.com"},
	"redhat":             {"https://access.redhat.com"},
	"suse-cvrf":          {"http://lists.opensuse.org", "https://lists.opensuse.org"},
	"oracle-oval":        {"http://linux.oracle.com/errata", "https://linux.oracle.com/errata"},
	"nodejs-security-wg": {"https://www.npmjs.com", "https://hackerone.com"},
	"ruby-advisory-db":   {"https://groups.google.com"},
}

// PrimaryURL returns the page to read about a vulnerability: by its id or,
// where the id has no page of its own, the first of its references that is on
// its data source's site. It returns "" where there is none.
func PrimaryURL(id string, references []string, source DataSource) string {
	for _, page := range pages {
		if strings.HasPrefix(id, page.prefix) {
			if page.prefix == "CVE-" {
				id = strings.ToLower(id)
			}
			return page.url + id
		}
	}
	for _, site := range sites[source.ID] {
		for _, reference := range references {
			if strings.HasPrefix(reference, site) {
				return reference
			}
		}
	}
	return ""
}
