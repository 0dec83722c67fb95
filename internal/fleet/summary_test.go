package fleet

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// An image that is added by a summary which was stored is judged as one that
// was added by its packages.
func TestStoredSummaryIsJudgedAsItsImage(t *testing.T) {
	r := random{rand.New(rand.NewPCG(1, 9))}
	db := newDatabase(r.database())
	whole, restored := New(match.Judge), New(match.Judge)
	mustSwap(t, restored, db, "r1")
	findings := 0
	for n := range 60 {
		c := r.image()
		add(t, whole, n, c)
		text, err := json.Marshal(Summarise(c.packages, c.components))
		if err != nil {
			t.Fatal(err)
		}
		var s Summary
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		if err := restored.AddSummary(digest(n), s); err != nil {
			t.Fatal(err)
		}
	}
	mustSwap(t, whole, db, "r1")
	for n := range 60 {
		want, _ := whole.Judgement(digest(n))
		got, ok := restored.Judgement(digest(n))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || !ok {
			t.Fatalf("image %d (-want +got):\n%s", n, diff)
		}
		findings += len(got.Findings)
	}
	if findings == 0 {
		t.Error("nothing was found; the test tests nothing")
	}
}

func TestSummaryRefusesOthersText(t *testing.T) {
	good, err := json.Marshal(Summarise(debianImage(dpkg("curl", "1"), dpkg("bash", "2")).packages, debianImage(dpkg("curl", "1"), dpkg("bash", "2")).components))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]map[string]any{
		"columns of different length": {"versions": "1"},
		"a bucket that is not there":  {"bucket": numbers{0, 1}},
		"half a number":               {"family": numbers{0, 255}},
		"a subject that is not there": {"subject": numbers{0, 2}},
		"a subject of no package":     {"subject": numbers{0, 0}},
		"packages without subjects":   {"subject": numbers{}},
		"packages out of order":       {"packages": numbers{1, 0}},
		"a number for names":          {"names": 1},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			var columns map[string]any
			if err := json.Unmarshal(good, &columns); err != nil {
				t.Fatal(err)
			}
			for column, value := range change {
				columns[column] = value
			}
			text, err := json.Marshal(columns)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, new(Summary)); err == nil {
				t.Error("it is taken")
			}
		})
	}
}

func TestSummaryOfATabIsRefused(t *testing.T) {
	c := debianImage(dpkg("cu\trl", "1"))
	if text, err := json.Marshal(Summarise(c.packages, c.components)); err == nil {
		t.Errorf("got %s", text)
	}
}

func FuzzSummary(f *testing.F) {
	good, err := json.Marshal(Summarise(nil, nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"buckets":["debian 12"],"families":["debian"],"arches":[""],"names":"curl","versions":"1","bucket":"AA==","family":"AA==","arch":"AA==","packages":"AA==","subject":"AA=="}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s Summary
		if json.Unmarshal(text, &s) != nil {
			return
		}
		fleet := New(match.Judge)
		if err := fleet.AddSummary(digest(1), s); err != nil {
			t.Fatal(err)
		}
		if _, err := fleet.Swap(newDatabase(nil), "r1"); err != nil {
			t.Fatal(err)
		}
		fleet.Judgement(digest(1))
		fleet.Remove(digest(1))
		if s := fleet.Stats(); s != (Stats{}) {
			t.Errorf("an empty fleet holds %+v", s)
		}
	})
}

// Only Ubuntu's expanded maintenance depends on the day, and only before
// general support has ended.
func TestLasting(t *testing.T) {
	packages := []sbom.Package{dpkg("curl", "1")}
	now := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		os   sbom.OS
		want bool
	}{
		"debian":                           {sbom.OS{Family: "debian", Release: "12"}, true},
		"ubuntu":                           {sbom.OS{Family: "ubuntu", Release: "24.04"}, true},
		"ubuntu, expanded and supported":   {sbom.OS{Family: "ubuntu", Release: "24.04", ESM: true}, false},
		"ubuntu, expanded once it is over": {sbom.OS{Family: "ubuntu", Release: "20.10", ESM: true}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Lasting(&sbom.Image{OS: tc.os, Packages: packages}, now); got != tc.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
