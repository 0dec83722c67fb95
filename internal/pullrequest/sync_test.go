package pullrequest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/memory"
)

const branch = "plimsoll/debian"

func repository() *memory.Forge {
	return memory.New(map[string]string{"Dockerfile": "FROM debian:12.1\n", "other": "1\n"})
}

func propose(t *testing.T, f *memory.Forge, version string) pullrequest.Proposal {
	t.Helper()
	base, err := f.Head(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	return pullrequest.Proposal{
		Branch: branch, Title: "Move debian to " + version, Body: "About " + version,
		Changes: []pullrequest.Change{{Base: "debian:12.1", Candidate: "debian:" + version + "@sha256:" + version}},
		Files:   map[string][]byte{"Dockerfile": []byte("FROM debian:" + version + "\n")}, Base: base, By: by("east"),
	}
}

func by(cluster string) pullrequest.Proposer {
	return pullrequest.Proposer{Cluster: cluster, Policy: "ClusterImagePolicy p"}
}

func mustSync(t *testing.T, f pullrequest.Forge, p pullrequest.Proposal) pullrequest.Outcome {
	t.Helper()
	outcome, err := pullrequest.Sync(t.Context(), f, p)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func expect(t *testing.T, got pullrequest.Outcome, state pullrequest.State, reason string, changed bool) {
	t.Helper()
	if got.State != state || got.Reason != reason || got.Changed != changed {
		t.Errorf("the outcome is %s, %s (%s), changed %t; want %s, %s, %t", got.State, got.Reason, got.Message, got.Changed, state, reason, changed)
	}
}

func TestSyncHolds(t *testing.T) {
	f := repository()
	p := propose(t, f, "12.2")
	p.Hold = v1alpha1.ReasonOutsideSchedule
	expect(t, mustSync(t, f, p), pullrequest.Held, v1alpha1.ReasonOutsideSchedule, false)
	if f.Writes() != 0 {
		t.Error("something was written although nothing may be opened")
	}
}

func TestSyncLeavesAnArchivedRepositoryAlone(t *testing.T) {
	f := repository()
	archived := pullrequest.Repository{DefaultBranch: "main", Archived: true}
	f.Describe(archived)
	expect(t, mustSync(t, f, propose(t, f, "12.2")), pullrequest.Held, v1alpha1.ReasonForgeRefused, false)

	f.Describe(pullrequest.Repository{DefaultBranch: "main"})
	mustSync(t, f, propose(t, f, "12.2"))
	f.Describe(archived)
	expect(t, mustSync(t, f, propose(t, f, "12.3")), pullrequest.Open, v1alpha1.ReasonOpen, false)
}

func TestSyncLeavesAnotherTargetAlone(t *testing.T) {
	f := repository()
	p := propose(t, f, "12.2")
	f.Branch("next", p.Base)
	mustSync(t, f, p)
	f.Retarget(1, "next")
	got := mustSync(t, f, propose(t, f, "12.3"))
	expect(t, got, pullrequest.Open, v1alpha1.ReasonOpen, false)
	if !strings.Contains(got.Message, "next") {
		t.Errorf("the message is %q", got.Message)
	}
	p = propose(t, f, "12.3")
	p.Target = "next"
	expect(t, mustSync(t, f, p), pullrequest.Open, v1alpha1.ReasonOpen, true)
}

func TestSyncStartsAnewWhereOtherFilesChange(t *testing.T) {
	f := repository()
	p := propose(t, f, "12.2")
	p.Files["other"] = []byte("2\n")
	mustSync(t, f, p)
	got := mustSync(t, f, propose(t, f, "12.3"))
	content, err := f.Read(t.Context(), got.PullRequest.HeadSHA, "other")
	if err != nil || string(content) != "1\n" {
		t.Errorf("the earlier edit of another file stayed: %q, %v", content, err)
	}
}

func TestSyncStartsAnewAfterManyCommits(t *testing.T) {
	f := repository()
	most := 0
	for i := range 60 {
		got := mustSync(t, f, propose(t, f, fmt.Sprint("12.", i)))
		p := propose(t, f, "")
		commits, err := f.Commits(t.Context(), p.Base, got.PullRequest.HeadSHA)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(commits))
	}
	if most != 20 {
		t.Errorf("up to %d commits were put on top of each other", most)
	}
	for _, i := range []int{30, 45, 58} {
		expect(t, mustSync(t, f, propose(t, f, fmt.Sprint("12.", i))), pullrequest.Open, v1alpha1.ReasonOpen, false)
	}
}

func TestSyncReadsTheCandidateFromTheCommitsWhereTheMarkerIsGone(t *testing.T) {
	f := repository()
	p := propose(t, f, "12.2")
	mustSync(t, f, p)
	if err := f.Edit(t.Context(), 1, "A person's title", "A person's words"); err != nil {
		t.Fatal(err)
	}
	f.EndAsPerson(1, pullrequest.Closed)
	expect(t, mustSync(t, f, p), pullrequest.Closed, v1alpha1.ReasonClosed, false)
}

func TestSyncGoesOnWithAMergedBranchOfAPerson(t *testing.T) {
	f := repository()
	mustSync(t, f, propose(t, f, "12.2"))
	f.PushAs(memory.PersonEmail, branch, "by a person", map[string]string{"other": "2\n"})
	// Merged by a squash: the target does not have the branch's commits.
	f.PushAs(memory.PersonEmail, "main", "squash", map[string]string{"other": "2\n", "Dockerfile": "FROM debian:12.2\n"})
	f.EndAsPerson(1, pullrequest.Merged)
	expect(t, mustSync(t, f, propose(t, f, "12.3")), pullrequest.Open, v1alpha1.ReasonOpen, true)
}

func TestSyncAsksForAutoMergeAfterEachPush(t *testing.T) {
	f := repository()
	p := propose(t, f, "12.2")
	p.AutoMerge = true
	mustSync(t, f, p)
	mustSync(t, f, p)
	p = propose(t, f, "12.3")
	p.AutoMerge = true
	mustSync(t, f, p)
	if got := f.AutoMerges(1); got != 2 {
		t.Errorf("the forge was asked %d times, want 2", got)
	}
}

func TestSyncTellsWhereAutoMergeIsRefused(t *testing.T) {
	f := repository()
	refusal := &pullrequest.Error{Reason: v1alpha1.ReasonForgeRefused, Err: errors.New("no")}
	f.Before = func(call string) error {
		if call == "AutoMerge" {
			return refusal
		}
		return nil
	}
	p := propose(t, f, "12.2")
	p.AutoMerge = true
	for _, what := range []string{"at the first try", "at the next"} {
		got := mustSync(t, f, p)
		expect(t, got, pullrequest.Open, v1alpha1.ReasonOpen, true)
		if !errors.Is(got.AutoMerge, refusal) {
			t.Errorf("%s the outcome tells %v", what, got.AutoMerge)
		}
	}
	f.Before = nil
	mustSync(t, f, p)
	got := mustSync(t, f, p)
	expect(t, got, pullrequest.Open, v1alpha1.ReasonOpen, false)
	if got.AutoMerge != nil || f.AutoMerges(1) != 1 {
		t.Errorf("it was armed %d times, and the outcome tells %v", f.AutoMerges(1), got.AutoMerge)
	}
}

// TestSyncRaces lets a person or another cluster be faster, once or always, before a call of the second Sync.
func TestSyncRaces(t *testing.T) {
	tests := map[string]struct {
		before string
		always bool
		moved  bool // the target, so that the branch has to start anew
		act    func(t *testing.T, f *memory.Forge)
		want   pullrequest.State
		err    bool
	}{
		"a person pushes before the branch starts anew": {before: "Commit", want: pullrequest.Foreign, act: func(_ *testing.T, f *memory.Forge) {
			f.PushAs(memory.PersonEmail, branch, "by a person", map[string]string{"other": "2\n"})
		}},
		"another cluster is there first": {before: "Commit", want: pullrequest.Open, act: func(t *testing.T, f *memory.Forge) {
			p := propose(t, f, "12.3")
			p.By = by("west")
			mustSync(t, f, p)
		}},
		"a person pushes before the branch is reset": {before: "Commits", moved: true, want: pullrequest.Foreign, act: func(_ *testing.T, f *memory.Forge) {
			f.PushAs(memory.PersonEmail, branch, "by a person", map[string]string{"other": "2\n"})
		}},
		"somebody is always faster": {before: "Commit", always: true, err: true, act: func(t *testing.T, f *memory.Forge) {
			p := propose(t, f, fmt.Sprint("13.", f.Writes()))
			p.By = by("west")
			mustSync(t, f, p)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := repository()
			mustSync(t, f, propose(t, f, "12.2"))
			if test.moved {
				f.PushAs(memory.PersonEmail, "main", "by a person", map[string]string{"other": "3\n"})
			}
			acted := 0
			inside := false
			f.Before = func(call string) error {
				if call == test.before && !inside && (test.always || acted == 0) {
					inside = true
					test.act(t, f)
					inside = false
					acted++
				}
				return nil
			}
			got, err := pullrequest.Sync(t.Context(), f, propose(t, f, "12.3"))
			if (err != nil) != test.err || !test.err && got.State != test.want {
				t.Errorf("Sync() = %s, %v, want %s", got.State, err, test.want)
			}
			if test.always && acted != 3 {
				t.Errorf("it tried %d times, want 3", acted)
			}
		})
	}
}

// TestCrashes stops a Sync before each of its calls, and lets the next one go on: the end is that of one that was not stopped.
func TestCrashes(t *testing.T) {
	stopped := errors.New("stopped")
	for _, steps := range [][]string{{"12.2"}, {"12.2", "12.3"}} {
		for n := 0; ; n++ {
			f, whole := repository(), repository()
			for _, version := range steps[:len(steps)-1] {
				mustSync(t, f, propose(t, f, version))
				mustSync(t, whole, propose(t, whole, version))
			}
			last := steps[len(steps)-1]
			mustSync(t, whole, propose(t, whole, last))
			p := propose(t, f, last)
			calls := 0
			f.Before = func(string) error {
				if calls++; calls > n {
					return stopped
				}
				return nil
			}
			_, err := pullrequest.Sync(t.Context(), f, p)
			f.Before = nil
			if err == nil {
				if n < 5 {
					t.Fatalf("Sync() needed only %d calls", n)
				}
				break
			}
			if !errors.Is(err, stopped) {
				t.Fatal(err)
			}
			mustSync(t, f, p)
			if diff := cmp.Diff(pulls(t, whole), pulls(t, f)); diff != "" {
				t.Errorf("stopped before call %d of %s (-whole +stopped):\n%s", n+1, last, diff)
			}
		}
	}
}

// TestAnotherClusterFinishes lets one cluster stop, or a person meddle, and another one go on with the same candidate.
func TestAnotherClusterFinishes(t *testing.T) {
	tests := map[string]func(t *testing.T, f *memory.Forge){
		"stopped after its push": func(t *testing.T, f *memory.Forge) {
			f.Before = func(call string) error {
				if call == "Edit" {
					return errors.New("stopped")
				}
				return nil
			}
			if _, err := pullrequest.Sync(t.Context(), f, propose(t, f, "12.3")); err == nil {
				t.Fatal("it was not stopped")
			}
			f.Before = nil
		},
		"its text was taken away": func(t *testing.T, f *memory.Forge) {
			mustSync(t, f, propose(t, f, "12.3"))
			if err := f.Edit(t.Context(), 1, "t", ""); err != nil {
				t.Fatal(err)
			}
		},
		"stopped while it withdrew": func(t *testing.T, f *memory.Forge) {
			mustSync(t, f, propose(t, f, "12.3"))
			f.Before = func(call string) error {
				if call == "Close" {
					return errors.New("stopped")
				}
				return nil
			}
			if _, err := pullrequest.Withdraw(t.Context(), f, branch, by("east"), "c"); err == nil {
				t.Fatal("it was not stopped")
			}
			f.Before = nil
		},
	}
	for name, act := range tests {
		t.Run(name, func(t *testing.T) {
			f := repository()
			mustSync(t, f, propose(t, f, "12.2"))
			act(t, f)
			p := propose(t, f, "12.3")
			p.By = by("west")
			expect(t, mustSync(t, f, p), pullrequest.Open, v1alpha1.ReasonOpen, true)
			if got := pulls(t, f)[0]; got.Title != p.Title || !strings.Contains(got.Body, p.Body) || strings.Contains(got.Body, "withdrawn") {
				t.Errorf("the pull request is %+v", got)
			}
			expect(t, mustSync(t, f, p), pullrequest.Open, v1alpha1.ReasonOpen, false)
			// A person's decision is one.
			f.EndAsPerson(1, pullrequest.Closed)
			expect(t, mustSync(t, f, p), pullrequest.Closed, v1alpha1.ReasonClosed, false)
		})
	}
}

func pulls(t *testing.T, f *memory.Forge) []pullrequest.PullRequest {
	t.Helper()
	found, err := f.PullRequests(t.Context(), branch)
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i].Created = found[i].Created.Truncate(24 * 3600e9)
	}
	return found
}

