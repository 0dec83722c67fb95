package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlainText(t *testing.T) {
	markdown := "## `base/debian`: `12.12` to `12.13`\n\nIt fixes **2 findings**.\n\n" +
		"| Fixes | Severity | Package |\n|---|---|---|\n| [CVE-2025-1](https://example.com/1) | High | `openssl` |\n| `DLA-1` | Low | `z` |\n\n" +
		"| | Tag |\n|---|---|\n| Before | `12.12` |\n\n<!-- section a -->\n### In cluster `east`\n\n- `shop/Deployment/web`\n<!-- end -->\n"
	want := `base/debian: 12.12 to 12.13

It fixes 2 findings.

Fixes       Severity  Package
CVE-2025-1  High      openssl
DLA-1       Low       z

        Tag
Before  12.12

In cluster east

- shop/Deployment/web`
	if diff := cmp.Diff(want, plainText(markdown)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLongTable(t *testing.T) {
	lines := strings.Split(plainText("| A |\n|---|\n"+strings.Repeat("| a |\n", 20)), "\n")
	if want := "... and 9 more"; len(lines) != maxRows+1 || lines[maxRows] != want {
		t.Errorf("%d lines, the last is %q, want %d and %q", len(lines), lines[len(lines)-1], maxRows+1, want)
	}
}

func TestIndent(t *testing.T) {
	if got, want := indent("a \n\nb\n"), "    a\n\n    b"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
