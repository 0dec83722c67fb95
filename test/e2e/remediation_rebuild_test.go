package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/playground"
)

// request is what a service of a test was sent, with what it answered.
type request struct {
	path, body string
	header     http.Header
	status     int
}

// service is a pipeline, or whoever is notified. It remembers what it was sent.
type service struct {
	*httptest.Server

	mu       sync.Mutex
	requests []request
	// answers by path, of which the first is used up by each request; where there is none it is answers' last, or 201.
	answers map[string][]http.HandlerFunc
}

func newService(t *testing.T, answers map[string][]http.HandlerFunc) *service {
	t.Helper()
	s := &service{answers: answers}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	handler := status(http.StatusCreated, nil)
	if left := s.answers[r.URL.Path]; len(left) > 0 {
		handler, s.answers[r.URL.Path] = left[0], left[1:]
	}
	s.mu.Unlock()
	done := httptest.NewRecorder()
	handler(done, r)
	s.mu.Lock()
	s.requests = append(s.requests, request{path: r.URL.Path, body: string(body), header: r.Header.Clone(), status: done.Code})
	s.mu.Unlock()
	for key, values := range done.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(done.Code)
	_, _ = w.Write(done.Body.Bytes())
}

// status is an answer without a body.
func status(code int, header map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for key, value := range header {
			w.Header().Set(key, value)
		}
		w.WriteHeader(code)
	}
}

// sent are the requests to a path.
func (s *service) sent(path string) (sent []request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if r.path == path {
			sent = append(sent, r)
		}
	}
	return sent
}

// accepted are the requests to a path that the service took.
func (s *service) accepted(path string) (accepted []request) {
	for _, r := range s.sent(path) {
		if r.status/100 == 2 {
			accepted = append(accepted, r)
		}
	}
	return accepted
}

// rebuilt is a check of the condition Rebuilt.
func rebuilt(status metav1.ConditionStatus, reason string) func(*v1alpha1.ImageUpdate) string {
	return func(u *v1alpha1.ImageUpdate) string {
		c := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ConditionRebuilt)
		if c == nil || c.Status != status || c.Reason != reason {
			return fmt.Sprintf("condition Rebuilt is %+v, want %s with reason %s: %+v", c, status, reason, u.Status)
		}
		return ""
	}
}

// images of the workshop that three pipelines build, by what comes after the app's name.
var pipelines = []string{"-hook", "-jenkins", "-gitlab"}

// buildAll makes an image for each pipeline and runs it.
func (w *workshop) buildAll(t *testing.T, tag string) (pods []*corev1.Pod, refs []image.Reference) {
	t.Helper()
	app := w.app
	defer func() { w.app = app }()
	for _, suffix := range pipelines {
		w.app = app + suffix
		ref := w.build(t, tag, "12.1", w.annotated(t, "12.1"))
		p := pod(w.ns, "app"+suffix+"-"+strings.ReplaceAll(tag, ".", "-"), ref)
		create(t, p)
		pods, refs = append(pods, p), append(refs, ref)
	}
	return pods, refs
}

const (
	hookPath    = "/hook"
	jenkinsPath = "/job/team/job/app/buildWithParameters"
	gitLabPath  = "/api/v4/projects/7/trigger/pipeline"
)

// rebuilds of the workshop's images by three pipelines.
func (w *workshop) rebuilds(at string) []v1alpha1.RebuildTrigger {
	trigger := func(name string, kind v1alpha1.RebuildType, url string) v1alpha1.RebuildTrigger {
		return v1alpha1.RebuildTrigger{
			Name: name, Type: kind, URL: url, Images: []string{w.appRepository() + "-" + name}, SecretRef: &v1alpha1.LocalKeyReference{Name: w.ns + "-ci"},
			Parameters: []v1alpha1.RebuildParameter{{Name: "BASE_DIGEST", Value: "$(baseDigest)"}, {Name: "IMAGE", Value: "$(image)"}},
		}
	}
	hook := trigger("hook", v1alpha1.RebuildWebhook, at+hookPath)
	hook.SecretRef = nil
	return []v1alpha1.RebuildTrigger{
		hook, trigger("jenkins", v1alpha1.RebuildJenkins, at+"/job/team/job/app"), trigger("gitlab", v1alpha1.RebuildGitLab, at+"/api/v4/projects/7"),
	}
}

