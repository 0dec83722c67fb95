package parity

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

func TestParity(t *testing.T) {
	for name, s := range loadSuites(t) {
		t.Run(name, func(t *testing.T) {
			open := databases{t: t, open: map[string]*vulndb.DB{}}
			names := map[string]bool{}
			for _, c := range s.Cases {
				if c.Name == "" || names[c.Name] {
					t.Errorf("%q is the name of no case, or of two", c.Name)
				}
				names[c.Name] = true
				t.Run(c.Name, func(t *testing.T) { c.check(t, open.of(&c)) })
			}
		})
	}
}

func (c *scene) check(t *testing.T, db *vulndb.DB) {
	img := c.image(t)
	components := match.Components(img, c.day(t))
	judgement := judge(t, db, img, components)
	if diff := cmp.Diff(judgement.Findings, judgeAlone(t, db, img, components), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("findings with and without a fleet (-with +without):\n%s", diff)
	}
	var got, want []finding
	for _, f := range judgement.Findings {
		got = append(got, reported(t, db, img, f))
	}
	for _, f := range c.Want {
		want = append(want, f.full())
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	c.checkProblems(t, judgement.Problems)
	c.checkSystem(t, img.OS)
}

func (c *scene) checkProblems(t *testing.T, problems []string) {
	t.Helper()
	if len(problems) != len(c.Problems) {
		t.Fatalf("problems = %q, want %q", problems, c.Problems)
	}
	for i, want := range c.Problems {
		if !strings.Contains(problems[i], want) {
			t.Errorf("problem %q, want one with %q", problems[i], want)
		}
	}
}

func (c *scene) checkSystem(t *testing.T, os sbom.OS) {
	t.Helper()
	if known := os.Family != "" || os.RepositoryFamily != ""; known && match.Supported(os) == c.Unsupported {
		t.Errorf("%+v: supported = %t", os, !c.Unsupported)
	}
	if c.SupportEnds == "" {
		return
	}
	end, ok := match.SupportEnd(os)
	got := "never"
	if ok {
		got = end.Format(time.DateOnly)
		if end.Format(time.TimeOnly) != "23:59:59" {
			t.Errorf("support ends at %s, want the day's end", end)
		}
	}
	if got != c.SupportEnds {
		t.Errorf("support ends %s, want %s", got, c.SupportEnds)
	}
}
