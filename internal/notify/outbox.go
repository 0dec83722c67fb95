package notify

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

const (
	// maxPending bounds the events of one notification that wait, maxTotal those of all of an outbox.
	maxPending = 50
	maxTotal   = 150
	// maxTold is how many keys of facts are remembered.
	maxTold = 1024
	// maxDead is how many batches that were given up are remembered.
	maxDead = 16

	// A batch is given up after maxTries, or giveUpAfter its first.
	maxTries    = 30
	giveUpAfter = 24 * time.Hour
	firstWait   = time.Minute
	longestWait = time.Hour

	defaultInterval = 5
)

// Outbox is what one policy's notifications have told and have to tell. It is a state machine without a clock: what
// it decides follows from its state alone, so that after a crash the same batch goes out with the same key. It must
// not be used by two goroutines at a time.
type Outbox struct {
	// Source is the policy and the cluster, by which the keys of its batches differ from others'.
	Source string `json:"source"`
	// Program by which images were judged when something was last told.
	Program string `json:"program,omitempty"`
	// Batches counts those that were ever made.
	Batches int64 `json:"batches"`
	// Told are keys of facts that were taken up, the newest last.
	Told []string `json:"told,omitempty"`
	// Stale is the key of the last stale database that was taken up: it is found again for as long as it is the newest,
	// however much else is told meanwhile.
	Stale  string            `json:"stale,omitempty"`
	Queues map[string]*queue `json:"queues,omitempty"`
	Dead   []DeadLetter      `json:"deadLetters,omitempty"`
}

// queue of one notification.
type queue struct {
	// Since is when the first of what waits came.
	Since   time.Time `json:"since"`
	Pending []Event   `json:"pending,omitempty"`
	// More counts the events that did not fit.
	More int `json:"more,omitempty"`
	// Batch is on its way: it was, or may have been, sent.
	Batch *Batch `json:"batch,omitempty"`
	// GaveUp is why the last batch was given up, until one is sent.
	GaveUp string `json:"gaveUp,omitempty"`
}

// Batch of events that go out as one message.
type Batch struct {
	// Key is the idempotency key of the message.
	Key    string  `json:"key"`
	Events []Event `json:"events,omitempty"`
	// More counts further events, which the outbox had no room for.
	More int `json:"more,omitempty"`
	// Formed is when it was first to be sent, Next when it is to be tried again.
	Formed time.Time `json:"formed"`
	Next   time.Time `json:"next"`
	Tries  int       `json:"tries,omitempty"`
	Error  string    `json:"error,omitempty"`
}

// DeadLetter is a batch that was given up.
type DeadLetter struct {
	Notification string    `json:"notification"`
	Key          string    `json:"key"`
	Time         time.Time `json:"time"`
	// Changes that it had to tell, and the first of them.
	Changes int    `json:"changes"`
	First   string `json:"first"`
	Error   string `json:"error"`
}

// Add takes up events for the notifications that want them, and returns those that are new: the others were taken
// up before. In a baseline, what judgements bring is noted and not told.
func (o *Outbox) Add(now time.Time, to []v1alpha1.Notification, baseline bool, events ...Event) []Event {
	var added []Event
	for _, e := range events {
		if o.told(e) {
			continue
		}
		if baseline && (e.Kind == FindingsAdded || e.Kind == VerdictChanged) {
			continue
		}
		e = e.fit()
		e.Time = now.UTC().Truncate(time.Second)
		for _, n := range to {
			if wanted, some := e.only(n.Severities); some {
				o.enqueue(n.Name, wanted)
			}
		}
		added = append(added, e)
	}
	o.Told = slices.Delete(o.Told, 0, max(0, len(o.Told)-maxTold))
	return added
}

// told says whether a fact was taken up before, and remembers it.
func (o *Outbox) told(e Event) bool {
	if e.Kind == DatabaseStale {
		known := o.Stale == e.Key
		o.Stale = e.Key
		return known
	}
	if slices.Contains(o.Told, e.Key) {
		return true
	}
	o.Told = append(o.Told, e.Key)
	return false
}

func (o *Outbox) enqueue(notification string, e Event) {
	q := o.Queues[notification]
	if q == nil {
		if o.Queues == nil {
			o.Queues = map[string]*queue{}
		}
		q = &queue{}
		o.Queues[notification] = q
	}
	if len(q.Pending) == 0 && q.More == 0 {
		q.Since = e.Time
	}
	for i := range q.Pending {
		if q.Pending[i].merge(e) {
			return
		}
	}
	if len(q.Pending) >= maxPending || o.size() >= maxTotal {
		q.More++
		return
	}
	q.Pending = append(q.Pending, e)
}

func (o *Outbox) size() int {
	n := 0
	for _, q := range o.Queues {
		n += len(q.Pending)
		if q.Batch != nil {
			n += len(q.Batch.Events)
		}
	}
	return n
}

// merge adds the namespace of an event that says the same of the same image, and returns whether it does.
func (e *Event) merge(other Event) bool {
	if len(other.Namespaces) != 1 || len(e.Namespaces) == 0 {
		return false
	}
	same := *e
	same.Key, same.Time, same.Namespaces, same.MoreNamespaces = other.Key, other.Time, other.Namespaces, other.MoreNamespaces
	if !reflect.DeepEqual(same, other) {
		return false
	}
	switch {
	case slices.Contains(e.Namespaces, other.Namespaces[0]):
	case len(e.Namespaces) < maxNamespaces:
		e.Namespaces = append(slices.Clone(e.Namespaces), other.Namespaces[0])
	default:
		e.MoreNamespaces++
	}
	return true
}

