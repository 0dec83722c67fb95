package vulndb

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// FuzzDecode decodes what a database may hold under a package.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"ID":"debian","Name":"Debian Security Tracker"}`), []byte(`{"FixedVersion":"1","VendorIDs":["DSA-1"]}`), []byte(`{"Severity":"HIGH","VendorSeverity":{"nvd":4},"PublishedDate":"2024-02-03T00:00:00Z"}`))
	f.Add([]byte(`{}`), []byte(`{"Status":9,"severity":-3,"vendorids":null}`), []byte(`{"Severity":"","VendorSeverity":{"x":99}}`))
	f.Add([]byte(nil), []byte(`{"FixedVersion":"1","Entries":[{"Arches":["x86_64"]}],"Custom":[1]}`), []byte(nil))
	f.Add([]byte(`[]`), []byte(`null`), []byte(`{"PublishedDate":"yesterday"}`))
	f.Fuzz(func(t *testing.T, source, advisory, detail []byte) {
		raw := rawRecord{bucket: "b", source: source, advisories: []rawAdvisory{{id: "CVE-1", advisory: advisory, detail: detail}}}
		record, err := raw.decode()
		if err != nil {
			return
		}
		if len(record.Advisories) != 1 || record.Advisories[0].ID != "CVE-1" {
			t.Fatalf("record = %+v", record)
		}
		a := record.Advisories[0]
		severities := []match.Severity{a.Severity}
		if a.Detail != nil {
			severities = append(severities, a.Detail.Severity)
			for _, severity := range a.Detail.VendorSeverity {
				severities = append(severities, severity)
			}
		}
		for _, severity := range severities {
			if severity < match.SeverityUnknown || severity > match.SeverityCritical {
				t.Errorf("severity %d", severity)
			}
		}
		if a.Status < match.StatusUnknown || a.Status > match.StatusEndOfLife {
			t.Errorf("status %d", a.Status)
		}
	})
}

// FuzzUnpack unpacks any bytes. Nothing but the two files may appear.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte("plain"))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		sum := sha256.Sum256(content)
		l := Layer{Digest: image.Digest("sha256:" + hex.EncodeToString(sum[:])), Size: int64(len(content))}
		root := t.TempDir()
		dir := filepath.Join(root, "incoming")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		err := trivyDB.unpack(dir, bytes.NewReader(content), l, Limits{Compressed: 1 << 20, Unpacked: 1 << 20})
		entries, readErr := os.ReadDir(dir)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err == nil && len(entries) != 2 {
			t.Errorf("%d files were accepted, want 2", len(entries))
		}
		for _, entry := range entries {
			if name := entry.Name(); name != dbFile && name != metadataFile {
				t.Errorf("wrote %q", name)
			}
		}
		if outside, err := os.ReadDir(root); err != nil || len(outside) != 1 {
			t.Errorf("wrote outside: %v, %v", outside, err)
		}
	})
}
