package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/edit"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// files is a Tree in memory that counts what is read.
type files struct {
	content map[string]string
	reads   []string
	err     error
}

func (f *files) Files(_ context.Context, at string) ([]File, error) {
	var all []File
	for path, content := range f.content {
		all = append(all, File{Path: path, Size: int64(len(content))})
	}
	if at != commit {
		return nil, fmt.Errorf("commit %s", at)
	}
	return all, nil
}

func (f *files) Read(_ context.Context, _, path string) ([]byte, error) {
	f.reads = append(f.reads, path)
	return []byte(f.content[path]), f.err
}

func reference(t testing.TB, s string) image.Reference {
	t.Helper()
	r, err := image.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	pod    = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: golang:1.25.1\n"
	newPod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: golang:1.25.3\n"
)

func TestLocate(t *testing.T) {
	tests := map[string]struct {
		content     map[string]string
		hints       Hints
		want        []string
		wantRefused []string
		wantReads   []string
	}{
		"the hinted path alone": {
			content:   map[string]string{"shop/pod.yaml": pod, "blog/pod.yaml": pod, "shop2/pod.yaml": pod},
			hints:     Hints{Paths: []string{"shop"}},
			want:      []string{"shop/pod.yaml:5"},
			wantReads: []string{"shop/pod.yaml"},
		},
		"the hinted path first, and then the rest": {
			content:   map[string]string{"shop/pod.yaml": pod, "blog/pod.yaml": pod},
			hints:     Hints{Paths: []string{"", "shop"}},
			want:      []string{"shop/pod.yaml:5", "blog/pod.yaml:5"},
			wantReads: []string{"shop/pod.yaml", "blog/pod.yaml"},
		},
		"the whole repository, Dockerfiles first": {
			content: map[string]string{"a/pod.yaml": pod, "z/Dockerfile": "FROM golang:1.25.1 AS x\n", "README.md": pod, "node_modules/x/Dockerfile": "FROM golang:1.25.1"},
			hints:   Hints{Paths: []string{"", "shop"}},
			want:    []string{"z/Dockerfile:1", "a/pod.yaml:5"},
		},
		"Dockerfiles alone": {
			content: map[string]string{"pod.yaml": pod, "x.Dockerfile": "FROM golang:1.25.1\n", "Dockerfile": "FROM rust:1\n"},
			hints:   Hints{Paths: []string{""}, Kind: Dockerfile},
			want:    []string{"x.Dockerfile:1"},
		},
		"manifests alone": {
			content: map[string]string{"pod.yaml": pod, "Dockerfile": "FROM golang:1.25.1\n"},
			hints:   Hints{Paths: []string{""}, Kind: Manifests},
			want:    []string{"pod.yaml:5"},
		},
		"a file": {
			content: map[string]string{"env/prod.yaml": pod, "env/prod.yaml.d/x.yaml": pod},
			hints:   Hints{Paths: []string{"env/prod.yaml"}},
			want:    []string{"env/prod.yaml:5"},
		},
		"the policy's patterns": {
			content: map[string]string{"a/pod.yaml": pod, "a/b/pod.yaml": pod},
			hints:   Hints{Paths: []string{""}, Files: []string{"*/pod.yaml", "docs/**"}},
			want:    []string{"a/pod.yaml:5"},
		},
		"the base of an overlay": {
			content: map[string]string{
				"overlays/prod/kustomization.yaml": "resources: [../../base, https://github.com/a/b, 'github.com/a/b?ref=v1']\npatches: [{path: x.yaml}]\n",
				"base/kustomization.yml":           "resources: [pod.yaml]\ncomponents: [../parts, ../../../etc]\n",
				"base/pod.yaml":                    "kind: x\n", "parts/pod.yaml": pod, "other/pod.yaml": pod,
			},
			hints: Hints{Paths: []string{"overlays/prod"}, Kind: Manifests},
			want:  []string{"parts/pod.yaml:5"},
		},
		"a base that the policy's patterns leave out": {
			content: map[string]string{"overlay/kustomization.yaml": "resources: [../base]\n", "base/kustomization.yaml": "images: [{name: golang, newTag: 1.25.1}]\n"},
			hints:   Hints{Paths: []string{"overlay"}, Files: []string{"overlay/**"}},
		},
		"an overlay that sets the image": {
			content: map[string]string{"overlay/kustomization.yaml": "resources: [../base]\nimages: [{name: golang, newTag: 1.25.1}]\n", "base/pod.yaml": pod},
			hints:   Hints{Paths: []string{"overlay"}},
			want:    []string{"overlay/kustomization.yaml:2"},
		},
		"a template": {
			content:     map[string]string{"chart/templates/pod.yaml": pod, "chart/templates/other.yaml": "golang: {{ x }}\n"},
			hints:       Hints{Paths: []string{""}},
			wantRefused: []string{"chart/templates/pod.yaml Templated"},
		},
		"a base that only the builder knows": {
			content:     map[string]string{"Dockerfile": "ARG IMAGE\n# golang:1.25.1\nFROM ${IMAGE}\n", "b/Dockerfile": "ARG IMAGE\nFROM $IMAGE\nFROM alpine:3\n"},
			hints:       Hints{Paths: []string{""}, Kind: Dockerfile},
			wantRefused: []string{"Dockerfile Interpolated", "b/Dockerfile Interpolated"},
		},
		"a tag that only the builder knows": {
			content:     map[string]string{"Dockerfile": "ARG V\nFROM golang:${V}\n"},
			hints:       Hints{Paths: []string{""}, Kind: Dockerfile},
			wantRefused: []string{"Dockerfile Interpolated"},
		},
		"what only the builder knows beside a place": {
			content: map[string]string{"Dockerfile": "ARG IMAGE\nFROM ${IMAGE}\n", "b/Dockerfile": "FROM golang:1.25.1\n"},
			hints:   Hints{Paths: []string{""}, Kind: Dockerfile},
			want:    []string{"b/Dockerfile:1"},
		},
		"words in a text": {
			content:     map[string]string{"app.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {source: {helm: {values: 'image: golang:1.25.1'}}}\n"},
			hints:       Hints{Paths: []string{""}},
			wantRefused: []string{"app.yaml NotFound"},
		},
		"words in a text beside a place": {
			content: map[string]string{"app.yaml": "kind: ConfigMap\napiVersion: v1\ndata: {x: 'golang:1.25.1'}\n", "pod.yaml": pod},
			hints:   Hints{Paths: []string{""}},
			want:    []string{"pod.yaml:5"},
		},
		"parts of other words": {
			content: map[string]string{"x.yaml": "kind: ConfigMap\napiVersion: v1\ndata: {golangs: '1.25.1'}\n", "y.yaml": "kind: ConfigMap\napiVersion: v1\ndata: {golang: '11.25.1 1.25.1-x'}\n"},
			hints:   Hints{Paths: []string{""}},
		},
		"another version": {
			content: map[string]string{"Dockerfile": "FROM golang:1.24\n"},
			hints:   Hints{Paths: []string{""}},
		},
		"no hints": {content: map[string]string{"Dockerfile": "FROM golang:1.25.1\n"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tree := &files{content: tc.content}
			found, err := Locate(t.Context(), tree, commit, tc.hints, reference(t, "golang:1.25.1"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range found.Places {
				got = append(got, fmt.Sprintf("%s:%d", p.Path, p.Line))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("places (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantRefused, refusals(found.Refused)); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantReads, tree.reads); tc.wantReads != nil && diff != "" {
				t.Errorf("reads (-want +got):\n%s", diff)
			}
		})
	}
}

func refusals(all []edit.Refusal) []string {
	var texts []string
	for _, r := range all {
		texts = append(texts, fmt.Sprintf("%s %s", r.Path, r.Reason))
	}
	return texts
}

func TestLocateBounds(t *testing.T) {
	content := map[string]string{"big/Dockerfile": "FROM golang:1.25.1\n" + strings.Repeat("#\n", edit.MaxBytes)}
	for i := range maxFiles + 10 {
		content[fmt.Sprintf("%04d/Dockerfile", i)] = "FROM golang:1.25.1\n"
	}
	tree := &files{content: content}
	found, err := Locate(t.Context(), tree, commit, Hints{Paths: []string{""}}, reference(t, "golang:1.25.1"))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.reads) != maxFiles || len(found.Places) != maxFiles || len(found.Refused) != 1 || found.Refused[0].Reason != edit.ReasonLimit {
		t.Errorf("%d files read, %d places, refused %v", len(tree.reads), len(found.Places), found.Refused)
	}
}

func TestLocateErrors(t *testing.T) {
	golang := reference(t, "golang:1.25.1")
	tree := &files{content: map[string]string{"Dockerfile": "FROM golang:1.25.1\n"}, err: errors.New("forge is down")}
	if _, err := Locate(t.Context(), tree, commit, Hints{Paths: []string{""}}, golang); !errors.Is(err, tree.err) || !strings.Contains(err.Error(), `read "Dockerfile"`) {
		t.Errorf("got %v, want the tree's error and what failed", err)
	}
	if _, err := Locate(t.Context(), tree, "other", Hints{}, golang); err == nil {
		t.Error("an unknown commit is no error")
	}
	if _, err := Locate(t.Context(), tree, commit, Hints{Files: []string{"[a"}}, golang); err == nil {
		t.Error("a bad pattern is no error")
	}
}

// TestWorkspace: several changes to one file, one after the other, for each of which it is read once.
func TestWorkspace(t *testing.T) {
	tree := &files{content: map[string]string{"Dockerfile": "FROM golang:1.25.1 AS a\nFROM rust:1.80\n", "x/Dockerfile": "FROM node:22\n"}}
	w := NewWorkspace(tree)
	for _, change := range [][2]string{{"golang:1.25.1", "golang:1.25.3"}, {"rust:1.80", "rust:1.81"}} {
		edits, err := Propose(t.Context(), w, commit, Hints{Paths: []string{""}}, edit.Change{From: reference(t, change[0]), To: reference(t, change[1])})
		if err != nil || len(edits.Files) != 1 {
			t.Fatalf("%v, %v", edits, err)
		}
		w.Write(edits.Files)
	}
	want := map[string]string{"Dockerfile": "FROM golang:1.25.3 AS a\nFROM rust:1.81\n"}
	if diff := cmp.Diff(want, stringsOf(w.Changed())); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if len(tree.reads) != 2 {
		t.Errorf("read %v, want each file once", tree.reads)
	}
}

func TestHintsOf(t *testing.T) {
	tests := map[string]struct {
		locations []Location
		want      Hints
	}{
		"manifests stay where they are deployed from": {
			locations: []Location{{Path: "shop", Kind: Manifests}, {Path: "env/prod.yaml", Kind: Manifests}, {Path: "shop", Kind: Manifests}},
			want:      Hints{Paths: []string{"env/prod.yaml", "shop"}, Kind: Manifests},
		},
		"a Dockerfile may be anywhere": {
			locations: []Location{{Path: "api", Kind: Dockerfile}},
			want:      Hints{Paths: []string{"", "api"}, Kind: Dockerfile},
		},
		"a mapping is about everything": {
			locations: []Location{{Path: "shop", Kind: Manifests}, {By: "policy"}},
			want:      Hints{Paths: []string{"", "shop"}, Mapped: true},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, HintsOf(tc.locations, nil)); diff != "" {
				t.Errorf("hints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFinalBase(t *testing.T) {
	tests := map[string]struct{ content, target, want string }{
		"one stage":               {"FROM debian:12\n", "", "docker.io/library/debian:12"},
		"the last of several":     {"FROM golang:1.25 AS build\nFROM debian:12\nCOPY --from=build a b\n", "", "docker.io/library/debian:12"},
		"through names":           {"ARG V=12\nFROM debian:${V}-slim AS base\nFROM golang:1.25 AS build\nFROM base AS run\nFROM Run\n", "", "docker.io/library/debian:12-slim"},
		"a target":                {"FROM golang:1.25 AS build\nFROM debian:12\n", "BUILD", "docker.io/library/golang:1.25"},
		"a target by number":      {"FROM golang:1.25\nFROM debian:12\n", "0", "docker.io/library/golang:1.25"},
		"no such target":          {"FROM golang:1.25\n", "x", ""},
		"no such number":          {"FROM golang:1.25\n", "7", ""},
		"scratch":                 {"FROM golang:1.25 AS build\nFROM scratch\n", "", ""},
		"what only a build knows": {"ARG BASE\nFROM $BASE\n", "", ""},
		"not a Dockerfile":        {"hello\n", "", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := FinalBase([]byte(tc.content), tc.target)
			if got.String() != tc.want || ok != (tc.want != "") {
				t.Errorf("got %s, %t, want %q", got, ok, tc.want)
			}
		})
	}
}
