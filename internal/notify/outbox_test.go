package notify

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

var (
	chat = v1alpha1.Notification{Name: "chat", Type: v1alpha1.NotificationSlack, IntervalMinutes: 5}
	hook = v1alpha1.Notification{Name: "hook", Type: v1alpha1.NotificationCloudEvents, IntervalMinutes: 1, Severities: []v1alpha1.Severity{v1alpha1.SeverityCritical}}
	both = []v1alpha1.Notification{chat, hook}
)

func found(image, namespace string, critical, high int) Event {
	return Event{Kind: FindingsAdded, Key: image + namespace, Image: image, Namespaces: []string{namespace}, Added: &Counts{Critical: critical, High: high}}
}

func changed(image string) Event {
	return Event{Kind: VerdictChanged, Key: "verdict of " + image, Image: image, From: "Pass", To: "Fail"}
}

// restart is the outbox as another process reads it.
func restart(t *testing.T, o *Outbox) *Outbox {
	t.Helper()
	encoded, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := DecodeOutbox(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o, read); diff != "" {
		t.Errorf("changed by encoding (-before +after):\n%s", diff)
	}
	return read
}

func due(t *testing.T, o *Outbox, after time.Duration, n v1alpha1.Notification) Batch {
	t.Helper()
	batch, is := o.Due(start.Add(after), n)
	if !is {
		t.Fatalf("nothing is due for %s after %s: %+v", n.Name, after, o)
	}
	return batch
}

func notDue(t *testing.T, o *Outbox, after time.Duration, n v1alpha1.Notification) {
	t.Helper()
	if batch, is := o.Due(start.Add(after), n); is {
		t.Fatalf("due for %s after %s: %+v", n.Name, after, batch)
	}
}

func images(b Batch) string {
	var names []string
	for _, e := range b.Events {
		names = append(names, e.Image)
	}
	return strings.Join(names, " ")
}

func TestOutboxGathersAndFilters(t *testing.T) {
	o := &Outbox{Source: "c ImagePolicy shop/p"}
	notDue(t, o, 0, chat)
	o.Add(start, both, false, found("a", "shop", 1, 2), found("b", "shop", 0, 1), changed("a"))
	o.Add(start.Add(4*time.Minute), both, false, found("c", "shop", 1, 0))
	if next, some := o.Next(chat); !some || next != start.Add(5*time.Minute) {
		t.Errorf("next %s %t", next, some)
	}
	notDue(t, o, 4*time.Minute+59*time.Second, chat)
	if got := images(due(t, o, 5*time.Minute, chat)); got != "a b a c" {
		t.Errorf("chat is told of %s", got)
	}
	first := due(t, o, time.Minute, hook)
	if images(first) != "a c" || first.Events[0].Added.String() != "1 Critical" {
		t.Errorf("the hook is told of %+v", first)
	}
	o.Sent(first.Key)
	second := due(t, o, time.Minute, hook)
	if images(second) != "a" || second.Events[0].Kind != VerdictChanged || second.Key == first.Key {
		t.Errorf("then of %+v", second)
	}
	o.Sent(second.Key)
	notDue(t, o, time.Hour, hook)
	if _, some := o.Next(hook); some {
		t.Error("something is left")
	}
}

func TestOutboxTellsAFactOnce(t *testing.T) {
	o := &Outbox{}
	if added := o.Add(start, both, false, found("a", "shop", 1, 0)); len(added) != 1 {
		t.Fatalf("added %v", added)
	}
	for _, when := range []string{"while it waits", "on its way", "sent"} {
		o = restart(t, o)
		if added := o.Add(start.Add(time.Hour), both, false, found("a", "shop", 1, 0)); len(added) != 0 {
			t.Errorf("%s it is added again", when)
		}
		batch := due(t, o, time.Hour, chat)
		if len(batch.Events) != 1 {
			t.Errorf("%s: %+v", when, batch)
		}
		if when == "on its way" {
			o.Sent(batch.Key)
			break
		}
	}
	notDue(t, o, 2*time.Hour, chat)
}

