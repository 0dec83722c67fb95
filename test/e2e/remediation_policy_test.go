package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"code.gitea.io/sdk/gitea"
	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/test/forge"
	"github.com/plimsoll-dev/plimsoll/test/playground"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// twin has another base and another image in the same namespace and repository.
// In its files they are BASE-two and APP-two.
func (w *workshop) twin() *workshop {
	two := *w
	two.base += "-two"
	two.app += "-two"
	two.versions = map[string]v1.Image{}
	return &two
}

// pair is a workshop and its twin, each with an image that runs on an outdated base.
func pair(t *testing.T) (w, two *workshop) {
	t.Helper()
	w = newWorkshop(t, map[string]string{"Dockerfile": dockerfile, "two/Dockerfile": "FROM BASE-two:7.1\nRUN true\n"})
	two = w.twin()
	w.release(t, "12.2", opensslNewer)
	two.release(t, "7.1", opensslOld)
	two.release(t, "7.2", opensslNew)
	w.runs(t, "12.1")
	two.runs(t, "7.1")
	return w, two
}

// runs has the workshop's image run on a version of its base.
func (w *workshop) runs(t *testing.T, on string) {
	t.Helper()
	create(t, pod(w.ns, w.app[strings.LastIndexByte(w.app, '/')+1:], w.build(t, "1.0.0", on, w.annotated(t, on))))
}

// all images of the workshop and its twin are built from the repository.
func (w *workshop) all(r *v1alpha1.Remediation) {
	r.Repositories[0].Images = []string{w.appRepository() + "*"}
}

// because is a check of what the condition Proposed says.
func because(reason string, texts ...string) func(*v1alpha1.ImageUpdate) string {
	return func(u *v1alpha1.ImageUpdate) string {
		if missing := proposed(metav1.ConditionFalse, reason)(u); missing != "" {
			return missing
		}
		message := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ConditionProposed).Message
		for _, text := range texts {
			if !strings.Contains(message, text) {
				return fmt.Sprintf("condition Proposed says %q, want it to say %q", message, text)
			}
		}
		return ""
	}
}

// passedOver is a check of why a candidate was not taken.
func passedOver(tag string, why v1alpha1.PassedOver) func(*v1alpha1.ImageUpdate) string {
	return func(u *v1alpha1.ImageUpdate) string {
		for _, c := range u.Status.Candidates {
			if c.Tag == tag && c.PassedOver == why {
				return ""
			}
		}
		return fmt.Sprintf("candidates are %+v, want %s passed over for %s", u.Status.Candidates, tag, why)
	}
}

// Without a word of a policy's author on the matter, updates are told and nothing else.
func TestRemediationDryRun(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	w.release(t, "12.2", opensslNew)
	var asked atomic.Int64
	idle := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(rw, "not today", http.StatusInternalServerError)
	}))
	t.Cleanup(idle.Close)
	create(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: playground.Namespace, Name: w.ns + "-idle"},
		StringData: map[string]string{"type": "Gitea", "url": idle.URL, "token": "t"},
	})
	w.runs(t, "12.1")
	p := w.policy(func(r *v1alpha1.Remediation) {
		r.Updates, r.ForgeRef.Name = "", w.ns+"-idle"
		r.Repositories[0].URL = idle.URL + "/captain/" + w.ns + ".git"
	})
	create(t, p)
	if p.Spec.Remediation.Updates != v1alpha1.UpdatesDryRun {
		t.Errorf("updates are %s, want %s", p.Spec.Remediation.Updates, v1alpha1.UpdatesDryRun)
	}
	awaitReport(t, w.ns, w.appRepository(), updateState(v1alpha1.UpdateDryRun))
	update := w.awaitUpdate(t, inPhase(v1alpha1.UpdateDryRun, "12.2"))
	if missing := because(v1alpha1.ReasonDryRun)(update); missing != "" {
		t.Error(missing)
	}
	if s := update.Status; s.Fixes == nil || s.Fixes.Total == 0 || s.Adds == nil || s.PullRequest != nil || s.Step != v1alpha1.StepMinor && s.Step != v1alpha1.StepPatch {
		t.Errorf("status is %+v, want fixes, adds and a step, and no pull request", s)
	}
	// Another update comes by a later round.
	w.release(t, "12.3", opensslNew)
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateDryRun, "12.3"))
	if n := asked.Load(); n > 0 {
		t.Errorf("the forge was asked %d times", n)
	}
}

