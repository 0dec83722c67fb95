package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/policy"
	"github.com/plimsoll-dev/plimsoll/test/playground"
)

const day = 24 * time.Hour

// atMost is a rule: so many findings, of whatever severity.
func atMost(count int32) v1alpha1.Rule {
	return v1alpha1.Rule{Name: fmt.Sprintf("at-most-%d", count), Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &v1alpha1.VulnerabilitiesRule{
		MaxCount: &count,
	}}
}

// within is a rule: findings have to be gone some days after they were first observed.
func within(severity v1alpha1.Severity, days int32) v1alpha1.Rule {
	return v1alpha1.Rule{Name: "deadlines", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &v1alpha1.VulnerabilitiesRule{
		Clock: v1alpha1.ClockFirstObserved, Deadlines: []v1alpha1.Deadline{{Severity: severity, Days: days}},
	}}
}

func imagePolicy(ns, name string, rules ...v1alpha1.Rule) *v1alpha1.ImagePolicy {
	return &v1alpha1.ImagePolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec:       v1alpha1.ImagePolicySpec{Rules: rules},
	}
}

// clusterPolicy is for the namespaces with the labels.
func clusterPolicy(name string, namespaces map[string]string, rules ...v1alpha1.Rule) *v1alpha1.ClusterImagePolicy {
	return &v1alpha1.ClusterImagePolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.ClusterImagePolicySpec{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: namespaces},
			ImagePolicySpec:   v1alpha1.ImagePolicySpec{Rules: rules},
		},
	}
}

// named is the label by which a namespace can be selected by its name.
func named(ns string) map[string]string { return map[string]string{corev1.LabelMetadataName: ns} }

// results are the verdicts of a report's policies.
func results(r *v1alpha1.ImageReport) map[string]v1alpha1.Verdict {
	out := map[string]v1alpha1.Verdict{}
	for _, v := range r.Status.Verdicts {
		out[v.PolicyKind+"/"+v.PolicyName] = v.Result
	}
	return out
}

func TestVerdictFollowsThePolicy(t *testing.T) {
	ns := namespace(t, nil)
	ref, absent := small(t, "policy/app:1"), small(t, "policy/absent:1")
	absent.Digest = "sha256:6666666666666666666666666666666666666666666666666666666666666666"
	create(t, pod(ns, "app", ref))
	create(t, pod(ns, "absent", absent))
	first := awaitReport(t, ns, ref.Repository, both(scanned, hasVerdict(v1alpha1.VerdictNoPolicy)))

	p := imagePolicy(ns, "count", atMost(2))
	create(t, p)
	awaitReport(t, ns, ref.Repository, both(hasVerdict(v1alpha1.VerdictPass),
		hasCondition(v1alpha1.ConditionCompliant, metav1.ConditionTrue, v1alpha1.ReasonPoliciesPassed)))
	awaitReport(t, ns, absent.Repository, both(hasVerdict(v1alpha1.VerdictUnknown),
		hasCondition(v1alpha1.ConditionCompliant, metav1.ConditionUnknown, v1alpha1.ReasonNotScanned)))

	update(t, p, func(p *v1alpha1.ImagePolicy) { p.Spec.Rules[0] = atMost(1) })
	failed := awaitReport(t, ns, ref.Repository, both(hasVerdict(v1alpha1.VerdictFail),
		hasCondition(v1alpha1.ConditionCompliant, metav1.ConditionFalse, v1alpha1.ReasonPolicyViolated)))
	violations := failed.Status.Verdicts[0].Violations
	if len(violations) != 1 || violations[0].Rule != "at-most-1" || !cmp.Equal(violations[0].Workloads, []string{"Pod/app"}) {
		t.Errorf("violations are %+v, want one of at-most-1 by Pod/app", violations)
	}

	update(t, p, func(p *v1alpha1.ImagePolicy) { p.Spec.Suspend = true })
	awaitReport(t, ns, ref.Repository, hasVerdict(v1alpha1.VerdictNoPolicy))
	update(t, p, func(p *v1alpha1.ImagePolicy) { p.Spec.Suspend = false })
	awaitReport(t, ns, ref.Repository, hasVerdict(v1alpha1.VerdictFail))
	remove(t, p)
	last := awaitReport(t, ns, ref.Repository, hasVerdict(v1alpha1.VerdictNoPolicy))
	if last.UID != first.UID || last.Status.Verdicts != nil {
		t.Errorf("report %s with verdicts %+v, want the first, %s, without", last.UID, last.Status.Verdicts, first.UID)
	}
}

