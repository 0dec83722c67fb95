package controllers

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

func TestAttempts(t *testing.T) {
	a, failure := newAttempts(), errors.New("refused")
	expect := func(what string, got, want time.Duration) {
		t.Helper()
		if got != want {
			t.Errorf("%s: wait %s, want %s", what, got, want)
		}
	}
	expect("first failure", a.failed("k", "1", failure, 0, start), 5*time.Second)
	expect("second failure", a.failed("k", "1", failure, 0, start), 10*time.Second)
	wait, err := a.due("k", "1", start.Add(4*time.Second))
	expect("later", wait, 6*time.Second)
	if !errors.Is(err, failure) {
		t.Errorf("the failure is %v", err)
	}
	wait, _ = a.due("k", "2", start)
	expect("with another Secret", wait, 0)
	wait, _ = a.due("other", "1", start)
	expect("another update", min(wait, 0), wait)
	expect("a failure with another Secret", a.failed("k", "2", failure, 0, start), 5*time.Second)
	expect("asked to wait", a.failed("k", "2", failure, time.Hour, start), time.Hour)
	for range 40 {
		wait = a.failed("k", "2", failure, 0, start)
	}
	expect("for long", wait, maxAttemptWait)
	a.succeeded("k")
	expect("after a success", a.failed("k", "2", failure, 0, start), 5*time.Second)
}

// A forge that asks for a pause is left alone, whatever the repository; another token is tried.
func TestForgePauses(t *testing.T) {
	name := types.NamespacedName{Namespace: "plimsoll-system", Name: "forge"}
	object := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name},
		Data:       map[string][]byte{"type": []byte("Gitea"), "url": []byte("https://git.example.com"), "token": []byte("t")},
	}
	now, c := start, fake.NewClientBuilder().WithObjects(object).Build()
	f := &forges{
		reader: c, secrets: PullSecrets{Namespace: name.Namespace}, now: func() time.Time { return now },
		known: map[forgeKey]pullrequest.Forge{}, pauses: map[types.NamespacedName]pause{},
	}
	open := func(repository string) error {
		_, err := f.forge(t.Context(), name, "https://git.example.com/acme/"+repository)
		return err
	}
	if err := open("shop"); err != nil {
		t.Fatal(err)
	}
	f.pause(name, &pullrequest.Error{Reason: v1alpha1.ReasonForgeUnavailable, Err: errors.New("down")})
	if err := open("shop"); err != nil {
		t.Errorf("after a failure that asks for no pause: %v", err)
	}
	f.pause(name, &pullrequest.Error{Reason: v1alpha1.ReasonForgeRateLimited, RetryAfter: time.Hour, Err: errors.New("slowly")})
	now = now.Add(20 * time.Minute)
	if err := open("other"); reasonOf(err) != v1alpha1.ReasonForgeRateLimited || retryAfter(err) != 40*time.Minute {
		t.Errorf("in the pause: %v, for %s", err, retryAfter(err))
	}
	object.Data["token"] = []byte("new")
	if err := c.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if err := open("shop"); err != nil {
		t.Errorf("with another token: %v", err)
	}
	f.pause(name, &pullrequest.Error{Reason: v1alpha1.ReasonForgeRateLimited, RetryAfter: time.Hour, Err: errors.New("slowly")})
	now = now.Add(time.Hour)
	if err := open("shop"); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}
