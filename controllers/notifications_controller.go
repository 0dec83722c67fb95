package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/delivery"
	"github.com/plimsoll-dev/plimsoll/internal/notify"
)

// recheckEvery is how soon a Secret that could not be read is read again, and the end of a baseline looked for.
const recheckEvery = time.Minute

// notificationReconciler sends what a policy's outbox has to send, and says on the policy what became of it.
type notificationReconciler struct {
	*notifications
	// answers of receivers, by the batch's key, that are not saved yet: where the API server is away, nothing is sent
	// twice for it.
	answers sync.Map
}

// answer of a receiver; the error is nil where it accepted.
type answer struct{ failure error }

func (r *notificationReconciler) setup(m manager.Manager) error {
	fromPolicy := handler.TypedEnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []policyKey {
		return []policyKey{policyKeyOf(object)}
	})
	return builder.TypedControllerManagedBy[policyKey](m).
		Named("notification").
		WatchesRawSource(r.wake).
		Watches(&v1alpha1.ImagePolicy{}, fromPolicy, specChanged).
		Watches(&v1alpha1.ClusterImagePolicy{}, fromPolicy, specChanged).
		WithOptions(controller.TypedOptions[policyKey]{
			// A receiver that hangs must not keep other policies from being heard.
			MaxConcurrentReconciles: 4,
			CacheSyncTimeout:        cacheSyncTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[policyKey](time.Second, time.Minute),
			ReconciliationTimeout:   10 * time.Minute,
		}).
		WithLogConstructor(logConstructor[policyKey](m, "notification", func(k policyKey) []any { return []any{"policy", k.String()} })).
		Complete(r)
}

// Reconcile implements reconcile.TypedReconciler.
func (r *notificationReconciler) Reconcile(ctx context.Context, key policyKey) (reconcile.Result, error) {
	policy, err := r.policy(ctx, key)
	if err != nil {
		return reconcile.Result{}, err
	}
	if policy == nil {
		return reconcile.Result{}, r.drop(ctx, key)
	}
	to := notificationsOf(policy.spec)
	if len(to) == 0 {
		return reconcile.Result{}, errors.Join(r.drop(ctx, key), r.writeNotified(ctx, policy, nil))
	}
	channels, err := r.channels(ctx, key, to)
	if err != nil {
		return reconcile.Result{}, err
	}
	batches, err := r.due(ctx, key, to, channels)
	if err != nil {
		return reconcile.Result{}, err
	}
	for _, batch := range batches {
		if err := r.deliver(ctx, key, policy, batch); err != nil {
			return reconcile.Result{}, err
		}
	}
	return r.settle(ctx, key, policy, to, channels)
}

// channel is a notification with the address that it goes to, or why it cannot go anywhere.
type channel struct {
	v1alpha1.Notification
	address string
	problem *problem
}

// problem that a person has to mend; messages wait meanwhile.
type problem struct{ reason, message string }

func (r *notificationReconciler) channels(ctx context.Context, key policyKey, to []v1alpha1.Notification) ([]channel, error) {
	channels := make([]channel, 0, len(to))
	for _, n := range to {
		c := channel{Notification: n}
		if err := notify.Check(n); err != nil {
			c.problem = &problem{reason: v1alpha1.ReasonNotificationTemplateInvalid, message: err.Error()}
		} else if c.address, c.problem, err = r.address(ctx, key, n.SecretRef); err != nil {
			return nil, err
		}
		channels = append(channels, c)
	}
	return channels, nil
}

// dueBatch is to be sent now.
type dueBatch struct {
	channel
	notify.Batch
}

