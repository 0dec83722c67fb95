package policy

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// weekly asks for a fix within a week of the moment that each condition held.
func weekly(edit func(*v1alpha1.VulnerabilitiesRule)) []Policy {
	r := deadlines(within(7, critical), within(30, high), within(60, low))
	if edit != nil {
		edit(&r)
	}
	return []Policy{policyOf("p", rule("r", r))}
}

func TestClockRunsFromTheMomentTheConditionFirstHeld(t *testing.T) {
	withFix := func(r *v1alpha1.VulnerabilitiesRule) { r.Fix = v1alpha1.FixAvailable }
	known := func(r *v1alpha1.VulnerabilitiesRule) { r.Exploitation = v1alpha1.ExploitationKnown }
	is := func(severity v1alpha1.Severity, edits ...func(*Finding)) *Finding {
		return new(find("CVE-1", "openssl", severity, edits...))
	}
	tests := map[string]struct {
		rule func(*v1alpha1.VulnerabilitiesRule)
		// days are what is found on each day from the first on; nil is nothing.
		days []*Finding
		// want is the deadline of the last one, in days after start.
		want int
	}{
		"observed":                        {days: []*Finding{is(critical)}, want: 7},
		"observed again":                  {days: []*Finding{is(critical), is(critical), is(critical)}, want: 7},
		"rebuilt with another version":    {days: []*Finding{is(critical), is(critical, version("2"), at("/app"))}, want: 7},
		"the fix came later":              {rule: withFix, days: []*Finding{is(critical), is(critical, fixed)}, want: 8},
		"the fix was there":               {rule: withFix, days: []*Finding{is(critical, fixed), is(critical, fixed)}, want: 7},
		"the fix flaps":                   {rule: withFix, days: []*Finding{is(critical, fixed), is(critical), is(critical, fixed)}, want: 7},
		"any fix: a fix starts nothing":   {days: []*Finding{is(critical), is(critical, fixed)}, want: 7},
		"exploited later":                 {rule: known, days: []*Finding{is(critical), is(critical), is(critical, exploited)}, want: 9},
		"worse: the new severity's clock": {days: []*Finding{is(medium), is(high), is(critical)}, want: 9},
		"first held under a lower one":    {days: []*Finding{is(medium), is(medium), is(high)}, want: 32},
		"milder: it held all along":       {days: []*Finding{is(critical), is(high)}, want: 30},
		"much milder: it held all along":  {days: []*Finding{is(high), is(critical), is(low)}, want: 60},
		"the severity flaps":              {days: []*Finding{is(critical), is(high), is(critical)}, want: 7},
		"gone for days and back":          {days: []*Finding{is(critical), nil, nil, is(critical)}, want: 7},
		"a severity that nobody knows":    {days: []*Finding{is(critical), is("Dreadful"), is(critical)}, want: 7},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			policies, ledger := weekly(tc.rule), &Ledger{}
			// Another policy, without conditions, has each finding recorded from the first day on.
			all := append(weekly(nil), policies...)
			var facts Facts
			now := start
			for i, f := range tc.days {
				facts = image()
				if f != nil {
					facts.Findings = []Finding{*f}
				}
				now = start.Add(days(i))
				ledger.Observe(facts, all, now)
				ledger.Sweep([][]Finding{facts.Findings}, now)
				ledger = recode(t, ledger)
			}
			got := Judge(facts, policies, ledger, now).Due[0]
			if want := start.Add(days(tc.want)); !got.Equal(want) {
				t.Errorf("due %s, want %s", got, want)
			}
		})
	}
}

func TestNoFindingGainsTimeByGettingWorse(t *testing.T) {
	policies, ledger := weekly(nil), &Ledger{}
	ledger.Observe(image(find("CVE-1", "a", high)), policies, start)
	worse := image(find("CVE-1", "a", critical))
	ledger.Observe(worse, policies, start.Add(days(29)))
	got := Judge(worse, policies, ledger, start.Add(days(30)))
	if got.Verdict != v1alpha1.VerdictFail || !got.Due[0].Equal(start.Add(days(30))) {
		t.Errorf("%s, due %s; want Fail, due after the 30 days that already ran", got.Verdict, got.Due[0])
	}
	want := "1 Critical finding past its deadline of 30 days: CVE-1 (a)"
	if message := got.Verdicts[0].Violations[0].Message; message != want {
		t.Errorf("message %q, want %q", message, want)
	}
}

