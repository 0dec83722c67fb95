package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"code.gitea.io/sdk/gitea"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/test/forge"
	"github.com/plimsoll-dev/plimsoll/test/playground"
)

// door is a way to the forge that a test can have stuck.
type door struct {
	*httptest.Server
	through http.Handler
	closing chan struct{}

	mu    sync.Mutex
	fault func(w http.ResponseWriter, r *http.Request, through http.Handler)
	// asked is when each request came, written is when each one came that is not for reading alone.
	asked, written []time.Time
}

func newDoor(t *testing.T, to string) *door {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{through: httputil.NewSingleHostReverseProxy(target), closing: make(chan struct{})}
	d.Server = httptest.NewServer(d)
	t.Cleanup(func() {
		close(d.closing)
		d.Close()
	})
	return d
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.asked = append(d.asked, time.Now())
	if r.Method != http.MethodGet {
		d.written = append(d.written, time.Now())
	}
	fault := d.fault
	d.mu.Unlock()
	if fault == nil {
		d.through.ServeHTTP(w, r)
		return
	}
	fault(w, r, d.through)
}

func (d *door) stick(fault func(w http.ResponseWriter, r *http.Request, through http.Handler)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault
}

// behind has the operator, but not the test, reach the workshop's forge by a door.
func (w *workshop) behind(t *testing.T) *door {
	t.Helper()
	d := newDoor(t, w.URL)
	w.changeSecret(t, map[string]string{"url": d.URL})
	return d
}

// policyBy is the workshop's policy with the repository where the door has it.
func (w *workshop) policyBy(d *door) *v1alpha1.ClusterImagePolicy {
	return w.policy(func(r *v1alpha1.Remediation) {
		r.Repositories[0].URL = strings.Replace(r.Repositories[0].URL, w.URL, d.URL, 1)
	})
}

