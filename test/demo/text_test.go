package main

import (
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