func TestObserveRecordsOnlyWhatDeadlinesNeed(t *testing.T) {
	elsewhere := weekly(nil)
	elsewhere[0].Spec.Selector.Images = []string{"docker.io/**"}
	suspended := weekly(nil)
	suspended[0].Spec.Suspend = true
	byDate := weekly(func(r *v1alpha1.VulnerabilitiesRule) { r.Clock = v1alpha1.ClockPublished })
	withFix := weekly(func(r *v1alpha1.VulnerabilitiesRule) { r.Fix = v1alpha1.FixAvailable })
	excepted := weekly(nil)
	excepted[0].Spec.Exceptions = []v1alpha1.Exception{exception()}
	dated := find("CVE-1", "a", critical, published(start))
	tests := map[string]struct {
		policies  []Policy
		finding   Finding
		unscanned bool
		want      int
	}{
		"no policy":                     {finding: dated},
		"a policy without deadlines":    {policies: []Policy{policyOf("p", rule("r", atMost(0)))}, finding: dated},
		"a policy for other images":     {policies: elsewhere, finding: dated},
		"a suspended policy":            {policies: suspended, finding: dated},
		"the clock of publication":      {policies: byDate, finding: dated},
		"publication unknown":           {policies: byDate, finding: find("CVE-1", "a", critical), want: 1},
		"a severity without a deadline": {policies: weekly(nil), finding: find("CVE-1", "a", medium)},
		"a severity with one":           {policies: weekly(nil), finding: dated, want: 1},
		"no fix, which the rule needs":  {policies: withFix, finding: dated},
		"excepted: the clock runs":      {policies: excepted, finding: dated, want: 1},
		"not scanned":                   {policies: weekly(nil), finding: dated, unscanned: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			facts := image(tc.finding)
			facts.Scanned = !tc.unscanned
			ledger := &Ledger{}
			changed := ledger.Observe(facts, tc.policies, start)
			if ledger.Len() != tc.want || changed != (tc.want > 0) {
				t.Errorf("%d entries, changed %t, want %d", ledger.Len(), changed, tc.want)
			}
			if ledger.Observe(facts, tc.policies, start.Add(days(1))) {
				t.Error("the same facts changed the ledger again")
			}
		})
	}
}

func TestSweepForgetsAfterThirtyDays(t *testing.T) {
	facts, policies := image(find("CVE-1", "a", critical)), weekly(nil)
	tests := map[string]struct {
		back time.Duration // when the finding is back
		want time.Time
	}{
		"a second before":   {back: days(30) - time.Second, want: start.Add(days(7))},
		"after thirty days": {back: days(30), want: start.Add(days(37))},
	}
	for name, tc := range tests {
		for _, swept := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, swept %t", name, swept), func(t *testing.T) {
				ledger := observed(t, facts, policies, start)
				if ledger.Sweep([][]Finding{nil, facts.Findings}, start) {
					t.Error("a sweep of what is present changed the ledger")
				}
				if !ledger.Sweep(nil, start) || ledger.Sweep(nil, start.Add(days(1))) {
					t.Error("want one change: the finding is gone")
				}
				now := start.Add(tc.back)
				if swept {
					ledger.Sweep(nil, now)
				}
				ledger.Observe(facts, policies, now)
				if got := Judge(facts, policies, ledger, now).Due[0]; !got.Equal(tc.want) {
					t.Errorf("due %s, want %s", got, tc.want)
				}
			})
		}
	}
	ledger := observed(t, facts, policies, start)
	ledger.Sweep(nil, start)
	if !ledger.Sweep(nil, start.Add(days(30))) || ledger.Len() != 0 {
		t.Errorf("%d entries after thirty days, want none", ledger.Len())
	}
}

func TestAFindingThatIsBackIsNotForgotten(t *testing.T) {
	facts, policies := image(find("CVE-1", "a", critical)), weekly(nil)
	ledger := observed(t, facts, policies, start)
	ledger.Sweep(nil, start)
	if !ledger.Observe(facts, policies, start.Add(days(1))) {
		t.Error("the finding is back, but nothing changed")
	}
	ledger.Sweep([][]Finding{facts.Findings}, start.Add(days(40)))
	if got := Judge(facts, policies, ledger, start.Add(days(40))); got.Verdict != v1alpha1.VerdictFail {
		t.Errorf("verdict %s, want Fail: the finding is 40 days old", got.Verdict)
	}
}

// recode encodes and decodes, and fails unless nothing is lost.
func recode(t *testing.T, l *Ledger) *Ledger {
	t.Helper()
	encoded, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := DecodeLedger(encoded)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decoded.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded, again) {
		t.Fatal("two encodings of one ledger differ")
	}
	return decoded
}

