package edit

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

var (
	hexA    = strings.Repeat("a", 64)
	hexB    = strings.Repeat("b", 64)
	digestA = "sha256:" + hexA
	digestB = "sha256:" + hexB
	digests = strings.NewReplacer("DIGEST_A", digestA, "DIGEST_B", digestB)
)

// example is one edit: of golang 1.25.1 with digest A to 1.25.3 with digest B, unless it says otherwise. Without want
// it must be refused.
type example struct {
	path         string
	content      string
	from, to     string
	pin          bool
	want         string
	wantReason   Reason
	wantLine     int
	wantReached  []int
	wantReplaced int
}

func run(t *testing.T, defaultPath string, examples map[string]example) {
	t.Helper()
	for name, e := range examples {
		t.Run(name, func(t *testing.T) {
			if e.path == "" {
				e.path = defaultPath
			}
			e.check(t)
		})
	}
}

func (e example) check(t *testing.T) {
	t.Helper()
	if e.from == "" {
		e.from = "golang:1.25.1@DIGEST_A"
	}
	if e.to == "" {
		e.to = "golang:1.25.3@DIGEST_B"
	}
	change := Change{From: reference(t, e.from), To: reference(t, e.to), Pin: e.pin}
	result, err := Replace(e.path, []byte(digests.Replace(e.content)), change)
	if e.wantReason != "" {
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			t.Fatalf("want a refusal for %s, got %v and:\n%s", e.wantReason, err, result.Content)
		}
		if refusal.Reason != e.wantReason || e.wantLine != 0 && refusal.Line != e.wantLine {
			t.Fatalf("want %s at line %d, got: %v", e.wantReason, e.wantLine, refusal)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(digests.Replace(e.want), string(result.Content)); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(e.wantReached, result.Reached); diff != "" {
		t.Errorf("reached (-want +got):\n%s", diff)
	}
	if e.wantReplaced != 0 && len(result.Places) != e.wantReplaced {
		t.Errorf("want %d places changed, got %d", e.wantReplaced, len(result.Places))
	}
}

func reference(t testing.TB, s string) image.Reference {
	t.Helper()
	r, err := image.ParseReference(digests.Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// seen is what Find says of a place, for comparison.
type seen struct {
	Kind         Kind
	Written      string
	Line, Column int
	Reason       Reason
}

func find(t *testing.T, path, content string) []seen {
	t.Helper()
	places, err := Find(path, []byte(digests.Replace(content)))
	if err != nil {
		t.Fatal(err)
	}
	var all []seen
	for _, p := range places {
		all = append(all, seen{p.Kind, p.Written, p.Line, p.Column, p.Reason})
	}
	return all
}

func TestHostileTag(t *testing.T) {
	for _, tag := range []string{"1\nRUN true", "1 AS x", "${X}", "1\"", "", "1 # x"} {
		change := Change{From: reference(t, "golang:1"), To: image.Reference{Repository: "docker.io/library/golang", Tag: tag}}
		var refusal *Refusal
		if _, err := Replace("Dockerfile", []byte("FROM golang:1\n"), change); !errors.As(err, &refusal) || refusal.Reason != ReasonBadChange {
			t.Errorf("tag %q: want %s, got: %v", tag, ReasonBadChange, err)
		}
	}
}
