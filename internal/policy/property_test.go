package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

var severities = []v1alpha1.Severity{critical, high, medium, low, unrated}

// generator makes small worlds in which ids, packages and times collide often.
type generator struct{ *rand.Rand }

func (g generator) one(n int) bool { return g.IntN(n) == 0 }

func (g generator) id() string { return fmt.Sprintf("CVE-%d", g.IntN(6)) }

func (g generator) finding() Finding {
	f := find(g.id(), fmt.Sprintf("p%d", g.IntN(3)), severities[g.IntN(len(severities))])
	if g.one(2) {
		fixed(&f)
	}
	f.KnownExploited = g.one(4)
	if g.one(2) {
		f.Published = start.Add(-days(g.IntN(40)))
	}
	if g.one(3) {
		f.VendorIDs = []string{g.id()}
	}
	return f
}

func (g generator) rule(i int) v1alpha1.Rule {
	name := fmt.Sprintf("r%d", i)
	switch g.IntN(9) {
	case 0:
		return v1alpha1.Rule{Name: name, Type: v1alpha1.RuleImage, Image: &v1alpha1.ImageRule{
			MaxAgeDays: new(int32(g.IntN(40))), DeniedTags: []string{fmt.Sprint(g.IntN(3))}, Setuid: v1alpha1.PermissionDenied,
		}}
	case 1:
		return v1alpha1.Rule{Name: name, Type: v1alpha1.RulePackages, Packages: &v1alpha1.PackagesRule{
			Denied: []string{fmt.Sprintf("p%d", g.IntN(3))}, DeniedKinds: []v1alpha1.PackageKind{v1alpha1.PackageShell, v1alpha1.PackageNetcat},
		}}
	case 2:
		return v1alpha1.Rule{Name: name, Type: v1alpha1.RuleWorkload, Workload: &v1alpha1.WorkloadRule{
			Profile: v1alpha1.ProfileBaseline, NonRoot: v1alpha1.RequirementRequired, ReadOnlyRootFilesystem: v1alpha1.RequirementRequired,
		}}
	case 3:
		return v1alpha1.Rule{Name: name, Type: v1alpha1.RuleBaseImage, BaseImage: &v1alpha1.BaseImageRule{
			Allowed: [][]string{nil, {"docker.io/library/debian:*"}}[g.IntN(2)], MaxBehindDays: new(int32(g.IntN(40))),
		}}
	default:
		return g.vulnerabilitiesRule(name)
	}
}

func (g generator) vulnerabilitiesRule(name string) v1alpha1.Rule {
	var r v1alpha1.VulnerabilitiesRule
	if g.one(2) {
		r.MaxCount = new(int32(g.IntN(4)))
	}
	if r.MaxCount == nil || g.one(2) {
		for _, s := range severities[:1+g.IntN(5)] {
			r.Deadlines = append(r.Deadlines, within(int32(g.IntN(40)), s))
		}
	}
	r.Fix = []v1alpha1.Fix{"", v1alpha1.FixAny, v1alpha1.FixAvailable}[g.IntN(3)]
	r.Clock = []v1alpha1.Clock{"", v1alpha1.ClockFirstObserved, v1alpha1.ClockPublished}[g.IntN(3)]
	if g.one(4) {
		r.Exploitation = v1alpha1.ExploitationKnown
	}
	return rule(name, r)
}

func (g generator) workload() Workload {
	w := Workload{Group: "apps", Kind: "Deployment", Name: fmt.Sprint("w", g.IntN(3)), Tags: []string{fmt.Sprint(g.IntN(3))}}
	if !g.one(3) {
		w.Pod = podWith(func(s *corev1.PodSpec) {
			s.HostNetwork, s.HostPID = g.one(2), g.one(2)
			s.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsUser: new(int64(g.IntN(2))), ReadOnlyRootFilesystem: new(g.one(2))}
		})
	}
	return w
}

func (g generator) exception(i int) v1alpha1.Exception {
	e := v1alpha1.Exception{
		Name: fmt.Sprintf("e%d", i), Vulnerabilities: []string{g.id()},
		Status: []v1alpha1.ExceptionStatus{v1alpha1.ExceptionNotAffected, v1alpha1.ExceptionFixed, v1alpha1.ExceptionAffected}[g.IntN(3)],
	}
	if g.one(3) {
		e.Packages = []string{fmt.Sprintf("pkg:deb/debian/p%d@9", g.IntN(3))}
	}
	if !g.one(4) {
		e.ExpirationTime = new(metav1.NewTime(start.Add(days(g.IntN(60) - 10))))
	}
	return e
}

func (g generator) policies() []Policy {
	policies := make([]Policy, 1+g.IntN(3))
	for i := range policies {
		policies[i] = policyOf(fmt.Sprintf("p%d", i))
		for j := range 1 + g.IntN(3) {
			policies[i].Spec.Rules = append(policies[i].Spec.Rules, g.rule(j))
		}
		for j := range g.IntN(4) {
			policies[i].Spec.Exceptions = append(policies[i].Spec.Exceptions, g.exception(j))
		}
	}
	return policies
}

