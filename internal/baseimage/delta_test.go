package baseimage

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

// findings from words such as "1H": id and severity, with "!" where exploitation is known. "1H/p" is in another package.
func findings(words string) []policy.Finding {
	var list []policy.Finding
	for word := range strings.FieldsSeq(words) {
		word, pkg, _ := strings.Cut(word, "/")
		f := policy.Finding{ID: word[:1], Package: pkg, KnownExploited: strings.HasSuffix(word, "!")}
		f.Severity = map[byte]v1alpha1.Severity{
			'C': v1alpha1.SeverityCritical, 'H': v1alpha1.SeverityHigh, 'M': v1alpha1.SeverityMedium, 'L': v1alpha1.SeverityLow, 'U': v1alpha1.SeverityUnknown,
		}[word[1]]
		list = append(list, f)
	}
	return list
}

func ids(list []policy.Finding) string {
	var words []string
	for _, f := range list {
		words = append(words, f.ID)
	}
	return strings.Join(words, " ")
}

func TestCompare(t *testing.T) {
	moved := findings("1H")
	moved[0].InstalledVersion, moved[0].FixedVersion = "2", "3"
	elsewhere := findings("1H")
	elsewhere[0].Path = "usr/lib/x"
	for name, c := range map[string]struct {
		from, to    []policy.Finding
		fixes, adds string
	}{
		"nothing":                  {},
		"the same":                 {from: findings("1H 2L"), to: findings("2L 1H")},
		"fixed, worst first":       {from: findings("1L 2C 3H 4L!"), fixes: "4 2 3 1"},
		"added":                    {from: findings("1L"), to: findings("2C 1L 3M"), adds: "2 3"},
		"another version":          {from: findings("1H"), to: moved},
		"another path":             {from: findings("1H"), to: elsewhere, fixes: "1", adds: "1"},
		"another package":          {from: findings("1H/a"), to: findings("1H/b"), fixes: "1", adds: "1"},
		"two architectures":        {from: findings("1H 1H 2L"), to: findings("3L 3L"), fixes: "1 2", adds: "3"},
		"another severity":         {from: findings("1H"), to: findings("1L")},
		"exploited since, in both": {from: findings("1H"), to: findings("1H!")},
	} {
		t.Run(name, func(t *testing.T) {
			d := Compare(c.from, c.to)
			if got, want := ids(d.Fixes)+" | "+ids(d.Adds), c.fixes+" | "+c.adds; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// In small worlds, where places collide often: what is fixed and added accounts for the difference.
func TestCompareAddsUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func() []policy.Finding {
		var words []string
		for range random.IntN(12) {
			words = append(words, fmt.Sprintf("%d%c/%d", random.IntN(5), "CHMLU"[random.IntN(5)], random.IntN(2)))
		}
		return findings(strings.Join(words, " "))
	}
	places := func(list []policy.Finding) map[place]bool {
		set := map[place]bool{}
		for _, f := range list {
			set[placeOf(f)] = true
		}
		return set
	}
	for range 2000 {
		a, b := some(), some()
		if d := Compare(a, a); len(d.Fixes)+len(d.Adds) != 0 || d.Better() {
			t.Fatalf("%v differs from itself: %+v", a, d)
		}
		d, back := Compare(a, b), Compare(b, a)
		if len(places(a))-len(d.Fixes)+len(d.Adds) != len(places(b)) {
			t.Fatalf("from %v to %v: %+v", a, b, d)
		}
		if diff := cmp.Diff(d, Delta{Fixes: back.Adds, Adds: back.Fixes}); diff != "" {
			t.Fatalf("there and back differ:\n%s", diff)
		}
		if d.Better() && back.Better() {
			t.Fatalf("from %v to %v is better, and back as well", a, b)
		}
		if !slices.IsSortedFunc(d.Fixes, policy.Compare) || !slices.IsSortedFunc(d.Adds, policy.Compare) {
			t.Fatalf("%+v is not sorted", d)
		}
	}
}

func TestBetter(t *testing.T) {
	for name, c := range map[string]struct {
		fixes, adds string
		want        bool
	}{
		"nothing":                         {},
		"fixes":                           {fixes: "1L", want: true},
		"adds":                            {adds: "1L"},
		"fixes worse than it adds":        {fixes: "1H", adds: "2M 3M 4M", want: true},
		"adds worse than it fixes":        {fixes: "1M 2M 3M", adds: "4H"},
		"as much of the worst":            {fixes: "1H 2M", adds: "3H"},
		"more of the worst":               {fixes: "1H 2H", adds: "3H 4M 5M", want: true},
		"less of the worst":               {fixes: "1H", adds: "2H 3H"},
		"what nobody rated":               {fixes: "1U", adds: "2L"},
		"exploited added":                 {fixes: "1C", adds: "2L!"},
		"exploited for exploited":         {fixes: "1C!", adds: "2L!"},
		"more exploited fixed than added": {fixes: "1C! 2L!", adds: "3L!", want: true},
		"exploited fixed":                 {fixes: "1L!", want: true},
		"exploited fixed, and a more severe one added": {fixes: "1L!", adds: "2C"},
	} {
		t.Run(name, func(t *testing.T) {
			d := Compare(findings(c.fixes), findings(c.adds))
			if got := d.Better(); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
