// Package depcheck holds the one total order of the product's packages and fails where an import
// goes against it. In: the module's import graph, without test files. Out: test failures. It must never be
// loosened to let one import pass: where a package needs another stage, it defines an interface of its own.
package depcheck

import (
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/plimsoll-dev/plimsoll/"

// order lists the packages from top to bottom: each imports only what is below it. An entry stands for its folder
// and those below it.
var order = []string{
	"cmd",
	"controllers",
	"internal/webhook",
	"internal/scan",
	"internal/pullrequest",
	"internal/rebuild",
	"internal/notify",
	"internal/delivery",
	"internal/report",
	"internal/source",
	"internal/edit",
	"internal/baseimage",
	"internal/policy",
	"internal/signature",
	"internal/fleet",
	"internal/javadb",
	"internal/vulndb",
	"internal/match",
	"internal/store",
	"internal/sbom",
	"internal/registry",
	"internal/inventory",
	"internal/image",
	"api/v1alpha1",
	"config/crd",
}

func TestOrder(t *testing.T) {
	output, err := exec.Command("go", "list", "-e", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		imports[fields[0]] = fields[1:]
	}
	if len(imports) < 5 {
		t.Fatalf("go list shows only %d packages: is this the product's module?", len(imports))
	}
	for _, violation := range violations(imports) {
		t.Error(violation)
	}
}

// violations names each package that has no place in the order, and each import against it. Packages below test/ may
// import anything, but nothing of the product may import them.
func violations(imports map[string][]string) []string {
	var found []string
	for _, importer := range slices.Sorted(maps.Keys(imports)) {
		path, ours := strings.CutPrefix(importer, module)
		if !ours || strings.HasPrefix(path, "test/") {
			continue
		}
		from := level(path)
		if from < 0 {
			found = append(found, fmt.Sprintf("%s has no place in the order of packages", path))
			continue
		}
		for _, imported := range imports[importer] {
			target, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if strings.HasPrefix(target, "test/") {
				found = append(found, fmt.Sprintf("%s imports %s, which is for tests", path, target))
				continue
			}
			// Neighbours within one entry may import each other; cmd's programs cannot anyway.
			if to := level(target); to >= 0 && to < from {
				found = append(found, fmt.Sprintf("%s imports %s, which is above it", path, target))
			}
		}
	}
	return found
}

// level is the package's index in order, or -1.
func level(path string) int {
	return slices.IndexFunc(order, func(entry string) bool {
		return path == entry || strings.HasPrefix(path, entry+"/")
	})
}

func TestViolations(t *testing.T) {
	tests := map[string]struct {
		imports map[string][]string
		want    []string
	}{
		"downward": {
			imports: map[string][]string{"internal/policy": {"fmt", module + "internal/match", module + "api/v1alpha1"}},
		},
		"upward": {
			imports: map[string][]string{"internal/match": {module + "internal/policy"}},
			want:    []string{"internal/match imports internal/policy, which is above it"},
		},
		"upward from a folder below an entry": {
			imports: map[string][]string{"internal/match/purl": {module + "cmd/plimsoll"}},
			want:    []string{"internal/match/purl imports cmd/plimsoll, which is above it"},
		},
		"within one entry": {
			imports: map[string][]string{"internal/vulndb": {module + "internal/vulndb/fetch"}},
		},
		"a name that only begins like an entry": {
			imports: map[string][]string{"internal/matcher": nil},
			want:    []string{"internal/matcher has no place in the order of packages"},
		},
		"a test helper in the product": {
			imports: map[string][]string{"internal/registry": {module + "test/registry"}},
			want:    []string{"internal/registry imports test/registry, which is for tests"},
		},
		"a test that imports anything": {
			imports: map[string][]string{"test/e2e": {module + "cmd/plimsoll", module + "internal/image"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			imports := map[string][]string{}
			for path, imported := range test.imports {
				imports[module+path] = imported
			}
			if diff := cmp.Diff(test.want, violations(imports)); diff != "" {
				t.Errorf("violations() (-want +got):\n%s", diff)
			}
		})
	}
}
