package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/notify"
)

// Actions of Kubernetes events.
const (
	actionJudge     = "Judge"
	actionRemediate = "Remediate"
	actionNotify    = "Notify"
)

// report takes up what a report's next status has to tell, before it is written: a crash in between neither loses
// it nor has it told twice, as the same two statuses give the same keys again.
func (n *notifications) report(ctx context.Context, s *reportScope) error {
	if s.object == nil {
		return nil
	}
	for _, p := range s.policies {
		to := notificationsOf(p.Spec)
		if len(to) == 0 {
			continue
		}
		key := policyKeyIn(s.key.Namespace, p.Kind, p.Name)
		news := notify.News(&s.object.Status, &s.status, notify.Subject{
			Namespace: s.key.Namespace, Repository: s.key.Repository, Digest: string(s.key.Digest), Platform: s.key.Platform.String(),
			PolicyKind: p.Kind, PolicyName: p.Name,
		})
		added, err := n.add(ctx, key, to, news...)
		if err != nil {
			return err
		}
		n.record(s.object, actionJudge, added...)
	}
	return nil
}

// Tell takes up events for a policy, whose notifications go out soon after it returns. A policy without any, or
// one that is gone, is told nothing.
func (n *notifications) Tell(ctx context.Context, key policyKey, all ...notify.Event) error {
	policy, err := n.policy(ctx, key)
	if err != nil || policy == nil {
		return err
	}
	added, err := n.add(ctx, key, notificationsOf(policy.spec), all...)
	if err != nil {
		return err
	}
	n.record(policy.object, actionRemediate, added...)
	return nil
}

// stale tells all policies that the database built at a time is too old.
func (n *notifications) stale(ctx context.Context, built time.Time) error {
	var local v1alpha1.ImagePolicyList
	if err := n.client.List(ctx, &local); err != nil {
		return fmt.Errorf("list all ImagePolicies: %w", err)
	}
	var cluster v1alpha1.ClusterImagePolicyList
	if err := n.client.List(ctx, &cluster); err != nil {
		return fmt.Errorf("list ClusterImagePolicies: %w", err)
	}
	var errs []error
	for i := range local.Items {
		_, err := n.add(ctx, policyKeyOf(&local.Items[i]), notificationsOf(local.Items[i].Spec), notify.Stale(built))
		errs = append(errs, err)
	}
	for i := range cluster.Items {
		_, err := n.add(ctx, policyKeyOf(&cluster.Items[i]), notificationsOf(cluster.Items[i].Spec.ImagePolicySpec), notify.Stale(built))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// tellStale tells of a database that is too old to be relied on, whether or not a newer one can be had.
func (r *vulnerabilityDatabaseReconciler) tellStale(ctx context.Context) error {
	if r.current == nil || r.now().Sub(r.current.DB.Metadata().Built) < r.maxAge {
		return nil
	}
	return r.notifications.stale(ctx, r.current.DB.Metadata().Built)
}

// maxNote is the API's limit on an event's note, in bytes.
const maxNote = 1024

// record makes Kubernetes events of what was added.
func (n *notifications) record(object client.Object, action string, added ...notify.Event) {
	for _, e := range added {
		kind := corev1.EventTypeNormal
		if e.Kind == notify.FindingsAdded || e.To == string(v1alpha1.VerdictFail) {
			kind = corev1.EventTypeWarning
		}
		n.emit(object, kind, string(e.Kind), action, e.Text())
	}
}

func (n *notifications) emit(object runtime.Object, kind, reason, action, note string) {
	if len(note) > maxNote {
		note = note[:maxNote]
	}
	n.recorder.Eventf(object, nil, kind, reason, action, "%s", note)
}
