package fleet

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Architectures of one RPM package are several findings, as in match.Findings.
func TestArchitecturesOfRPMAreReportedEach(t *testing.T) {
	rpm := func(arch string) sbom.Package {
		return sbom.Package{Type: sbom.TypeRPM, Name: "glibc", Version: "2.38-1.azl3", SourceName: "glibc", SourceVersion: "2.38-1.azl3", Arch: arch}
	}
	packages := []sbom.Package{rpm("i686"), rpm("x86_64"), rpm("x86_64")}
	img := &sbom.Image{OS: sbom.OS{Family: "azurelinux", Release: "3.0"}, Packages: packages}
	c := contents{packages, match.Components(img, time.Unix(1.7e9, 0))}
	key := match.Key{Bucket: "Azure Linux 3.0", Name: "glibc"}
	records := map[match.Key][]match.Record{key: {{Bucket: key.Bucket, Advisories: []match.Advisory{fixed("CVE-1", "2.38-2.azl3", match.SeverityHigh)}}}}
	f := New(match.Judge)
	mustSwap(t, f, newDatabase(records), "r1")
	add(t, f, 1, c)
	j, _ := f.Judgement(digest(1))
	want := (&model{records: records}).findings(c)
	if diff := cmp.Diff(want, j.Findings); diff != "" || len(want) != 2 {
		t.Errorf("%d findings wanted (-want +got):\n%s", len(want), diff)
	}
}