// A team's own policy has its updates in its namespace, and its Secret there, which the operator may read only if it is let.
func TestRemediationNamespacedPolicy(t *testing.T) {
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	w.release(t, "12.2", opensslNew)
	w.runs(t, "12.1")
	create(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: w.ns},
		StringData: map[string]string{"type": "Gitea", "url": w.URL, "token": w.BotToken},
	})
	p := imagePolicy(w.ns, w.ns)
	p.Spec.Remediation = w.policy(nil).Spec.Remediation
	create(t, p)
	update := w.awaitUpdateIn(t, w.ns, "", because(v1alpha1.ReasonForgeSecretInvalid, "pullSecrets.namespaces", w.ns))
	if update.Spec.PolicyKind != "ImagePolicy" || update.Status.Phase != v1alpha1.UpdateAvailable {
		t.Errorf("the update of %s is %s, want that of an ImagePolicy to be %s", update.Spec.PolicyKind, update.Status.Phase, v1alpha1.UpdateAvailable)
	}
	w.noPullRequest(t)

	if _, err := world.Kubectl(t.Context(), "apply", "-n", w.ns, "-k", filepath.Join(playground.Root(), "config", "pull-secrets")); err != nil {
		t.Fatal(err)
	}
	restartOperator(t, "--pull-secrets="+w.ns)
	w.awaitUpdateIn(t, w.ns, "", inPhase(v1alpha1.UpdateProposed, "12.2"))
	w.onlyPullRequest(t)
}

// A repository that the policy does not name is not touched, whatever the image says.
func TestRemediationRepositoryNotAllowed(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	w.release(t, "12.2", opensslNew)
	create(t, pod(w.ns, "app", w.build(t, "1.0.0", "12.1", func(img v1.Image) v1.Image {
		return w.annotated(t, "12.1")(labelled(t, map[string]string{"org.opencontainers.image.source": w.RepositoryURL(w.repository)})(img))
	})))
	create(t, w.policy(func(r *v1alpha1.Remediation) {
		r.Repositories = []v1alpha1.SourceRepository{{URL: w.RepositoryURL("another")}}
	}))
	w.awaitUpdate(t, because(v1alpha1.ReasonRepositoryNotAllowed, strings.TrimSuffix(w.RepositoryURL(w.repository), ".git")))
	awaitReport(t, w.ns, w.appRepository(), updateState(v1alpha1.UpdateAvailable))
	w.noPullRequest(t)
}

// Candidates that are not taken, and why.
func TestRemediationPassesOver(t *testing.T) {
	t.Parallel()
	t.Run("what is fresh", func(t *testing.T) {
		t.Parallel()
		w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
		w.release(t, "12.2", opensslNew)
		w.runs(t, "12.1")
		create(t, w.policy(func(r *v1alpha1.Remediation) { *r.MinReleaseAgeDays = 3 }))
		w.awaitUpdate(t, passedOver("12.2", v1alpha1.PassedTooNew))
		awaitReport(t, w.ns, w.appRepository(), updateState(v1alpha1.UpdateNone))
		update := w.awaitUpdate(t, because(v1alpha1.ReasonNoUpdate, "12.2: TooNew"))
		if seen := update.Status.Candidates[0].FirstSeenTime; time.Since(seen.Time) > patience {
			t.Errorf("it was first seen on %s", seen)
		}
		w.noPullRequest(t)
	})
	t.Run("what the policy would not let run", func(t *testing.T) {
		t.Parallel()
		w := newWorkshop(t, map[string]string{"Dockerfile": "FROM BASE:12.1.0\n"})
		w.release(t, "12.1.0", opensslOld)
		w.ship(t, "12.1.1", compose(t, debian(t, openssl(opensslNew), vulnerable("netcat-traditional"))))
		w.release(t, "12.2.0", opensslNewer)
		w.runs(t, "12.1.0")
		p := w.policy(nil)
		p.Spec.Rules = []v1alpha1.Rule{{Name: "small", Type: v1alpha1.RulePackages, Packages: &v1alpha1.PackagesRule{Denied: []string{"netcat*"}}}}
		create(t, p)
		update := w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2.0"))
		if missing := passedOver("12.1.1", v1alpha1.PassedFailsPolicy)(update); missing != "" {
			t.Error(missing)
		}
		w.checkChanges(t, w.onlyPullRequest(t), map[string][]string{
			"Dockerfile": {"-FROM " + w.baseRepository() + ":12.1.0", "+FROM " + w.baseRepository() + ":12.2.0"},
		})
	})
}

