package controllers

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/notify"
)

// notificationOwner owns the condition Notified, so that it and the rest of a policy's status have one writer each.
const notificationOwner = client.FieldOwner("plimsoll-notifications")

// defaultAddressKey is the key of a Secret of which only the name is given.
const defaultAddressKey = "address"

// address reads where a notification goes. What keeps it from being read, and a person can mend, is a problem.
func (n *notifications) address(ctx context.Context, key policyKey, ref v1alpha1.LocalKeyReference) (string, *problem, error) {
	name := client.ObjectKey{Namespace: key.Namespace, Name: ref.Name}
	if name.Namespace == "" {
		name.Namespace = n.namespace
	}
	invalid := func(format string, args ...any) (string, *problem, error) {
		return "", &problem{reason: v1alpha1.ReasonNotificationSecretInvalid, message: fmt.Sprintf("Secret %s ", name) + fmt.Sprintf(format, args...)}, nil
	}
	const grant = "may not be read: the Helm value pullSecrets.namespaces has to list %s, and pullSecrets.names, where it lists any, %s"
	if name.Namespace != n.namespace && !(keychain{secrets: n.secrets}).readable(name.Namespace) {
		return invalid(grant, name.Namespace, name.Name)
	}
	secret := &corev1.Secret{}
	err := n.reader.Get(ctx, name, secret)
	switch {
	case apierrors.IsForbidden(err):
		return invalid(grant, name.Namespace, name.Name)
	case apierrors.IsNotFound(err):
		return invalid("does not exist")
	case err != nil:
		return "", nil, fmt.Errorf("get Secret %s: %w", name, err)
	}
	entry := ref.Key
	if entry == "" {
		entry = defaultAddressKey
	}
	address := strings.TrimSpace(string(secret.Data[entry]))
	if address == "" {
		return invalid("has nothing at the key %s", entry)
	}
	return address, nil, nil
}

// notified is what the condition says: what a person has to mend first, then what was lost, then what is late.
func notified(channels []channel, states []notify.State) *metav1.Condition {
	c := &metav1.Condition{
		Type: v1alpha1.ConditionNotified, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonNotified, Message: "All notifications went out",
	}
	say := func(reason, format string, args ...any) {
		if c.Status == metav1.ConditionTrue {
			c.Status, c.Reason, c.Message = metav1.ConditionFalse, reason, ""
		} else {
			c.Message += "; "
		}
		c.Message += fmt.Sprintf(format, args...)
	}
	for i, channel := range channels {
		if p := channel.problem; p != nil {
			say(p.reason, "%s: %s; changes that wait: %d", channel.Name, p.message, states[i].Waiting)
		}
	}
	for i, channel := range channels {
		if s := states[i]; channel.problem == nil && s.GaveUp {
			say(v1alpha1.ReasonNotificationFailed, "%s: the last message was given up: %s", channel.Name, s.Error)
		}
	}
	for i, channel := range channels {
		if s := states[i]; channel.problem == nil && !s.GaveUp && s.Error != "" {
			say(v1alpha1.ReasonNotificationRetrying, "%s: %s; the next try is at %s", channel.Name, s.Error, s.Next.UTC().Format(time.RFC3339))
		}
	}
	c.Message = clip(c.Message)
	return c
}

// writeNotified sets the policy's condition, or takes it away where it is nil.
func (n *notifications) writeNotified(ctx context.Context, policy *notifyingPolicy, wanted *metav1.Condition) error {
	before := meta.FindStatusCondition(policy.status.Conditions, v1alpha1.ConditionNotified)
	if before == nil && wanted == nil {
		return nil
	}
	conditions := []any{}
	if wanted != nil {
		all := slices.Clone(policy.status.Conditions)
		setCondition(&all, wanted.Type, wanted.Status, wanted.Reason, wanted.Message, policy.object.GetGeneration(), n.now())
		after := meta.FindStatusCondition(all, v1alpha1.ConditionNotified)
		if before != nil && reflect.DeepEqual(before, after) {
			return nil
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(after)
		if err != nil {
			return fmt.Errorf("convert a condition: %w", err)
		}
		conditions = append(conditions, content)
	}
	kind, err := n.client.GroupVersionKindFor(policy.object)
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": conditions}}}
	u.SetGroupVersionKind(kind)
	u.SetNamespace(policy.object.GetNamespace())
	u.SetName(policy.object.GetName())
	err = n.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), notificationOwner, client.ForceOwnership)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the condition %s of %s: %w", v1alpha1.ConditionNotified, policyKeyOf(policy.object), err)
	}
	return nil
}

// withoutNotified are the conditions that the policy controller writes.
func withoutNotified(conditions []metav1.Condition) []metav1.Condition {
	var own []metav1.Condition
	for _, c := range conditions {
		if c.Type != v1alpha1.ConditionNotified {
			own = append(own, c)
		}
	}
	return own
}
