package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/edit"
)

func TestPropose(t *testing.T) {
	digestA, digestB := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	tests := map[string]struct {
		content      map[string]string
		from, to     string
		want         map[string]string
		wantRefused  []string
		wantAlready  bool
		wantCurrent  bool
		paths        []string
		mapped       bool
		wantReached  []Position
		wantPosition []Position
	}{
		"every file": {
			content:      map[string]string{"Dockerfile": "ARG V=1.25.1\nFROM golang:$V\nARG V\n", "pod.yaml": pod, "x.yaml": "a: b\n"},
			want:         map[string]string{"Dockerfile": "ARG V=1.25.3\nFROM golang:$V\nARG V\n", "pod.yaml": newPod},
			wantPosition: []Position{{"Dockerfile", 2}, {"pod.yaml", 5}},
			wantReached:  []Position{{"Dockerfile", 3}},
		},
		"one of two is refused": {
			content:      map[string]string{"a.yaml": pod, "b.yaml": strings.TrimSuffix(pod, "\n") + " # {\"$imagepolicy\": \"x\"}\n"},
			want:         map[string]string{"a.yaml": newPod},
			wantRefused:  []string{"b.yaml ManagedByOther"},
			wantPosition: []Position{{"a.yaml", 5}},
		},
		"whatever digest the file has": {
			content:      map[string]string{"Dockerfile": "FROM golang:1.25.1@" + digestA + "\n"},
			to:           "golang:1.25.3@" + digestB,
			want:         map[string]string{"Dockerfile": "FROM golang:1.25.3@" + digestB + "\n"},
			wantPosition: []Position{{"Dockerfile", 1}},
		},
		"another digest than the one that runs": {
			content: map[string]string{"Dockerfile": "FROM golang:1.25.1@" + digestB + "\n"},
			from:    "golang:1.25.1@" + digestA, to: "golang:1.25.3@" + digestA,
			want: map[string]string{},
		},
		"the new version":           {content: map[string]string{"pod.yaml": newPod}, want: map[string]string{}, wantAlready: true},
		"a newer version":           {content: map[string]string{"Dockerfile": "FROM golang:1.26.0\n"}, want: map[string]string{}, wantAlready: true},
		"a newer major version":     {content: map[string]string{"Dockerfile": "FROM golang:2.0.0\n"}, want: map[string]string{}, wantAlready: true},
		"an older version":          {content: map[string]string{"Dockerfile": "FROM golang:1.25.2\n"}, want: map[string]string{}},
		"a version of another kind": {content: map[string]string{"Dockerfile": "FROM golang:1.26.0-alpine\n"}, want: map[string]string{}},
		"another digest of the tag": {
			content: map[string]string{"Dockerfile": "FROM golang:1.25.1\n"}, to: "golang:1.25.1@" + digestB,
			want: map[string]string{}, wantAlready: true,
		},
		"the new digest": {
			content: map[string]string{"Dockerfile": "FROM golang:1.25.1@" + digestB + "\n"}, from: "golang:1.25.1@" + digestA, to: "golang:1.25.1@" + digestB,
			want: map[string]string{}, wantAlready: true,
		},
		"an old version beside the new one": {
			content:      map[string]string{"a.yaml": newPod, "b.yaml": pod},
			want:         map[string]string{"b.yaml": newPod},
			wantPosition: []Position{{"b.yaml", 5}},
		},
		"the new tag without its digest": {
			content: map[string]string{"Dockerfile": "FROM golang:1.25.3\n"}, to: "golang:1.25.3@" + digestB, want: map[string]string{}, wantAlready: true,
		},
		"the new tag with another digest": {
			content: map[string]string{"Dockerfile": "FROM golang:1.25.3@" + digestA + "\n"}, to: "golang:1.25.3@" + digestB, want: map[string]string{},
		},
		"the new version beside an old one that is refused": {
			content: map[string]string{"a.yaml": newPod, "b.yaml": strings.TrimSuffix(pod, "\n") + " # {\"$imagepolicy\": \"x\"}\n"},
			want:    map[string]string{}, wantRefused: []string{"b.yaml ManagedByOther"},
		},
		"a newer version beside what only the builder knows": {
			content: map[string]string{"a/Dockerfile": "ARG V\nFROM golang:$V\n", "b/Dockerfile": "FROM golang:1.26.0\n"},
			want:    map[string]string{}, wantCurrent: true, wantRefused: []string{"a/Dockerfile Interpolated"},
		},
		"a newer version copied from, in a Dockerfile that only the builder knows": {
			content: map[string]string{"Dockerfile": "ARG BASE\nFROM $BASE\nCOPY --from=golang:1.26.0 /a /b\n"},
			want:    map[string]string{}, wantCurrent: true, wantRefused: []string{"Dockerfile Interpolated"},
		},
		"a newer version beside a reference that is set twice": {
			content: map[string]string{"values.yaml": "a: {image: golang:1.26.0}\nb: {image: {repository: golang, tag: 1.25.1, digest: x, sha: y}}\n"},
			want:    map[string]string{}, wantCurrent: true, wantRefused: []string{"values.yaml Ambiguous"},
		},
		"an edit beside what only the builder knows": {
			content:      map[string]string{"a/Dockerfile": "ARG V\nFROM golang:$V\n", "b/Dockerfile": "FROM golang:1.25.1\n"},
			want:         map[string]string{"b/Dockerfile": "FROM golang:1.25.3\n"},
			wantPosition: []Position{{"b/Dockerfile", 1}},
		},
		"the new version where the hint points to, and the old one elsewhere": {
			content:      map[string]string{"a/Dockerfile": "FROM golang:1.25.1\n", "b/Dockerfile": "FROM golang:1.26.0\n"},
			paths:        []string{"", "b"},
			want:         map[string]string{"a/Dockerfile": "FROM golang:1.25.3\n"},
			wantPosition: []Position{{"a/Dockerfile", 1}},
		},
		"the old version where the hint points to, and elsewhere": {
			content:      map[string]string{"a/Dockerfile": "FROM golang:1.25.1\n", "b/Dockerfile": "FROM golang:1.25.1\n"},
			paths:        []string{"", "b"},
			want:         map[string]string{"a/Dockerfile": "FROM golang:1.25.3\n", "b/Dockerfile": "FROM golang:1.25.3\n"},
			wantPosition: []Position{{"b/Dockerfile", 1}, {"a/Dockerfile", 1}},
		},
		"what Renovate manages": {
			content: map[string]string{"Dockerfile": "FROM golang:1.25.1\n", ".github/renovate.json5": "{extends: ['config:recommended'],}"},
			want:    map[string]string{}, wantRefused: []string{".github/renovate.json5 ManagedByOther"},
		},
		"what Renovate has updated": {
			content: map[string]string{"Dockerfile": "FROM golang:1.25.3\n", "renovate.json": "{}"}, want: map[string]string{}, wantAlready: true,
		},
		"what Renovate manages and the policy maps": {
			content: map[string]string{"Dockerfile": "FROM golang:1.25.1\n", "renovate.json": "{}"}, mapped: true,
			want: map[string]string{"Dockerfile": "FROM golang:1.25.3\n"}, wantPosition: []Position{{"Dockerfile", 1}},
		},
		"Renovate is off": {
			content: map[string]string{"Dockerfile": "FROM golang:1.25.1\n", "renovate.json": "{\"enabled\": false}", "a/renovate.json": "{}"},
			want:    map[string]string{"Dockerfile": "FROM golang:1.25.3\n"}, wantPosition: []Position{{"Dockerfile", 1}},
		},
		"nothing": {content: map[string]string{"Dockerfile": "FROM rust:1\n"}, want: map[string]string{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			from, to := tc.from, tc.to
			if from == "" {
				from = "golang:1.25.1"
			}
			if to == "" {
				to = "golang:1.25.3"
			}
			hints := Hints{Paths: tc.paths, Mapped: tc.mapped}
			if hints.Paths == nil {
				hints.Paths = []string{""}
			}
			got, err := Propose(t.Context(), &files{content: tc.content}, commit, hints, edit.Change{From: reference(t, from), To: reference(t, to)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, stringsOf(got.Files)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([][]Position{tc.wantPosition, tc.wantReached}, [][]Position{got.Positions, got.Reached}); diff != "" {
				t.Errorf("positions and reached (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantRefused, refusals(got.Refused)); diff != "" || got.Already != tc.wantAlready || got.Current != (tc.wantCurrent || tc.wantAlready) {
				t.Errorf("already %t, current %t, refused (-want +got):\n%s", got.Already, got.Current, diff)
			}
		})
	}
}

func stringsOf(files map[string][]byte) map[string]string {
	texts := map[string]string{}
	for path, content := range files {
		texts[path] = string(content)
	}
	return texts
}

// FuzzPropose: repositories hold anything. After an edit there is nothing left to do.
func FuzzPropose(f *testing.F) {
	f.Add("Dockerfile", []byte("ARG V=1.25.1\nFROM golang:$V\n"))
	f.Add("kustomization.yaml", []byte("resources: [../x, a]\nimages: [{name: golang, newTag: 1.25.1}]\n"))
	f.Add("a/values.yaml", []byte("image: {repository: golang, tag: 1.25.1}\n"))
	f.Add("main.tf", []byte("image = \"golang:1.25.1\"\n"))
	f.Fuzz(func(t *testing.T, path string, content []byte) {
		change := edit.Change{From: reference(t, "golang:1.25.1"), To: reference(t, "golang:1.25.3")}
		hints := Hints{Paths: []string{"a", ""}}
		w := NewWorkspace(&files{content: map[string]string{path: string(content)}})
		edits, err := Propose(t.Context(), w, commit, hints, change)
		if err != nil || len(edits.Files) == 0 {
			return
		}
		w.Write(edits.Files)
		again, err := Propose(t.Context(), w, commit, hints, change)
		if err != nil || len(again.Files) > 0 || !again.Current {
			t.Fatalf("%v, %+v\n%q\n%q", err, again, content, edits.Files[path])
		}
	})
}
