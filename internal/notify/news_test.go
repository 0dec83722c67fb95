package notify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

var start = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

var subject = Subject{
	Namespace: "shop", Repository: "registry.example.com/shop/api", Digest: "sha256:" + strings.Repeat("a", 64), Platform: "linux/amd64",
	PolicyKind: "ImagePolicy", PolicyName: "p",
}

// status of a report whose findings are given as severity initial and id: C1 is a Critical CVE-1.
func status(cause v1alpha1.ChangeCause, verdict v1alpha1.Verdict, omitted int32, findings ...string) *v1alpha1.ImageReportStatus {
	s := &v1alpha1.ImageReportStatus{
		Image: "registry.example.com/shop/api:1", Verdict: verdict, ContentHash: string(verdict) + strings.Join(findings, " "),
		LastChange: &v1alpha1.Change{Time: metav1.NewTime(start), Cause: cause, Added: int32(len(findings))},
		Verdicts: []v1alpha1.PolicyVerdict{{
			PolicyKind: "ImagePolicy", PolicyName: "p", Result: verdict,
			Violations: []v1alpha1.Violation{{Rule: "r"}, {Rule: "r"}, {Rule: "s"}},
		}},
		Summary:         &v1alpha1.Summary{Low: omitted},
		Vulnerabilities: &v1alpha1.Vulnerabilities{Omitted: omitted},
	}
	for _, f := range findings {
		severity := map[byte]v1alpha1.Severity{'C': v1alpha1.SeverityCritical, 'H': v1alpha1.SeverityHigh, 'L': v1alpha1.SeverityLow}[f[0]]
		s.Vulnerabilities.Items = append(s.Vulnerabilities.Items, v1alpha1.Vulnerability{ID: "CVE-" + f[1:], Package: "openssl", Severity: severity})
		switch severity {
		case v1alpha1.SeverityCritical:
			s.Summary.Critical++
		case v1alpha1.SeverityHigh:
			s.Summary.High++
		default:
			s.Summary.Low++
		}
	}
	return s
}

const (
	database = v1alpha1.CauseDatabase
	matcher  = v1alpha1.CauseMatcher
	policy   = v1alpha1.CausePolicy
	pass     = v1alpha1.VerdictPass
	fail     = v1alpha1.VerdictFail
	unknown  = v1alpha1.VerdictUnknown
)

func unscanned(s *v1alpha1.ImageReportStatus) *v1alpha1.ImageReportStatus {
	s.Summary, s.Vulnerabilities = nil, nil
	return s
}

