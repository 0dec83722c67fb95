package controllers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/notify"
)

// notifications keeps, in one ConfigMap for each policy that has any, what there is to tell and what was told. Only
// the leader writes them, so that it reads each one once.
type notifications struct {
	client    client.Client
	reader    client.Reader
	now       func() time.Time
	after     func(time.Duration) <-chan time.Time
	recorder  events.EventRecorder
	sender    notify.Sender
	namespace string
	secrets   PullSecrets
	cluster   string
	// program that judges. Until all reports follow it, what it says otherwise than the one before is no news.
	program string
	settled func() bool
	wake    *trigger[policyKey]

	mu    sync.Mutex
	known map[policyKey]*outbox
}

func newNotifications(s *shared, o Options, synced <-chan struct{}, recorder events.EventRecorder) *notifications {
	return &notifications{
		client: s.client, reader: s.reader, now: s.now, after: time.After, recorder: recorder,
		sender: notify.Sender{HTTP: o.HTTP}, namespace: o.Namespace, secrets: o.PullSecrets, cluster: o.ClusterName,
		program: o.Program, settled: s.rollout.followedOnce, wake: newTrigger[policyKey](synced), known: map[policyKey]*outbox{},
	}
}

// outbox of a policy, with the changes that wait to be saved together.
type outbox struct {
	mu sync.Mutex
	// next is the commit that changes still join.
	next *commit

	// saving is held by the commit under way; it guards the rest.
	saving  sync.Mutex
	loaded  bool
	version string
	content *notify.Outbox
	saved   time.Time
}

// commit is one write of an outbox.
type commit struct {
	changes []change
	done    chan struct{}
	err     error
}

// change is done to an outbox, and says whether it changed anything. It is done anew where a save failed.
type change func(*notify.Outbox) bool

const (
	// commitEvery is the shortest time between two writes of an outbox: what comes meanwhile is written together.
	commitEvery = 200 * time.Millisecond
	// commitTimeout bounds one write together with the read before it.
	commitTimeout = 30 * time.Second
	// commitTries is how often a commit is made on what another leader wrote meanwhile.
	commitTries = 3
)

// do makes a change of a policy's outbox durable before it returns, together with others that come at the same time.
func (n *notifications) do(ctx context.Context, key policyKey, do change) error {
	entry := n.entry(key)
	entry.mu.Lock()
	c := entry.next
	first := c == nil
	if first {
		c = &commit{done: make(chan struct{})}
		entry.next = c
	}
	c.changes = append(c.changes, do)
	entry.mu.Unlock()
	if first {
		// It is for the others, too: it must not end with this one's context.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
		defer cancel()
		n.commit(ctx, key, entry, c)
		return c.err
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("wait for the outbox of %s: %w", key, context.Cause(ctx))
	}
}

func (n *notifications) entry(key policyKey) *outbox {
	n.mu.Lock()
	defer n.mu.Unlock()
	entry := n.known[key]
	if entry == nil {
		entry = &outbox{}
		n.known[key] = entry
	}
	return entry
}

func (n *notifications) forget(key policyKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, key)
}

func (n *notifications) commit(ctx context.Context, key policyKey, entry *outbox, c *commit) {
	defer close(c.done)
	entry.saving.Lock()
	defer entry.saving.Unlock()
	if wait := commitEvery - n.now().Sub(entry.saved); wait > 0 && wait <= commitEvery {
		select {
		case <-n.after(wait):
		case <-ctx.Done():
		}
	}
	entry.mu.Lock()
	entry.next = nil
	entry.mu.Unlock()
	for range commitTries {
		if c.err = n.attempt(ctx, key, entry, c.changes); !apierrors.IsConflict(c.err) {
			return
		}
	}
}

// attempt does changes to the outbox and saves it. What could not be saved is read again before the next use.
func (n *notifications) attempt(ctx context.Context, key policyKey, entry *outbox, changes []change) error {
	if !entry.loaded {
		if err := n.load(ctx, key, entry); err != nil {
			return err
		}
	}
	changed := false
	for _, do := range changes {
		changed = do(entry.content) || changed
	}
	if !changed {
		return nil
	}
	entry.loaded = false
	if err := n.save(ctx, key, entry); err != nil {
		return err
	}
	entry.loaded, entry.saved = true, n.now()
	return nil
}

// upgrade says whether what judgements bring is a baseline: until all reports follow this program. changed tells that
// this has just come to its end.
func (n *notifications) upgrade(o *notify.Outbox) (baseline, changed bool) {
	if o.Program == n.program {
		return false, false
	}
	if !n.settled() {
		return true, false
	}
	o.Program = n.program
	return false, true
}

// notificationsOf are those that a policy asks for.
func notificationsOf(spec v1alpha1.ImagePolicySpec) []v1alpha1.Notification {
	if spec.Remediation == nil {
		return nil
	}
	return spec.Remediation.Notifications
}

// add takes up events for a policy's notifications, and returns those that were not taken up before. Once it returns,
// they are told, whatever becomes of this process.
func (n *notifications) add(ctx context.Context, key policyKey, to []v1alpha1.Notification, all ...notify.Event) ([]notify.Event, error) {
	if len(to) == 0 || len(all) == 0 {
		return nil, nil
	}
	var added []notify.Event
	var next time.Time
	err := n.do(ctx, key, func(o *notify.Outbox) bool {
		baseline, changed := n.upgrade(o)
		told, stale := slices.Clone(o.Told), o.Stale
		added = o.Add(n.now(), to, baseline, all...)
		next = nextOf(o, to)
		return changed || stale != o.Stale || !slices.Equal(told, o.Told)
	})
	if err != nil {
		return nil, err
	}
	if !next.IsZero() {
		n.wake.add(ctx, priorityqueue.AddOpts{After: max(0, next.Sub(n.now()))}, key)
	}
	return added, nil
}

// nextOf is when the first of the notifications has something to send; zero where none has.
func nextOf(o *notify.Outbox, to []v1alpha1.Notification) time.Time {
	var next time.Time
	for _, notification := range to {
		if at, some := o.Next(notification); some && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}
