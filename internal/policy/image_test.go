package policy

import (
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func imageRule(r v1alpha1.ImageRule) v1alpha1.Rule {
	return v1alpha1.Rule{Name: "r", Type: v1alpha1.RuleImage, Image: &r}
}

func TestImageAge(t *testing.T) {
	of := func(days int32) v1alpha1.Rule { return imageRule(v1alpha1.ImageRule{MaxAgeDays: &days}) }
	built := func(at time.Time) func(*Facts) { return func(f *Facts) { f.Config.Created = at } }
	at := func(s string) func(*Facts) {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return built(at)
	}
	judgeRules(t, map[string]ruleCase{
		"young enough":   {rule: of(90), edit: built(start.Add(-days(90) + time.Second)), want: pass},
		"a second later": {rule: of(90), edit: built(start.Add(-days(90))), want: fail, wantMessage: "built on 2025-10-12T12:00:00Z, more than 90 days ago"},
		"one day":        {rule: of(1), edit: built(start.Add(-days(3))), want: fail, wantMessage: "built on 2026-01-07T12:00:00Z, more than 1 day ago"},
		"no time at all": {rule: of(90), want: fail, wantMessage: "the image does not say when it was built"},
		"the epoch": {rule: of(36500), edit: at("1970-01-01T00:00:00Z"), want: fail,
			wantMessage: "the image says that it was built on 1970-01-01T00:00:00Z, which cannot be: its age is not known"},
		"buildpacks": {rule: of(36500), edit: at("1980-01-01T00:00:01Z"), want: fail,
			wantMessage: "the image says that it was built on 1980-01-01T00:00:01Z, which cannot be: its age is not known"},
		"before the epoch": {rule: of(36500), edit: at("0001-01-02T00:00:00Z"), want: fail,
			wantMessage: "the image says that it was built on 0001-01-02T00:00:00Z, which cannot be: its age is not known"},
		"old, and known":           {rule: of(36500), edit: at("2013-06-01T00:00:00Z"), want: pass},
		"by a clock that is ahead": {rule: of(90), edit: built(start.Add(skew)), want: pass},
		"to come": {rule: of(90), edit: built(start.Add(skew + time.Second)), want: fail,
			wantMessage: "the image says that it was built on 2026-01-10T12:05:01Z, which is to come: its age is not known"},
		"not scanned": {rule: of(90), edit: unscanned, want: open},
	})
}

func TestImageAgeChangesOnItsSecond(t *testing.T) {
	facts := image()
	facts.Config.Created = start.Add(time.Hour)
	policies := []Policy{policyOf("p", imageRule(v1alpha1.ImageRule{MaxAgeDays: new(int32(30))}))}
	now := start
	for _, step := range []struct {
		verdict v1alpha1.Verdict
		until   time.Time
	}{
		{fail, start.Add(time.Hour - skew)},
		{pass, start.Add(time.Hour + days(30))},
		{fail, time.Time{}},
	} {
		got := Judge(facts, policies, nil, now)
		if got.Verdict != step.verdict || !got.Until.Equal(step.until) {
			t.Errorf("at %s %s until %s, want %s until %s", now, got.Verdict, got.Until, step.verdict, step.until)
		}
		now = got.Until
	}
}

func TestImageUser(t *testing.T) {
	for user, want := range map[string]string{
		"":               "the image sets no user, and runs as root",
		"root":           `the image's user "root" is root`,
		"root:root":      `the image's user "root:root" is root`,
		"0":              `the image's user "0" is root`,
		"0:0":            `the image's user "0:0" is root`,
		"0:1000":         `the image's user "0:1000" is root`,
		"00":             `the image's user "00" is root`,
		"+0":             `the image's user "+0" is root`,
		":1000":          `the image's user ":1000" is root`,
		"nginx":          `the image's user "nginx" is no number, so that it may be root`,
		"nginx:nginx":    `the image's user "nginx:nginx" is no number, so that it may be root`,
		"-1":             `the image's user "-1" is no number, so that it may be root`,
		"1000":           "",
		"1000:0":         "",
		"65532:65532":    "",
		"4294967294:web": "",
	} {
		want := ruleCase{rule: imageRule(v1alpha1.ImageRule{User: v1alpha1.ImageUserNonRoot}), want: fail, wantMessage: want,
			edit: func(f *Facts) { f.Config.User = user }}
		if want.wantMessage == "" {
			want.want = pass
		}
		judgeRules(t, map[string]ruleCase{"user " + user: want})
	}
	judgeRules(t, map[string]ruleCase{
		"any user":    {rule: imageRule(v1alpha1.ImageRule{User: v1alpha1.ImageUserAny, DeniedPorts: []int32{22}}), want: pass},
		"not scanned": {rule: imageRule(v1alpha1.ImageRule{User: v1alpha1.ImageUserNonRoot}), edit: unscanned, want: open},
	})
}

func TestImagePortsEnvironmentAndSetuid(t *testing.T) {
	ports := imageRule(v1alpha1.ImageRule{DeniedPorts: []int32{22, 2375}})
	exposed := func(s ...string) func(*Facts) { return func(f *Facts) { f.Config.ExposedPorts = s } }
	allowed := imageRule(v1alpha1.ImageRule{DeniedPorts: []int32{22}, SecretEnv: v1alpha1.PermissionAllowed, Setuid: v1alpha1.PermissionAllowed})
	nothing := imageRule(v1alpha1.ImageRule{User: v1alpha1.ImageUserAny, SecretEnv: v1alpha1.PermissionAllowed, Setuid: v1alpha1.PermissionAllowed})
	env := func(p v1alpha1.Permission) v1alpha1.Rule { return imageRule(v1alpha1.ImageRule{SecretEnv: p}) }
	setuid := func(p v1alpha1.Permission) v1alpha1.Rule { return imageRule(v1alpha1.ImageRule{Setuid: p}) }
	secrets := func(f *Facts) { f.Config.SecretEnv = []string{"TOKEN", "API_KEY"} }
	files := func(f *Facts) { f.Setuid = []string{"usr/bin/su", "usr/bin/mount", "usr/bin/passwd", "usr/bin/chfn"} }
	judgeRules(t, map[string]ruleCase{
		"no port":              {rule: ports, want: pass},
		"other ports":          {rule: ports, edit: exposed("8080/tcp", "2222", "1-21", "23-2374/udp"), want: pass},
		"a port":               {rule: ports, edit: exposed("22/tcp"), want: fail, wantMessage: "denied port exposed: 22/tcp"},
		"whatever protocol":    {rule: ports, edit: exposed("2375/udp", "22"), want: fail, wantMessage: "denied ports exposed: 22, 2375/udp"},
		"the end of a range":   {rule: ports, edit: exposed("20-22/tcp"), want: fail, wantMessage: "denied port exposed: 20-22/tcp"},
		"the start of a range": {rule: ports, edit: exposed("2375-2380"), want: fail, wantMessage: "denied port exposed: 2375-2380"},
		"a port that is none":  {rule: ports, edit: exposed("ssh", "8080/tcp"), want: fail, wantMessage: "denied port exposed: ssh"},
		"a range that is none": {rule: ports, edit: exposed("80-http"), want: fail, wantMessage: "denied port exposed: 80-http"},
		"a port out of range":  {rule: ports, edit: exposed("65536"), want: fail, wantMessage: "denied port exposed: 65536"},
		"ports, not scanned":   {rule: ports, edit: unscanned, want: open},
		"no secret":            {rule: env(v1alpha1.PermissionDenied), want: pass},
		"secrets that may be":  {rule: allowed, edit: secrets, want: pass},
		"secrets":              {rule: env(v1alpha1.PermissionDenied), edit: secrets, want: fail, wantMessage: "2 environment variables whose name looks like that of a secret: API_KEY, TOKEN"},
		"secrets, not scanned": {rule: env(v1alpha1.PermissionDenied), edit: unscanned, want: open},
		"no setuid":            {rule: setuid(v1alpha1.PermissionDenied), want: pass},
		"setuid that may be":   {rule: allowed, edit: files, want: pass},
		"setuid":               {rule: setuid(v1alpha1.PermissionDenied), edit: files, want: fail, wantMessage: "4 files with the setuid or setgid bit: usr/bin/chfn, usr/bin/mount, usr/bin/passwd and 1 more"},
		"setuid, not scanned":  {rule: setuid(v1alpha1.PermissionDenied), edit: unscanned, want: open},
		"no limit":             {rule: nothing, want: inError, wantMessage: "the rule limits nothing of an image"},
		"no member":            {rule: v1alpha1.Rule{Type: v1alpha1.RuleImage}, want: inError, wantMessage: "the rule does not set image"},
		"several complaints": {
			rule: imageRule(v1alpha1.ImageRule{User: v1alpha1.ImageUserNonRoot, Setuid: v1alpha1.PermissionDenied, DeniedTags: []string{"latest"}}), want: fail,
			edit: func(f *Facts) {
				f.Setuid, f.Workloads[0].Tags = []string{"a"}, []string{"latest"}
			},
			wantMessage: "the image sets no user, and runs as root; 1 file with the setuid or setgid bit: a; denied tag latest",
		},
	})
}

func TestImageTags(t *testing.T) {
	denied := func(s ...string) v1alpha1.Rule { return imageRule(v1alpha1.ImageRule{DeniedTags: s}) }
	tagged := func(tags ...string) func(*Facts) { return func(f *Facts) { f.Workloads[0].Tags = tags } }
	second := Workload{Group: "batch", Kind: "CronJob", Name: "nightly", Tags: []string{"latest"}}
	judgeRules(t, map[string]ruleCase{
		"another tag": {rule: denied("latest"), edit: tagged("1.2"), want: pass},
		"no tag":      {rule: denied("latest"), want: pass},
		"a tag":       {rule: denied("latest"), edit: tagged("1.2", "latest"), want: fail, wantMessage: "denied tag latest"},
		"patterns":    {rule: denied("*-dev", "latest"), edit: tagged("1-dev", "latest"), want: fail, wantMessage: "denied tags 1-dev, latest"},
		"bad pattern": {rule: denied("["), want: inError, wantMessage: `image.deniedTags: pattern "[": syntax error in pattern`},
		"one workload": {
			rule: denied("latest"), want: fail, wantMessage: "denied tag latest", wantWorkloads: []string{"CronJob/nightly"},
			edit: func(f *Facts) { f.Workloads = append(f.Workloads, second) },
		},
		"one workload, and the image": {
			rule: imageRule(v1alpha1.ImageRule{DeniedTags: []string{"latest"}, User: v1alpha1.ImageUserNonRoot}), want: fail,
			wantMessage: "the image sets no user, and runs as root; denied tag latest", wantWorkloads: []string{"CronJob/nightly", "Deployment/api"},
			edit: func(f *Facts) { f.Workloads = append(f.Workloads, second) },
		},
		"not scanned": {
			rule: imageRule(v1alpha1.ImageRule{DeniedTags: []string{"latest"}, User: v1alpha1.ImageUserNonRoot}), want: fail, wantMessage: "denied tag latest",
			edit: func(f *Facts) {
				unscanned(f)
				f.Workloads[0].Tags = []string{"latest"}
			},
		},
	})
}

// Where nothing runs, as in a build's check, the tags are those of the check.
func TestImageTagsWithoutWorkloads(t *testing.T) {
	facts := image()
	facts.Workloads, facts.Tags = nil, []string{"latest"}
	got := Judge(facts, []Policy{policyOf("p", imageRule(v1alpha1.ImageRule{DeniedTags: []string{"latest"}}))}, nil, start)
	if got.Verdict != fail || got.Verdicts[0].Violations[0].Message != "denied tag latest" {
		t.Errorf("%+v, want Fail for the tag", got)
	}
}
