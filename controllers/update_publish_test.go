package controllers

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// What was done for one update is written down although another cannot be.
func TestOneUpdateThatCannotBeWrittenKeepsNoOtherBack(t *testing.T) {
	ids := map[string]updateID{}
	for _, name := range []string{"alpine", "busybox", "debian"} {
		ids[name] = updateID{Source: shop, Base: image.Reference{Repository: "docker.io/library/" + name, Tag: "1"}}
	}
	conflict := apierrors.NewConflict(v1alpha1.GroupVersion.WithResource("imageupdates").GroupResource(), "busybox", errors.New("it has changed"))
	for name, tc := range map[string]struct {
		fails error
		// wantErr is nil where the next look is soon instead.
		wantErr error
	}{"the API server refuses it": {errAway, errAway}, "it has changed meanwhile": {conflict, nil}} {
		t.Run(name, func(t *testing.T) {
			var objects []client.Object
			for _, id := range ids {
				objects = append(objects, &v1alpha1.ImageUpdate{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: updateName(keepCurrent, id)}})
			}
			failing := updateName(keepCurrent, ids["busybox"])
			c := fake.NewClientBuilder().WithScheme(testScheme(t)).WithObjects(objects...).WithStatusSubresource(&v1alpha1.ImageUpdate{}).
				WithInterceptorFuncs(interceptor.Funcs{
					SubResourceApply: func(ctx context.Context, c client.Client, name string, o runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
						if o.(interface{ GetName() string }).GetName() == failing {
							return tc.fails
						}
						return c.SubResource(name).Apply(ctx, o, opts...)
					},
				}).Build()
			s := newShared(c, c, clock, nil)
			s.notifications = newNotifications(s, Options{Namespace: "plimsoll-system", HTTP: http.DefaultClient}, nil, events.NewFakeRecorder(10))
			startQueue(t, s.reports)
			r := &updateReconciler{shared: s, projections: newProjections()}
			round := &round{policy: remediated{key: keepCurrent, namespace: "shop"}, now: start}
			for _, name := range []string{"alpine", "busybox", "debian"} {
				before := &v1alpha1.ImageUpdate{}
				if err := c.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: updateName(keepCurrent, ids[name])}, before); err != nil {
					t.Fatal(err)
				}
				round.steps = append(round.steps, &step{id: ids[name], before: before, again: time.Hour, status: v1alpha1.ImageUpdateStatus{
					Phase: v1alpha1.UpdateProposed, To: &v1alpha1.ImageVersion{Tag: "2"}, PullRequest: &v1alpha1.PullRequest{URL: name, State: v1alpha1.PullRequestOpen},
				}})
			}
			next, err := r.publish(t.Context(), round)
			if !errors.Is(err, tc.wantErr) || tc.wantErr == nil && next != debounce {
				t.Errorf("next look in %s, and error %v", next, err)
			}
			for name, id := range ids {
				after := &v1alpha1.ImageUpdate{}
				if err := c.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: updateName(keepCurrent, id)}, after); err != nil {
					t.Fatal(err)
				}
				if written := after.Status.PullRequest != nil; written != (name != "busybox") {
					t.Errorf("the pull request of %s is written down: %t", name, written)
				}
			}
		})
	}
}