// A policy opens no more pull requests than it says, and the next one when one is done.
func TestRemediationMaxOpen(t *testing.T) {
	t.Parallel()
	w, two := pair(t)
	create(t, w.policy(func(r *v1alpha1.Remediation) {
		w.all(r)
		r.MaxOpen = new(int32(1))
	}))
	// That of the twin fixes no less, and one of them is first.
	var open, held *v1alpha1.ImageUpdate
	for _, base := range []string{w.baseRepository() + ":12.1", two.baseRepository() + ":7.1"} {
		u := w.awaitUpdateOf(t, base, func(u *v1alpha1.ImageUpdate) string {
			if proposed(metav1.ConditionTrue, v1alpha1.ReasonOpen)(u) == "" {
				return ""
			}
			return because(v1alpha1.ReasonLimitReached, "maxOpen is 1")(u)
		})
		if u.Status.Phase == v1alpha1.UpdateProposed {
			open = u
		} else {
			held = u
		}
	}
	if open == nil || held == nil {
		t.Fatalf("one update is to be proposed and one to wait, and they are %v and %v", open, held)
	}
	first := w.onlyPullRequest(t)
	if err := w.Merge(t.Context(), w.repository, first.Index); err != nil {
		t.Fatal(err)
	}
	w.awaitUpdateOf(t, held.Spec.Base, inPhase(v1alpha1.UpdateProposed, ""))
	if got := w.pullRequests(t); len(got) != 2 {
		t.Errorf("there are %d pull requests, want 2", len(got))
	}
}

// All updates of a repository are one pull request, which later candidates change in place.
func TestRemediationGrouping(t *testing.T) {
	t.Parallel()
	w, two := pair(t)
	create(t, w.policy(func(r *v1alpha1.Remediation) {
		w.all(r)
		r.Grouping = v1alpha1.GroupingRepository
	}))
	lines := func(tag, tagTwo string) map[string][]string {
		return map[string][]string{
			"Dockerfile":     {"-FROM " + w.baseRepository() + ":12.1 AS run", "+FROM " + w.baseRepository() + ":" + tag + " AS run"},
			"two/Dockerfile": {"-FROM " + two.baseRepository() + ":7.1", "+FROM " + two.baseRepository() + ":" + tagTwo},
		}
	}
	one := w.awaitUpdateOf(t, w.baseRepository()+":12.1", inPhase(v1alpha1.UpdateProposed, "12.2"))
	other := w.awaitUpdateOf(t, two.baseRepository()+":7.1", inPhase(v1alpha1.UpdateProposed, "7.2"))
	if one.Status.PullRequest.URL != other.Status.PullRequest.URL {
		t.Errorf("pull requests are %s and %s, want one", one.Status.PullRequest.URL, other.Status.PullRequest.URL)
	}
	pr := w.awaitPullRequest(t, func(pr *gitea.PullRequest) string {
		return contains(pr.Body, one.Status.To.Digest, other.Status.To.Digest)
	})
	w.checkChanges(t, pr, lines("12.2", "7.2"))
	for _, u := range []*v1alpha1.ImageUpdate{one, other} {
		if missing := contains(pr.Body, u.Status.From.Digest, u.Status.To.Digest, u.Spec.Base[:strings.LastIndexByte(u.Spec.Base, ':')]); missing != "" {
			t.Error(missing)
		}
	}
	if n := strings.Count(pr.Body, "CVE-2025-15467"); n < 2 {
		t.Errorf("the body has the finding %d times, want once for each base:\n%s", n, pr.Body)
	}

	to := w.release(t, "12.3", opensslNew)
	w.awaitUpdateOf(t, w.baseRepository()+":12.1", inPhase(v1alpha1.UpdateProposed, "12.3"))
	later := w.awaitPullRequest(t, func(pr *gitea.PullRequest) string {
		return contains(pr.Body, string(to.Digest), other.Status.To.Digest)
	})
	if later.Index != pr.Index {
		t.Errorf("a newer candidate has pull request %d, want %d updated in place", later.Index, pr.Index)
	}
	w.checkChanges(t, later, lines("12.3", "7.2"))
}

// contains says which of the texts is missing.
func contains(text string, want ...string) string {
	for _, w := range want {
		if !strings.Contains(text, w) {
			return fmt.Sprintf("%s is not in\n%s", w, text)
		}
	}
	return ""
}

// awaitPullRequest waits until the only one is as wanted.
func (w *workshop) awaitPullRequest(t *testing.T, check func(*gitea.PullRequest) string) *gitea.PullRequest {
	t.Helper()
	var pr *gitea.PullRequest
	await(t, "the pull request of "+w.ns, func(context.Context) (string, error) {
		pr = w.onlyPullRequest(t)
		return check(pr), nil
	})
	return pr
}

