package edit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDockerfile(t *testing.T) {
	run(t, "Dockerfile", map[string]example{
		"a template by its name":        {path: "Dockerfile.j2", content: "FROM golang:1.25.1\nRUN echo {{ x }}\n", wantReason: ReasonTemplated},
		"a template's name before":      {path: "api.tmpl.Dockerfile", content: "FROM golang:1.25.1\n", wantReason: ReasonTemplated},
		"a template by its folder":      {path: "roles/a/templates/Dockerfile", content: "FROM golang:1.25.1\nENV A={{ x }}\n", wantReason: ReasonTemplated},
		"a Dockerfile beside templates": {path: "templates/a/Dockerfile", content: "FROM golang:1.25.1\n", want: "FROM golang:1.25.3\n"},
		"expressions of a command":      {content: "FROM golang:1.25.1\nRUN go list -f '{{.Dir}}'\n", want: "FROM golang:1.25.3\nRUN go list -f '{{.Dir}}'\n"},
		"a tag stays a tag": {
			content: "FROM golang:1.25.1\nRUN true\n",
			want:    "FROM golang:1.25.3\nRUN true\n",
		},
		"a digest stays a digest": {
			content: "FROM golang@DIGEST_A # not a comment\n", wantReason: ReasonInvalid,
		},
		"only a digest": {
			content: "# golang:1.25.1\nFROM golang@DIGEST_A\n",
			want:    "# golang:1.25.1\nFROM golang@DIGEST_B\n",
		},
		"both": {
			content: "FROM docker.io/library/golang:1.25.1@DIGEST_A AS build\n",
			want:    "FROM docker.io/library/golang:1.25.3@DIGEST_B AS build\n",
		},
		"the digest of the same tag": {
			to:      "golang:1.25.1@DIGEST_B",
			content: "FROM golang:1.25.1@DIGEST_A\n",
			want:    "FROM golang:1.25.1@DIGEST_B\n",
		},
		"another digest than the one that runs": {
			content: "FROM golang:1.25.1@DIGEST_B\n", wantReason: ReasonNotFound,
		},
		"nothing to do":              {to: "golang:1.25.1@DIGEST_B", content: "FROM golang:1.25.1\n", wantReason: ReasonUnchanged},
		"a registry with a port":     {from: "localhost:5000/golang:1.25.1", to: "localhost:5000/golang:1.25.3", content: "FROM localhost:5000/golang:1.25.1", want: "FROM localhost:5000/golang:1.25.3"},
		"a registry without a tag":   {from: "localhost:5000/golang", to: "localhost:5000/golang:1", content: "FROM localhost:5000/golang", wantReason: ReasonUntagged},
		"another repository":         {to: "rust:1.25.3", content: "FROM golang:1.25.1", wantReason: ReasonBadChange},
		"no digest to write":         {to: "golang:1.25.3", content: "FROM golang:1.25.1@DIGEST_A", wantReason: ReasonBadChange},
		"no tag to write":            {to: "golang@DIGEST_B", content: "FROM golang:1.25.1", wantReason: ReasonBadChange},
		"neither tag nor digest":     {from: "golang:latest", content: "FROM golang\n", wantReason: ReasonUntagged, wantLine: 1},
		"pinned":                     {pin: true, content: "FROM golang:1.25.1 AS x\n", want: "FROM golang:1.25.3@DIGEST_B AS x\n"},
		"pinned, the tag as it was":  {pin: true, to: "golang:1.25.1@DIGEST_B", content: "FROM golang:1.25.1 AS x\n", want: "FROM golang:1.25.1@DIGEST_B AS x\n"},
		"pinned already":             {pin: true, content: "FROM golang:1.25.1@DIGEST_A\n", want: "FROM golang:1.25.3@DIGEST_B\n"},
		"pinned without a digest":    {pin: true, to: "golang:1.25.3", content: "FROM golang:1.25.1\n", wantReason: ReasonBadChange},
		"pinned through an argument": {pin: true, content: "ARG V=\"1.25.1\"\nFROM golang:${V}\n", want: "ARG V=\"1.25.3@DIGEST_B\"\nFROM golang:${V}\n"},
		"every FROM is pinned": {
			pin:          true,
			content:      "FROM golang:1.25.1 AS a\nFROM golang:1.25.1@DIGEST_A AS b\nCOPY --from=golang:1.25.1 x y\n",
			want:         "FROM golang:1.25.3@DIGEST_B AS a\nFROM golang:1.25.3@DIGEST_B AS b\nCOPY --from=golang:1.25.3@DIGEST_B x y\n",
			wantReplaced: 3,
		},
		"a pin of several FROMs with one of them for another image": {
			pin: true, content: "ARG V=1.25.1\nFROM golang:${V}\nFROM rust:${V}\n", wantReason: ReasonShared, wantLine: 3,
		},
		"a suffix is kept": {
			from: "golang:1.25.1-alpine3.22", to: "golang:1.25.3-alpine3.22",
			content: "FROM golang:1.25.1-alpine3.22\nFROM golang:1.25.1\n",
			want:    "FROM golang:1.25.3-alpine3.22\nFROM golang:1.25.1\n",
		},
		"a name that only begins alike": {
			content: "FROM golang:1.25.1\nFROM golang-x:1.25.1\nFROM x/golang:1.25.1\n",
			want:    "FROM golang:1.25.3\nFROM golang-x:1.25.1\nFROM x/golang:1.25.1\n",
		},
		"every FROM of the image": {
			content:      "FROM golang:1.25.1 AS a\nFROM golang:1.25.1@DIGEST_A AS b\nFROM golang:1.24 AS c\n",
			want:         "FROM golang:1.25.3 AS a\nFROM golang:1.25.3@DIGEST_B AS b\nFROM golang:1.24 AS c\n",
			wantReplaced: 2,
		},
		"a stage's name is no image": {
			from: "docker.io/library/base:latest", to: "docker.io/library/base:1",
			content: "FROM golang:1.25.1 AS Base\nFROM base\nCOPY --from=base /a /b\nCOPY --from=0 /a /b\n", wantReason: ReasonNotFound,
		},
		"scratch": {from: "scratch:latest", to: "scratch:1", content: "FROM scratch\n", wantReason: ReasonNotFound},
		"platform": {
			content: "FROM --platform=$BUILDPLATFORM golang:1.25.1 AS build\n",
			want:    "FROM --platform=$BUILDPLATFORM golang:1.25.3 AS build\n",
		},
		"a platform in the name": {
			content: "FROM ${TARGETARCH}/golang:1.25.1\n", wantReason: ReasonNotFound,
		},
		"a platform's default never counts": {
			content: "FROM golang:1.25.1${TARGETVARIANT:-}\n", wantReason: ReasonNotFound,
		},
		"COPY --from": {
			content: "FROM scratch\nCOPY --chown=1 --from=golang:1.25.1 /golang:1.25.1 /x\n",
			want:    "FROM scratch\nCOPY --chown=1 --from=golang:1.25.3 /golang:1.25.1 /x\n",
		},
		"COPY --from of ONBUILD": {
			content: "FROM scratch\nONBUILD COPY --from=golang:1.25.1 /a /x\n",
			want:    "FROM scratch\nONBUILD COPY --from=golang:1.25.3 /a /x\n",
		},
		"RUN --mount": {
			content: "FROM scratch\nRUN --mount=type=cache,target=/c --mount=type=bind,from=golang:1.25.1,target=/x echo from=golang:1.25.1\n",
			want:    "FROM scratch\nRUN --mount=type=cache,target=/c --mount=type=bind,from=golang:1.25.3,target=/x echo from=golang:1.25.1\n",
		},
		"RUN --mount, quoted": {
			content: "FROM scratch\nRUN --mount=type=bind,\"from=golang:1.25.1\",target=/x true\n", wantReason: ReasonComputed, wantLine: 2,
		},
		"heredoc": {
			content: "FROM golang:1.25.1\nRUN <<EOF\nFROM golang:1.25.1\nEOF\nCOPY <<-'X' /Dockerfile\nFROM golang:1.25.1\n\tX\nCOPY --from=golang:1.25.1 a b\n",
			want:    "FROM golang:1.25.3\nRUN <<EOF\nFROM golang:1.25.1\nEOF\nCOPY <<-'X' /Dockerfile\nFROM golang:1.25.1\n\tX\nCOPY --from=golang:1.25.3 a b\n",
		},
		"syntax directive": {
			content: "# syntax=docker/dockerfile:1.25.1\nFROM golang:1.25.1\n",
			want:    "# syntax=docker/dockerfile:1.25.1\nFROM golang:1.25.3\n",
		},
		"syntax directive of another language": {
			content: "# syntax=example.org/frontend:1\nFROM golang:1.25.1\n", wantReason: ReasonUnknownFormat,
		},
		"escape directive": {
			content: "# escape=`\nFROM `\n  golang:1.2`\n5.1 `\n  AS x\nRUN dir c:\\\n",
			want:    "# escape=`\nFROM `\n  golang:1.2`\n5.3 `\n  AS x\nRUN dir c:\\\n",
		},
		"continuation with a comment": {
			content: "FROM \\\n# golang:1.25.1\n\n  golang:1.25.1 \\ \n  AS x\n",
			want:    "FROM \\\n# golang:1.25.1\n\n  golang:1.25.3 \\ \n  AS x\n",
		},
		"a word that lines divide": {
			content: "FROM golang:1.\\\n25.1\n",
			want:    "FROM golang:1.\\\n25.3\n",
		},
		"CRLF":                     {content: "FROM \\\r\n golang:1.25.1\r\nRUN a\r\n", want: "FROM \\\r\n golang:1.25.3\r\nRUN a\r\n"},
		"byte order mark":          {content: "\xef\xbb\xbfFROM golang:1.25.1\n", want: "\xef\xbb\xbfFROM golang:1.25.3\n"},
		"lower case, tabs, no end": {content: "from\tgolang:1.25.1\tas x", want: "from\tgolang:1.25.3\tas x"},
		"quoted":                   {content: "FROM \"golang:1.25.1\"\n", want: "FROM \"golang:1.25.3\"\n"},
		"escaped":                  {content: "FROM golang:1\\.25.1\n", want: "FROM golang:1\\.25.3\n"},
		"not a Dockerfile":         {content: "hello\n", wantReason: ReasonInvalid},
		"empty":                    {content: "", wantReason: ReasonInvalid},
		"Renovate's comment above": {content: "# renovate: datasource=docker\nFROM golang:1.25.1\n", wantReason: ReasonManagedByOther, wantLine: 2},
		"Renovate's comment above the argument": {
			content: "# renovate: datasource=docker depName=golang\nARG V=1.25.1\nFROM golang:$V\n", wantReason: ReasonManagedByOther,
		},
		"Containerfile with a suffix":      {path: "build/Containerfile.alpine", content: "FROM golang:1.25.1\n", want: "FROM golang:1.25.3\n"},
		"Dockerfile with a prefix":         {path: "build/api.Dockerfile", content: "FROM golang:1.25.1\n", want: "FROM golang:1.25.3\n"},
		"a file that names no known thing": {path: "README.md", content: "FROM golang:1.25.1\n", wantReason: ReasonUnknownFormat},
	})
}

