package policy

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func exception(edits ...func(*v1alpha1.Exception)) v1alpha1.Exception {
	e := v1alpha1.Exception{Name: "e", Vulnerabilities: []string{"CVE-1"}, Status: v1alpha1.ExceptionNotAffected}
	for _, edit := range edits {
		edit(&e)
	}
	return e
}

func TestExceptionsTakeFindingsOut(t *testing.T) {
	packages := func(purls ...string) func(*v1alpha1.Exception) {
		return func(e *v1alpha1.Exception) { e.Packages = purls }
	}
	images := func(patterns ...string) func(*v1alpha1.Exception) {
		return func(e *v1alpha1.Exception) { e.Images = patterns }
	}
	status := func(s v1alpha1.ExceptionStatus) func(*v1alpha1.Exception) {
		return func(e *v1alpha1.Exception) { e.Status = s }
	}
	expires := func(at time.Time) func(*v1alpha1.Exception) {
		return func(e *v1alpha1.Exception) { e.ExpirationTime = new(metav1.NewTime(at)) }
	}
	debian := purls("pkg:deb/debian/openssl?arch=amd64&distro=debian-12")
	libssl := purls("pkg:deb/debian/libssl3", "pkg:deb/debian/openssl")
	lodash := purls("pkg:npm/%40scope/lodash")
	tests := map[string]struct {
		finding   Finding
		exception v1alpha1.Exception
		want      bool
	}{
		"by id":                         {find("CVE-1", "openssl", high), exception(), true},
		"another id":                    {find("CVE-2", "openssl", high), exception(), false},
		"by alias":                      {find("DSA-1", "openssl", high, alias("GHSA-9"), alias("CVE-1")), exception(), true},
		"by purl":                       {find("CVE-1", "openssl", high, debian), exception(packages("pkg:deb/debian/openssl")), true},
		"by purl, whatever version":     {find("CVE-1", "openssl", high, debian), exception(packages("pkg:deb/debian/openssl@3.0.1?arch=arm64")), true},
		"by one of the purls":           {find("CVE-1", "openssl", high, debian), exception(packages("pkg:npm/a", "pkg:deb/debian/openssl")), true},
		"by the source's purl":          {find("CVE-1", "libssl3", high, libssl), exception(packages("pkg:deb/debian/openssl")), true},
		"by the package's own purl":     {find("CVE-1", "libssl3", high, libssl), exception(packages("pkg:deb/debian/libssl3")), true},
		"by another binary of a source": {find("CVE-1", "libssl3", high, libssl), exception(packages("pkg:deb/debian/libssl-dev")), false},
		"another name":                  {find("CVE-1", "openssl", high, debian), exception(packages("pkg:deb/debian/openssh")), false},
		"another namespace":             {find("CVE-1", "openssl", high, debian), exception(packages("pkg:deb/ubuntu/openssl")), false},
		"another type":                  {find("CVE-1", "openssl", high, debian), exception(packages("pkg:rpm/debian/openssl")), false},
		"no namespace":                  {find("CVE-1", "openssl", high, debian), exception(packages("pkg:deb/openssl")), false},
		"an encoded namespace":          {find("CVE-1", "lodash", high, lodash), exception(packages("pkg:npm/@scope/lodash")), true},
		"a finding without a purl":      {find("CVE-1", "a", high, purls()), exception(packages("pkg:npm/a")), false},
		"all packages without a purl":   {find("CVE-1", "a", high, purls()), exception(), true},
		"a purl that does not parse":    {find("CVE-1", "a", high, purls("")), exception(packages("")), false},
		"by image":                      {find("CVE-1", "a", high), exception(images("registry.example.com/**")), true},
		"another image":                 {find("CVE-1", "a", high), exception(images("registry.example.com/*")), false},
		"a pattern that does not parse": {find("CVE-1", "a", high), exception(images("registry.example.com/**", "[")), false},
		"fixed":                         {find("CVE-1", "a", high), exception(status(v1alpha1.ExceptionFixed)), true},
		"affected is real":              {find("CVE-1", "a", high), exception(status(v1alpha1.ExceptionAffected)), false},
		"under investigation may be":    {find("CVE-1", "a", high), exception(status(v1alpha1.ExceptionUnderInvestigation)), false},
		"expires in a nanosecond":       {find("CVE-1", "a", high), exception(expires(start.Add(1))), true},
		"expires now":                   {find("CVE-1", "a", high), exception(expires(start)), false},
		"expired":                       {find("CVE-1", "a", high), exception(expires(start.Add(-days(1)))), false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := policyOf("p", rule("none", atMost(0)))
			p.Spec.Exceptions = []v1alpha1.Exception{tc.exception}
			got := Judge(image(tc.finding), []Policy{p}, nil, start)
			if excepted := got.Verdict == v1alpha1.VerdictPass; excepted != tc.want {
				t.Errorf("verdict %s, want excepted %t", got.Verdict, tc.want)
			}
			if counted := got.Verdicts[0].Excepted == 1; counted != tc.want {
				t.Errorf("excepted %d, want excepted %t", got.Verdicts[0].Excepted, tc.want)
			}
		})
	}
}