func TestSyncPassesOnFailures(t *testing.T) {
	f := repository()
	f.Protect(branch)
	_, err := pullrequest.Sync(t.Context(), f, propose(t, f, "12.2"))
	var failure *pullrequest.Error
	if !errors.As(err, &failure) || failure.Reason != v1alpha1.ReasonBranchProtected {
		t.Errorf("Sync() = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pullrequest.Sync(ctx, f, propose(t, repository(), "12.2")); !errors.Is(err, context.Canceled) {
		t.Errorf("Sync() with an ended context = %v", err)
	}
}

func TestSyncRefusesIncompleteProposals(t *testing.T) {
	for name, spoil := range map[string]func(p *pullrequest.Proposal){
		"no branch":       func(p *pullrequest.Proposal) { p.Branch = "" },
		"no base":         func(p *pullrequest.Proposal) { p.Base = "" },
		"no cluster":      func(p *pullrequest.Proposal) { p.By.Cluster = "" },
		"no policy":       func(p *pullrequest.Proposal) { p.By.Policy = "" },
		"no changes":      func(p *pullrequest.Proposal) { p.Changes = nil },
		"no candidate":    func(p *pullrequest.Proposal) { p.Changes[0].Candidate = "" },
		"two lines of it": func(p *pullrequest.Proposal) { p.Changes[0].Candidate = "a\nPlimsoll-Cluster:b" },
		"no files":        func(p *pullrequest.Proposal) { p.Files = nil },
	} {
		t.Run(name, func(t *testing.T) {
			f := repository()
			p := propose(t, f, "12.2")
			spoil(&p)
			if _, err := pullrequest.Sync(t.Context(), f, p); err == nil || f.Writes() != 0 {
				t.Errorf("Sync() = %v after %d writes", err, f.Writes())
			}
		})
	}
}

func TestWithdraw(t *testing.T) {
	f := repository()
	got, err := pullrequest.Withdraw(t.Context(), f, branch, by("east"), "c")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, got, pullrequest.Absent, "", false)

	mustSync(t, f, propose(t, f, "12.2"))
	if _, err := pullrequest.Withdraw(t.Context(), f, branch, by("east"), "Rolled out."); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Rolled out."}, f.Comments(1)); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
	// A merged one is none to close, but its branch goes.
	f = repository()
	mustSync(t, f, propose(t, f, "12.2"))
	f.MergeAsPerson(1)
	got, err = pullrequest.Withdraw(t.Context(), f, branch, by("east"), "Rolled out.")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, got, pullrequest.Merged, v1alpha1.ReasonMerged, true)
	if _, err := f.Head(t.Context(), branch); !errors.Is(err, pullrequest.ErrNotFound) || len(f.Comments(1)) != 0 {
		t.Errorf("the merged branch is still there (%v), or there are comments: %v", err, f.Comments(1))
	}
}

