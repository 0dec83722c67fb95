package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// TestFlagsAreDocumented: docs/operations.md has every flag and its default, and no other.
func TestFlagsAreDocumented(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "")
	want := map[string]string{}
	newCommand().Flags().VisitAll(func(flag *pflag.Flag) {
		if want[flag.Name] = flag.DefValue; flag.DefValue == "[]" {
			want[flag.Name] = ""
		}
	})
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| `?([^`|]*?)`? \\| .+ \\|$").FindAllStringSubmatch(string(page), -1) {
		got[row[1]] = row[2]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags and defaults (-code +docs/operations.md):\n%s", diff)
	}
}
