package match

import (
	"testing"
	"time"
)

func TestSupportEndsAreDays(t *testing.T) {
	for family, releases := range supportEnds {
		if _, ok := systems[family]; !ok {
			t.Errorf("%s is not a family", family)
		}
		for release, day := range releases {
			if _, err := time.Parse(time.DateOnly, day); err != nil && day != never {
				t.Errorf("%s %s: %v", family, release, err)
			}
		}
	}
}

func TestEveryEcosystemIsReachable(t *testing.T) {
	reached := map[string]bool{}
	for _, name := range ecosystemOf {
		reached[name] = true
		if _, ok := ecosystems[name]; !ok {
			t.Errorf("no rules for %s", name)
		}
	}
	for name := range ecosystems {
		if !reached[name] {
			t.Errorf("no package type leads to %s", name)
		}
	}
}
