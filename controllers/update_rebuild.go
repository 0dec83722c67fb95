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
	// maxRebuilds are the triggers that are sent for one update in one round.
	maxRebuilds = 16
	// maxDeliveries are remembered of an update: what is forgotten might be sent again.
	maxDeliveries = 64
	// kubernetesSecrets begins the types of Secrets that Kubernetes itself gives a meaning.
	kubernetesSecrets = "kubernetes.io/"
)

// rebuild has pipelines build the images of an update anew: the tag of their base
// stays, and leads to something better. Each image is asked for once per digest of the base.
func (r *updateReconciler) rebuild(ctx context.Context, p remediated, s *step, now time.Time) {
	requests, triggered := s.requests(p.Remediation.Rebuilds, r.cluster)
	told := rebuildTold{triggered: triggered}
	configured := map[string]string{}
	asked := 0
	for i, request := range requests {
		if s.deliveredFor(request.BaseDigest) >= maxDeliveries {
			told.left = len(requests) - i
			break
		}
		if asked == maxRebuilds {
			s.comeBack(time.Second)
			break
		}
		name := request.Trigger.Name
		if _, known := configured[name]; !known {
			configured[name] = r.configured(ctx, p, request.Trigger.SecretRef)
		}
		result, sent, err := r.trigger(ctx, p, request, configured[name], s)
		if sent {
			asked++
		}
		if err != nil {
			told.failed = errors.Join(told.failed, err)
			continue
		}
		s.deliver(request, now)
		s.status.Rebuild = &v1alpha1.Rebuild{
			RequestedTime: metav1.NewTime(now), BaseDigest: request.BaseDigest, Trigger: name, URL: result.URL,
		}
	}
	s.tellRebuild(p.Remediation.Rebuilds, told, now)
}

// requests are those that were not accepted yet, one for each image that is not on the new base and that a
// trigger builds. triggered says whether there is such an image at all.
func (s *step) requests(triggers []v1alpha1.RebuildTrigger, cluster string) (requests []rebuild.Request, triggered bool) {
	seen := map[string]bool{}
	for _, img := range s.group.Images {
		trigger := triggerFor(triggers, img.Report.Repository)
		if trigger == nil || string(img.Base.Digest) == s.status.To.Digest {
			continue
		}
		triggered = true
		request := s.request(*trigger, img, cluster)
		if !seen[request.Key] && !s.delivered(request.Key) && !s.answered(request.BaseDigest, img) {
			requests = append(requests, request)
		}
		seen[request.Key] = true
	}
	slices.SortFunc(requests, func(a, b rebuild.Request) int { return strings.Compare(a.Image, b.Image) })
	return requests, triggered
}

// rebuildTold is what came of the rebuilds of one update in one round.
type rebuildTold struct {
	// triggered says that a trigger builds one of the images.
	triggered bool
	failed    error
	// left are the images for which no trigger is sent any more.
	left int
}

// tellRebuild says how the rebuild stands.
func (s *step) tellRebuild(triggers []v1alpha1.RebuildTrigger, told rebuildTold, now time.Time) {
	set := func(reason, message string) {
		s.condition(v1alpha1.ConditionRebuilt, metav1.ConditionFalse, reason, message, now)
	}
	switch {
	case told.failed != nil:
		set(triggerFailure(told.failed).Reason, told.failed.Error())
	case told.left > 0:
		set(v1alpha1.ReasonTriggerLimitReached, fmt.Sprintf("%d triggers were accepted for this digest of the base; images that are left: %d", maxDeliveries, told.left))
	case !told.triggered:
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

// trigger sends a request, unless it was accepted before, or the last try failed a short while ago.
func (r *updateReconciler) trigger(
	ctx context.Context, p remediated, request rebuild.Request, with string, s *step,
) (result rebuild.Result, sent bool, err error) {
	accepted := sentKey{policy: p.key, key: request.Key}
	if result, known := r.proposals.delivered(accepted); known {
		// The status that would say so could not be written.
		return result, false, nil
	}
	key := p.key.String() + " rebuild " + request.Key
	wait, last := r.attempts.due(key, with, r.now())
	if wait > 0 {
		s.retry(wait, triggerFailure(last).Reason)
		return rebuild.Result{}, false, last
	}
	if err = r.rebuildSecret(ctx, p, &request); err == nil {
		result, err = rebuild.Send(ctx, r.http, request)
	}
	if err != nil {
		failure := triggerFailure(err)
		s.retry(r.attempts.failed(key, with, err, failure.RetryAfter, r.now()), failure.Reason)
		rebuilds.WithLabelValues("failed").Inc()
		return result, true, err
	}
	r.attempts.succeeded(key)
	r.proposals.deliver(accepted, result)
	rebuilds.WithLabelValues("accepted").Inc()
	return result, true, nil
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

// request for one image. Its key is the same whichever cluster asks, and however many of the image's digests run.
func (s *step) request(trigger v1alpha1.RebuildTrigger, img movingImage, cluster string) rebuild.Request {
	request := rebuild.Request{
		Trigger: trigger, Image: image.Reference{Repository: img.Report.Repository, Tag: img.Tag}.String(), Digest: string(img.Report.Digest),
		Base: s.id.Base.Repository + ":" + s.status.To.Tag, BaseDigest: s.status.To.Digest, Cluster: cluster,
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{trigger.Name, request.Image, request.BaseDigest}, "\n")))
	request.Key = repositoryPrefix(request.BaseDigest, img.Report.Repository) + hex.EncodeToString(sum[:16])
	return request
}

// keyPrefix begins the keys of all triggers for a digest of a base.
func keyPrefix(baseDigest string) string {
	digest := strings.TrimPrefix(baseDigest, "sha256:")
	return digest[:min(len(digest), 16)] + "-"
}

// repositoryPrefix begins those for images of one repository.
func repositoryPrefix(baseDigest, repository string) string {
	sum := sha256.Sum256([]byte(repository))
	return keyPrefix(baseDigest) + hex.EncodeToString(sum[:4]) + "-"
}

// answered says that the image was built after a trigger for its repository, and still on the old base: where each build has
// a tag of its own, asking for it again would go round in circles.
func (s *step) answered(baseDigest string, img movingImage) bool {
	prefix := repositoryPrefix(baseDigest, img.Report.Repository)
	return slices.ContainsFunc(s.status.Deliveries, func(d v1alpha1.Delivery) bool {
		return strings.HasPrefix(d.Key, prefix) && img.Origin.Created.After(d.Time.Time)
	})
}

func (s *step) delivered(key string) bool {
	return slices.ContainsFunc(s.status.Deliveries, func(d v1alpha1.Delivery) bool { return d.Key == key })
}

// deliveredFor counts what was sent for a digest of the base.
func (s *step) deliveredFor(baseDigest string) int {
	n := 0
	for _, d := range s.status.Deliveries {
		if strings.HasPrefix(d.Key, keyPrefix(baseDigest)) {
			n++
		}
	}
	return n
}

// deliver remembers what was sent. What was sent for another digest of the base, the oldest first, makes room for it.
func (s *step) deliver(request rebuild.Request, now time.Time) {
	if len(s.status.Deliveries) >= maxDeliveries {
		oldest := slices.IndexFunc(s.status.Deliveries, func(d v1alpha1.Delivery) bool {
			return !strings.HasPrefix(d.Key, keyPrefix(request.BaseDigest))
		})
		s.status.Deliveries = slices.Delete(s.status.Deliveries, oldest, oldest+1)
	}
	s.status.Deliveries = append(s.status.Deliveries, v1alpha1.Delivery{Key: request.Key, Time: metav1.NewTime(now)})
}