// due forms the batches that are to be sent, and makes them durable: should this process end now, the next one sends
// the same ones under the same keys.
func (r *notificationReconciler) due(ctx context.Context, key policyKey, to []v1alpha1.Notification, channels []channel) ([]dueBatch, error) {
	var batches []dueBatch
	err := r.do(ctx, key, func(o *notify.Outbox) bool {
		batches = nil
		formed := o.Batches
		_, changed := r.upgrade(o)
		changed = o.Keep(to) || changed
		for _, c := range channels {
			if c.problem != nil {
				continue
			}
			batch, due := o.Due(r.now(), c.Notification)
			for known, ok := r.answers.Load(batch.Key); due && ok; known, ok = r.answers.Load(batch.Key) {
				r.note(o, batch.Key, known.(answer))
				changed = true
				batch, due = o.Due(r.now(), c.Notification)
			}
			if due {
				batches = append(batches, dueBatch{channel: c, Batch: batch})
			}
		}
		return changed || o.Batches != formed
	})
	return batches, err
}

// deliver sends one batch and notes what became of it.
func (r *notificationReconciler) deliver(ctx context.Context, key policyKey, policy *notifyingPolicy, b dueBatch) error {
	failure := r.send(ctx, key, b)
	r.answers.Store(b.Key, answer{failure})
	gaveUp := false
	err := r.do(ctx, key, func(o *notify.Outbox) bool {
		gaveUp = r.note(o, b.Key, answer{failure})
		return true
	})
	if err == nil {
		r.answers.Delete(b.Key)
	}
	switch {
	case gaveUp:
		notificationsTotal.WithLabelValues(string(b.Type), "given_up").Inc()
		r.emit(policy.object, corev1.EventTypeWarning, v1alpha1.ReasonNotificationFailed, actionNotify,
			fmt.Sprintf("Notification %s was given up with %d changes: %v", b.Name, len(b.Events)+b.More, failure))
	case failure != nil:
		notificationsTotal.WithLabelValues(string(b.Type), "failed").Inc()
	default:
		notificationsTotal.WithLabelValues(string(b.Type), "sent").Inc()
	}
	if failure != nil {
		log.FromContext(ctx).Info("A notification was not accepted", "notification", b.Name, "gaveUp", gaveUp, "error", failure.Error())
	}
	return err
}

// note has the outbox know an answer, and returns whether the batch is given up.
func (r *notificationReconciler) note(o *notify.Outbox, key string, a answer) (gaveUp bool) {
	if a.failure == nil {
		o.Sent(key)
		return false
	}
	return o.Failed(r.now(), key, a.failure)
}

func (r *notificationReconciler) send(ctx context.Context, key policyKey, b dueBatch) error {
	message, err := notify.NewMessage(b.Notification, key.String(), r.cluster, b.Batch)
	if err != nil {
		return &delivery.Error{Err: err}
	}
	return r.sender.Send(ctx, b.Type, b.address, message)
}

// settle says on the policy how its notifications stand, and when to look again.
func (r *notificationReconciler) settle(
	ctx context.Context, key policyKey, policy *notifyingPolicy, to []v1alpha1.Notification, channels []channel,
) (reconcile.Result, error) {
	var next time.Time
	var states []notify.State
	baseline, dead := false, 0
	err := r.do(ctx, key, func(o *notify.Outbox) bool {
		var usable []v1alpha1.Notification
		states = nil
		for _, c := range channels {
			states = append(states, o.State(c.Name))
			if c.problem == nil {
				usable = append(usable, c.Notification)
			}
		}
		next, dead, baseline = nextOf(o, usable), len(o.Dead), o.Program != r.program
		return false
	})
	if err != nil {
		return reconcile.Result{}, err
	}
	setNotificationMetrics(key, states, dead)
	if err := r.writeNotified(ctx, policy, notified(channels, states)); err != nil {
		return reconcile.Result{}, err
	}
	result := reconcile.Result{}
	if !next.IsZero() {
		result.RequeueAfter = max(next.Sub(r.now()), time.Millisecond)
	}
	waits := baseline
	for _, c := range channels {
		waits = waits || c.problem != nil
	}
	if waits && (result.RequeueAfter == 0 || result.RequeueAfter > recheckEvery) {
		result.RequeueAfter = recheckEvery
	}
	return result, nil
}
