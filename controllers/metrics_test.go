package controllers

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// TestMetricsAreDocumented: docs/operations.md has every metric of ours, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	registered, ok := metrics.Registry.(prometheus.Collector)
	if !ok {
		t.Fatalf("%T cannot describe what is registered", metrics.Registry)
	}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		registered.Describe(descriptions)
		close(descriptions)
	}()
	want := map[string]bool{}
	name := regexp.MustCompile(`fqName: "(plimsoll_[^"]+)"`)
	for description := range descriptions {
		if match := name.FindStringSubmatch(description.String()); match != nil {
			want[match[1]] = true
		}
	}
	if len(want) == 0 {
		t.Fatal("no metric of ours is registered")
	}
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(plimsoll_[a-z_]+)` \\| .+ \\|$").FindAllStringSubmatch(string(page), -1) {
		got[row[1]] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-code +docs/operations.md):\n%s", diff)
	}
}
