package forgetest

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const branch = "plimsoll/base-alpine"

// change is a commit of two files to the bot's branch.
func change(parent, content string) pullrequest.NewCommit {
	return pullrequest.NewCommit{
		Branch: branch, Parent: parent, Message: "Use " + content,
		Files: map[string][]byte{"README.md": []byte(content), "a/Dockerfile": []byte("FROM " + content + "\n")},
	}
}

// begin puts the files on main that change changes.
func begin(t *testing.T, h Harness) string {
	t.Helper()
	return h.Push(t, "main", map[string]string{"a/Dockerfile": "FROM alpine\n", "other": "o"})
}

func wantContent(t *testing.T, h Harness, commit string, want map[string]string) {
	t.Helper()
	for path, content := range want {
		if got := string(must(h.Forge.Read(t.Context(), commit, path))(t)); got != content {
			t.Errorf("%s is %q, want %q", path, got, content)
		}
	}
}

func wantHead(t *testing.T, h Harness, branch, want string) {
	t.Helper()
	if got := must(h.Forge.Head(t.Context(), branch))(t); got != want {
		t.Errorf("%s points to %s, want %s", branch, got, want)
	}
}

func testCommitNewBranch(t *testing.T, h Harness) {
	base := begin(t, h)
	sha := must(h.Forge.Commit(t.Context(), change(base, "v1")))(t)
	wantHead(t, h, branch, sha)
	wantHead(t, h, "main", base)
	wantContent(t, h, sha, map[string]string{"README.md": "v1", "a/Dockerfile": "FROM v1\n", "other": "o"})
	if commits := must(h.Forge.Commits(t.Context(), base, branch))(t); len(commits) != 1 || commits[0].SHA != sha {
		t.Errorf("the branch has %+v, want the one commit %s", commits, sha)
	}
}

func testCommitFollowUp(t *testing.T, h Harness) {
	base := begin(t, h)
	one := must(h.Forge.Commit(t.Context(), change(base, "v1")))(t)
	follow := change(one, "v2")
	delete(follow.Files, "README.md")
	two := must(h.Forge.Commit(t.Context(), follow))(t)
	wantHead(t, h, branch, two)
	wantContent(t, h, two, map[string]string{"README.md": "v1", "a/Dockerfile": "FROM v2\n"})
	commits := must(h.Forge.Commits(t.Context(), base, branch))(t)
	if len(commits) != 2 || commits[0].SHA != two || commits[1].SHA != one {
		t.Errorf("the branch has %+v, want %s and %s", commits, two, one)
	}
}

// A person's commit must stay, whether or not it is about the same files.
func testCommitStale(t *testing.T, h Harness) {
	base := begin(t, h)
	one := must(h.Forge.Commit(t.Context(), change(base, "v1")))(t)
	for _, path := range []string{"other", "README.md"} {
		theirs := h.Push(t, branch, map[string]string{path: "by hand"})
		_, err := h.Forge.Commit(t.Context(), change(one, "v2"))
		wantConflict(t, err)
		wantHead(t, h, branch, theirs)
	}
}

func testCommitReset(t *testing.T, h Harness) {
	base := begin(t, h)
	must(h.Forge.Commit(t.Context(), change(base, "v1")))(t)
	opened := must(h.Forge.Open(t.Context(), pullrequest.NewPullRequest{Branch: branch, Target: "main", Title: "Use v1"}))(t)
	moved := h.Push(t, "main", map[string]string{"other": "moved on"})

	again := change(moved, "v2")
	delete(again.Files, "README.md")
	again.Reset = true
	sha := must(h.Forge.Commit(t.Context(), again))(t)
	wantHead(t, h, branch, sha)
	wantContent(t, h, sha, map[string]string{"README.md": "# Shop\n", "a/Dockerfile": "FROM v2\n", "other": "moved on"})
	if commits := must(h.Forge.Commits(t.Context(), "main", branch))(t); len(commits) != 1 || commits[0].SHA != sha {
		t.Errorf("the branch has %+v, want the one commit %s", commits, sha)
	}
	eventually(t, "the pull request's new head", func() bool {
		pulls := must(h.Forge.PullRequests(t.Context(), branch))(t)
		if len(pulls) != 1 || pulls[0].Number != opened.Number || pulls[0].State != pullrequest.Open {
			t.Fatalf("after a reset: %+v", pulls)
		}
		return pulls[0].HeadSHA == sha
	})

	fresh := change(moved, "v3")
	fresh.Branch, fresh.Reset = "plimsoll/other", true
	wantHead(t, h, fresh.Branch, must(h.Forge.Commit(t.Context(), fresh))(t))
}

func testDeleteBranch(t *testing.T, h Harness) {
	h.Push(t, "old/branch", map[string]string{"a": "1"})
	for range 2 {
		if err := h.Forge.DeleteBranch(t.Context(), "old/branch"); err != nil {
			t.Fatal(err)
		}
		_, err := h.Forge.Head(t.Context(), "old/branch")
		wantNotFound(t, err)
	}
}
