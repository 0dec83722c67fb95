package controllers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/rebuild"
)

const (
	// maxRebuilds are the images of one update for which a pipeline is triggered in one round.
	maxRebuilds = 16
	// maxDeliveries are remembered of an update.
	maxDeliveries = 64
	// kubernetesSecrets begins the types of Secrets that Kubernetes itself gives a meaning.
	kubernetesSecrets = "kubernetes.io/"
)

// rebuild has pipelines build the images of an update anew: the tag of their base
// stays, and leads to something better. Each image is asked for once per digest of the base.
func (r *updateReconciler) rebuild(ctx context.Context, p remediated, s *step, now time.Time) {
	repositories := s.group.repositories()
	var failed error
	triggered := ""
	for _, repository := range repositories[:min(len(repositories), maxRebuilds)] {
		trigger := triggerFor(p.Remediation.Rebuilds, repository)
		if trigger == nil {
			continue
		}
		triggered = trigger.Name
		request := s.request(*trigger, repository, r.cluster)
		if slices.ContainsFunc(s.status.Deliveries, func(d v1alpha1.Delivery) bool { return d.Key == request.Key }) {
			continue
		}
		result, err := r.trigger(ctx, p, request, s)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		s.deliver(request.Key, now)
		s.status.Rebuild = &v1alpha1.Rebuild{
			RequestedTime: metav1.NewTime(now), BaseDigest: s.status.To.Digest, Trigger: trigger.Name, URL: result.URL,
		}
	}
	s.tellRebuild(p.Remediation.Rebuilds, triggered, failed, now)
}

// tellRebuild says how the rebuild stands.
func (s *step) tellRebuild(triggers []v1alpha1.RebuildTrigger, triggered string, failed error, now time.Time) {
	set := func(reason, message string) {
		s.condition(v1alpha1.ConditionRebuilt, metav1.ConditionFalse, reason, message, now)
	}
	switch {
	case failed != nil:
		set(triggerFailure(failed).Reason, failed.Error())
	case triggered == "":
		set(v1alpha1.ReasonNoTrigger, "The base's tag leads to a better digest. A rebuild is enough, and the policy has no rebuild for these images")
	case s.status.Rebuild == nil:
	default:
		deadline := s.status.Rebuild.RequestedTime.Add(timeoutOf(triggers, s.status.Rebuild.Trigger))
		if now.Before(deadline) {
			set(v1alpha1.ReasonTriggered, "The pipeline accepted the trigger")
			s.comeBack(deadline.Sub(now))
			return
		}
		set(v1alpha1.ReasonNoAnswer, "The pipeline accepted the trigger, and no image on the new base runs since "+s.status.Rebuild.RequestedTime.UTC().Format(time.RFC3339))
	}
}

func timeoutOf(triggers []v1alpha1.RebuildTrigger, name string) time.Duration {
	for _, t := range triggers {
		if t.Name == name {
			return time.Duration(t.TimeoutMinutes) * time.Minute
		}
	}
	return time.Hour
}

// comeBack for this update after a while at the latest.
func (s *step) comeBack(after time.Duration) {
	after = max(after, time.Second)
	if s.again == 0 || after < s.again {
		s.again = after
	}
}

// trigger sends a request, unless the one before failed a short while ago.
func (r *updateReconciler) trigger(ctx context.Context, p remediated, request rebuild.Request, s *step) (rebuild.Result, error) {
	sent := sentKey{policy: p.key, key: request.Key}
	if result, known := r.proposals.delivered(sent); known {
		// The status that would say so could not be written.
		return result, nil
	}
	key := p.key.String() + " rebuild " + request.Key
	with := r.configured(ctx, p, request.Trigger.SecretRef)
	wait, last := r.attempts.due(key, with, r.now())
	if wait > 0 {
		s.retry(wait, triggerFailure(last).Reason)
		return rebuild.Result{}, last
	}
	err := r.rebuildSecret(ctx, p, &request)
	var result rebuild.Result
	if err == nil {
		result, err = rebuild.Send(ctx, r.http, request)
	}
	if err != nil {
		failure := triggerFailure(err)
		s.retry(r.attempts.failed(key, with, err, failure.RetryAfter, r.now()), failure.Reason)
		rebuilds.WithLabelValues("failed").Inc()
		return result, err
	}
	r.attempts.succeeded(key)
	r.proposals.deliver(sent, result)
	rebuilds.WithLabelValues("accepted").Inc()
	return result, nil
}

func triggerFailure(err error) rebuild.Error {
	var e *rebuild.Error
	if errors.As(err, &e) {
		return *e
	}
	return rebuild.Error{Reason: v1alpha1.ReasonTriggerFailed, Err: err}
}

func (r *updateReconciler) rebuildSecret(ctx context.Context, p remediated, request *rebuild.Request) error {
	ref := request.Trigger.SecretRef
	if ref == nil {
		return nil
	}
	object, err := r.forges.secret(ctx, types.NamespacedName{Namespace: p.namespace, Name: ref.Name})
	if err == nil && strings.HasPrefix(string(object.Type), kubernetesSecrets) {
		err = fmt.Errorf("the trigger's Secret %s is of type %s, which is for Kubernetes alone", ref.Name, object.Type)
	}
	if err != nil {
		return &rebuild.Error{Reason: v1alpha1.ReasonTriggerSecretInvalid, Err: err}
	}
	request.Secret = object.Data
	return nil
}

// repositories of the images, sorted.
func (g *moving) repositories() []string {
	var list []string
	for _, img := range g.Images {
		list = append(list, img.Report.Repository)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func triggerFor(triggers []v1alpha1.RebuildTrigger, repository string) *v1alpha1.RebuildTrigger {
	for i, t := range triggers {
		if len(t.Images) == 0 || slices.ContainsFunc(t.Images, func(pattern string) bool {
			matched, err := doublestar.Match(pattern, repository)
			return err == nil && matched
		}) {
			return &triggers[i]
		}
	}
	return nil
}

func (s *step) request(trigger v1alpha1.RebuildTrigger, repository, cluster string) rebuild.Request {
	request := rebuild.Request{
		Trigger: trigger, Image: repository, Base: s.id.Base.Repository + ":" + s.status.To.Tag, BaseDigest: s.status.To.Digest, Cluster: cluster,
	}
	for _, img := range s.group.Images {
		if img.Report.Repository == repository {
			request.Image = image.Reference{Repository: repository, Tag: img.Tag}.String()
			request.Digest = string(img.Report.Digest)
		}
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{trigger.Name, repository, request.BaseDigest}, "\n")))
	request.Key = hex.EncodeToString(sum[:16])
	return request
}

// deliver remembers what was sent.
func (s *step) deliver(key string, now time.Time) {
	s.status.Deliveries = append(s.status.Deliveries, v1alpha1.Delivery{Key: key, Time: metav1.NewTime(now)})
	if over := len(s.status.Deliveries) - maxDeliveries; over > 0 {
		s.status.Deliveries = s.status.Deliveries[over:]
	}
}
