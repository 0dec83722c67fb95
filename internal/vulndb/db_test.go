package vulndb_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

var built = time.Date(2026, 7, 20, 12, 0, 0, 0, time.UTC)

func fact(bucket, name, id, advisory string) recipe.Fact {
	return recipe.Fact{Bucket: bucket, Package: name, ID: id, Advisory: json.RawMessage(advisory)}
}

// build returns the directory of a new database.
func build(t testing.TB, spec database.Spec) string {
	t.Helper()
	dir := t.TempDir()
	if spec.Built.IsZero() {
		spec.Built = built
	}
	if err := database.Build(dir, spec); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, dir string) *vulndb.DB {
	t.Helper()
	d, err := vulndb.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func checkReason(t *testing.T, err error, want string) {
	t.Helper()
	var e *vulndb.Error
	if !errors.As(err, &e) || e.Reason != want {
		t.Errorf("error = %v, want reason %s", err, want)
	}
}

func TestMetadata(t *testing.T) {
	d := open(t, build(t, database.Spec{}))
	want := vulndb.Metadata{Built: built, NextUpdate: built.Add(24 * time.Hour)}
	if diff := cmp.Diff(want, d.Metadata()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestHasBucket(t *testing.T) {
	d := open(t, build(t, database.Spec{Facts: []recipe.Fact{fact("debian 12", "curl", "CVE-1", `{"FixedVersion":"1"}`)}}))
	for name, want := range map[string]bool{"debian 12": true, "debian 1": false, "debian 13": false, "curl": false, "": false} {
		if got, err := d.HasBucket(name); got != want || err != nil {
			t.Errorf("%q: %t, %v, want %t", name, got, err, want)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.HasBucket("debian 12"); err == nil {
		t.Error("a closed database was asked, and there is no error")
	}
}

func TestOpenRefuses(t *testing.T) {
	write := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := map[string]struct {
		damage func(t *testing.T, dir string)
		want   string
	}{
		"no metadata":        {remove("metadata.json"), v1alpha1.ReasonInvalidArtifact},
		"no database":        {remove("trivy.db"), v1alpha1.ReasonInvalidArtifact},
		"empty database":     {write("trivy.db", ""), v1alpha1.ReasonInvalidArtifact},
		"no database at all": {write("trivy.db", strings.Repeat("plimsoll", 10000)), v1alpha1.ReasonInvalidArtifact},
		"broken metadata":    {write("metadata.json", "{"), v1alpha1.ReasonInvalidArtifact},
		"huge metadata":      {write("metadata.json", `{"Version":2,"UpdatedAt":"2026-07-20T12:00:00Z"}`+strings.Repeat(" ", 1<<20)), v1alpha1.ReasonInvalidArtifact},
		"no build time":      {write("metadata.json", `{"Version":2}`), v1alpha1.ReasonInvalidArtifact},
		"older schema":       {write("metadata.json", `{"Version":1,"UpdatedAt":"2026-07-20T12:00:00Z"}`), v1alpha1.ReasonUnsupportedSchema},
		"newer schema":       {write("metadata.json", `{"Version":3,"UpdatedAt":"2026-07-20T12:00:00Z"}`), v1alpha1.ReasonUnsupportedSchema},
		"no schema":          {write("metadata.json", `{"UpdatedAt":"2026-07-20T12:00:00Z"}`), v1alpha1.ReasonUnsupportedSchema},
		"directory": {func(t *testing.T, dir string) {
			remove("trivy.db")(t, dir)
			if err := os.Mkdir(filepath.Join(dir, "trivy.db"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, v1alpha1.ReasonInvalidArtifact},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := build(t, database.Spec{})
			tc.damage(t, dir)
			d, err := vulndb.Open(dir)
			if err == nil {
				_ = d.Close()
			}
			checkReason(t, err, tc.want)
		})
	}
}

func TestRecords(t *testing.T) {
	published := time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC)
	wolfi := match.DataSource{ID: "wolfi", Name: "Wolfi Secdb", URL: "https://packages.wolfi.dev/os/security.json"}
	one := func(bucket string, source match.DataSource, advisories ...match.Advisory) []match.Record {
		return []match.Record{{Bucket: bucket, Source: source, Advisories: advisories}}
	}
	cases := map[string]struct {
		facts   []recipe.Fact
		details map[string]types.Vulnerability
		key     match.Key
		want    []match.Record
		wantErr bool
	}{
		"no bucket":  {key: match.Key{Bucket: "wolfi", Name: "curl"}},
		"no package": {facts: []recipe.Fact{fact("wolfi", "curl", "CVE-1", `{}`)}, key: match.Key{Bucket: "wolfi", Name: "openssl"}},
		"every member": {
			facts: []recipe.Fact{fact("wolfi", "curl", "CVE-1", `{"VendorIDs":["V-1"],"Arches":["x86_64"],"Status":5,"Severity":1,"FixedVersion":"1",
				"AffectedVersion":"2","VulnerableVersions":["<3"],"PatchedVersions":["4"],"UnaffectedVersions":["5"]}`)},
			key: match.Key{Bucket: "wolfi", Name: "curl"},
			want: one("wolfi", wolfi, match.Advisory{
				ID: "CVE-1", VendorIDs: []string{"V-1"}, Arches: []string{"x86_64"}, Status: match.StatusWillNotFix, Severity: match.SeverityLow,
				FixedVersion: "1", AffectedVersion: "2", VulnerableVersions: []string{"<3"}, PatchedVersions: []string{"4"}, UnaffectedVersions: []string{"5"},
			}),
		},
		"sorted by id, empty, old spelling, odd numbers": {
			facts: []recipe.Fact{
				fact("wolfi", "curl", "CVE-3", `{"vendorIds":["V-1"],"fixedversion":"1"}`),
				fact("wolfi", "curl", "CVE-1", `{}`),
				fact("wolfi", "curl", "CVE-2", `{"Severity":300,"Status":-1}`),
			},
			key: match.Key{Bucket: "wolfi", Name: "curl"},
			want: one("wolfi", wolfi, match.Advisory{ID: "CVE-1"}, match.Advisory{ID: "CVE-2"},
				match.Advisory{ID: "CVE-3", VendorIDs: []string{"V-1"}, FixedVersion: "1"}),
		},
		"shapes of other families": {
			facts: []recipe.Fact{
				fact("rocky 9", "bash", "CVE-1", `{"FixedVersion":"5.1-1","Entries":[{"FixedVersion":"5.1-1","Arches":["x86_64"]}],"Custom":{"a":1}}`),
				fact("rocky 9", "bash", "CVE-2", `{"Entries":[{"Affected":[596],"Cves":[{"Severity":1}],"Status":5}]}`),
			},
			key: match.Key{Bucket: "rocky 9", Name: "bash"},
			want: one("rocky 9", match.DataSource{},
				match.Advisory{ID: "CVE-1", FixedVersion: "5.1-1", Entries: []match.Entry{{FixedVersion: "5.1-1", Arches: []string{"x86_64"}}}},
				match.Advisory{ID: "CVE-2", Entries: []match.Entry{{
					Affected: []int{596}, CVEs: []match.CVE{{Severity: match.SeverityLow}}, Status: match.StatusWillNotFix,
				}}}),
		},
		"details": {
			facts: []recipe.Fact{fact("wolfi", "curl", "CVE-1", `{}`), fact("wolfi", "curl", "CVE-2", `{}`), fact("wolfi", "curl", "CVE-3", `{}`)},
			details: map[string]types.Vulnerability{
				"CVE-1": {Severity: "HIGH", PublishedDate: &published, VendorSeverity: types.VendorSeverity{"nvd": types.SeverityCritical, "odd": 77}},
				"CVE-2": {Severity: "SEVERE"},
			},
			key: match.Key{Bucket: "wolfi", Name: "curl"},
			want: one("wolfi", wolfi,
				match.Advisory{ID: "CVE-1", Detail: &match.Detail{
					Severity: match.SeverityHigh, Published: published,
					VendorSeverity: map[string]match.Severity{"nvd": match.SeverityCritical, "odd": match.SeverityUnknown},
				}},
				match.Advisory{ID: "CVE-2", Detail: &match.Detail{}},
				match.Advisory{ID: "CVE-3"}),
		},
		"all buckets of an ecosystem, in order": {
			facts: []recipe.Fact{
				fact("npm::Z", "ms", "CVE-2", `{"FixedVersion":"2"}`), fact("npm::A", "ms", "CVE-1", `{"FixedVersion":"1"}`),
				fact("npm::M", "other", "CVE-3", `{}`), fact("npmx::A", "ms", "CVE-4", `{}`), fact("go::A", "ms", "CVE-5", `{}`),
			},
			key: match.Key{Bucket: "npm::", Name: "ms"},
			want: []match.Record{
				{Bucket: "npm::A", Source: npmSource, Advisories: []match.Advisory{{ID: "CVE-1", FixedVersion: "1"}}},
				{Bucket: "npm::Z", Source: npmSource, Advisories: []match.Advisory{{ID: "CVE-2", FixedVersion: "2"}}},
			},
		},
		"a system's bucket is no prefix": {
			facts: []recipe.Fact{fact("alpine 3.20", "curl", "CVE-1", `{}`)},
			key:   match.Key{Bucket: "alpine 3.2", Name: "curl"},
		},
		"advisory of another shape": {
			facts: []recipe.Fact{fact("wolfi", "curl", "CVE-1", `{"FixedVersion":7}`)}, key: match.Key{Bucket: "wolfi", Name: "curl"}, wantErr: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := open(t, build(t, database.Spec{Facts: tc.facts, Details: tc.details}))
			got, err := d.Records(tc.key)
			if tc.wantErr {
				checkReason(t, err, v1alpha1.ReasonInvalidArtifact)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

var npmSource = match.DataSource{
	ID: "nodejs-security-wg", Name: "Node.js Ecosystem Security Working Group", URL: "https://github.com/nodejs/security-wg",
}

func TestFingerprint(t *testing.T) {
	base := []recipe.Fact{fact("npm::A", "ms", "CVE-1", `{"FixedVersion":"1"}`), fact("npm::A", "other", "CVE-1", `{}`)}
	details := map[string]types.Vulnerability{"CVE-1": {Severity: "HIGH"}}
	key := match.Key{Bucket: "npm::", Name: "ms"}
	of := func(t *testing.T, spec database.Spec) uint64 {
		t.Helper()
		h, err := open(t, build(t, spec)).Fingerprint(key)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	before := of(t, database.Spec{Facts: base, Details: details})
	if before == 0 {
		t.Fatal("fingerprint of records is 0")
	}
	same := map[string]database.Spec{
		"built again":           {Facts: base, Details: details},
		"built at another time": {Built: built.Add(time.Hour), Facts: base, Details: details},
		"another key":           {Facts: append([]recipe.Fact{fact("npm::A", "more", "CVE-1", `{}`), fact("npm::B", "more", "CVE-2", `{}`)}, base...), Details: details},
		"another vulnerability": {Facts: base, Details: map[string]types.Vulnerability{"CVE-1": {Severity: "HIGH"}, "CVE-9": {Severity: "LOW"}}},
	}
	for name, spec := range same {
		t.Run(name, func(t *testing.T) {
			if got := of(t, spec); got != before {
				t.Errorf("fingerprint changed")
			}
		})
	}
	changed := map[string]database.Spec{
		"advisory":       {Facts: []recipe.Fact{fact("npm::A", "ms", "CVE-1", `{"FixedVersion":"2"}`)}, Details: details},
		"id":             {Facts: []recipe.Fact{fact("npm::A", "ms", "CVE-2", `{"FixedVersion":"1"}`)}, Details: map[string]types.Vulnerability{"CVE-2": {Severity: "HIGH"}}},
		"one more":       {Facts: append([]recipe.Fact{fact("npm::A", "ms", "CVE-2", `{}`)}, base...), Details: details},
		"another bucket": {Facts: append([]recipe.Fact{fact("npm::B", "ms", "CVE-1", `{"FixedVersion":"1"}`)}, base...), Details: details},
		"bucket's name":  {Facts: []recipe.Fact{fact("npm::B", "ms", "CVE-1", `{"FixedVersion":"1"}`)}, Details: details},
		"severity":       {Facts: base, Details: map[string]types.Vulnerability{"CVE-1": {Severity: "LOW"}}},
		"no detail":      {Facts: base},
	}
	for name, spec := range changed {
		t.Run(name, func(t *testing.T) {
			if got := of(t, spec); got == before || got == 0 {
				t.Errorf("fingerprint = %d, want another than %d and 0", got, before)
			}
		})
	}
	if got := of(t, database.Spec{Facts: base[1:], Details: details}); got != 0 {
		t.Errorf("fingerprint of nothing = %d, want 0", got)
	}
}

// Fingerprints may be stored, so they must not change from process to process.
func TestFingerprintIsStable(t *testing.T) {
	d := open(t, build(t, database.Spec{Facts: []recipe.Fact{fact("wolfi", "curl", "CVE-2023-38545", `{"FixedVersion":"8.4.0-r0"}`)}}))
	got, err := d.Fingerprint(match.Key{Bucket: "wolfi", Name: "curl"})
	if err != nil {
		t.Fatal(err)
	}
	if want := uint64(0xef5b7c62a075b920); got != want {
		t.Errorf("fingerprint = %#x, want %#x", got, want)
	}
}

func TestDetail(t *testing.T) {
	published, modified := built.Add(-time.Hour), built
	d := open(t, build(t, database.Spec{Details: map[string]types.Vulnerability{
		"CVE-1": {
			Title: "title", Description: "text", CweIDs: []string{"CWE-78"}, References: []string{"https://example.com"},
			CVSS:          types.VendorCVSS{"nvd": {V3Vector: "CVSS:3.1/AV:N", V3Score: 9.8}},
			PublishedDate: &published, LastModifiedDate: &modified,
		},
	}}))
	got, ok, err := d.Detail("CVE-1")
	if err != nil || !ok {
		t.Fatalf("Detail = %t, %v", ok, err)
	}
	want := vulndb.Detail{
		Title: "title", Description: "text", CWEs: []string{"CWE-78"}, References: []string{"https://example.com"},
		CVSS:      map[string]vulndb.CVSS{"nvd": {V3Vector: "CVSS:3.1/AV:N", V3Score: 9.8}},
		Published: published, Modified: modified,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("detail (-want +got):\n%s", diff)
	}
	if _, ok, err := d.Detail("CVE-2"); ok || err != nil {
		t.Errorf("Detail of an unknown id = %t, %v", ok, err)
	}
}

func TestCloseWhileReading(t *testing.T) {
	d, err := vulndb.Open(build(t, database.Spec{Facts: []recipe.Fact{fact("wolfi", "curl", "CVE-1", `{}`)}}))
	if err != nil {
		t.Fatal(err)
	}
	key := match.Key{Bucket: "wolfi", Name: "curl"}
	var readers sync.WaitGroup
	reading := make(chan struct{}, 4)
	for range cap(reading) {
		readers.Go(func() {
			for i := 0; ; i++ {
				records, err := d.Records(key)
				if err != nil {
					return
				}
				if len(records) != 1 {
					t.Errorf("%d records, want 1", len(records))
				}
				if i == 0 {
					reading <- struct{}{}
				}
			}
		})
	}
	for range cap(reading) {
		<-reading
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	readers.Wait()
	if _, err := d.Fingerprint(key); err == nil {
		t.Error("a closed database was read")
	}
	if err := d.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

const packages = 120

// many returns enough facts for several levels of pages.
func many() []recipe.Fact {
	var facts []recipe.Fact
	for i := range packages {
		for j := range 12 {
			facts = append(facts, recipe.Fact{
				Bucket: "debian 12", Package: fmt.Sprintf("package-%03d", i), ID: fmt.Sprintf("CVE-2024-%04d", i+j),
				Advisory: json.RawMessage(fmt.Sprintf(`{"FixedVersion":"1.%d-%d"}`, i, j)), Severity: "HIGH",
			})
		}
	}
	return facts
}

// readAll reads what many wrote. Errors are allowed, wrong answers are not judged.
func readAll(d *vulndb.DB) (failed error) {
	for i := range packages {
		key := match.Key{Bucket: "debian 12", Name: fmt.Sprintf("package-%03d", i)}
		_, err := d.Fingerprint(key)
		failed = errors.Join(failed, err)
		_, err = d.Records(key)
		failed = errors.Join(failed, err)
	}
	_, err := d.Records(match.Key{Bucket: "npm::", Name: "ms"})
	return errors.Join(failed, err)
}

func TestTruncated(t *testing.T) {
	dir := build(t, database.Spec{Facts: many()})
	whole, err := os.ReadFile(filepath.Join(dir, "trivy.db"))
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for size := 0; size < len(whole); size += 2048 + size%7 {
		if err := os.WriteFile(filepath.Join(dir, "trivy.db"), whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := vulndb.Open(dir)
		if err != nil {
			checkReason(t, err, v1alpha1.ReasonInvalidArtifact)
			refused++
			continue
		}
		// What was cut off is not in use.
		if err := readAll(d); err != nil {
			t.Errorf("read the first %d bytes: %v", size, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if refused == 0 {
		t.Error("no truncated database was refused")
	}
}

func TestTruncatedWhileOpen(t *testing.T) {
	dir := build(t, database.Spec{Facts: many()})
	d := open(t, dir)
	if err := os.Truncate(filepath.Join(dir, "trivy.db"), 4096); err != nil {
		t.Fatal(err)
	}
	checkReason(t, readAll(d), v1alpha1.ReasonInvalidArtifact)
}

// FuzzOpen overwrites a part of a good database. Whatever that does, the
// process must live: errors and wrong answers are allowed.
func FuzzOpen(f *testing.F) {
	good := build(f, database.Spec{Facts: many()})
	whole, err := os.ReadFile(filepath.Join(good, "trivy.db"))
	if err != nil {
		f.Fatal(err)
	}
	metadata, err := os.ReadFile(filepath.Join(good, "metadata.json"))
	if err != nil {
		f.Fatal(err)
	}
	for page := uint32(0); page < uint32(len(whole)/4096); page += 3 {
		f.Add(page, uint16(8), []byte{0x01, 0x00})                  // flags: branch
		f.Add(page, uint16(10), []byte{0xff, 0xff})                 // number of elements
		f.Add(page, uint16(12), []byte{0xff, 0xff, 0xff, 0x7f})     // overflow
		f.Add(page, uint16(16), []byte{0xff, 0xff, 0xff, 0xff})     // flags, or position of a key
		f.Add(page, uint16(24), []byte{byte(page), 0, 0, 0, 0})     // page, or size of a key
		f.Add(page, uint16(24), []byte{byte(page + 1), 0, 0, 0, 0}) // another page
	}
	f.Fuzz(func(t *testing.T, page uint32, offset uint16, patch []byte) {
		damaged := append([]byte(nil), whole...)
		if at := int(page)*4096 + int(offset); at < len(damaged) {
			copy(damaged[at:], patch)
		}
		dir := t.TempDir()
		for name, content := range map[string][]byte{"trivy.db": damaged, "metadata.json": metadata} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		d, err := vulndb.Open(dir)
		if err != nil {
			checkReason(t, err, v1alpha1.ReasonInvalidArtifact)
			return
		}
		_ = readAll(d)
		_, _, _ = d.Detail("CVE-2024-0001")
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Trivy passes over empty values, and so must we; buckets have no value at all.
func TestRecordsPassOverEmptyValues(t *testing.T) {
	dir := build(t, database.Spec{Facts: []recipe.Fact{fact("wolfi", "curl", "CVE-1", `{}`)}})
	writable, err := bbolt.Open(filepath.Join(dir, "trivy.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = writable.Update(func(tx *bbolt.Tx) error {
		curl := tx.Bucket([]byte("wolfi")).Bucket([]byte("curl"))
		_, err := curl.CreateBucket([]byte("CVE-2"))
		return errors.Join(err, curl.Put([]byte("CVE-3"), nil))
	})
	if err := errors.Join(err, writable.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, dir).Records(match.Key{Bucket: "wolfi", Name: "curl"})
	if err != nil || len(got) != 1 || len(got[0].Advisories) != 1 {
		t.Errorf("Records = %+v, %v, want CVE-1 alone", got, err)
	}
}