// A person merges it while it is being closed.
func TestWithdrawWhileItIsMerged(t *testing.T) {
	f := repository()
	mustSync(t, f, propose(t, f, "12.2"))
	f.Before = func(call string) error {
		if call == "Close" {
			f.Before = nil
			f.MergeAsPerson(1)
		}
		return nil
	}
	got, err := pullrequest.Withdraw(t.Context(), f, branch, by("east"), "Rolled out.")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, got, pullrequest.Merged, v1alpha1.ReasonMerged, true)
	if len(f.Comments(1)) != 0 {
		t.Errorf("there are comments: %v", f.Comments(1))
	}
}

func TestWithdrawCleansUpWithoutAPullRequest(t *testing.T) {
	f := repository()
	p := propose(t, f, "12.2")
	f.Before = func(call string) error {
		if call == "Open" {
			return errors.New("stopped")
		}
		return nil
	}
	if _, err := pullrequest.Sync(t.Context(), f, p); err == nil {
		t.Fatal("it was not stopped")
	}
	f.Before = nil
	got, err := pullrequest.Withdraw(t.Context(), f, branch, by("east"), "c")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, got, pullrequest.Absent, "", true)

	f.Branch(branch, p.Base)
	f.PushAs(memory.PersonEmail, branch, "by a person", map[string]string{"other": "2\n"})
	if got, err = pullrequest.Withdraw(t.Context(), f, branch, by("east"), "c"); err != nil {
		t.Fatal(err)
	}
	expect(t, got, pullrequest.Absent, "", false)
}