// The base's tag stays and leads to something better: pipelines are asked once for each image and digest.
func TestRemediationRebuild(t *testing.T) {
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	ci := newService(t, map[string][]http.HandlerFunc{
		hookPath:                {status(http.StatusInternalServerError, nil)},
		"/crumbIssuer/api/json": {status(http.StatusNotFound, nil), status(http.StatusNotFound, nil)},
	})
	create(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: playground.Namespace, Name: w.ns + "-ci"},
		StringData: map[string]string{"url": ci.URL, "user": "plimsoll", "apiToken": "jenkins-token-0", "token": "gitlab-token-0"},
	})
	old, refs := w.buildAll(t, "1.0.0")
	target := w.release(t, "12.1", opensslNew)
	create(t, w.policy(func(r *v1alpha1.Remediation) {
		r.Repositories[0].Images = []string{w.appRepository() + "-*"}
		r.Rebuilds = w.rebuilds(ci.URL)
	}))
	w.awaitUpdate(t, func(u *v1alpha1.ImageUpdate) string {
		if n := len(u.Status.Deliveries); n != len(pipelines) {
			return fmt.Sprintf("%d triggers were accepted, want %d: %+v", n, len(pipelines), u.Status)
		}
		return rebuilt(metav1.ConditionFalse, v1alpha1.ReasonTriggered)(u)
	})
	if n := len(ci.sent(hookPath)); n != 2 {
		t.Errorf("the webhook was asked %d times, want once in vain and once more", n)
	}
	w.checkTriggers(t, ci, refs, target)
	for _, end := range []func(*controlplane.Program) error{(*controlplane.Program).Stop, (*controlplane.Program).Kill} {
		restart(t, func() error { return end(world.Operator()) })
		await(t, "the operator to look at all policies again", func(ctx context.Context) (string, error) {
			return missingUnless(sum(ctx, t, "controller_runtime_reconcile_total")["imageupdate"] > 0, "it has not"), nil
		})
		<-time.After(calm)
	}
	w.checkTriggers(t, ci, refs, target)
	if list := w.pullRequests(t); len(list) != 0 {
		t.Errorf("there are %d pull requests for a tag that stays", len(list))
	}
	w.checkSecret(t, "jenkins-token-0")
	w.checkSecret(t, "gitlab-token-0")

	w.buildAll(t, "1.0.1")
	for _, p := range old {
		if err := world.Client.Delete(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	update := w.awaitUpdate(t, inPhase(v1alpha1.UpdateRolledOut, "12.1"))
	if missing := rebuilt(metav1.ConditionTrue, v1alpha1.ReasonRebuilt)(update); missing != "" {
		t.Error(missing)
	}
	w.checkTriggers(t, ci, refs, target)
}

// checkTriggers wants each pipeline to have taken one trigger, which names the image and the base's new digest.
func (w *workshop) checkTriggers(t *testing.T, ci *service, refs []image.Reference, target image.Reference) {
	t.Helper()
	keys := map[string]bool{}
	for i, path := range []string{hookPath, jenkinsPath, gitLabPath} {
		accepted := ci.accepted(path)
		if len(accepted) != 1 {
			t.Fatalf("%s took %d triggers, want 1", path, len(accepted))
		}
		r := accepted[0]
		keys[r.header.Get("Idempotency-Key")] = true
		wanted := refs[i]
		wanted.Digest = ""
		var digest, img string
		switch path {
		case hookPath:
			var event struct {
				Type, Subject string
				Data          struct{ BaseDigest, Image string }
			}
			if err := json.Unmarshal([]byte(r.body), &event); err != nil || event.Type != "dev.plimsoll.rebuild.requested" || event.Subject != wanted.String() {
				t.Errorf("the event is %s (%v)", r.body, err)
			}
			digest, img = event.Data.BaseDigest, event.Data.Image
		case jenkinsPath, gitLabPath:
			form, err := url.ParseQuery(r.body)
			if err != nil {
				t.Fatal(err)
			}
			digest = form.Get("BASE_DIGEST") + form.Get("variables[BASE_DIGEST]")
			img = form.Get("IMAGE") + form.Get("variables[IMAGE]")
			if _, password, ok := (&http.Request{Header: r.header}).BasicAuth(); path == jenkinsPath && (!ok || password != "jenkins-token-0") {
				t.Errorf("Jenkins was sent the password %q", password)
			}
			if token := form.Get("token"); path == gitLabPath && token != "gitlab-token-0" {
				t.Errorf("GitLab was sent the token %q", token)
			}
		}
		if digest != string(target.Digest) || img != wanted.String() {
			t.Errorf("%s is asked to build %s on %s, want %s on %s", path, img, digest, wanted, target.Digest)
		}
	}
	if len(keys) != len(pipelines) || keys[""] {
		t.Errorf("keys of the triggers are %v", keys)
	}
}

// Where the file pins the digest, that alone changes.
func TestRemediationRefreshesADigest(t *testing.T) {
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	before := string(digestOf(t, w.versions["12.1"]))
	pinned := fmt.Sprintf("FROM %s:12.1@%s AS run\nRUN true\n", w.baseRepository(), before)
	if _, err := w.Push(t.Context(), w.repository, "main", map[string]string{"Dockerfile": pinned}); err != nil {
		t.Fatal(err)
	}
	create(t, pod(w.ns, "app", w.build(t, "1.0.0", "12.1", w.annotated(t, "12.1"))))
	after := w.release(t, "12.1", opensslNew).Digest
	create(t, w.policy(nil))
	update := w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.1"))
	if update.Status.Step != v1alpha1.StepRefresh {
		t.Errorf("the step is %s", update.Status.Step)
	}
	got, want := w.file(t, w.onlyPullRequest(t).Head.Ref, "Dockerfile"), strings.Replace(pinned, before, string(after), 1)
	if got != want {
		t.Errorf("Dockerfile is\n%s\nwant\n%s", got, want)
	}
}
