package vulndb_test

import (
	"testing"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

var _ fleet.Divisible = (*vulndb.DB)(nil)

// A part follows its own vulnerability, and the frame all that the key's parts share.
func TestParts(t *testing.T) {
	facts := []recipe.Fact{
		fact("npm::A", "ms", "CVE-1", `{"FixedVersion":"1"}`), fact("npm::A", "ms", "CVE-2", `{"FixedVersion":"1"}`),
		fact("npm::B", "ms", "CVE-1", `{"FixedVersion":"1"}`), fact("npm::B", "other", "CVE-3", `{}`),
	}
	details := map[string]types.Vulnerability{"CVE-1": {Severity: "HIGH"}, "CVE-2": {Severity: "LOW"}}
	key := match.Key{Bucket: "npm::", Name: "ms"}
	of := func(t *testing.T, facts []recipe.Fact, details map[string]types.Vulnerability) (uint64, map[string]uint64) {
		t.Helper()
		frame, parts, err := open(t, build(t, database.Spec{Facts: facts, Details: details})).Parts(key)
		if err != nil {
			t.Fatal(err)
		}
		return frame, parts
	}
	with := func(at int, f recipe.Fact) []recipe.Fact {
		changed := append([]recipe.Fact{}, facts...)
		changed[at] = f
		return changed
	}
	frame, parts := of(t, facts, details)
	if len(parts) != 2 || parts["CVE-1"] == 0 || parts["CVE-1"] == parts["CVE-2"] {
		t.Fatalf("parts: %v", parts)
	}
	cases := map[string]struct {
		facts     []recipe.Fact
		details   map[string]types.Vulnerability
		want      []string
		wantFrame bool
	}{
		"nothing":                  {facts, details, nil, false},
		"another package":          {with(3, fact("npm::B", "other", "CVE-1", `{"FixedVersion":"3"}`)), details, nil, false},
		"one bucket's advisory":    {with(2, fact("npm::B", "ms", "CVE-1", `{"FixedVersion":"2"}`)), details, []string{"CVE-1"}, false},
		"severity alone":           {facts, map[string]types.Vulnerability{"CVE-1": {Severity: "HIGH"}, "CVE-2": {Severity: "HIGH"}}, []string{"CVE-2"}, false},
		"another id in a bucket":   {with(2, fact("npm::B", "ms", "CVE-4", `{"FixedVersion":"1"}`)), details, []string{"CVE-1", "CVE-4"}, false},
		"a bucket less":            {with(2, fact("npm::B", "else", "CVE-1", `{}`)), details, []string{"CVE-1"}, true},
		"a bucket of another name": {with(2, fact("npm::C", "ms", "CVE-1", `{"FixedVersion":"1"}`)), details, nil, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			gotFrame, got := of(t, tc.facts, tc.details)
			var differ []string
			for _, id := range []string{"CVE-1", "CVE-2", "CVE-4"} {
				if got[id] != parts[id] {
					differ = append(differ, id)
				}
			}
			if diff := cmp.Diff(tc.want, differ); diff != "" {
				t.Errorf("parts that differ (-want +got):\n%s", diff)
			}
			if (gotFrame != frame) != tc.wantFrame {
				t.Errorf("frame differs: %t", gotFrame != frame)
			}
		})
	}
}

func TestRedHatHasNoParts(t *testing.T) {
	d := open(t, build(t, database.Spec{Facts: redHatFacts, Details: redHatDetails}))
	if _, parts, err := d.Parts(redHatKey); err != nil || parts != nil {
		t.Errorf("got %v, %v", parts, err)
	}
}

func TestRecordsOf(t *testing.T) {
	published := time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC)
	d := open(t, build(t, database.Spec{
		Facts: []recipe.Fact{
			fact("npm::A", "ms", "CVE-1", `{"FixedVersion":"1"}`), fact("npm::A", "ms", "CVE-2", `{"FixedVersion":7}`),
			fact("npm::B", "ms", "CVE-2", `{"FixedVersion":"2"}`), fact("npm::C", "other", "CVE-1", `{}`),
		},
		Details: map[string]types.Vulnerability{"CVE-1": {Severity: "HIGH", PublishedDate: &published}},
	}))
	// What is not asked for is not even decoded.
	got, err := d.RecordsOf(match.Key{Bucket: "npm::", Name: "ms"}, map[string]bool{"CVE-1": true, "CVE-9": true})
	if err != nil {
		t.Fatal(err)
	}
	want := []match.Record{
		{Bucket: "npm::A", Source: npmSource, Advisories: []match.Advisory{
			{ID: "CVE-1", FixedVersion: "1", Detail: &match.Detail{Severity: match.SeverityHigh, Published: published}},
		}},
		{Bucket: "npm::B", Source: npmSource},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