func TestDockerfileArguments(t *testing.T) {
	run(t, "Dockerfile", map[string]example{
		"version":         {content: "ARG V=1.25.1\nFROM golang:$V\n", want: "ARG V=1.25.3\nFROM golang:$V\n"},
		"whole reference": {content: "ARG BASE=golang:1.25.1\nFROM ${BASE}\n", want: "ARG BASE=golang:1.25.3\nFROM ${BASE}\n"},
		"digest":          {content: "ARG V=1.25.1@DIGEST_A\nFROM golang:$V\n", want: "ARG V=1.25.3@DIGEST_B\nFROM golang:$V\n"},
		"digest of its own": {
			content: "ARG V=1.25.1\nARG D=DIGEST_A\nFROM golang:$V@$D\n",
			want:    "ARG V=1.25.3\nARG D=DIGEST_B\nFROM golang:$V@$D\n",
		},
		"parts": {
			from: "golang:1.25-alpine3.21", to: "golang:1.26-alpine3.22",
			content: "ARG GO=1.25 ALPINE=3.21\nFROM golang:${GO}-alpine${ALPINE}\n",
			want:    "ARG GO=1.26 ALPINE=3.22\nFROM golang:${GO}-alpine${ALPINE}\n",
		},
		"a part and a literal": {
			from: "golang:1.25-alpine3.21", to: "golang:1.26-alpine3.22",
			content: "ARG GO=1.25\nFROM golang:${GO}-alpine3.21\n",
			want:    "ARG GO=1.26\nFROM golang:${GO}-alpine3.22\n",
		},
		"major and minor": {
			from: "golang:1.9", to: "golang:1.10",
			content: "ARG MAJOR=1\nARG MINOR=9\nFROM golang:$MAJOR.$MINOR\n",
			want:    "ARG MAJOR=1\nARG MINOR=10\nFROM golang:$MAJOR.$MINOR\n",
		},
		"no way to divide": {
			from: "golang:a-b", to: "golang:x-y-z",
			content: "ARG A=a\nARG B=b\nFROM golang:$A-$B\n", wantReason: ReasonAmbiguous, wantLine: 3,
		},
		"nested": {
			content: "ARG PATCH=1\nARG V=1.25.${PATCH}\nARG BASE=golang:${V}\nFROM $BASE\n",
			want:    "ARG PATCH=3\nARG V=1.25.${PATCH}\nARG BASE=golang:${V}\nFROM $BASE\n",
		},
		"default in FROM":   {content: "ARG V\nFROM golang:${V:-1.25.1}\n", want: "ARG V\nFROM golang:${V:-1.25.3}\n"},
		"default not taken": {content: "ARG V=1.25.1\nFROM golang:${V:-1.25.1}\n", want: "ARG V=1.25.3\nFROM golang:${V:-1.25.1}\n"},
		"empty with :-":     {content: "ARG V=\nFROM golang:${V:-1.25.1}\n", want: "ARG V=\nFROM golang:${V:-1.25.3}\n"},
		"nested default":    {content: "ARG W=1.25.1\nFROM golang:${V:-${W}}\n", want: "ARG W=1.25.3\nFROM golang:${V:-${W}}\n"},
		"plus":              {content: "ARG A=1\nFROM golang:1.25.1${B:+-x}\n", want: "ARG A=1\nFROM golang:1.25.3${B:+-x}\n"},
		"quoted":            {content: "ARG V='1.25.1' W=\"x y\"\nFROM golang:$V\n", want: "ARG V='1.25.3' W=\"x y\"\nFROM golang:$V\n"},
		"the last one counts": {
			content: "ARG V=1.25.1\nARG V=1.25.1\nFROM golang:$V\n",
			want:    "ARG V=1.25.1\nARG V=1.25.3\nFROM golang:$V\n",
		},
		"declared again": {content: "ARG V=1.25.1\nARG V\nFROM golang:$V\n", want: "ARG V=1.25.3\nARG V\nFROM golang:$V\n"},
		"shared by FROMs of the image": {
			content:      "ARG V=1.25.1\nFROM golang:$V AS a\nFROM golang:${V} AS b\n",
			want:         "ARG V=1.25.3\nFROM golang:$V AS a\nFROM golang:${V} AS b\n",
			wantReplaced: 2,
		},
		"shared with a variant of the image": {
			content: "ARG V=1.25.1\nFROM golang:$V AS a\nFROM golang:$V-alpine AS b\n", wantReason: ReasonShared, wantLine: 3,
		},
		"shared with another image": {content: "ARG V=1.25.1\nFROM golang:$V\nFROM rust:$V\n", wantReason: ReasonShared, wantLine: 3},
		"shared with a platform":    {content: "ARG V=1.25.1\nFROM --platform=linux/$V golang:$V\n", wantReason: ReasonUnproven},
		"shared with an unknown":    {content: "ARG V=1.25.1\nFROM golang:$V\nFROM x-$X:$V\n", wantReason: ReasonShared, wantLine: 3},
		"twice in one tag": {
			from: "golang:1-1", to: "golang:2-2",
			content: "ARG V=1\nFROM golang:$V-$V\n",
			want:    "ARG V=2\nFROM golang:$V-$V\n",
		},
		"twice, but new values differ": {
			from: "golang:1-1", to: "golang:1-2",
			content: "ARG V=1\nFROM golang:$V-$V\n", wantReason: ReasonUnproven,
		},
		"an ARG of a stage is out of scope": {
			content: "ARG V=1.25.1\nFROM scratch\nARG V=9\nFROM golang:$V\n",
			want:    "ARG V=1.25.3\nFROM scratch\nARG V=9\nFROM golang:$V\n",
		},
		"only an ARG of a stage": {content: "FROM scratch\nARG V=1.25.1\nFROM golang:$V\n", wantReason: ReasonNotFound},
		"no default":             {content: "ARG V\nFROM golang:1.25.1$V\n", wantReason: ReasonNotFound},
		"an operation":           {content: "ARG V=v1.25.1\nFROM golang:${V#v}\n", wantReason: ReasonComputed, wantLine: 2},
		"inherited by a stage": {
			content:     "ARG V=1.25.1\nFROM golang:$V\nARG W\nARG V\nRUN echo $V\n",
			want:        "ARG V=1.25.3\nFROM golang:$V\nARG W\nARG V\nRUN echo $V\n",
			wantReached: []int{4},
		},
		"names of variables of our own like the platform's": {
			content: "ARG BUILD_VERSION=1.25.1\nFROM golang:$BUILD_VERSION\n",
			want:    "ARG BUILD_VERSION=1.25.3\nFROM golang:$BUILD_VERSION\n",
		},
	})
}