// A pull request has what the policy gives it.
func TestRemediationPullRequestSettings(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	w.release(t, "12.2", opensslNew)
	w.runs(t, "12.1")
	create(t, w.policy(func(r *v1alpha1.Remediation) {
		r.Labels, r.Reviewers, r.Assignees, r.Draft = []string{"dependencies", "security"}, []string{forge.Person}, []string{forge.Person}, v1alpha1.DraftAlways
	}))
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
	pr := w.onlyPullRequest(t)
	labels := map[string]bool{}
	for _, label := range pr.Labels {
		labels[label.Name] = true
	}
	if diff := cmp.Diff(map[string]bool{"dependencies": true, "security": true}, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if len(pr.RequestedReviewers) != 1 || pr.RequestedReviewers[0].UserName != forge.Person {
		t.Errorf("reviewers are %+v, want %s", pr.RequestedReviewers, forge.Person)
	}
	if len(pr.Assignees) != 1 || pr.Assignees[0].UserName != forge.Person {
		t.Errorf("assignees are %+v, want %s", pr.Assignees, forge.Person)
	}
	if !pr.Draft || pr.Poster.UserName != forge.Bot {
		t.Errorf("it is a draft: %t, of %s, want one of %s", pr.Draft, pr.Poster.UserName, forge.Bot)
	}
}

// A policy judges on what an image is built, and how long something newer has been there.
func TestRemediationBaseRule(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	w.runs(t, "12.1")
	p := clusterPolicy(w.ns, named(w.ns), v1alpha1.Rule{Name: "r", Type: v1alpha1.RuleBaseImage, BaseImage: &v1alpha1.BaseImageRule{
		Allowed: []string{w.baseRepository() + ":12.*"}, MaxBehindDays: new(int32(30)),
	}})
	create(t, p)
	base := w.baseRepository() + ":12.1"
	awaitReport(t, w.ns, w.appRepository(), both(baseFrom(v1alpha1.BaseAnnotation, base), hasVerdict(v1alpha1.VerdictPass)))

	since := recipe.Created.Add(24 * time.Hour)
	newer, err := mutate.CreatedAt(compose(t, debian(t, openssl(opensslNew))), v1.Time{Time: since})
	if err != nil {
		t.Fatal(err)
	}
	w.ship(t, "12.2", newer)
	awaitReport(t, w.ns, w.appRepository(), both(hasVerdict(v1alpha1.VerdictFail), violates(fmt.Sprintf(
		"a newer build of its base image %s has been known since %s, for more than 30 days", base, since.UTC().Format(time.RFC3339)), "Pod/app")))

	change := p.DeepCopy()
	change.Spec.Rules[0].BaseImage = &v1alpha1.BaseImageRule{Allowed: []string{w.baseRepository() + ":13.*"}}
	if err := world.Client.Patch(t.Context(), change, client.MergeFrom(p)); err != nil {
		t.Fatal(err)
	}
	awaitReport(t, w.ns, w.appRepository(), violates("its base image "+base+" matches none of the allowed patterns", "Pod/app"))
}

// What cannot be edited safely is left alone, and the update says where and why.
func TestRemediationEditRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		dockerfile string
		want       []string
	}{
		"a tag that only the builder knows":          {"ARG VERSION\nFROM BASE:${VERSION}\n", []string{`"images/Dockerfile" line 2`, "Interpolated"}},
		"a reference that only the builder knows":    {"ARG IMAGE\n# BASE:12.1\nFROM ${IMAGE}\n", []string{`"images/Dockerfile" line 3`, "Interpolated"}},
		"a version that decides something else, too": {"ARG VERSION=12.1\nFROM BASE:${VERSION}\nFROM tools:${VERSION}\n", []string{`"images/Dockerfile" line`, "Shared"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, map[string]string{"images/Dockerfile": tc.dockerfile})
			w.release(t, "12.2", opensslNewer)
			w.runs(t, "12.1")
			create(t, w.policy(nil))
			w.awaitUpdate(t, because(v1alpha1.ReasonEditRefused, tc.want...))
			awaitReport(t, w.ns, w.appRepository(), updateState(v1alpha1.UpdateAvailable))
			// So it stays, and is followed.
			w.release(t, "12.3", opensslNew)
			w.awaitUpdate(t, inPhase(v1alpha1.UpdateAvailable, "12.3"))
			w.awaitUpdate(t, because(v1alpha1.ReasonEditRefused, tc.want...))
			w.noPullRequest(t)
		})
	}
}

// Only the files that the policy names are edited.
func TestRemediationFiles(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile, "images/app/Dockerfile": dockerfile, "images/app/Dockerfile.old": dockerfile})
	w.release(t, "12.2", opensslNew)
	w.runs(t, "12.1")
	create(t, w.policy(func(r *v1alpha1.Remediation) { r.Files = []string{"images/**/Dockerfile"} }))
	update := w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
	if diff := cmp.Diff([]v1alpha1.FilePosition{{Path: "images/app/Dockerfile", Line: 2}}, update.Status.Files); diff != "" {
		t.Errorf("files of the update (-want +got):\n%s", diff)
	}
	w.checkChanges(t, w.onlyPullRequest(t), map[string][]string{
		"images/app/Dockerfile": {"-FROM " + w.baseRepository() + ":12.1 AS run", "+FROM " + w.baseRepository() + ":12.2 AS run"},
	})
}
