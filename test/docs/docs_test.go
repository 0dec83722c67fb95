package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// constants of a file whose names begin with one of the prefixes: their values.
func constants(t *testing.T, path string, prefixes ...string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			for _, prefix := range prefixes {
				if !strings.HasPrefix(name.Name, prefix) {
					continue
				}
				value, err := strconv.Unquote(spec.Values[i].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatalf("value of %s: %v", name.Name, err)
				}
				values[value] = true
			}
		}
		return true
	})
	return values
}

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(.*)\\|$")

// TestConditions: the page explains every condition type and reason of the API, and no other.
func TestConditions(t *testing.T) {
	want := constants(t, "api/v1alpha1/conditions.go", "Condition", "Reason")
	if len(want) < 20 {
		t.Fatalf("only %d types and reasons found: %v", len(want), want)
	}
	got := map[string]bool{}
	for _, match := range row.FindAllStringSubmatch(read(t, "docs/conditions.md"), -1) {
		got[match[1]] = true
		for _, cell := range strings.Split(match[2], "|") {
			if strings.TrimSpace(cell) == "" {
				t.Errorf("%s: a cell is empty", match[1])
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types and reasons (-code +docs/conditions.md):\n%s", diff)
	}
}

// pages are all texts for people.
func pages(t *testing.T) []string {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	if len(pages) < 10 {
		t.Fatalf("only %d pages: %v", len(pages), pages)
	}
	return pages
}

var (
	link     = regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	target   = regexp.MustCompile("(?m)(?:^|`)make ([a-z][a-z0-9-]*)")
	notALink = regexp.MustCompile(`[^a-z0-9 -]`)
)

// TestLinks: what pages point to is there.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(content), -1) {
			place, anchor := match[1], strings.TrimPrefix(match[2], "#")
			if strings.HasPrefix(place, "https://") {
				continue
			}
			file := filepath.Join(filepath.Dir(page), place)
			if place == "" {
				file = page
			}
			pointed, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if anchor != "" && !anchors(string(pointed))[anchor] {
				t.Errorf("%s: %s has no heading #%s", page, place, anchor)
			}
		}
	}
}

func anchors(content string) map[string]bool {
	set := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(content, -1) {
		set[strings.ReplaceAll(notALink.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")] = true
	}
	return set
}

// TestMakeTargets: the Makefile has what pages tell to run.
func TestMakeTargets(t *testing.T) {
	makefile := read(t, "Makefile")
	found := 0
	for _, page := range pages(t) {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range target.FindAllStringSubmatch(string(content), -1) {
			found++
			if !strings.Contains(makefile, "\n"+match[1]+":") {
				t.Errorf("%s: there is no target %s", page, match[1])
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d mentions of targets found", found)
	}
}
