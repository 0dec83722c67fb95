package vulndb_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

const (
	repositoryA = "Red Hat CPE/repository/rhel-9-a"
	repositoryB = "Red Hat CPE/repository/rhel-9-b"
	imageNVR    = "Red Hat CPE/nvr/ubi9-container-9.4-1-x86_64"
)

var (
	redHatKey   = match.Key{Bucket: "Red Hat\n" + repositoryA + "\n" + imageNVR, Name: "curl"}
	redHatFacts = []recipe.Fact{
		fact("Red Hat CPE", "repository", "rhel-9-a", `[3,7]`),
		fact("Red Hat CPE", "repository", "rhel-9-b", `[8]`),
		fact("Red Hat CPE", "repository", "rhel-9-none", `[]`),
		fact("Red Hat CPE", "nvr", "ubi9-container-9.4-1-x86_64", `[9]`),
		fact("Red Hat", "curl", "CVE-2", `{"Entries":[{"Affected":[7],"Cves":[{"Severity":1}],"Status":5}]}`),
		fact("Red Hat", "curl", "RHSA-1", `{"Entries":[{"FixedVersion":"8-2.el9","Affected":[7],"Arches":["x86_64"],"Cves":[{"ID":"CVE-1","Severity":3},{"ID":"CVE-3"}]}]}`),
	}
	redHatDetails   = map[string]types.Vulnerability{"CVE-1": {PublishedDate: &redHatPublished}, "CVE-2": {Severity: "LOW"}}
	redHatPublished = time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC)
)

func TestRecordsOfRedHat(t *testing.T) {
	d := open(t, build(t, database.Spec{Facts: redHatFacts, Details: redHatDetails}))
	advisories := match.Record{Bucket: "Red Hat", Advisories: []match.Advisory{
		{
			ID: "CVE-2", Detail: &match.Detail{Severity: match.SeverityLow},
			Entries: []match.Entry{{Affected: []int{7}, Status: match.StatusWillNotFix, CVEs: []match.CVE{{Severity: match.SeverityLow}}}},
		},
		{
			ID: "RHSA-1", Entries: []match.Entry{{
				FixedVersion: "8-2.el9", Affected: []int{7}, Arches: []string{"x86_64"},
				CVEs: []match.CVE{{ID: "CVE-1", Severity: match.SeverityHigh, Detail: &match.Detail{Published: redHatPublished}}, {ID: "CVE-3"}},
			}},
		},
	}}
	a, image := match.Record{Bucket: repositoryA, CPEs: []int{3, 7}}, match.Record{Bucket: imageNVR, CPEs: []int{9}}
	cases := map[string]struct {
		key  match.Key
		want []match.Record
	}{
		"package, repository and image":  {redHatKey, []match.Record{a, image, advisories}},
		"no product":                     {match.Key{Bucket: "Red Hat", Name: "curl"}, []match.Record{advisories}},
		"no package":                     {match.Key{Bucket: "Red Hat\n" + repositoryA, Name: "bash"}, []match.Record{a}},
		"a repository that is not known": {match.Key{Bucket: "Red Hat\nRed Hat CPE/repository/x", Name: "bash"}, nil},
		"a repository without products":  {match.Key{Bucket: "Red Hat\nRed Hat CPE/repository/rhel-9-none", Name: "bash"}, nil},
		"a table that is not there":      {match.Key{Bucket: "Red Hat\nRed Hat CPE/x/rhel-9-a", Name: "bash"}, nil},
		"a table's entry without a name": {match.Key{Bucket: "Red Hat\nRed Hat CPE/repository", Name: "bash"}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := d.Records(tc.key)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if sum, err := d.Fingerprint(tc.key); err != nil || (sum == 0) != (len(tc.want) == 0) {
				t.Errorf("fingerprint = %d, %v, with %d records", sum, err, len(tc.want))
			}
		})
	}
}

func TestRecordsRefuseOddProducts(t *testing.T) {
	d := open(t, build(t, database.Spec{Facts: []recipe.Fact{fact("Red Hat CPE", "repository", "rhel-9-a", `{"a":1}`)}}))
	if records, err := d.Records(redHatKey); err == nil {
		t.Errorf("records = %v", records)
	}
}

