package baseimage

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	now = time.Date(2026, 1, 20, 12, 0, 0, 0, time.UTC)
	day = 24 * time.Hour
)

// candidate is a good one: old enough, scanned, and it fixes a finding.
func candidate(change ...func(*Evaluated)) Evaluated {
	e := Evaluated{FirstSeen: now.Add(-30 * day), Created: now.Add(-30 * day), Scanned: true, Delta: Compare(findings("1H"), nil)}
	for _, f := range change {
		f(&e)
	}
	return e
}

func seen(ago time.Duration) func(*Evaluated) {
	return func(e *Evaluated) { e.FirstSeen = now.Add(-ago) }
}

func delta(fixes, adds string) func(*Evaluated) {
	return func(e *Evaluated) { e.Delta = Compare(findings(fixes), findings(adds)) }
}

func TestChoose(t *testing.T) {
	exploited := delta("1H!", "")
	same := func(e *Evaluated) { e.Digest = "" }
	// Each tag is a candidate for 1.2.3, in the order of the ladder.
	for name, c := range map[string]struct {
		candidates map[string]Evaluated
		taken      string
		passed     string
		until      time.Duration
	}{
		"none":               {},
		"the only one":       {candidates: map[string]Evaluated{"1.2.4": candidate()}, taken: "1.2.4"},
		"the smallest step":  {candidates: map[string]Evaluated{"1.2.4": candidate(), "1.3.0": candidate(), "2.0.0": candidate()}, taken: "1.2.4", passed: "1.3.0 LargerStep, 2.0.0 LargerStep"},
		"a refresh":          {candidates: map[string]Evaluated{"1.2.3": candidate(), "1.2.4": candidate()}, taken: "1.2.3", passed: "1.2.4 LargerStep"},
		"no refresh":         {candidates: map[string]Evaluated{"1.2.3": candidate(same), "1.2.4": candidate()}, taken: "1.2.4"},
		"the newest of them": {candidates: map[string]Evaluated{"1.2.4": candidate(), "1.2.5": candidate()}, taken: "1.2.5", passed: "1.2.4 Older"},
		"one that fixes nothing": {
			candidates: map[string]Evaluated{"1.2.4": candidate(delta("", "")), "1.3.0": candidate()}, taken: "1.3.0", passed: "1.2.4 FixesNothing",
		},
		"one that adds worse": {
			candidates: map[string]Evaluated{"1.2.4": candidate(delta("1M", "2C")), "1.3.0": candidate()}, taken: "1.3.0", passed: "1.2.4 AddsWorse",
		},
		"an unreleased one": {
			candidates: map[string]Evaluated{"1.2.4": candidate(func(e *Evaluated) { e.Unreleased = true }), "1.3.0": candidate()}, taken: "1.3.0", passed: "1.2.4 Prerelease",
		},
		"one that people refused": {
			candidates: map[string]Evaluated{"1.2.4": candidate(func(e *Evaluated) { e.Ignored = true }), "1.3.0": candidate()}, taken: "1.3.0", passed: "1.2.4 Ignored",
		},
		"one that is not scanned": {
			candidates: map[string]Evaluated{"1.2.4": candidate(func(e *Evaluated) { e.Scanned = false }), "1.3.0": candidate()}, taken: "1.3.0", passed: "1.2.4 NotScanned",
		},
		"one that fails": {
			candidates: map[string]Evaluated{"1.2.4": candidate(func(e *Evaluated) { e.FailsPolicy = "denied" }), "1.3.0": candidate()}, taken: "1.3.0", passed: "1.2.4 FailsPolicy",
		},
		"one built before": {
			candidates: map[string]Evaluated{"1.2.4": candidate(func(e *Evaluated) { e.Created = now.Add(-400 * day) }), "1.3.0": candidate()}, taken: "1.3.0", passed: "1.2.4 Older",
		},
		"one that does not say when it was built": {candidates: map[string]Evaluated{"1.2.4": candidate(func(e *Evaluated) { e.Created = time.Time{} })}, taken: "1.2.4"},
		"one that is too new is waited for": {
			candidates: map[string]Evaluated{"1.2.4": candidate(seen(day)), "1.3.0": candidate(), "2.0.0": candidate(seen(0))},
			passed:     "1.2.4 TooNew, 1.3.0 LargerStep, 2.0.0 TooNew", until: 2 * day,
		},
		"an older one of the step need not wait": {
			candidates: map[string]Evaluated{"1.2.5": candidate(seen(day)), "1.2.4": candidate(), "1.3.0": candidate()},
			taken:      "1.2.4", passed: "1.2.5 TooNew, 1.3.0 LargerStep", until: 2 * day,
		},
		"old enough on the second":   {candidates: map[string]Evaluated{"1.2.4": candidate(seen(3 * day))}, taken: "1.2.4"},
		"a second too new":           {candidates: map[string]Evaluated{"1.2.4": candidate(seen(3*day - time.Second))}, passed: "1.2.4 TooNew", until: time.Second},
		"never seen before":          {candidates: map[string]Evaluated{"1.2.4": candidate(func(e *Evaluated) { e.FirstSeen = time.Time{} })}, passed: "1.2.4 TooNew", until: 3 * day},
		"what is exploited is hasty": {candidates: map[string]Evaluated{"1.2.4": candidate(seen(0), exploited)}, taken: "1.2.4"},
		"and waits for no smaller step": {
			candidates: map[string]Evaluated{"1.2.4": candidate(seen(0)), "1.3.0": candidate(seen(0), exploited), "2.0.0": candidate()},
			taken:      "1.3.0", passed: "1.2.4 TooNew, 2.0.0 LargerStep", until: 3 * day,
		},
		"what would be passed over anyway is not waited for": {
			candidates: map[string]Evaluated{"1.2.4": candidate(seen(0), delta("", "")), "1.3.0": candidate()}, taken: "1.3.0", passed: "1.2.4 FixesNothing",
		},
		"the soonest is waited for": {
			candidates: map[string]Evaluated{"1.2.5": candidate(seen(0)), "1.2.4": candidate(seen(day))}, passed: "1.2.5 TooNew, 1.2.4 TooNew", until: 2 * day,
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := ChooseInput{Current: Version{Tag: parse(t, "", "1.2.3"), Created: now.Add(-100 * day)}, MinAge: 3 * day, Now: now}
			var tags []Tag
			for tag := range c.candidates {
				tags = append(tags, parse(t, "", tag))
			}
			for _, step := range Candidates(in.Current.Tag, tags, true) {
				e := c.candidates[step.Tag.String()]
				e.Candidate = step
				if !strings.Contains(name, "no refresh") {
					e.Digest = digest(step.Tag.String())
				}
				in.Candidates = append(in.Candidates, e)
			}
			got := Choose(in)
			taken := ""
			if got.Taken != nil {
				taken = got.Taken.Tag.String()
			}
			var passed []string
			for _, p := range got.Passed {
				passed = append(passed, fmt.Sprintf("%s %s", p.Tag, p.Reason))
				if p.Message == "" || len(p.Message) > maxMessage {
					t.Errorf("%s: the message is %q", p.Tag, p.Message)
				}
			}
			if taken != c.taken {
				t.Errorf("%q is taken, want %q", taken, c.taken)
			}
			if diff := cmp.Diff(c.passed, strings.Join(passed, ", ")); diff != "" {
				t.Errorf("passed over (-want +got):\n%s", diff)
			}
			var until time.Time
			if c.until > 0 {
				until = now.Add(c.until)
			}
			if !got.Until.Equal(until) {
				t.Errorf("until %s, want %s", got.Until, until)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	in := ChooseInput{Current: Version{Tag: parse(t, "", "1.2.3")}, Now: now}
	for _, tag := range []string{"1.2.4", "1.2.5"} {
		e := candidate(delta("1M", "2C 3L"))
		e.Candidate = Candidate{Tag: parse(t, "", tag), Step: Step{Level: Patch}}
		in.Candidates = append(in.Candidates, e)
	}
	in.Candidates[1].FailsPolicy = strings.Repeat("é", 200)
	got := Choose(in)
	if want := "it fixes 1 finding and adds 2 findings, such as 2 (Critical)"; got.Passed[0].Message != want {
		t.Errorf("got %q, want %q", got.Passed[0].Message, want)
	}
	if m := got.Passed[1].Message; len(m) > maxMessage || !strings.HasSuffix(m, "é…") {
		t.Errorf("got %q of %d bytes", m, len(m))
	}
}

func TestShortlist(t *testing.T) {
	tags := strings.Fields("1.2.3-alpine3.19 1.2.4-alpine3.19 1.2.9-alpine3.19 1.3.0-alpine3.19 1.4.0-alpine3.19 1.2.3-alpine3.20 1.2.3-alpine3.21 " +
		"1.2.9-alpine3.21 1.4.0-alpine3.21 2.0.0-alpine3.19 3.0.0-alpine3.21 1.2.9 latest !")
	for name, c := range map[string]struct {
		majors bool
		limit  int
		want   string
		steps  string
	}{
		"all":     {majors: true, want: "1.2.3-alpine3.19 1.2.9-alpine3.19 1.4.0-alpine3.19 1.2.3-alpine3.21 1.2.9-alpine3.21 1.4.0-alpine3.21 2.0.0-alpine3.19 3.0.0-alpine3.21", steps: "Refresh Patch Minor Variant VariantPatch VariantMinor Major VariantMajor"},
		"no more": {majors: true, limit: 9, want: "1.2.3-alpine3.19 1.2.9-alpine3.19 1.4.0-alpine3.19 1.2.3-alpine3.21 1.2.9-alpine3.21 1.4.0-alpine3.21 2.0.0-alpine3.19 3.0.0-alpine3.21", steps: "Refresh Patch Minor Variant VariantPatch VariantMinor Major VariantMajor"},
		"few":     {limit: 2, want: "1.2.3-alpine3.19 1.2.9-alpine3.19", steps: "Refresh Patch"},
	} {
		t.Run(name, func(t *testing.T) {
			var got, steps []string
			for _, candidate := range Shortlist(parse(t, "", "1.2.3-alpine3.19"), tags, "", c.majors, c.limit) {
				got = append(got, candidate.Tag.String())
				steps = append(steps, string(candidate.Step.UpdateStep()))
			}
			if diff := cmp.Diff(c.want+" | "+c.steps, strings.Join(got, " ")+" | "+strings.Join(steps, " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSmaller(t *testing.T) {
	python := "3.12 3.12.4 3.12.4-slim 3.12.4-slim-bookworm 3.12.4-slim-bullseye 3.12.4-alpine 3.12.4-alpine3.20 3.12.4-alpine3.19 3.12.4-bookworm 3.12.5-slim 3.12-slim 3.13.0rc1-slim 3.12.4-windowsservercore-ltsc2022 3.12.4-distroless 3.12.4-perl-slim"
	for name, c := range map[string]struct{ repository, tag, tags, want string }{
		"of a full one":                  {tag: "3.12.4", tags: python, want: "3.12.4-slim 3.12.4-alpine 3.12.4-distroless"},
		"of a distribution's release":    {tag: "3.12.4-bookworm", tags: python, want: "3.12.4-slim-bookworm 3.12.4-alpine 3.12.4-distroless"},
		"of a slim one":                  {tag: "3.12.4-slim", tags: python, want: "3.12.4-alpine 3.12.4-distroless"},
		"of Alpine's":                    {tag: "3.12.4-alpine3.20", tags: python, want: "3.12.4-distroless"},
		"a slim Alpine":                  {tag: "1.27-alpine", tags: "1.27-alpine-slim 1.27-alpine 1.27", want: "1.27-alpine-slim"},
		"none":                           {tag: "3.12.4-distroless", tags: python},
		"of the same edition":            {tag: "17-jdk", tags: "17-jre-alpine 17-jdk-alpine 17-slim 21-jdk-slim", want: "17-jdk-alpine"},
		"of a distribution's own":        {repository: "debian", tag: "bookworm", tags: "bookworm-slim trixie-slim 12-slim", want: "bookworm-slim"},
		"Red Hat's":                      {tag: "9.4-ubi9", tags: "9.4-ubi9-minimal 9.4-ubi9-micro 9.4-ubi8-minimal", want: "9.4-ubi9-micro"},
		"what is no tag":                 {tag: "", tags: python},
		"no prerelease":                  {tag: "3.13.0", tags: python},
		"four families are one too many": {tag: "1", tags: "1-slim 1-alpine 1-alpine-slim 1-distroless", want: "1-slim 1-alpine 1-alpine-slim"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, strings.Join(Smaller(c.repository, c.tag, strings.Fields(c.tags)), " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the tags are: what is smaller is never the tag itself, and not the other way round as well.
func FuzzSmaller(f *testing.F) {
	f.Add("3.12-slim-bookworm", "3.12-alpine3.20")
	f.Fuzz(func(t *testing.T, a, b string) {
		there, back := Smaller("debian", a, []string{a, b}), Smaller("debian", b, []string{a, b})
		if len(there) > 1 || len(there) == 1 && (there[0] != b || len(back) > 0) {
			t.Errorf("%q: %q, and back: %q", a, there, back)
		}
	})
}
