package recipe

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"
)

func mustFacts(t *testing.T, older bool) []Fact {
	t.Helper()
	all, err := Facts(older)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func compareFacts(a, b Fact) int {
	return cmp.Or(strings.Compare(a.Bucket, b.Bucket), strings.Compare(a.Package, b.Package), strings.Compare(a.ID, b.ID))
}

func TestFactsAreSortedAndUnique(t *testing.T) {
	for _, older := range []bool{true, false} {
		all := mustFacts(t, older)
		if len(all) < 40 {
			t.Errorf("%d facts", len(all))
		}
		for i := 1; i < len(all); i++ {
			if compareFacts(all[i-1], all[i]) >= 0 {
				t.Errorf("%+v is not before %+v", all[i-1], all[i])
			}
		}
		for _, f := range all {
			if !slices.Contains([]string{"UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL"}, f.Severity) {
				t.Errorf("severity of %s is %q", f.ID, f.Severity)
			}
		}
	}
}

// Of the newer facts some are new in each bucket that must change, and none in
// those that must not; nothing was withdrawn.
func TestFactsChange(t *testing.T) {
	added := map[string]int{}
	older := mustFacts(t, true)
	for _, f := range mustFacts(t, false) {
		at, found := slices.BinarySearchFunc(older, f, compareFacts)
		if !found {
			added[f.Bucket]++
		} else {
			older = slices.Delete(older, at, at+1)
		}
	}
	for _, f := range older {
		t.Errorf("%s %s of %s is withdrawn", f.Bucket, f.ID, f.Package)
	}
	for _, bucket := range []string{"alpine 3.21", "debian 12", "go::The Go Vulnerability Database", "pip::Python Packaging Advisory Database"} {
		if added[bucket] == 0 {
			t.Errorf("nothing is added to %s", bucket)
		}
	}
	for _, bucket := range []string{"npm::Node.js Ecosystem Security Working Group", "ubuntu 22.04", "wolfi"} {
		if added[bucket] != 0 {
			t.Errorf("%d facts are added to %s", added[bucket], bucket)
		}
	}
}

func TestParseFact(t *testing.T) {
	tests := map[string]struct {
		line string
		want Fact
		fail bool
	}{
		"complete":        {line: "b\tp\ti\t{}\tHIGH\t2024-09-03T00:00:00Z", want: Fact{Bucket: "b", Package: "p", ID: "i", Advisory: []byte("{}"), Severity: "HIGH", Published: time.Date(2024, 9, 3, 0, 0, 0, 0, time.UTC)}},
		"unpublished":     {line: "b\tp\ti\t{}\tHIGH\t", want: Fact{Bucket: "b", Package: "p", ID: "i", Advisory: []byte("{}"), Severity: "HIGH"}},
		"too few columns": {line: "b\tp\ti\t{}\tHIGH", fail: true},
		"no JSON":         {line: "b\tp\ti\t{\tHIGH\t", fail: true},
		"no time":         {line: "b\tp\ti\t{}\tHIGH\tyesterday", fail: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseFact(tc.line)
			if (err != nil) != tc.fail {
				t.Fatalf("error is %v", err)
			}
			if !tc.fail && (compareFacts(got, tc.want) != 0 || string(got.Advisory) != string(tc.want.Advisory) || got.Severity != tc.want.Severity || !got.Published.Equal(tc.want.Published)) {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}
