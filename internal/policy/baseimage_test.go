package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const debian = "docker.io/library/debian:12"

func baseRule(maxBehindDays *int32, allowed ...string) v1alpha1.Rule {
	return v1alpha1.Rule{Name: "r", Type: v1alpha1.RuleBaseImage, BaseImage: &v1alpha1.BaseImageRule{Allowed: allowed, MaxBehindDays: maxBehindDays}}
}

func on(b Base) func(*Facts) { return func(f *Facts) { f.Base = &b } }

func TestBaseImage(t *testing.T) {
	limit := new(int32(30))
	since := start.Add(-days(30))
	judgeRules(t, map[string]ruleCase{
		"allowed":             {rule: baseRule(nil, "docker.io/library/alpine:*", "docker.io/library/debian:*"), edit: on(Base{Name: debian}), want: pass},
		"allowed by its tag":  {rule: baseRule(nil, "docker.io/library/debian:12*"), edit: on(Base{Name: debian}), want: pass},
		"any repository":      {rule: baseRule(nil, "docker.io/**"), edit: on(Base{Name: debian}), want: pass},
		"another tag":         {rule: baseRule(nil, "docker.io/library/debian:11"), edit: on(Base{Name: debian}), want: fail, wantMessage: "its base image " + debian + " matches none of the allowed patterns"},
		"without its tag":     {rule: baseRule(nil, "docker.io/library/debian"), edit: on(Base{Name: debian}), want: fail, wantMessage: "its base image " + debian + " matches none of the allowed patterns"},
		"another's namespace": {rule: baseRule(nil, "docker.io/*:*"), edit: on(Base{Name: debian}), want: fail, wantMessage: "its base image " + debian + " matches none of the allowed patterns"},
		"not found":           {rule: baseRule(nil, "**"), edit: on(Base{}), want: fail, wantMessage: "its base image is not known, and so is not an allowed one"},
		"only claimed": {rule: baseRule(nil, "**"), edit: on(Base{Name: debian, Claimed: true}), want: fail,
			wantMessage: "it claims the base image " + debian + ", which nothing confirms"},
		"the newest":         {rule: baseRule(limit), edit: on(Base{Name: debian}), want: pass},
		"behind":             {rule: baseRule(limit), edit: on(Base{Name: debian, NewerSince: since.Add(time.Second)}), want: pass},
		"a second later":     {rule: baseRule(limit), edit: on(Base{Name: debian, NewerSince: since}), want: fail, wantMessage: "a newer build of its base image " + debian + " has been known since 2025-12-11T12:00:00Z, for more than 30 days"},
		"no day is granted":  {rule: baseRule(new(int32(0))), edit: on(Base{Name: debian, NewerSince: start}), want: fail, wantMessage: "a newer build of its base image " + debian + " has been known since 2026-01-10T12:00:00Z, for more than 0 days"},
		"behind and foreign": {rule: baseRule(limit, "a"), edit: on(Base{Name: debian, NewerSince: since}), want: fail, wantMessage: "its base image " + debian + " matches none of the allowed patterns; a newer build of its base image " + debian + " has been known since 2025-12-11T12:00:00Z, for more than 30 days"},
		"not scanned":        {rule: baseRule(limit, "a"), edit: unscanned, want: open},
		"a bad pattern":      {rule: baseRule(nil, "["), want: inError, wantMessage: `baseImage.allowed: pattern "[": syntax error in pattern`},
		"no limit":           {rule: baseRule(nil), want: inError, wantMessage: "the rule sets neither baseImage.allowed nor baseImage.maxBehindDays"},
		"no member":          {rule: v1alpha1.Rule{Type: v1alpha1.RuleBaseImage}, want: inError, wantMessage: "the rule sets neither baseImage.allowed nor baseImage.maxBehindDays"},
	})
}

// What cannot be judged is skipped, and says why.
func TestBaseImageIsSkipped(t *testing.T) {
	for name, c := range map[string]struct {
		rule v1alpha1.Rule
		edit func(*Facts)
		why  string
	}{
		"nobody looked":           {baseRule(nil, "**"), func(*Facts) {}, "its base image was not looked for"},
		"nobody looked for how":   {baseRule(new(int32(30))), func(*Facts) {}, "its base image was not looked for"},
		"not found, and how long": {baseRule(new(int32(30))), on(Base{}), "its base image is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			facts := image()
			c.edit(&facts)
			got := Judge(facts, []Policy{policyOf("p", c.rule)}, nil, start)
			want := []SkippedRule{{PolicyKind: "ImagePolicy", PolicyName: "p", Rule: "r", Why: c.why}}
			if diff := cmp.Diff(want, got.Skipped); diff != "" || got.Verdict != open {
				t.Errorf("%s, skipped (-want +got):\n%s", got.Verdict, diff)
			}
		})
	}
}

func TestBeingBehindBeginsOnItsSecond(t *testing.T) {
	facts := image()
	facts.Base = &Base{Name: debian, NewerSince: start.Add(300 * time.Millisecond)}
	policies := []Policy{policyOf("p", baseRule(new(int32(30))))}
	now, end := start.Add(time.Second), start.Add(days(30))
	for _, step := range []struct {
		verdict v1alpha1.Verdict
		until   time.Time
	}{{pass, end}, {fail, time.Time{}}} {
		got := Judge(facts, policies, nil, now)
		if got.Verdict != step.verdict || !got.Until.Equal(step.until) {
			t.Errorf("at %s %s until %s, want %s until %s", now, got.Verdict, got.Until, step.verdict, step.until)
		}
		now = got.Until
	}
}