func TestWorstOfAllPoliciesIsTheVerdict(t *testing.T) {
	ns, elsewhere := namespace(t, map[string]string{"tier": "prod"}), namespace(t, nil)
	ref := small(t, "policy/worst:1")
	create(t, pod(ns, "app", ref))
	create(t, pod(elsewhere, "app", ref))
	create(t, imagePolicy(ns, "mild", atMost(10)))
	strict, other := clusterPolicy(ns+"-strict", map[string]string{"tier": "prod"}, atMost(0)), clusterPolicy(ns+"-other", map[string]string{"tier": "test"}, atMost(0))
	create(t, strict)
	create(t, other)

	want := map[string]v1alpha1.Verdict{"ImagePolicy/mild": v1alpha1.VerdictPass, "ClusterImagePolicy/" + strict.Name: v1alpha1.VerdictFail}
	awaitReport(t, ns, ref.Repository, both(hasVerdict(v1alpha1.VerdictFail), func(r *v1alpha1.ImageReport) string { return cmp.Diff(want, results(r)) }))
	awaitReport(t, elsewhere, ref.Repository, both(scanned, hasVerdict(v1alpha1.VerdictNoPolicy)))

	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}
	update(t, object, func(n *corev1.Namespace) { delete(n.Labels, "tier") })
	awaitReport(t, ns, ref.Repository, hasVerdict(v1alpha1.VerdictPass))
}

func TestPolicyCountsWhatItJudges(t *testing.T) {
	ns := namespace(t, nil)
	absent := small(t, "counts/absent:1")
	absent.Digest = "sha256:7777777777777777777777777777777777777777777777777777777777777777"
	create(t, pod(ns, "absent", absent))
	clean := vulnerable("tar")
	clean.Source = "nothing-is-known-of-this"
	for name, img := range map[string]v1.Image{
		"two":  compose(t, debian(t, vulnerable("tar"))),
		"four": compose(t, debian(t, vulnerable("tar"), vulnerable("tar-scripts"))),
		"none": compose(t, debian(t, clean)),
	} {
		create(t, pod(ns, name, push(t, "counts/"+name+":1", img)))
	}
	p := imagePolicy(ns, "counts", atMost(0), atMost(3))
	create(t, p)
	want := v1alpha1.ImagePolicyStatus{
		Images:     &v1alpha1.PolicyImages{Matched: 4, Passing: 1, Failing: 2, Unknown: 1},
		Violations: []v1alpha1.RuleViolations{{Rule: "at-most-0", Images: 2}, {Rule: "at-most-3", Images: 1}},
	}
	awaitCounts(t, p, want, v1alpha1.ReasonSucceeded)
	update(t, p, func(p *v1alpha1.ImagePolicy) { p.Spec.Suspend = true })
	awaitCounts(t, p, v1alpha1.ImagePolicyStatus{Images: &v1alpha1.PolicyImages{}}, v1alpha1.ReasonSuspended)
}

func awaitCounts(t *testing.T, p *v1alpha1.ImagePolicy, want v1alpha1.ImagePolicyStatus, reason string) {
	t.Helper()
	await(t, "the counts of the policy", func(ctx context.Context) (string, error) {
		err := world.Client.Get(ctx, client.ObjectKeyFromObject(p), p)
		got := v1alpha1.ImagePolicyStatus{Images: p.Status.Images, Violations: p.Status.Violations}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			return diff, err
		}
		ready := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Reason != reason || p.Status.ObservedGeneration != p.Generation {
			return fmt.Sprintf("condition Ready is %+v at generation %d of %d", ready, p.Status.ObservedGeneration, p.Generation), nil
		}
		return "", nil
	})
}

func TestExceptionEndsOnItsSecond(t *testing.T) {
	ns := namespace(t, nil)
	ref := small(t, "policy/excepted:1")
	create(t, pod(ns, "app", ref))
	end := metav1.NewTime(time.Now().Add(6 * time.Second)).Rfc3339Copy()
	p := imagePolicy(ns, "excepting", atMost(0))
	p.Spec.Exceptions = []v1alpha1.Exception{{
		Name: "tar", Vulnerabilities: []string{"CVE-2022-48303", "CVE-2023-39804"}, Packages: []string{"pkg:deb/debian/tar"},
		Status: v1alpha1.ExceptionNotAffected, Justification: v1alpha1.JustificationInlineMitigations, ExpirationTime: &end,
	}}
	create(t, p)
	passed := awaitReport(t, ns, ref.Repository, both(scanned, hasVerdict(v1alpha1.VerdictPass)))
	if excepted := passed.Status.Verdicts[0].Excepted; excepted != 2 || passed.Status.Summary.Total != 2 {
		t.Errorf("%d findings excepted of %d, want both of 2", excepted, passed.Status.Summary.Total)
	}
	changedOn(t, awaitReport(t, ns, ref.Repository, hasVerdict(v1alpha1.VerdictFail)), end.Time)
}

