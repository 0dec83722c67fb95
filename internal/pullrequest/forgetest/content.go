package forgetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const absent = "0123456789012345678901234567890123456789"

func testRepository(t *testing.T, h Harness) {
	got := must(h.Forge.Repository(t.Context()))(t)
	if want := (pullrequest.Repository{DefaultBranch: "main"}); got != want {
		t.Errorf("repository %+v, want %+v", got, want)
	}
	h.Publish(t)
	if got := must(h.Forge.Repository(t.Context()))(t); !got.Public {
		t.Errorf("a public repository is %+v", got)
	}
}

func testArchived(t *testing.T, h Harness) {
	h.Archive(t)
	if got := must(h.Forge.Repository(t.Context()))(t); !got.Archived {
		t.Errorf("an archived repository is %+v", got)
	}
}

func testHead(t *testing.T, h Harness) {
	pushed := h.Push(t, "feature/one", map[string]string{"a.txt": "a"})
	if got := must(h.Forge.Head(t.Context(), "feature/one"))(t); got != pushed {
		t.Errorf("head %s, want %s", got, pushed)
	}
	for _, branch := range []string{"feature", "feature/two", "one", "feature/one/deeper"} {
		_, err := h.Forge.Head(t.Context(), branch)
		wantNotFound(t, err)
	}
}

func testFiles(t *testing.T, h Harness) {
	files := map[string]string{"deploy/Dockerfile": "FROM scratch\n", "deploy/ümlaut und leer.yaml": "a: 1\n"}
	for i := range 230 {
		files[fmt.Sprintf("charts/c%03d/values.yaml", i)] = fmt.Sprint("tag: ", i)
	}
	sha := h.Push(t, "main", files)
	var want []pullrequest.File
	for path, content := range files {
		want = append(want, pullrequest.File{Path: path, Size: int64(len(content))})
	}
	got := must(h.Forge.Files(t.Context(), sha))(t)
	got = slices.DeleteFunc(got, func(f pullrequest.File) bool { return f.Path == "README.md" })
	if !h.Sizes {
		for i := range want {
			want[i].Size = -1
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(a, b pullrequest.File) bool { return a.Path < b.Path })); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	_, err := h.Forge.Files(t.Context(), absent)
	wantNotFound(t, err)
}

func testRead(t *testing.T, h Harness) {
	binary := string([]byte{0, 1, 2, 0xff, 0xfe, '\r', '\n', 0})
	large := strings.Repeat("0123456789abcdef", 1<<16)
	files := map[string]string{
		"bin": binary, "empty": "", "a/b/deploy und mehr?.yaml": "x: 1\r\n", "large": large, "larger": large + "x",
	}
	old := must(h.Forge.Head(t.Context(), "main"))(t)
	sha := h.Push(t, "main", files)
	for _, path := range []string{"bin", "empty", "a/b/deploy und mehr?.yaml", "large"} {
		if got := must(h.Forge.Read(t.Context(), sha, path))(t); !bytes.Equal(got, []byte(files[path])) {
			t.Errorf("%s has %d bytes, want %d", path, len(got), len(files[path]))
		}
	}
	_, err := h.Forge.Read(t.Context(), sha, "larger")
	wantError(t, err, v1alpha1.ReasonForgeRefused)
	for _, absent := range []struct{ commit, path string }{{old, "bin"}, {sha, "nothing"}, {sha, "a/b"}, {sha, "a"}, {absent, "bin"}} {
		_, err := h.Forge.Read(t.Context(), absent.commit, absent.path)
		wantNotFound(t, err)
	}
}

func testCommits(t *testing.T, h Harness) {
	base := must(h.Forge.Head(t.Context(), "main"))(t)
	one := must(h.Forge.Commit(t.Context(), pullrequest.NewCommit{
		Branch: "bot/x", Parent: base, Message: "Use v2\n\nBecause.\n\nPlimsoll-Cluster: a", Files: map[string][]byte{"README.md": []byte("1")},
	}))(t)
	two := h.Push(t, "bot/x", map[string]string{"b": "1"})
	h.Push(t, "main", map[string]string{"c": "1"})
	got := must(h.Forge.Commits(t.Context(), "main", "bot/x"))(t)
	if len(got) != 2 || got[0].SHA != two || got[1].SHA != one {
		t.Fatalf("commits %+v, want %s and %s", got, two, one)
	}
	if got[0].AuthorEmail != h.PersonEmail || got[1].AuthorEmail != h.BotEmail || got[1].CommitterEmail == "" {
		t.Errorf("the authors of commits %+v are not %s and %s", got, h.PersonEmail, h.BotEmail)
	}
	if message := strings.TrimSpace(got[1].Message); message != "Use v2\n\nBecause.\n\nPlimsoll-Cluster: a" {
		t.Errorf("message %q", message)
	}
	for _, none := range [][2]string{{"bot/x", base}, {two, two}} {
		if got := must(h.Forge.Commits(t.Context(), none[0], none[1]))(t); len(got) != 0 {
			t.Errorf("%s has %d commits that %s has not", none[1], len(got), none[0])
		}
	}
	for _, missing := range [][2]string{{"main", "bot/none"}, {"bot/none", "main"}} {
		if _, err := h.Forge.Commits(t.Context(), missing[0], missing[1]); err == nil {
			t.Errorf("no error for the commits of %v", missing)
		}
	}
}

// Of more commits than are told, the newest must be: a person's is there.
func testManyCommits(t *testing.T, h Harness) {
	base := must(h.Forge.Head(t.Context(), "main"))(t)
	if h.PushMany == nil {
		h.PushMany = func(t *testing.T, branch string, n int) (pushed []string) {
			for i := range n {
				pushed = append(pushed, h.Push(t, branch, map[string]string{"n": fmt.Sprint(i)}))
			}
			return pushed
		}
	}
	pushed := h.PushMany(t, "feature/many", 104)
	slices.Reverse(pushed)
	var got []string
	for _, c := range must(h.Forge.Commits(t.Context(), base, "feature/many"))(t) {
		got = append(got, c.SHA)
	}
	if diff := cmp.Diff(pushed[:100], got); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
}