func TestLedgerSurvivesEncoding(t *testing.T) {
	ledger := &Ledger{}
	ledger.Observe(image(find("CVE-1", "a\xff\xfe", critical, fixed), find("CVE-1", "b", high, exploited)), weekly(nil), start)
	ledger.Observe(image(find("CVE-1", "b", critical)), weekly(nil), start.Add(days(1)))
	ledger.Sweep([][]Finding{{find("CVE-1", "b", critical)}}, start.Add(days(2)))
	decoded := recode(t, ledger)
	if diff := cmp.Diff(ledger.records, decoded.records, cmp.AllowUnexported(subject{})); diff != "" {
		t.Errorf("records (-before +after):\n%s", diff)
	}
	if decoded.Observe(image(find("CVE-1", "b", critical)), weekly(nil), start.Add(days(3))) {
		t.Error("the decoded ledger does not know what it has observed")
	}
	hostile := image(find("CVE-1", "a\xff\xfe", critical, fixed))
	if due := Judge(hostile, weekly(nil), decoded, start.Add(days(3))).Due[0]; !due.Equal(start.Add(days(7))) {
		t.Errorf("a name that is no UTF-8 lost its clock: due %s", due)
	}
}

func TestTwentyThousandEntriesFitIntoAConfigMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	policies, ledger := weekly(nil), &Ledger{}
	for batch := range 200 {
		facts := image()
		for range 100 {
			id := fmt.Sprintf("CVE-%d-%d", 2015+random.IntN(12), 1000+random.IntN(60000))
			f := find(id, fmt.Sprintf("package-%x-dev", random.IntN(1<<20)), []v1alpha1.Severity{critical, high}[random.IntN(2)])
			if random.IntN(2) == 0 {
				fixed(&f)
			}
			facts.Findings = append(facts.Findings, f)
		}
		ledger.Observe(facts, policies, start.Add(time.Duration(batch*7919+random.IntN(3600))*time.Second))
	}
	ledger.Sweep(nil, start.Add(days(40)))
	encoded, err := ledger.Encode()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d entries in %d bytes", ledger.Len(), len(encoded))
	if ledger.Len() < 19_900 || len(encoded) > MaxLedgerSize/2 {
		t.Errorf("%d entries take %d bytes, want at most %d", ledger.Len(), len(encoded), MaxLedgerSize/2)
	}
}

func TestEncodeRefusesWhatDoesNotFit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ledger := &Ledger{}
	for range 60 {
		name := make([]byte, 50_000)
		for i := range name {
			name[i] = byte('0' + random.IntN(64))
		}
		ledger.add(subject{id: "CVE-1", pkg: string(name)}, start).Rises[critical] = 1
	}
	if _, err := ledger.Encode(); !errors.Is(err, ErrLedgerTooLarge) {
		t.Errorf("got %v, want ErrLedgerTooLarge", err)
	}
}

func TestDecodeLedgerRefusesWhatItDoesNotUnderstand(t *testing.T) {
	pack := func(plain string) []byte {
		packed, err := deflate([]byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	good := pack(`{"CVE-1":{"a":{"o":1,"s":{"High":1}}}}`)
	if _, err := DecodeLedger(good); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	newer := bytes.Clone(good)
	newer[0] = 2
	tests := map[string][]byte{
		"nothing":             nil,
		"a newer version":     newer,
		"truncated":           good[:len(good)-3],
		"no gzip":             {1, 2, 3},
		"no JSON":             pack(`{`),
		"more JSON":           pack(`{}{}`),
		"an unknown field":    pack(`{"CVE-1":{"a":{"o":1,"z":1,"s":{"High":1}}}}`),
		"an unknown severity": pack(`{"CVE-1":{"a":{"o":1,"s":{"Dire":1}}}}`),
		"no severity":         pack(`{"CVE-1":{"a":{"o":1}}}`),
		"no observation":      pack(`{"CVE-1":{"a":{"s":{"High":1}}}}`),
		"no record":           pack(`{"CVE-1":{"a":null}}`),
		"a negative time":     pack(`{"CVE-1":{"a":{"o":1,"f":-1,"s":{"High":1}}}}`),
		"a bomb":              pack(fmt.Sprintf(`{"CVE-1":{"a":%*s`, maxLedgerJSON, "")),
	}
	for name, encoded := range tests {
		t.Run(name, func(t *testing.T) {
			if l, err := DecodeLedger(encoded); err == nil {
				t.Errorf("decoded %d entries, want an error", l.Len())
			}
		})
	}
}

// FuzzDecodeLedger feeds raw bytes.
func FuzzDecodeLedger(f *testing.F) {
	empty, err := (&Ledger{}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(empty)
	f.Add([]byte{})
	f.Add([]byte{2, 0})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		if l, err := DecodeLedger(encoded); err == nil {
			recode(t, l)
		}
	})
}

// FuzzParseLedger feeds documents past the compression.
func FuzzParseLedger(f *testing.F) {
	f.Add([]byte(`{"CVE-1":{"a":{"o":1,"f":2,"x":3,"g":4,"s":{"High":1,"Critical":5}}}}`))
	f.Add([]byte(`{"CVE-1":{"a":{"o":1,"s":{"Unknown":1}},"b":null}}`))
	f.Add([]byte(`{} {}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		if l, err := parseLedger(plain); err == nil {
			recode(t, l)
		}
	})
}