// Keep forgets the queues of notifications that are no more, and returns whether there were any.
func (o *Outbox) Keep(notifications []v1alpha1.Notification) bool {
	before := len(o.Queues)
	for queued := range o.Queues {
		if !slices.ContainsFunc(notifications, func(n v1alpha1.Notification) bool { return n.Name == queued }) {
			delete(o.Queues, queued)
		}
	}
	return len(o.Queues) != before
}

// Due returns the batch that is to be sent now, and whether there is one. It may be a new one: then the outbox has
// changed, and has to be stored before the batch is sent.
func (o *Outbox) Due(now time.Time, n v1alpha1.Notification) (batch Batch, due bool) {
	q := o.Queues[n.Name]
	if q == nil || now.Before(q.next(n)) {
		return Batch{}, false
	}
	if q.Batch == nil && !o.form(now, n, q) {
		return Batch{}, false
	}
	return *q.Batch, true
}

// form makes a batch of what waits. A CloudEvent has one type, so that its batch has events of one kind.
func (o *Outbox) form(now time.Time, n v1alpha1.Notification, q *queue) bool {
	if len(q.Pending) == 0 && q.More == 0 {
		return false
	}
	batch := &Batch{More: q.More, Formed: now.UTC(), Next: now.UTC()}
	var rest []Event
	keys := []string{o.Source, n.Name}
	for i, e := range q.Pending {
		if i > 0 && n.Type == v1alpha1.NotificationCloudEvents && e.Kind != q.Pending[0].Kind {
			rest = append(rest, e)
			continue
		}
		batch.Events = append(batch.Events, e)
		keys = append(keys, e.Key)
	}
	o.Batches++
	keys = append(keys, strconv.FormatInt(o.Batches, 10))
	batch.Key = keyOf("Batch", keys...)
	q.Batch, q.Pending, q.More = batch, rest, 0
	return true
}

// next is when the queue has something to do; it is far away where nothing waits.
func (q *queue) next(n v1alpha1.Notification) time.Time {
	switch {
	case q.Batch != nil:
		return q.Batch.Next
	case len(q.Pending) == 0 && q.More == 0:
		return farAway
	}
	interval := n.IntervalMinutes
	if interval <= 0 {
		interval = defaultInterval
	}
	return q.Since.Add(time.Duration(interval) * time.Minute)
}

var farAway = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// Next is when a notification has something to send, and whether it has anything at all.
func (o *Outbox) Next(n v1alpha1.Notification) (time.Time, bool) {
	q := o.Queues[n.Name]
	if q == nil || q.next(n).Equal(farAway) {
		return time.Time{}, false
	}
	return q.next(n), true
}

// onItsWay returns the queue whose batch has the key, with its name.
func (o *Outbox) onItsWay(key string) (string, *queue) {
	for name, q := range o.Queues {
		if q.Batch != nil && q.Batch.Key == key {
			return name, q
		}
	}
	return "", nil
}

// Sent notes that a batch was accepted.
func (o *Outbox) Sent(key string) {
	if _, q := o.onItsWay(key); q != nil {
		q.Batch, q.GaveUp = nil, ""
	}
}

// refused says whether a receiver will never take a message. One that is not known there, or not allowed to come, waits: a
// token is renewed, and a receiver that is rolled out comes back.
func refused(failure *delivery.Error) bool {
	switch failure.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return false
	}
	return failure.Final
}

// Failed notes that a batch was not accepted, and returns whether it is given up: where the receiver will never take
// it, after 30 tries, or a day after the first. Else it is tried again, later each time.
func (o *Outbox) Failed(now time.Time, key string, err error) (gaveUp bool) {
	notification, q := o.onItsWay(key)
	if q == nil {
		return false
	}
	failure := delivery.AsError(err)
	batch := q.Batch
	batch.Tries++
	batch.Error = text(failure.Error())
	wait := min(firstWait<<min(batch.Tries-1, 10), longestWait)
	batch.Next = now.UTC().Add(max(wait, min(failure.RetryAfter, delivery.MaxRetryAfter)))
	if !refused(failure) && batch.Tries < maxTries && now.Sub(batch.Formed) < giveUpAfter {
		return false
	}
	letter := DeadLetter{
		Notification: notification, Key: batch.Key, Time: now.UTC().Truncate(time.Second), Changes: len(batch.Events) + batch.More, Error: batch.Error,
	}
	if len(batch.Events) > 0 {
		letter.First = text(batch.Events[0].Text())
	}
	o.Dead = append(o.Dead, letter)
	o.Dead = slices.Delete(o.Dead, 0, max(0, len(o.Dead)-maxDead))
	q.Batch, q.GaveUp = nil, batch.Error
	return true
}

// State of one notification's queue.
type State struct {
	// Waiting is how many events are not told yet.
	Waiting int
	// Error of the batch that is tried again at Next, or that was given up.
	Error  string
	Next   time.Time
	GaveUp bool
}

// State returns how a notification stands.
func (o *Outbox) State(notification string) State {
	q := o.Queues[notification]
	if q == nil {
		return State{}
	}
	s := State{Waiting: len(q.Pending) + q.More, Error: q.GaveUp, GaveUp: q.GaveUp != ""}
	if q.Batch != nil {
		s.Waiting += len(q.Batch.Events) + q.Batch.More
		if q.Batch.Error != "" {
			s.Error, s.Next, s.GaveUp = q.Batch.Error, q.Batch.Next, false
		}
	}
	return s
}
