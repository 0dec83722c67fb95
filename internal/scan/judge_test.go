package scan

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// fakeDatabase knows one bucket, or fails.
type fakeDatabase struct {
	records          map[string][]match.Record
	bucket           string
	readErr, findErr error
	reads            map[match.Key]int
}

func (d fakeDatabase) Records(key match.Key) ([]match.Record, error) {
	if d.reads != nil {
		d.reads[key]++
	}
	return d.records[key.Name], d.readErr
}

func (d fakeDatabase) Fingerprint(key match.Key) (uint64, error) {
	return uint64(len(d.records[key.Name])), nil
}

func (d fakeDatabase) HasBucket(name string) (bool, error) { return name == d.bucket, d.findErr }

var judged = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

func debianImage() *sbom.Image {
	deb := func(name, source string) sbom.Package {
		return sbom.Package{Type: sbom.TypeDpkg, Name: name, Version: "1.0", SourceName: source, SourceVersion: "1.0", Arch: "amd64"}
	}
	return &sbom.Image{OS: sbom.OS{Family: "debian", Release: "12.1"}, Packages: []sbom.Package{deb("curl", "curl"), deb("libcurl4", "curl"), deb("zlib1g", "zlib")}}
}

func curlRecords() map[string][]match.Record {
	return map[string][]match.Record{"curl": {{Bucket: "debian 12", Advisories: []match.Advisory{{ID: "CVE-1", FixedVersion: "1.1"}, {ID: "CVE-2", FixedVersion: "0.9"}}}}}
}

// One image is judged like the same image in a fleet.
func TestJudgeSaysWhatTheFleetSays(t *testing.T) {
	content := debianImage()
	db := fakeDatabase{records: curlRecords(), bucket: "debian 12", reads: map[match.Key]int{}}
	got, err := Judge(content, db, judged)
	if err != nil {
		t.Fatal(err)
	}
	for key, n := range db.reads {
		if n != 1 {
			t.Errorf("%v was read %d times", key, n)
		}
	}
	f := fleet.New(match.Judge)
	if err := f.Add("id", content.Packages, match.Components(content, judged)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Swap(db, "r"); err != nil {
		t.Fatal(err)
	}
	want, _ := f.Judgement("id")
	if diff := cmp.Diff(want.Findings, got.Findings); diff != "" || len(got.Findings) != 2 {
		t.Errorf("findings (-fleet +one):\n%s", diff)
	}
	if !got.State.Judgeable() || len(got.Problems) > 0 {
		t.Errorf("state %+v, problems %v", got.State, got.Problems)
	}
}

func TestJudgeSaysWhatItCannotJudge(t *testing.T) {
	got, err := Judge(debianImage(), fakeDatabase{bucket: "debian 11"}, judged)
	if err != nil || got.State.Reason != v1alpha1.ReasonReleaseNotInDatabase || got.State.Judgeable() {
		t.Errorf("a release that is not known: %+v, %v", got, err)
	}
	redhat := &sbom.Image{OS: sbom.OS{Family: "redhat", Release: "10.0"}, Packages: []sbom.Package{{Type: sbom.TypeRPM, Name: "bash", Version: "1-1"}}}
	got, err = Judge(redhat, fakeDatabase{bucket: "Red Hat"}, judged)
	if err != nil || got.State.Reason != v1alpha1.ReasonReleaseNotInDatabase || len(got.Problems) != 1 {
		t.Errorf("products that are not known: %+v, %v", got, err)
	}
	for _, db := range []fakeDatabase{{readErr: errDisk}, {findErr: errDisk}} {
		if _, err := Judge(debianImage(), db, judged); !errors.Is(err, errDisk) {
			t.Errorf("error %v", err)
		}
	}
}
