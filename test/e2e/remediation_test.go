package e2e

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const dockerfile = "# syntax=docker/dockerfile:1\nFROM BASE:12.1 AS run\nRUN true   # BASE:12.1 stays in a comment\n"

// baseFrom is a check of how a report says that its base was found.
func baseFrom(source v1alpha1.BaseImageSource, name string) func(*v1alpha1.ImageReport) string {
	return func(r *v1alpha1.ImageReport) string {
		b := r.Status.Base
		if b == nil || b.Source != source || b.Name != name || b.Summary == nil {
			return fmt.Sprintf("base is %+v, want %s by %s", b, name, source)
		}
		return ""
	}
}

// updateState is a check of what a report shows of its update.
func updateState(state v1alpha1.UpdatePhase) func(*v1alpha1.ImageReport) string {
	return func(r *v1alpha1.ImageReport) string {
		if r.Status.Update == nil || r.Status.Update.State != state {
			return fmt.Sprintf("update is %+v, want %s", r.Status.Update, state)
		}
		return ""
	}
}

// From an outdated base to the fixed digest that runs, by observation alone.
func TestRemediationToTheEnd(t *testing.T) {
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	w.release(t, "12.2", opensslNewer)
	app := w.build(t, "1.0.0", "12.1", w.annotated(t, "12.1"))
	running := pod(w.ns, "app", app)
	create(t, running)
	create(t, w.policy(nil))
	report := awaitReport(t, w.ns, w.appRepository(), both(baseFrom(v1alpha1.BaseAnnotation, w.baseRepository()+":12.1"), updateState(v1alpha1.UpdateProposed)))
	update := w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
	pr := w.onlyPullRequest(t)

	t.Run("the diff is exact", func(t *testing.T) {
		want := strings.Replace(strings.ReplaceAll(dockerfile, "BASE", w.baseRepository()), "12.1 AS", "12.2 AS", 1)
		if got := w.file(t, pr.Head.Ref, "Dockerfile"); got != want {
			t.Errorf("Dockerfile is\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("the numbers are those of the scans", func(t *testing.T) { w.checkNumbers(t, report, update, pr.Body) })

	w.release(t, "12.3", opensslNew)
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.3"))
	await12 := w.onlyPullRequest(t)
	if await12.Index != pr.Index || !strings.Contains(w.file(t, await12.Head.Ref, "Dockerfile"), ":12.3 AS run") {
		t.Errorf("a newer candidate has pull request %d, want %d updated in place", await12.Index, pr.Index)
	}
	if err := w.Merge(t.Context(), w.repository, pr.Index); err != nil {
		t.Fatal(err)
	}
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateMerged, "12.3"))
	awaitReport(t, w.ns, w.appRepository(), updateState(v1alpha1.UpdateMerged))

	fixed := w.build(t, "1.0.1", "12.3", w.annotated(t, "12.3"))
	create(t, pod(w.ns, "fixed", fixed))
	if err := world.Client.Delete(t.Context(), running); err != nil {
		t.Fatal(err)
	}
	update = w.awaitUpdateOf(t, w.baseRepository()+":12.1", inPhase(v1alpha1.UpdateRolledOut, "12.3"))
	if update.Status.AvailableTime == nil || update.Status.MergedTime == nil || update.Status.RolledOutTime == nil {
		t.Errorf("times of the way: %+v", update.Status)
	}
	if len(w.pullRequests(t)) != 1 {
		t.Error("there is a second pull request")
	}
}

// checkNumbers compares an update and its pull request with the scans of both bases.
func (w *workshop) checkNumbers(t *testing.T, report *v1alpha1.ImageReport, update *v1alpha1.ImageUpdate, body string) {
	t.Helper()
	from := w.scanned(t, "12.1")
	to := w.scanned(t, "12.2")
	if got := report.Status.Base.Summary.Total; got != from.Total {
		t.Errorf("the base's layers have %d findings, and its own scan %d", got, from.Total)
	}
	fixes, adds := update.Status.Fixes, update.Status.Adds
	if fixes.Total == 0 || from.Total-fixes.Total+adds.Total != to.Total || from.Critical-fixes.Critical+adds.Critical != to.Critical {
		t.Errorf("from %+v, fixes %+v, adds %+v, to %+v", from, fixes, adds, to)
	}
	for _, want := range []string{update.Status.From.Digest, update.Status.To.Digest, "Pod/app", "CVE-2025-15467"} {
		if !strings.Contains(body, want) {
			t.Errorf("the body lacks %s:\n%s", want, body)
		}
	}
	if strings.Contains(body, w.BotToken) {
		t.Error("the body has the forge's token")
	}
}

// scanned runs a version of the base itself, and returns what its report counts.
func (w *workshop) scanned(t *testing.T, tag string) v1alpha1.Summary {
	t.Helper()
	ref := push(t, w.base+":"+tag, w.versions[tag])
	ns := namespace(t, nil)
	create(t, pod(ns, "base", ref))
	return *awaitReport(t, ns, w.baseRepository(), scanned).Status.Summary
}

// Whoever says no is heard, and whoever works on the branch is not disturbed.
func TestRemediationRespectsPeople(t *testing.T) {
	t.Run("a commit on the branch", func(t *testing.T) {
		w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
		w.release(t, "12.2", opensslNewer)
		create(t, pod(w.ns, "app", w.build(t, "1.0.0", "12.1", w.annotated(t, "12.1"))))
		create(t, w.policy(nil))
		w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
		pr := w.onlyPullRequest(t)
		if _, err := w.Push(t.Context(), w.repository, pr.Head.Ref, map[string]string{"NOTES": "mine\n"}); err != nil {
			t.Fatal(err)
		}
		w.release(t, "12.3", opensslNew)
		w.awaitUpdate(t, proposed(metav1.ConditionFalse, v1alpha1.ReasonForeignCommits))
		if got := w.file(t, pr.Head.Ref, "Dockerfile"); !strings.Contains(got, ":12.2 AS") {
			t.Errorf("the branch of a person was changed:\n%s", got)
		}
	})
	t.Run("a closed pull request", func(t *testing.T) {
		w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
		w.release(t, "12.2", opensslNewer)
		create(t, pod(w.ns, "app", w.build(t, "1.0.0", "12.1", w.annotated(t, "12.1"))))
		create(t, w.policy(nil))
		w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
		first := w.onlyPullRequest(t)
		if err := w.ClosePullRequest(t.Context(), w.repository, first.Index); err != nil {
			t.Fatal(err)
		}
		w.awaitUpdate(t, inPhase(v1alpha1.UpdateIgnored, ""))
		awaitReport(t, w.ns, w.appRepository(), updateState(v1alpha1.UpdateIgnored))
		restartOperator(t)
		w.awaitUpdate(t, inPhase(v1alpha1.UpdateIgnored, ""))
		w.onlyPullRequest(t)
		w.release(t, "12.3", opensslNew)
		w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.3"))
		if got := w.pullRequests(t); len(got) != 2 {
			t.Errorf("a newer candidate leads to %d pull requests, want 2", len(got))
		}
	})
}