func TestExceptedCountsDistinctFindings(t *testing.T) {
	p := policyOf("p", rule("none", atMost(0, critical)))
	p.Spec.Exceptions = []v1alpha1.Exception{exception(), exception(), {Name: "f", Vulnerabilities: []string{"CVE-2"}, Status: v1alpha1.ExceptionFixed}}
	facts := image(
		find("CVE-1", "a", critical), find("CVE-1", "a", critical), find("CVE-1", "a", critical, at("/app")),
		find("CVE-2", "a", low, alias("CVE-1")), find("CVE-3", "a", low),
	)
	got := Judge(facts, []Policy{p}, nil, start)
	if got.Verdict != v1alpha1.VerdictPass || got.Verdicts[0].Excepted != 3 {
		t.Errorf("%s with %d excepted, want Pass with 3", got.Verdict, got.Verdicts[0].Excepted)
	}
}

func TestDeadlinesRunUnderExceptions(t *testing.T) {
	p := policyOf("p", rule("r", deadlines(within(7, critical))))
	p.Spec.Exceptions = []v1alpha1.Exception{exception(func(e *v1alpha1.Exception) {
		e.ExpirationTime = new(metav1.NewTime(start.Add(days(10))))
	})}
	facts, policies := image(find("CVE-1", "a", critical)), []Policy{p}
	ledger := observed(t, facts, policies, start)
	before := Judge(facts, policies, ledger, start.Add(days(8)))
	if before.Verdict != v1alpha1.VerdictPass || len(before.Due) != 0 || !before.Until.Equal(start.Add(days(10))) {
		t.Errorf("under the exception: %+v, want Pass without a deadline until it ends", before)
	}
	if after := Judge(facts, policies, ledger, before.Until); after.Verdict != v1alpha1.VerdictFail {
		t.Errorf("after it: %s, want Fail: the deadline was three days ago", after.Verdict)
	}
}

