package controllers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/notify"
)

const (
	outboxKey    = "outbox.json"
	outboxPolicy = "plimsoll.dev/policy"
)

func outboxName(key policyKey) string {
	sum := sha256.Sum256([]byte(key.String()))
	return "plimsoll-outbox-" + hex.EncodeToString(sum[:10])
}

func (n *notifications) load(ctx context.Context, key policyKey, entry *outbox) error {
	object := &corev1.ConfigMap{}
	name := client.ObjectKey{Namespace: n.namespace, Name: outboxName(key)}
	err := n.reader.Get(ctx, name, object)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("get the outbox of %s: %w", key, err)
	}
	entry.content, entry.version, entry.loaded = &notify.Outbox{}, object.ResourceVersion, true
	if text, found := object.Data[outboxKey]; found {
		content, err := notify.DecodeOutbox([]byte(text))
		if err == nil {
			entry.content = content
		} else {
			// Reports wait for it, and are worth more than messages.
			log.FromContext(ctx).Error(err, "Notifications are lost: their outbox cannot be read", "policy", key.String(), "configMap", name)
		}
	}
	entry.content.Source = n.cluster + " " + key.String()
	return nil
}

// save replaces what this process read or wrote last. What another one wrote meanwhile is a conflict.
func (n *notifications) save(ctx context.Context, key policyKey, entry *outbox) error {
	encoded, err := entry.content.Encode()
	if err != nil {
		return fmt.Errorf("save the outbox of %s: %w", key, err)
	}
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       n.namespace,
			Name:            outboxName(key),
			ResourceVersion: entry.version,
			Labels:          map[string]string{managedByLabel: managedBy},
			Annotations:     map[string]string{outboxPolicy: key.String()},
		},
		Data: map[string]string{outboxKey: string(encoded)},
	}
	if entry.version == "" {
		err = n.client.Create(ctx, object, fieldOwner)
		if apierrors.IsAlreadyExists(err) {
			err = apierrors.NewConflict(corev1.Resource("configmaps"), object.Name, err)
		}
	} else {
		err = apply(ctx, n.client, object)
		if apierrors.IsNotFound(err) {
			err = apierrors.NewConflict(corev1.Resource("configmaps"), object.Name, err)
		}
	}
	if err != nil {
		return fmt.Errorf("save the outbox of %s: %w", key, err)
	}
	entry.version = object.ResourceVersion
	return nil
}

// drop forgets the outbox of a policy that is gone, or tells nothing any more.
func (n *notifications) drop(ctx context.Context, key policyKey) error {
	entry := n.entry(key)
	entry.saving.Lock()
	defer entry.saving.Unlock()
	n.forget(key)
	forgetNotificationMetrics(key)
	if !entry.loaded || entry.version == "" {
		// Where it was never used, collect finds it.
		return nil
	}
	entry.loaded = false
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: n.namespace, Name: outboxName(key)}}
	if err := n.client.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete the outbox of %s: %w", key, err)
	}
	return nil
}

// collect deletes the outboxes of policies that went, or were told to be silent, while nobody looked.
func (n *notifications) collect(ctx context.Context) error {
	objects, err := managedConfigMaps(ctx, n.reader, n.namespace)
	if err != nil {
		return err
	}
	var errs []error
	for i := range objects {
		key, ok := parsePolicyKey(objects[i].Annotations[outboxPolicy])
		if !ok || objects[i].Name != outboxName(key) {
			continue
		}
		policy, err := n.policy(ctx, key)
		if err != nil || (policy != nil && len(notificationsOf(policy.spec)) > 0) {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, client.IgnoreNotFound(n.client.Delete(ctx, &corev1.ConfigMap{ObjectMeta: objects[i].ObjectMeta})))
		n.forget(key)
	}
	return errors.Join(errs...)
}

// notifyingPolicy is a policy as far as notifications go.
type notifyingPolicy struct {
	object client.Object
	spec   v1alpha1.ImagePolicySpec
	status v1alpha1.ImagePolicyStatus
}

// policy returns a policy, or nil if there is none.
func (n *notifications) policy(ctx context.Context, key policyKey) (*notifyingPolicy, error) {
	var object client.Object = &v1alpha1.ImagePolicy{}
	if key.Kind == kindClusterImagePolicy {
		object = &v1alpha1.ClusterImagePolicy{}
	}
	err := n.client.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Name}, object)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	switch p := object.(type) {
	case *v1alpha1.ClusterImagePolicy:
		return &notifyingPolicy{object: p, spec: p.Spec.ImagePolicySpec, status: p.Status}, nil
	case *v1alpha1.ImagePolicy:
		return &notifyingPolicy{object: p, spec: p.Spec, status: p.Status}, nil
	}
	return nil, nil
}