// changedOn checks that the verdict changed within the second.
func changedOn(t *testing.T, r *v1alpha1.ImageReport, at time.Time) {
	t.Helper()
	compliant := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionCompliant)
	for what, got := range map[string]time.Time{"Compliant": compliant.LastTransitionTime.Time, "lastChange": r.Status.LastChange.Time.Time} {
		if late := got.Sub(at); late < 0 || late > time.Second {
			t.Errorf("%s is of %s, want %s or a second later", what, got.UTC(), at.UTC())
		}
	}
	if c := r.Status.LastChange; c.Added != 0 || c.Resolved != 0 {
		t.Errorf("a verdict that time changed tells of %d findings added and %d resolved", c.Added, c.Resolved)
	}
}

// due is a check: every listed finding has to be gone by then.
func due(want time.Time) func(*v1alpha1.ImageReport) string {
	return func(r *v1alpha1.ImageReport) string {
		if r.Status.Vulnerabilities == nil || len(r.Status.Vulnerabilities.Items) == 0 {
			return "it lists nothing"
		}
		for _, v := range r.Status.Vulnerabilities.Items {
			if v.DueTime == nil || !v.DueTime.Time.Equal(want) {
				return fmt.Sprintf("%s is due on %v, want %s", v.ID, v.DueTime, want.UTC())
			}
		}
		return ""
	}
}

func TestDeadlineRunsOutOnItsSecond(t *testing.T) {
	ns := namespace(t, nil)
	ref := small(t, "policy/"+ns+":1")
	create(t, pod(ns, "app", ref))
	r := awaitReport(t, ns, ref.Repository, scanned)
	p := imagePolicy(ns, "weekly", within(v1alpha1.SeverityMedium, 7))
	end := time.Now().Add(6 * time.Second).Truncate(time.Second)
	writeLedger(t, r, p, end.Add(-7*day))
	create(t, p)
	awaitReport(t, ns, ref.Repository, both(hasVerdict(v1alpha1.VerdictPass), due(end)))
	changedOn(t, awaitReport(t, ns, ref.Repository, both(hasVerdict(v1alpha1.VerdictFail), due(end))), end)
}

// writeLedger says since when the findings of a report have been observed. The
// operator reads it when the first policy asks for it.
func writeLedger(t *testing.T, r *v1alpha1.ImageReport, p *v1alpha1.ImagePolicy, observed time.Time) {
	t.Helper()
	facts := policy.Facts{Namespace: r.Namespace, Repository: r.Spec.Repository, Scanned: true}
	for _, v := range r.Status.Vulnerabilities.Items {
		facts.Findings = append(facts.Findings, policy.Finding{ID: v.ID, Package: v.Package, Severity: v.Severity, Status: v.Status})
	}
	var ledger policy.Ledger
	if !ledger.Observe(facts, []policy.Policy{{Kind: "ImagePolicy", Name: p.Name, Spec: p.Spec}}, observed) {
		t.Fatal("the ledger records nothing")
	}
	encoded, err := ledger.Encode()
	if err != nil {
		t.Fatal(err)
	}
	create(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: playground.Namespace, Name: ledgerName(r.Spec.Repository)},
		BinaryData: map[string][]byte{"ledger": encoded},
	})
}

// ledgerName is where an operator of another version has to find it, too.
func ledgerName(repository string) string {
	hash := sha256.Sum256([]byte(repository))
	return "plimsoll-ledger-" + hex.EncodeToString(hash[:10])
}

func TestDeadlinesOutliveTheOperatorAndRebuilds(t *testing.T) {
	ns := namespace(t, nil)
	repository := "policy/rebuilt-" + ns
	before := small(t, repository+":1")
	p := pod(ns, "before", before)
	create(t, p)
	create(t, imagePolicy(ns, "weekly", within(v1alpha1.SeverityMedium, 7)))
	r := awaitReport(t, ns, before.Repository, both(scanned, hasVerdict(v1alpha1.VerdictPass)))
	if len(r.Status.Vulnerabilities.Items) == 0 || r.Status.Vulnerabilities.Items[0].DueTime == nil {
		t.Fatalf("no finding is due: %+v", r.Status.Vulnerabilities)
	}
	end := r.Status.Vulnerabilities.Items[0].DueTime.Time
	if left := time.Until(end); left > 7*day || left < 7*day-patience {
		t.Errorf("the findings are due in %s, want in a week", left)
	}

	restart(t, world.Operator().Kill)
	remove(t, p)
	awaitGone(t, ns, before.Repository)
	rebuilt := small(t, repository+":2")
	create(t, pod(ns, "rebuilt", rebuilt))
	after := awaitReport(t, ns, rebuilt.Repository, both(scanned, due(end)))
	if after.UID == r.UID || after.Spec.Digest != string(rebuilt.Digest) {
		t.Errorf("report is about %s, want %s", after.Spec.Digest, rebuilt.Digest)
	}
}