func TestNews(t *testing.T) {
	for name, tc := range map[string]struct {
		previous, next *v1alpha1.ImageReportStatus
		want           []string
	}{
		"the first report":                   {nil, status(v1alpha1.CauseImage, fail, 0, "C1"), nil},
		"the first scan":                     {unscanned(status(v1alpha1.CauseImage, unknown, 0)), status(database, fail, 0, "C1"), nil},
		"nothing":                            {status(database, fail, 0, "C1"), status(database, fail, 0, "C1"), nil},
		"a database with news":               {status(database, fail, 0, "C1"), status(database, fail, 0, "C1", "C2", "H3"), []string{"FindingsAdded 1 Critical, 1 High: CVE-2 CVE-3"}},
		"a database with news, and judged":   {status(database, pass, 0), status(database, fail, 0, "C1"), []string{"FindingsAdded 1 Critical: CVE-1", "VerdictChanged Pass Fail r s"}},
		"a database that takes back":         {status(database, fail, 0, "C1", "L2"), status(database, pass, 0, "L2"), []string{"VerdictChanged Fail Pass r s"}},
		"a severity that rises":              {status(database, pass, 0, "H1"), status(database, pass, 0, "C1"), nil},
		"another matcher":                    {status(database, pass, 0), status(matcher, fail, 0, "C1"), nil},
		"after another matcher":              {status(matcher, pass, 0), status(database, fail, 0, "C1"), []string{"FindingsAdded 1 Critical: CVE-1", "VerdictChanged Pass Fail r s"}},
		"another policy":                     {status(database, pass, 0, "C1"), status(policy, fail, 0, "C1"), []string{"VerdictChanged Pass Fail r s"}},
		"another policy beside":              {status(matcher, pass, 0, "C1"), status(matcher, fail, 0, "C1"), []string{"VerdictChanged Pass Fail r s"}},
		"a policy's findings are its alone":  {status(policy, pass, 0), status(policy, pass, 0, "C1"), nil},
		"not known for a while":              {status(database, pass, 0), unscanned(status(policy, unknown, 0)), nil},
		"known again":                        {unscanned(status(policy, unknown, 0)), status(database, fail, 0, "C1"), nil},
		"an error of a policy":               {status(database, pass, 0), status(policy, v1alpha1.VerdictError, 0), nil},
		"a longer list, cut":                 {status(database, fail, 0, "C1"), status(database, fail, 7, "C1", "C2"), []string{"FindingsAdded 1 Critical, 7 Low: CVE-2"}},
		"a list that was cut, worse":         {status(database, fail, 7, "H1"), status(database, fail, 8, "C2"), []string{"FindingsAdded 1 Critical, 1 Low: CVE-2"}},
		"a list that was cut, equal":         {status(database, fail, 1, "H1"), status(database, fail, 0, "H1", "L2"), nil},
		"a list that was cut to nothing":     {status(database, fail, 3), status(database, fail, 3, "C1"), []string{"FindingsAdded 1 Critical: "}},
		"a list that was cut, not certain":   {status(database, fail, 3, "H1"), status(database, fail, 2, "H1", "H2"), []string{"FindingsAdded 1 High: "}},
		"a policy that did not select it":    {&v1alpha1.ImageReportStatus{Summary: &v1alpha1.Summary{}, Vulnerabilities: &v1alpha1.Vulnerabilities{}}, status(policy, fail, 0), nil},
		"a policy that selects it no longer": {status(database, pass, 0), &v1alpha1.ImageReportStatus{LastChange: &v1alpha1.Change{Cause: database}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.next.LastChange.Cause != database && tc.previous != nil && tc.previous.LastChange != nil && name != "another policy beside" {
				tc.next.LastChange.Time = metav1.NewTime(start.Add(time.Hour))
			}
			if name == "another policy beside" {
				tc.next.LastChange = tc.previous.LastChange.DeepCopy()
			}
			events := News(tc.previous, tc.next, subject)
			var got []string
			for _, e := range events {
				switch e.Kind {
				case FindingsAdded:
					var ids []string
					for _, f := range e.Findings {
						ids = append(ids, f.ID)
					}
					got = append(got, "FindingsAdded "+e.Added.String()+": "+strings.Join(ids, " "))
				default:
					got = append(got, strings.Join(append([]string{string(e.Kind), e.From, e.To}, e.Rules...), " "))
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tc.next.LastChange != nil {
				tc.next.LastChange.Time = metav1.NewTime(tc.next.LastChange.Time.Add(time.Second))
				tc.next.ContentHash = "written a second later"
			}
			if name != "another policy beside" {
				if diff := cmp.Diff(events, News(tc.previous, tc.next, subject)); diff != "" {
					t.Errorf("a second try tells other facts (-first +second):\n%s", diff)
				}
			}
		})
	}
}

func TestKeys(t *testing.T) {
	base := News(status(database, pass, 0), status(database, fail, 0, "C1"), subject)
	keys := map[string]string{}
	see := func(what string, events []Event) {
		t.Helper()
		for _, e := range events {
			id := what + " " + string(e.Kind)
			if before := keys[e.Key]; before != "" {
				t.Errorf("%s and %s have one key", before, id)
			}
			keys[e.Key] = id
		}
	}
	see("base", base)
	for what, change := range map[string]func(*Subject){
		"namespace": func(s *Subject) { s.Namespace = "pay" },
		"digest":    func(s *Subject) { s.Digest = "sha256:b" },
		"platform":  func(s *Subject) { s.Platform = "linux/arm64" },
	} {
		other := subject
		change(&other)
		see(what, News(status(database, pass, 0), status(database, fail, 0, "C1"), other))
	}
	see("another finding", News(status(database, pass, 0), status(database, pass, 0, "C2"), subject))
	later := status(database, pass, 0)
	later.LastChange.Time = metav1.NewTime(start.AddDate(0, 1, 0))
	see("again", News(later, status(database, fail, 0, "C1"), subject))
	// Of lists that are cut, the counts alone are known.
	day := func(n int) *v1alpha1.ImageReportStatus {
		s := status(database, fail, int32(100+2*n), "C1")
		s.LastChange.Time = metav1.NewTime(start.AddDate(0, 0, n))
		return s
	}
	for n := range 5 {
		see(fmt.Sprint("two of low severity more, on day ", n), News(day(n), day(n+1), subject))
	}
	update := &v1alpha1.ImageUpdate{Spec: v1alpha1.ImageUpdateSpec{PolicyName: "p", Base: "debian:12"}}
	update.Status.To = &v1alpha1.ImageVersion{Tag: "12.2", Digest: "sha256:" + strings.Repeat("b", 64)}
	update.Status.PullRequest = &v1alpha1.PullRequest{URL: "https://git.example.com/1"}
	opened := FromUpdate(PullRequestOpened, update)
	see("update", []Event{FromUpdate(UpdateAvailable, update), opened, FromUpdate(PullRequestMerged, update)})
	update.Status.To.Tag = "12.3"
	see("a newer update", []Event{FromUpdate(UpdateAvailable, update)})
	if got := FromUpdate(PullRequestOpened, update); got.Key != opened.Key || got.To != "12.3@sha256:bbbbbbbbbbbb" {
		t.Errorf("a pull request that moves on is opened again: %+v", got)
	}
	see("stale", []Event{Stale(start), Stale(start.Add(time.Hour))})
	if Stale(start).Key != Stale(start.In(time.FixedZone("", 3600))).Key {
		t.Error("a zone makes another fact")
	}
}
