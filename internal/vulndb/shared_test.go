package vulndb_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
)

// shared opens the large real pair of databases, or skips.
func shared(t testing.TB) (older, newer *vulndb.DB) {
	t.Helper()
	first, second, ok := database.Shared()
	if !ok {
		t.Skip("the real databases are not in ../shared/data, seen from the repository")
	}
	load := func(layout string) *vulndb.DB {
		u, err := vulndb.NewUpdater(t.TempDir(), nil, vulndb.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		current, err := u.Update(t.Context(), []vulndb.Source{{Directory: layout}}, false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := current.DB.Close(); err != nil {
				t.Error(err)
			}
		})
		return current.DB
	}
	return load(first), load(second)
}

func judge(t *testing.T, d *vulndb.DB, s match.Subject) []match.Match {
	t.Helper()
	records, err := d.Records(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	matches, problems := match.Judge(s, records)
	if len(problems) > 0 {
		t.Errorf("problems: %q", problems)
	}
	return matches
}

func ids(matches []match.Match) []string {
	var list []string
	for _, m := range matches {
		list = append(list, m.ID)
	}
	return list
}

func subject(family, bucket, name, version string) match.Subject {
	return match.Subject{Key: match.Key{Bucket: bucket, Name: name}, Family: family, Version: version}
}

func TestSharedPair(t *testing.T) {
	older, newer := shared(t)
	if !older.Metadata().Built.Before(newer.Metadata().Built) {
		t.Errorf("built %s and %s", older.Metadata().Built, newer.Metadata().Built)
	}
	cases := map[string]struct {
		subject match.Subject
		// older and newer hold the ids found. Where they are long, the numbers.
		older, newer           []string
		olderCount, newerCount int
	}{
		"libarchive of Debian": {
			subject: subject("debian", "debian 12", "libarchive", "3.6.2-1+deb12u4"),
			newer:   []string{"CVE-2026-14164", "CVE-2026-15028", "CVE-2026-16517"},
		},
		"openssl of Debian": {
			subject: subject("debian", "debian 12", "openssl", "3.0.17-1~deb12u2"), olderCount: 15, newerCount: 15,
		},
		"linux of Debian": {
			subject: subject("debian", "debian 12", "linux", "6.1.176-1"), olderCount: 0, newerCount: 561,
		},
		"npm": {
			subject: subject("npm", "npm::", "lodash", "4.17.4"),
			older:   []string{"CVE-2018-16487", "CVE-2018-3721"},
			newer:   []string{"CVE-2018-16487", "CVE-2018-3721"},
		},
		"npm, two comparisons without a comma": {
			subject: subject("npm", "npm::", "lodash", "4.17.16"),
			older:   []string{"NSWG-ECO-516"},
			newer:   []string{"NSWG-ECO-516"},
		},
		"go, with v": {
			subject: subject("go", "go::", "golang.org/x/text", "v0.3.7"),
			older:   []string{"CVE-2022-32149", "CVE-2026-56852"},
			newer:   []string{"CVE-2022-32149", "CVE-2026-56852"},
		},
		"go, a third party's module": {
			subject: subject("go", "go::", "github.com/gin-gonic/gin", "v1.7.0"),
			older:   []string{"CVE-2020-28483", "CVE-2023-29401"},
			newer:   []string{"CVE-2020-28483", "CVE-2023-29401"},
		},
		"pip, two branches": {
			subject: subject("pip", "pip::", "urllib3", "1.26.16"),
			older:   []string{"CVE-2023-43804", "CVE-2023-45803"},
			newer:   []string{"CVE-2023-43804", "CVE-2023-45803"},
		},
		"source of Azure Linux": {
			subject: subject("azurelinux", "Azure Linux 3.0", "openssl", "3.3.0-1.azl3"),
			older:   []string{"CVE-2024-5535"},
			newer:   []string{"CVE-2024-5535"},
		},
		"source of Azure Linux, patched": {subject: subject("azurelinux", "Azure Linux 3.0", "openssl", "3.3.0-2.azl3")},
		"source of Azure Linux, unknown once": {
			subject: subject("azurelinux", "Azure Linux 3.0", "vte291", "0.66.2-3.azl3"), newer: []string{"CVE-2024-37535"},
		},
		"gem": {subject: subject("rubygems", "rubygems::", "rack", "2.0.7"), olderCount: 35, newerCount: 35},
		"gem, patched on its branch": {
			subject: subject("rubygems", "rubygems::", "actionpack", "5.2.8.15"),
			older:   []string{"CVE-2023-28362", "CVE-2024-41128", "CVE-2024-47887", "CVE-2024-54133"},
			newer:   []string{"CVE-2023-28362", "CVE-2024-41128", "CVE-2024-47887", "CVE-2024-54133"},
		},
		"composer, with v": {
			subject: subject("composer", "composer::", "symfony/http-kernel", "v5.0.4"),
			older:   []string{"CVE-2020-15094", "CVE-2022-24894"},
			newer:   []string{"CVE-2020-15094", "CVE-2022-24894"},
		},
		"crate": {
			subject: subject("cargo", "cargo::", "hyper", "0.14.5"),
			older:   []string{"CVE-2021-32714", "CVE-2021-32715", "RUSTSEC-2022-0022"},
			newer:   []string{"CVE-2021-32714", "CVE-2021-32715", "RUSTSEC-2022-0022"},
		},
		"crate, half patched": {
			subject: subject("cargo", "cargo::", "hyper", "0.14.10"),
			older:   []string{"RUSTSEC-2022-0022"},
			newer:   []string{"RUSTSEC-2022-0022"},
		},
		"pip, patched on the older branch": {subject: subject("pip", "pip::", "urllib3", "1.26.18")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before, after := ids(judge(t, older, tc.subject)), ids(judge(t, newer, tc.subject))
			if tc.newerCount > 0 {
				if len(before) != tc.olderCount || len(after) != tc.newerCount {
					t.Errorf("found %d and %d, want %d and %d", len(before), len(after), tc.olderCount, tc.newerCount)
				}
				return
			}
			if diff := cmp.Diff(tc.older, before); diff != "" {
				t.Errorf("older (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.newer, after); diff != "" {
				t.Errorf("newer (-want +got):\n%s", diff)
			}
		})
	}
}

// Go's standard library of 1.26.5 was the newest when the older database was
// built; the newer one knows what 1.26.6 fixed.
func TestSharedStandardLibrary(t *testing.T) {
	older, newer := shared(t)
	s := subject("go", "go::", "stdlib", "1.26.5")
	before, after := ids(judge(t, older, s)), judge(t, newer, s)
	added := slices.DeleteFunc(after, func(m match.Match) bool { return slices.Contains(before, m.ID) })
	if len(added) == 0 {
		t.Fatal("the newer database adds nothing")
	}
	for _, m := range added {
		if m.Status != match.StatusFixed || m.Source.ID != "govulndb" {
			t.Errorf("%+v is not fixed, or not of govulndb", m)
		}
	}
}

func TestSharedFingerprintsFollowRecords(t *testing.T) {
	older, newer := shared(t)
	for _, key := range []match.Key{
		{Bucket: "debian 12", Name: "libarchive"}, {Bucket: "debian 12", Name: "zlib"}, {Bucket: "alpine 3.20", Name: "curl"},
		{Bucket: "npm::", Name: "lodash"}, {Bucket: "go::", Name: "stdlib"}, {Bucket: "pip::", Name: "urllib3"},
	} {
		before, err := older.Records(key)
		if err != nil {
			t.Fatal(err)
		}
		after, err := newer.Records(key)
		if err != nil {
			t.Fatal(err)
		}
		first, err := older.Fingerprint(key)
		if err != nil {
			t.Fatal(err)
		}
		second, err := newer.Fingerprint(key)
		if err != nil {
			t.Fatal(err)
		}
		if first == second && !cmp.Equal(before, after) {
			t.Errorf("%v: equal fingerprints of different records", key)
		}
	}
}

func BenchmarkFingerprint(b *testing.B) {
	d, _ := shared(b)
	for b.Loop() {
		if _, err := d.Fingerprint(match.Key{Bucket: "debian 12", Name: "openssl"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecords(b *testing.B) {
	d, _ := shared(b)
	for b.Loop() {
		if _, err := d.Records(match.Key{Bucket: "debian 12", Name: "openssl"}); err != nil {
			b.Fatal(err)
		}
	}
}