func (g generator) facts() Facts {
	facts := image()
	for range g.IntN(8) {
		facts.Findings = append(facts.Findings, g.finding())
		facts.Packages = append(facts.Packages, Package{Name: fmt.Sprintf("p%d", g.IntN(9)), Source: fmt.Sprintf("p%d", g.IntN(9)), Type: "dpkg"})
	}
	for range g.IntN(4) {
		facts.Workloads = append(facts.Workloads, g.workload())
		facts.Setuid = append(facts.Setuid, fmt.Sprint("bin/", g.IntN(5)))
		facts.Programs = append(facts.Programs, Program{Path: fmt.Sprint("bin/", g.IntN(5)), Kind: v1alpha1.PackageNetcat})
	}
	facts.Config.Created = start.Add(days(g.IntN(60) - 40))
	if !g.one(3) {
		facts.Base = &Base{Name: []string{"", "docker.io/library/debian:12", "docker.io/library/alpine:3"}[g.IntN(3)], Claimed: g.one(4)}
	}
	if facts.Base != nil && !g.one(3) {
		facts.Base.NewerSince = start.Add(-days(g.IntN(40)))
	}
	return facts
}

func TestAVerdictHoldsUntilItsSecond(t *testing.T) {
	changes := 0
	for seed := range uint64(1000) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		facts, policies := g.facts(), g.policies()
		ledger := observed(t, facts, policies, start.Add(-days(g.IntN(20))))
		now := start
		// Each step ends at a deadline or an expiry, of which there are few.
		for step := 0; ; step++ {
			if step > 60 {
				t.Fatalf("seed %d: the judgement never comes to rest", seed)
			}
			judged := Judge(facts, policies, ledger, now)
			if judged.Until.IsZero() {
				requireEqual(t, seed, judged, Judge(facts, policies, ledger, now.Add(days(5000))))
				break
			}
			if !judged.Until.After(now) {
				t.Fatalf("seed %d: until %s is not after %s", seed, judged.Until, now)
			}
			requireEqual(t, seed, judged, Judge(facts, policies, ledger, judged.Until.Add(-1)))
			halfway := now.Add(judged.Until.Sub(now) / 2)
			requireEqual(t, seed, judged, Judge(facts, policies, ledger, halfway))
			next := Judge(facts, policies, ledger, judged.Until)
			if next.Until.Equal(judged.Until) {
				t.Fatalf("seed %d: until %s again", seed, next.Until)
			}
			if !cmp.Equal(judged.Verdicts, next.Verdicts) {
				changes++
			}
			now = judged.Until
		}
	}
	if changes < 500 {
		t.Errorf("only %d verdicts changed with time: the property was hardly tested", changes)
	}
}

func requireEqual(t *testing.T, seed uint64, want, got Judgement) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("seed %d: the judgement changed before its time (-before +after):\n%s", seed, diff)
	}
}

func TestTheOrderOfThingsDoesNotMatter(t *testing.T) {
	for seed := range uint64(1000) {
		g := generator{rand.New(rand.NewPCG(seed, 2))}
		facts, policies := g.facts(), g.policies()
		ledger := observed(t, facts, policies, start)
		now := start.Add(days(g.IntN(40)))
		want := Judge(facts, policies, ledger, now)

		shuffled := facts
		shuffled.Findings = slices.Clone(facts.Findings)
		g.Shuffle(len(shuffled.Findings), func(i, j int) {
			shuffled.Findings[i], shuffled.Findings[j] = shuffled.Findings[j], shuffled.Findings[i]
		})
		shuffled.Packages, shuffled.Programs = reversed(facts.Packages), reversed(facts.Programs)
		shuffled.Setuid, shuffled.Workloads = reversed(facts.Setuid), reversed(facts.Workloads)
		slices.Reverse(policies)
		got := Judge(shuffled, policies, ledger, now)
		if diff := cmp.Diff(want.Verdicts, got.Verdicts); diff != "" {
			t.Fatalf("seed %d: verdicts depend on the order (-before +after):\n%s", seed, diff)
		}
		if got.Verdict != want.Verdict || !got.Until.Equal(want.Until) {
			t.Fatalf("seed %d: %s until %s, want %s until %s", seed, got.Verdict, got.Until, want.Verdict, want.Until)
		}
	}
}

// TestExceptionsNeverHarm: a verdict with exceptions is at most as bad as one without.
func TestExceptionsNeverHarm(t *testing.T) {
	for seed := range uint64(1000) {
		g := generator{rand.New(rand.NewPCG(seed, 3))}
		facts, policies := g.facts(), g.policies()
		ledger := observed(t, facts, policies, start)
		now := start.Add(time.Duration(g.IntN(40)) * day)
		with := Judge(facts, policies, ledger, now)
		for i := range policies {
			policies[i].Spec.Exceptions = nil
		}
		if without := Judge(facts, policies, ledger, now); Worse(with.Verdict, without.Verdict) > 0 {
			t.Fatalf("seed %d: %s with exceptions, %s without", seed, with.Verdict, without.Verdict)
		}
	}
}

func reversed[T any](all []T) []T {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}