func TestOutboxBaseline(t *testing.T) {
	o := &Outbox{}
	o.Add(start, both, true, found("a", "shop", 1, 0), changed("a"), Stale(start))
	if batch := due(t, o, time.Hour, chat); len(batch.Events) != 1 || batch.Events[0].Kind != DatabaseStale {
		t.Errorf("told %+v", batch)
	}
	if added := o.Add(start, both, false, found("a", "shop", 1, 0)); len(added) != 0 {
		t.Error("the baseline is news afterwards")
	}
}

// TestOutboxCrash ends the process at each step of a delivery.
func TestOutboxCrash(t *testing.T) {
	o := &Outbox{Source: "s"}
	o.Add(start, both, false, found("a", "shop", 1, 0))
	stored := restart(t, o)
	batch := due(t, o, time.Hour, chat)
	// Before it was stored, it was not sent.
	if again := due(t, stored, time.Hour, chat); again.Key != batch.Key {
		t.Errorf("key %s, then %s", batch.Key, again.Key)
	}
	// Stored and sent, and what came of it is not known; meanwhile there is more.
	o = restart(t, o)
	o.Add(start.Add(time.Hour), both, false, found("b", "shop", 1, 0))
	if again := due(t, o, 2*time.Hour, chat); again.Key != batch.Key || images(again) != "a" {
		t.Errorf("sent again as %+v", again)
	}
	o.Sent(batch.Key)
	next := due(t, o, 2*time.Hour, chat)
	if images(next) != "b" || next.Key == batch.Key {
		t.Errorf("the next is %+v", next)
	}
	// A late answer of a former try changes nothing.
	o.Sent(batch.Key)
	if o.Failed(start, batch.Key, errors.New("late")) || o.State("chat").Waiting != 1 {
		t.Errorf("state %+v", o.State("chat"))
	}
	other := &Outbox{Source: "another cluster's"}
	other.Add(start, both, false, found("a", "shop", 1, 0))
	if due(t, other, time.Hour, chat).Key == batch.Key {
		t.Error("two clusters send under one key")
	}
}

func TestOutboxTriesAgain(t *testing.T) {
	o := &Outbox{}
	o.Add(start, both, false, found("a", "shop", 1, 0))
	now := start.Add(5 * time.Minute)
	var waits []time.Duration
	fail := func(err error) bool {
		batch, is := o.Due(now, chat)
		if !is {
			t.Fatalf("not due at %s: %+v", now, o.State("chat"))
		}
		gaveUp := o.Failed(now, batch.Key, err)
		o = restart(t, o)
		if next, some := o.Next(chat); some {
			waits = append(waits, next.Sub(now))
			now = next
		}
		return gaveUp
	}
	busy := &delivery.Error{Status: 429, RetryAfter: 10 * time.Minute, Err: errors.New("busy")}
	fail(errors.New("broken"))
	fail(busy)
	fail(errors.New("broken"))
	if s := o.State("chat"); s.Error != "broken" || s.GaveUp || s.Next != now || s.Waiting != 1 {
		t.Errorf("state %+v", s)
	}
	if diff := cmp.Diff([]time.Duration{time.Minute, 10 * time.Minute, 4 * time.Minute}, waits); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for !fail(errors.New("broken")) {
		if len(waits) > 2*maxTries {
			t.Fatal("never given up")
		}
	}
	if past := now.Sub(start); past < 22*time.Hour || past > 26*time.Hour {
		t.Errorf("given up after %s and %d tries", past, len(waits)+1)
	}
	if len(o.Dead) != 1 || o.Dead[0].Notification != "chat" || o.Dead[0].Changes != 1 || o.Dead[0].Error != "broken" || !strings.Contains(o.Dead[0].First, "1 Critical") {
		t.Errorf("dead letters %+v", o.Dead)
	}
	if s := o.State("chat"); !s.GaveUp || s.Waiting != 0 {
		t.Errorf("state %+v", s)
	}
	// What comes later goes out, and then all is well.
	o.Add(now, both, false, found("b", "shop", 1, 0))
	batch, _ := o.Due(now.Add(time.Hour), chat)
	o.Sent(batch.Key)
	if s := o.State("chat"); s.GaveUp || s.Error != "" {
		t.Errorf("state %+v", s)
	}
	// What is refused for good is given up at once; only so many are remembered.
	for i := range maxDead + 3 {
		o.Add(now, both, false, changed(fmt.Sprint(i)))
		batch, _ := o.Due(now.Add(time.Hour), chat)
		if !o.Failed(now, batch.Key, delivery.Refused(errors.New("gone"))) {
			t.Fatal("a refusal is tried again")
		}
	}
	if len(o.Dead) != maxDead || !strings.Contains(o.Dead[maxDead-1].First, fmt.Sprint(maxDead+2)) {
		t.Errorf("%d dead letters", len(o.Dead))
	}
}