// lostAnswers is a forge that does what it is asked to, and says so from the second time on.
type lostAnswers struct {
	*memory.Forge
	lost map[string]bool
}

func (f *lostAnswers) lose(what string, err error) error {
	if err == nil && !f.lost[what] {
		f.lost[what] = true
		return errors.New("no answer")
	}
	return err
}

func (f *lostAnswers) Edit(ctx context.Context, number int64, title, body string) error {
	return f.lose("edit", f.Forge.Edit(ctx, number, title, body))
}

func (f *lostAnswers) Comment(ctx context.Context, number int64, body string) error {
	return f.lose("comment", f.Forge.Comment(ctx, number, body))
}

func (f *lostAnswers) Close(ctx context.Context, number int64) error {
	return f.lose("close", f.Forge.Close(ctx, number))
}

func TestWithdrawCommentsOnceAtTheMost(t *testing.T) {
	for _, answered := range []string{"close", "comment"} {
		f := &lostAnswers{Forge: repository(), lost: map[string]bool{answered: true}}
		mustSync(t, f.Forge, propose(t, f.Forge, "12.2"))
		var err error
		for range 4 {
			if _, err = pullrequest.Withdraw(t.Context(), f, branch, by("east"), "Rolled out."); err == nil {
				break
			}
		}
		if err != nil || len(f.Comments(1)) > 1 {
			t.Errorf("with answers lost but to %s: %v, and the comments %q", answered, err, f.Comments(1))
		}
		if _, err := f.Head(t.Context(), branch); !errors.Is(err, pullrequest.ErrNotFound) {
			t.Errorf("with answers lost but to %s the branch stays: %v", answered, err)
		}
	}
}
