package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/test/playground"
)

// restartOperator runs the operator with further flags, of which a later one
// takes the place of an earlier, until the test ends.
func restartOperator(t *testing.T, flags ...string) {
	t.Helper()
	swapOperator(t.Context(), t, flags...)
	t.Cleanup(func() { swapOperator(context.Background(), t) })
}

func swapOperator(ctx context.Context, t *testing.T, flags ...string) {
	t.Helper()
	if err := world.Operator().Stop(); err != nil {
		t.Fatal(err)
	}
	// The log begins anew with the process.
	if err := refused(); err != nil {
		t.Error(err)
	}
	if err := world.StartOperator(ctx, append(append([]string{}, operatorFlags...), flags...)...); err != nil {
		t.Fatal(err)
	}
}

// The operator asks for nothing that it has no right to, also in tests that come later.
func TestRights(t *testing.T) {
	s := newScene(t)
	s.awaitHealthy(t)
	if err := refused(); err != nil {
		t.Error(err)
	}
}

// The operator may read Secrets in its own namespace alone, and write nothing but its own.
func TestRightsAreFew(t *testing.T) {
	operator := world.Impersonated().Impersonate
	for _, test := range []struct {
		want     bool
		verb     string
		resource schema.GroupResource
		in       string
	}{
		{true, "list", schema.GroupResource{Resource: "pods"}, ""},
		{true, "list", schema.GroupResource{Resource: "secrets"}, playground.Namespace},
		{true, "patch", schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "imagereports"}, "default"},
		{false, "get", schema.GroupResource{Resource: "secrets"}, "default"},
		{false, "list", schema.GroupResource{Resource: "secrets"}, ""},
		{false, "create", schema.GroupResource{Resource: "secrets"}, playground.Namespace},
		{false, "create", schema.GroupResource{Resource: "pods"}, playground.Namespace},
		{false, "delete", schema.GroupResource{Resource: "pods"}, "default"},
		{true, "get", schema.GroupResource{Group: "apps", Resource: "deployments"}, "default"},
		{true, "get", schema.GroupResource{Group: "batch", Resource: "cronjobs"}, "default"},
		{false, "update", schema.GroupResource{Group: "batch", Resource: "cronjobs"}, "default"},
		{false, "patch", schema.GroupResource{Group: "apps", Resource: "deployments"}, "default"},
		{false, "get", schema.GroupResource{Resource: "configmaps"}, "default"},
		{false, "create", schema.GroupResource{Group: "rbac.authorization.k8s.io", Resource: "clusterrolebindings"}, ""},
		{false, "impersonate", schema.GroupResource{Resource: "users"}, ""},
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: operator.UserName, Groups: operator.Groups,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: test.verb, Group: test.resource.Group, Resource: test.resource.Resource, Namespace: test.in,
			},
		}}
		if err := world.Client.Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		if review.Status.Allowed != test.want {
			t.Errorf("may the operator %s %s in %q: %v, want %v", test.verb, test.resource, test.in, review.Status.Allowed, test.want)
		}
	}
}

// refused is an error where the operator's log tells of a right that it lacks.
func refused() error {
	log, err := world.Operator().Log()
	if err != nil {
		return err
	}
	for line := range strings.Lines(log) {
		if strings.Contains(line, "is forbidden:") {
			err = errors.Join(err, fmt.Errorf("the operator lacks a right: %s", line))
		}
	}
	return err
}

// checkNoCanary looks for the registry's password wherever the operator writes.
func checkNoCanary(t *testing.T) {
	t.Helper()
	written := map[string]string{}
	var err error
	if written["log"], err = world.Operator().Log(); err != nil {
		t.Fatal(err)
	}
	if written["metrics"], err = world.Metrics(t.Context()); err != nil {
		t.Fatal(err)
	}
	written["reports"] = listed(t, &v1alpha1.ImageReportList{})
	written["databases"] = listed(t, &v1alpha1.VulnerabilityDatabaseList{})
	written["policies"] = listed(t, &v1alpha1.ImagePolicyList{})
	written["events"] = listed(t, &eventsv1.EventList{})
	for name, text := range written {
		if text == "" {
			t.Errorf("there are no %s to look at", name)
		}
		for _, secret := range []string{canary, base64.StdEncoding.EncodeToString([]byte(pullUser + ":" + canary))} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s hold a password", name)
			}
		}
	}
}

// listed is all objects of a kind, as JSON.
func listed(t *testing.T, list client.ObjectList) string {
	t.Helper()
	if err := world.Client.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
