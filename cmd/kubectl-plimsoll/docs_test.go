package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// TestFlagsAreDocumented: docs/scan.md has every flag and its default, and no other.
func TestFlagsAreDocumented(t *testing.T) {
	want := map[string]string{}
	newScanCommand().Flags().VisitAll(func(flag *pflag.Flag) { want[flag.Name] = strings.Trim(flag.DefValue, "[]") })
	page, err := os.ReadFile("../../docs/scan.md")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| `?([^`|]*?)`? ?\\| .+ \\|$").FindAllStringSubmatch(string(page), -1) {
		if row[1] != "exit-code" || row[2] == "0" {
			got[row[1]] = row[2]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags and defaults (-code +docs/scan.md):\n%s", diff)
	}
	for _, format := range formatNames() {
		if !strings.Contains(string(page), "`"+format+"`") || formats[format] == nil {
			t.Errorf("format %s is not documented, or not there", format)
		}
	}
	if len(formats) != len(formatNames()) {
		t.Errorf("%d formats, %d names of them", len(formats), len(formatNames()))
	}
}