// A swap must see whatever a judgement of Red Hat's reads.
func TestFingerprintOfRedHat(t *testing.T) {
	of := func(key match.Key, facts []recipe.Fact, details map[string]types.Vulnerability) uint64 {
		t.Helper()
		sum, err := open(t, build(t, database.Spec{Facts: facts, Details: details})).Fingerprint(key)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	with := func(at int, advisory string) []recipe.Fact {
		facts := slices.Clone(redHatFacts)
		facts[at].Advisory = []byte(advisory)
		return facts
	}
	before := of(redHatKey, redHatFacts, redHatDetails)
	later := redHatPublished.Add(time.Hour)
	changed := map[string]uint64{
		"the repository's products":       of(redHatKey, with(0, `[3]`), redHatDetails),
		"the image's products":            of(redHatKey, with(3, `[10]`), redHatDetails),
		"an advisory":                     of(redHatKey, with(4, `{}`), redHatDetails),
		"a vulnerability that it names":   of(redHatKey, redHatFacts, map[string]types.Vulnerability{"CVE-1": {PublishedDate: &later}, "CVE-2": {Severity: "LOW"}}),
		"the repository is another":       of(match.Key{Bucket: "Red Hat\n" + repositoryB + "\n" + imageNVR, Name: "curl"}, redHatFacts, redHatDetails),
		"the repository is not known yet": of(redHatKey, redHatFacts[1:], redHatDetails),
	}
	for name, sum := range changed {
		if sum == before || sum == 0 {
			t.Errorf("%s: fingerprint = %d, before %d", name, sum, before)
		}
	}
	if sum := of(redHatKey, with(1, `[1,2]`), redHatDetails); sum != before {
		t.Error("another repository's products change the fingerprint")
	}
}

// A judgement changes with the table alone.
func TestJudgeRedHatByTables(t *testing.T) {
	s := match.Subject{Key: redHatKey, Family: "redhat", Version: "8-1.el9", Arch: "x86_64"}
	facts := slices.Clone(redHatFacts)
	if got := ids(judge(t, open(t, build(t, database.Spec{Facts: facts})), s)); !slices.Equal(got, []string{"CVE-1", "CVE-2", "CVE-3"}) {
		t.Errorf("found %v", got)
	}
	facts[0].Advisory = []byte(`[3]`)
	if got := ids(judge(t, open(t, build(t, database.Spec{Facts: facts})), s)); len(got) > 0 {
		t.Errorf("found %v for other products", got)
	}
}

// Some families read several buckets, and some a package by two names.
func TestRecordsOfSeveral(t *testing.T) {
	d := open(t, build(t, database.Spec{Facts: []recipe.Fact{
		fact("debian 12", "zlib", "CVE-1", `{"FixedVersion":"1"}`), fact("root.io debian 12", "zlib", "CVE-1", `{"FixedVersion":"2"}`),
		fact("seal npm::Seal", "ejs", "CVE-3", `{}`), fact("npm::A", "ejs", "CVE-2", `{}`), fact("npm::A", "other", "CVE-4", `{}`),
	}}))
	cases := map[string]struct {
		key  match.Key
		want []string
	}{
		"two buckets":               {match.Key{Bucket: "debian 12\nroot.io debian 12", Name: "zlib"}, []string{"debian 12 CVE-1", "root.io debian 12 CVE-1"}},
		"in the key's order":        {match.Key{Bucket: "root.io debian 12\ndebian 12", Name: "zlib"}, []string{"root.io debian 12 CVE-1", "debian 12 CVE-1"}},
		"two prefixes":              {match.Key{Bucket: "npm::\nseal npm::", Name: "ejs"}, []string{"npm::A CVE-2", "seal npm::Seal CVE-3"}},
		"a prefix is no infix":      {match.Key{Bucket: "npm::", Name: "ejs"}, []string{"npm::A CVE-2"}},
		"two names, in their order": {match.Key{Bucket: "npm::", Name: "other\nejs"}, []string{"npm::A CVE-4", "npm::A CVE-2"}},
		"a name that is not there":  {match.Key{Bucket: "npm::", Name: "none\nejs"}, []string{"npm::A CVE-2"}},
		"no name":                   {match.Key{Bucket: "npm::"}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			records, err := d.Records(tc.key)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range records {
				for _, a := range r.Advisories {
					got = append(got, r.Bucket+" "+a.ID)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}