func (w *workshop) changeSecret(t *testing.T, data map[string]string) {
	t.Helper()
	secret := &corev1.Secret{}
	if err := world.Client.Get(t.Context(), client.ObjectKey{Namespace: playground.Namespace, Name: w.ns}, secret); err != nil {
		t.Fatal(err)
	}
	secret.StringData = data
	if err := world.Client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

// outdated runs an image on 12.1, with 12.2 in the registry.
func (w *workshop) outdated(t *testing.T) {
	t.Helper()
	w.release(t, "12.2", opensslNewer)
	create(t, pod(w.ns, "app", w.build(t, "1.0.0", "12.1", w.annotated(t, "12.1"))))
}

// commits of the only pull request.
func (w *workshop) commits(t *testing.T) int {
	t.Helper()
	list, _, err := w.Client(t.Context()).ListPullRequestCommits(forge.Person, w.repository, w.onlyPullRequest(t).Index, gitea.ListPullRequestCommitsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// checkSecret looks for a secret wherever the operator writes for people.
func (w *workshop) checkSecret(t *testing.T, secret string) {
	t.Helper()
	var updates v1alpha1.ImageUpdateList
	var events eventsv1.EventList
	var policies v1alpha1.ClusterImagePolicyList
	for what, list := range map[string]client.ObjectList{"update": &updates, "event": &events, "policy": &policies} {
		if err := world.Client.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		if text, err := json.Marshal(list); err != nil || strings.Contains(string(text), secret) {
			t.Errorf("the secret is in an %s (%v)", what, err)
		}
	}
	log, err := world.Operator().Log()
	if err != nil || strings.Contains(log, secret) {
		t.Errorf("the secret is in the operator's log (%v)", err)
	}
}

// answer is a fault: every request has this status, and the credential is sent back.
func answer(status int, header map[string]string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		for key, value := range header {
			w.Header().Set(key, value)
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"message": %q}`, "no: "+r.Header.Get("Authorization"))
	}
}

// Whatever ails a forge is told with its reason, and once it is over there is one pull request.
func TestRemediationForgeFaults(t *testing.T) {
	t.Run("down", func(t *testing.T) {
		w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
		w.outdated(t)
		create(t, w.policy(nil))
		w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
		before := w.onlyPullRequest(t)
		if err := w.Down(); err != nil {
			t.Fatal(err)
		}
		w.release(t, "12.3", opensslNew)
		w.awaitUpdate(t, proposed(metav1.ConditionFalse, v1alpha1.ReasonForgeUnavailable))
		if err := w.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.3"))
		w.awaitUpdate(t, proposed(metav1.ConditionTrue, v1alpha1.ReasonOpen))
		if after := w.onlyPullRequest(t); after.Index != before.Index || !strings.Contains(w.file(t, after.Head.Ref, "Dockerfile"), ":12.3 AS run") {
			t.Errorf("after the forge was down there is pull request %d, want %d with the newest", after.Index, before.Index)
		}
		w.checkSecret(t, w.BotToken)
	})
	for name, test := range map[string]func(*testing.T, *workshop){
		"errors":               forgeAnswers(answer(http.StatusServiceUnavailable, nil), v1alpha1.ReasonForgeUnavailable),
		"pages of a proxy":     forgeAnswers(answer(http.StatusOK, map[string]string{"Content-Type": "text/html"}), v1alpha1.ReasonForgeUnavailable),
		"hanging":              forgeHangs,
		"answers lost":         forgeLosesAnswers,
		"rate limit":           forgeLimits,
		"token revoked":        tokenRevoked,
		"repository not there": repositoryGone,
		"branch protected":     branchProtected,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
			w.outdated(t)
			test(t, w)
			w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
			w.awaitUpdate(t, proposed(metav1.ConditionTrue, v1alpha1.ReasonOpen))
			if n := w.commits(t); n != 1 {
				t.Errorf("the pull request has %d commits, want 1", n)
			}
			w.checkSecret(t, w.BotToken)
		})
	}
}

// forgeAnswers all requests by a fault, for a while.
func forgeAnswers(fault func(http.ResponseWriter, *http.Request, http.Handler), reason string) func(*testing.T, *workshop) {
	return func(t *testing.T, w *workshop) {
		d := w.behind(t)
		d.stick(fault)
		create(t, w.policyBy(d))
		w.awaitUpdate(t, proposed(metav1.ConditionFalse, reason))
		d.stick(nil)
	}
}

func forgeHangs(t *testing.T, w *workshop) {
	d := w.behind(t)
	d.stick(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		select {
		case <-r.Context().Done():
		case <-d.closing:
		}
	})
	create(t, w.policyBy(d))
	w.awaitUpdate(t, proposed(metav1.ConditionFalse, v1alpha1.ReasonForgeUnavailable))
	d.stick(nil)
}

// forgeLosesAnswers does what it is told: first it commits, then it opens the pull request, and says neither.
func forgeLosesAnswers(t *testing.T, w *workshop) {
	d := w.behind(t)
	var mu sync.Mutex
	lost := map[string]bool{}
	d.stick(func(rw http.ResponseWriter, r *http.Request, through http.Handler) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodGet || lost[r.URL.Path] {
			through.ServeHTTP(rw, r)
			return
		}
		done := httptest.NewRecorder()
		through.ServeHTTP(done, r)
		lost[r.URL.Path] = done.Code/100 == 2
		rw.WriteHeader(http.StatusBadGateway)
	})
	create(t, w.policyBy(d))
	w.awaitUpdate(t, proposed(metav1.ConditionFalse, v1alpha1.ReasonForgeUnavailable))
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
	mu.Lock()
	defer mu.Unlock()
	if len(lost) < 2 {
		t.Errorf("answers were lost of %v, want those to the commit and to the pull request", lost)
	}
}

// forgeLimits says when it may be asked again, and no change of the policy has it asked before.
func forgeLimits(t *testing.T, w *workshop) {
	const pause = 20 * time.Second
	d := w.behind(t)
	d.stick(answer(http.StatusTooManyRequests, map[string]string{"Retry-After": fmt.Sprint(int(pause.Seconds()))}))
	policy := w.policyBy(d)
	create(t, policy)
	w.awaitUpdate(t, proposed(metav1.ConditionFalse, v1alpha1.ReasonForgeRateLimited))
	limited := time.Now()
	patch := client.MergeFrom(policy.DeepCopy())
	policy.Spec.Remediation.Assignees = []string{forge.Person}
	if err := world.Client.Patch(t.Context(), policy, patch); err != nil {
		t.Fatal(err)
	}
	d.stick(nil)
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, at := range d.asked {
		if early := pause - time.Second - at.Sub(limited); at.After(limited) && early > 0 {
			t.Errorf("it was asked %s too early", early)
		}
	}
}

// tokenRevoked has a token of its own, as other tests need theirs.
func tokenRevoked(t *testing.T, w *workshop) {
	account, err := gitea.NewClient(w.URL, gitea.SetContext(t.Context()), gitea.SetGiteaVersion(""), gitea.SetBasicAuth(forge.Bot, w.Password))
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := account.CreateAccessToken(gitea.CreateAccessTokenOption{Name: w.ns, Scopes: []gitea.AccessTokenScope{gitea.AccessTokenScopeAll}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := account.DeleteAccessToken(token.ID); err != nil {
		t.Fatal(err)
	}
	w.changeSecret(t, map[string]string{"token": token.Token})
	create(t, w.policy(nil))
	w.awaitUpdate(t, proposed(metav1.ConditionFalse, v1alpha1.ReasonForgeUnauthorized))
	w.checkSecret(t, token.Token)
	w.changeSecret(t, map[string]string{"token": w.BotToken})
}

func repositoryGone(t *testing.T, w *workshop) {
	content := w.file(t, "main", "Dockerfile")
	if _, err := w.Client(t.Context()).DeleteRepo(forge.Person, w.repository); err != nil {
		t.Fatal(err)
	}
	create(t, w.policy(nil))
	w.awaitUpdate(t, proposed(metav1.ConditionFalse, v1alpha1.ReasonRepositoryNotFound))
	if err := w.CreateRepository(t.Context(), forge.Repository{Name: w.repository, Private: true, Files: map[string]string{"Dockerfile": content}}); err != nil {
		t.Fatal(err)
	}
}

func branchProtected(t *testing.T, w *workshop) {
	if err := w.Protect(t.Context(), w.repository, "plimsoll/**"); err != nil {
		t.Fatal(err)
	}
	create(t, w.policy(nil))
	w.awaitUpdate(t, proposed(metav1.ConditionFalse, v1alpha1.ReasonBranchProtected))
	if _, err := w.Client(t.Context()).DeleteBranchProtection(forge.Person, w.repository, "plimsoll/**"); err != nil {
		t.Fatal(err)
	}
}