// TestStaleIsToldOnce, however much else there is to tell.
func TestStaleIsToldOnce(t *testing.T) {
	o := &Outbox{}
	tell := func(e Event) int { return len(o.Add(start, both, false, e)) }
	for _, built := range []time.Time{start, start.AddDate(0, 0, 7)} {
		if tell(Stale(built)) != 1 {
			t.Error("a database is not told")
		}
		for i := range maxTold + 1 {
			tell(changed(fmt.Sprint(built, i)))
		}
		encoded, err := o.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if o, err = DecodeOutbox(encoded); err != nil || tell(Stale(built)) != 0 {
			t.Errorf("it is told again: %v", err)
		}
	}
}

// TestWhatIsRefusedForGood: only what a receiver says of the message itself.
func TestWhatIsRefusedForGood(t *testing.T) {
	for status, want := range map[int]bool{
		http.StatusBadRequest: true, http.StatusGone: true, http.StatusRequestEntityTooLarge: true, http.StatusFound: true,
		http.StatusUnauthorized: false, http.StatusForbidden: false, http.StatusNotFound: false, http.StatusTooManyRequests: false, http.StatusBadGateway: false,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		err := (Sender{HTTP: server.Client()}).Send(t.Context(), v1alpha1.NotificationWebhook, server.URL, Message{})
		server.Close()
		o := &Outbox{}
		o.Add(start, both, false, changed("a"))
		batch := due(t, o, time.Hour, chat)
		if got := o.Failed(start, batch.Key, err); got != want {
			t.Errorf("%v: given up %t", err, got)
		}
	}
}

func TestOutboxIsBounded(t *testing.T) {
	o := &Outbox{Source: strings.Repeat("s", 512)}
	var many []v1alpha1.Notification
	for i := range 16 {
		many = append(many, v1alpha1.Notification{Name: strings.Repeat("n", 60) + fmt.Sprint(i), Type: v1alpha1.NotificationWebhook})
	}
	long := strings.Repeat("\u2603", maxText)
	for i := range 1500 {
		e := found(long, fmt.Sprint("namespace-", i), 1, 0)
		e.Repository, e.URL, e.Digest, e.Key = long, long, fmt.Sprint("sha256:", i), keyOf(FindingsAdded, fmt.Sprint(i))
		for range maxFindings {
			e.Findings = append(e.Findings, Finding{ID: strings.Repeat("<", maxName), Package: strings.Repeat("&", maxName)})
		}
		o.Add(start, many, false, e)
	}
	encoded, err := o.Encode()
	if err != nil || o.size() > maxTotal || len(o.Told) != maxTold {
		t.Fatalf("%d bytes, %d events, %d told, %v", len(encoded), o.size(), len(o.Told), err)
	}
	told := 0
	batch := due(t, o, time.Hour, many[0])
	for _, e := range batch.Events {
		told += len(e.Namespaces) + e.MoreNamespaces
	}
	if told+batch.More != 1500 {
		t.Errorf("%d events are told and %d counted", told, batch.More)
	}
	if !o.Keep(many[:1]) || o.Keep(many[:1]) || len(o.Queues) != 1 {
		t.Errorf("%d queues are kept", len(o.Queues))
	}
}

