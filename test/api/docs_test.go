package api

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestExamples: the API server accepts every object that the documentation shows.
func TestExamples(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	found := 0
	for _, pattern := range []string{"README.md", "docs/*.md", "docs/*/*.md"} {
		pages, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			content, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, block := range blocks.FindAllSubmatch(content, -1) {
				if isPipeline(block[1]) {
					continue
				}
				found++
				if out, err := kubectl(t.Context(), block[1], "create", "--dry-run=server", "--validate=strict", "-f", "-"); err != nil {
					t.Errorf("%s: %v\n%s\n%s", page, err, out, block[1])
				}
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d examples found", found)
	}
}

// isPipeline tells a pipeline's configuration from an object: it has steps or a script.
func isPipeline(block []byte) bool {
	return regexp.MustCompile(`(?m)^(- name:|  script:)`).Match(block)
}
