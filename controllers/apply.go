package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	managedByLabel = "app.kubernetes.io/managed-by"
	managedBy      = "plimsoll"
)

// apply makes the API server's object as the given one, by server-side apply.
// Fields that the object leaves out stay with whoever owns them. Where the
// object has a resource version, a newer one in the cluster is a conflict.
func apply(ctx context.Context, c client.Client, object client.Object) error {
	u, err := configuration(c, object, "status")
	if err != nil {
		return err
	}
	if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), fieldOwner, client.ForceOwnership); err != nil {
		return err
	}
	object.SetResourceVersion(u.GetResourceVersion())
	return nil
}

// applyStatus does the same for the object's status alone.
func applyStatus(ctx context.Context, c client.Client, object client.Object) error {
	u, err := configuration(c, object, "spec")
	if err != nil {
		return err
	}
	u.SetLabels(nil)
	u.SetAnnotations(nil)
	return c.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), fieldOwner, client.ForceOwnership)
}

// configuration is what an apply sends of an object, without one of its parts.
func configuration(c client.Client, object client.Object, without string) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("convert %T %s: %w", object, client.ObjectKeyFromObject(object), err)
	}
	kind, err := c.GroupVersionKindFor(object)
	if err != nil {
		return nil, err
	}
	delete(content, without)
	delete(content, "metadata")
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(kind)
	u.SetNamespace(object.GetNamespace())
	u.SetName(object.GetName())
	u.SetLabels(object.GetLabels())
	u.SetAnnotations(object.GetAnnotations())
	u.SetResourceVersion(object.GetResourceVersion())
	return u, nil
}