func TestUntil(t *testing.T) {
	ends := func(in time.Duration, edits ...func(*v1alpha1.Exception)) v1alpha1.Exception {
		return exception(append(edits, func(e *v1alpha1.Exception) { e.ExpirationTime = new(metav1.NewTime(start.Add(in))) })...)
	}
	elsewhere := func(e *v1alpha1.Exception) { e.Images = []string{"docker.io/**"} }
	of := func(id string) func(*v1alpha1.Exception) {
		return func(e *v1alpha1.Exception) { e.Vulnerabilities = []string{id} }
	}
	affected := func(e *v1alpha1.Exception) { e.Status = v1alpha1.ExceptionAffected }
	tests := map[string]struct {
		exceptions []v1alpha1.Exception
		after      time.Duration
		want       time.Duration // after start; zero: never
	}{
		"the soonest deadline":                  {want: days(7)},
		"the next one":                          {after: days(7), want: days(30)},
		"after the last":                        {after: days(30)},
		"an exception that ends before":         {exceptions: []v1alpha1.Exception{ends(days(2))}, want: days(2)},
		"a deadline under an exception is mute": {exceptions: []v1alpha1.Exception{ends(days(20))}, want: days(20)},
		"an exception for another image":        {exceptions: []v1alpha1.Exception{ends(days(2), elsewhere)}, want: days(7)},
		"an exception for no finding here":      {exceptions: []v1alpha1.Exception{ends(days(2), of("CVE-9"))}, want: days(7)},
		"an exception that takes nothing out":   {exceptions: []v1alpha1.Exception{ends(days(2), affected)}, want: days(7)},
		"the sooner of two exceptions":          {exceptions: []v1alpha1.Exception{ends(days(3)), ends(days(2), of("CVE-2"))}, want: days(2)},
		"an exception that ended before":        {exceptions: []v1alpha1.Exception{ends(days(2))}, after: days(3), want: days(7)},
		"an exception for ever":                 {exceptions: []v1alpha1.Exception{exception()}, want: days(30)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := policyOf("p", rule("r", deadlines(within(7, critical), within(30, high))))
			p.Spec.Exceptions = tc.exceptions
			facts, policies := image(find("CVE-1", "a", critical), find("CVE-2", "a", high)), []Policy{p}
			got := Judge(facts, policies, observed(t, facts, policies, start), start.Add(tc.after)).Until
			var want time.Time
			if tc.want != 0 {
				want = start.Add(tc.want)
			}
			if !got.Equal(want) {
				t.Errorf("until %s, want %s", got, want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		spec v1alpha1.ImagePolicySpec
		want string
	}{
		"empty": {},
		"good": {spec: v1alpha1.ImagePolicySpec{
			Selector:   v1alpha1.PolicySelector{Images: []string{"a/**"}, PodSelector: &metav1.LabelSelector{}},
			Exceptions: []v1alpha1.Exception{exception(func(e *v1alpha1.Exception) { e.Packages = []string{"pkg:deb/debian/openssl"} })},
		}},
		"exception's image": {
			spec: v1alpha1.ImagePolicySpec{Exceptions: []v1alpha1.Exception{exception(func(e *v1alpha1.Exception) { e.Images = []string{"["} })}},
			want: `exception "e": images: pattern "[": syntax error in pattern`,
		},
		"exception's package": {
			spec: v1alpha1.ImagePolicySpec{Exceptions: []v1alpha1.Exception{exception(func(e *v1alpha1.Exception) { e.Packages = []string{"openssl"} })}},
			want: `exception "e": packages: "openssl": purl scheme is not "pkg": "openssl"`,
		},
		"selector's image": {
			spec: v1alpha1.ImagePolicySpec{Selector: v1alpha1.PolicySelector{Images: []string{"["}}},
			want: `selector.images: pattern "[": syntax error in pattern`,
		},
		"good rules": {spec: v1alpha1.ImagePolicySpec{Rules: []v1alpha1.Rule{
			{Name: "r", Registries: &v1alpha1.RegistriesRule{Allowed: []string{"a/**"}, Denied: []string{"a/b"}}},
			{Name: "p", Packages: &v1alpha1.PackagesRule{Denied: []string{"a*"}}}, {Name: "i", Image: &v1alpha1.ImageRule{DeniedTags: []string{"*"}}},
		}}},
		"allowed registry": {
			spec: v1alpha1.ImagePolicySpec{Rules: []v1alpha1.Rule{{Name: "r", Registries: &v1alpha1.RegistriesRule{Allowed: []string{"["}}}}},
			want: `rule "r": registries.allowed: pattern "[": syntax error in pattern`,
		},
		"denied registry": {
			spec: v1alpha1.ImagePolicySpec{Rules: []v1alpha1.Rule{{Name: "r", Registries: &v1alpha1.RegistriesRule{Denied: []string{"["}}}}},
			want: `rule "r": registries.denied: pattern "[": syntax error in pattern`,
		},
		"denied package": {
			spec: v1alpha1.ImagePolicySpec{Rules: []v1alpha1.Rule{{Name: "r", Packages: &v1alpha1.PackagesRule{Denied: []string{"{a"}}}}},
			want: `rule "r": packages.denied: pattern "{a": syntax error in pattern`,
		},
		"denied tag": {
			spec: v1alpha1.ImagePolicySpec{Rules: []v1alpha1.Rule{{Name: "r", Image: &v1alpha1.ImageRule{DeniedTags: []string{"["}}}}},
			want: `rule "r": image.deniedTags: pattern "[": syntax error in pattern`,
		},
		"allowed base image": {
			spec: v1alpha1.ImagePolicySpec{Rules: []v1alpha1.Rule{{Name: "r", BaseImage: &v1alpha1.BaseImageRule{Allowed: []string{"["}}}}},
			want: `rule "r": baseImage.allowed: pattern "[": syntax error in pattern`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got string
			if err := Validate(tc.spec); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