func TestFindInDockerfile(t *testing.T) {
	content := "ARG V=1.25.1\nFROM --platform=linux/amd64 golang:$V AS build\nFROM build\n" +
		"COPY --from=nginx@DIGEST_A a b\nRUN --mount=from=busybox:1 true\nFROM $UNKNOWN\nFROM a:$TARGETARCH\n"
	want := []seen{
		{KindFrom, "golang:1.25.1", 2, 29, ""},
		{KindCopy, "nginx@" + digestA, 4, 13, ""},
		{KindMount, "busybox:1", 5, 18, ""},
		{KindFrom, "", 6, 1, ReasonInterpolated},
		{KindFrom, "a", 7, 6, ReasonInterpolated},
	}
	if diff := cmp.Diff(want, find(t, "Dockerfile", content)); diff != "" {
		t.Errorf("Find() (-want +got):\n%s", diff)
	}
}

func TestStages(t *testing.T) {
	content := "ARG V=1.25.1\nFROM golang:$V AS Build\nFROM scratch\nFROM build\nFROM build AS build\nFROM BUILD\nFROM $X AS last\n"
	stages, err := Stages("Dockerfile", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range stages {
		base := "-"
		if s.Base != nil {
			base = s.Base.Written
		}
		got = append(got, fmt.Sprintf("%s %d %s", s.Name, s.Parent, base))
	}
	want := []string{"build -1 golang:1.25.1", " -1 -", " 0 -", "build 0 -", " 3 -", "last -1 "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Stages() (-want +got):\n%s", diff)
	}
	if _, err := Stages("Dockerfile", nil); err == nil {
		t.Error("an empty file has stages")
	}
}

func TestDockerfileBounds(t *testing.T) {
	doubling := "ARG A=xxxxxxxxxxxxxxxx\n"
	for range 64 {
		doubling += "ARG A=$A$A\n"
	}
	run(t, "Dockerfile", map[string]example{
		"size":        {content: "FROM golang:1.25.1\n" + string(make([]byte, MaxBytes)), wantReason: ReasonLimit},
		"stages":      {content: strings.Repeat("FROM golang:1.25.1\n", maxPlaces+1), wantReason: ReasonLimit},
		"doubling":    {content: doubling + "FROM golang:$A\n", wantReason: ReasonLimit},
		"a long word": {content: "FROM golang:$A" + string(make([]byte, maxExpansion)) + "\n", wantReason: ReasonLimit},
	})
}