func TestOutboxTellsOfAnImageOnce(t *testing.T) {
	o := &Outbox{}
	for i := range 30 {
		o.Add(start, both, false, found("a", fmt.Sprint("ns-", i), 1, 0))
	}
	o.Add(start, both, false, found("a", "ns-other", 2, 0))
	batch := due(t, o, time.Hour, chat)
	if len(batch.Events) != 2 || batch.Events[0].MoreNamespaces != 30-maxNamespaces || len(batch.Events[0].Namespaces) != maxNamespaces {
		t.Errorf("%d events, the first in %v and %d more", len(batch.Events), batch.Events[0].Namespaces, batch.Events[0].MoreNamespaces)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":         "",
		"no JSON":         "{",
		"another version": `{"version":2}`,
		"no version":      `{"source":"s"}`,
		"negative tries":  `{"version":1,"queues":{"a":{"batch":{"key":"k","tries":-1}}}}`,
		"no key":          `{"version":1,"queues":{"a":{"batch":{}}}}`,
		"far away":        `{"version":1,"queues":{"a":{"since":"9999-12-31T23:59:59Z"}}}`,
		"too many":        `{"version":1,"queues":{"a":{"pending":[` + strings.Repeat(`{},`, maxTotal) + `{}]}}}`,
		"too long":        strings.Repeat(" ", MaxOutboxSize+1),
	} {
		if o, err := DecodeOutbox([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if _, err := DecodeOutbox([]byte(`{"version":1,"queues":{"a":null}}`)); err != nil {
		t.Error(err)
	}
}

func FuzzDecodeOutbox(f *testing.F) {
	o := &Outbox{Source: "s", Program: "p"}
	o.Add(start, both, false, found("a", "shop", 1, 0), changed("b"))
	o.Due(start.Add(time.Hour), chat)
	seed, err := o.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"version":1,"queues":{"chat":{"more":9223372036854775807,"batch":{"key":"k","tries":9223372036854775807}}}}`))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		o, err := DecodeOutbox(encoded)
		if err != nil {
			return
		}
		o.Add(start, both, false, found("new", "shop", 1, 0))
		for _, n := range both {
			if batch, is := o.Due(start.Add(100*time.Hour), n); is {
				o.Failed(start.Add(100*time.Hour), batch.Key, errors.New("broken"))
			}
			o.State(n.Name)
		}
		again, err := o.Encode()
		if err != nil {
			return
		}
		if _, err := DecodeOutbox(again); err != nil {
			t.Errorf("what was read cannot be read again: %v", err)
		}
	})
}

// TestOutboxLosesAndDoublesNothing drives random failures and restarts, and compares what a receiver that knows
// keys has with what was to be told.
func TestOutboxLosesAndDoublesNothing(t *testing.T) {
	o := &Outbox{}
	now, state := start, uint32(7)
	random := func(n uint32) uint32 { state = state*1664525 + 1013904223; return (state >> 8) % n }
	received := map[string][]string{}
	var want []string
	for i := range 400 {
		now = now.Add(time.Duration(random(240)) * time.Second)
		e := changed(fmt.Sprintf("image-%03d", i/2))
		if i%2 == 0 {
			want = append(want, e.Key)
		}
		o.Add(now, both[:1], false, e)
		stored := restart(t, o)
		if batch, is := o.Due(now, chat); is {
			if random(4) == 0 {
				o = stored // It ended before it could store the batch.
				continue
			}
			o = restart(t, o)
			accepted, answered := random(3) > 0, random(3) > 0
			if accepted {
				var keys []string
				for _, e := range batch.Events {
					keys = append(keys, e.Key)
				}
				if before, known := received[batch.Key]; known && !slices.Equal(before, keys) {
					t.Fatalf("one key for %v and %v", before, keys)
				}
				received[batch.Key] = keys
			}
			switch {
			case !answered: // It ended before it could store the answer.
			case accepted:
				o.Sent(batch.Key)
			default:
				o.Failed(now, batch.Key, errors.New("broken"))
			}
		}
	}
	for range 3 {
		now = now.Add(2 * time.Hour)
		if batch, is := o.Due(now, chat); is {
			var keys []string
			for _, e := range batch.Events {
				keys = append(keys, e.Key)
			}
			received[batch.Key] = keys
			o.Sent(batch.Key)
		}
	}
	var got []string
	for _, keys := range received {
		got = append(got, keys...)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-told +received):\n%s", diff)
	}
}
