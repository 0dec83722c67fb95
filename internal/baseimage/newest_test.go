package baseimage

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewest(t *testing.T) {
	tags := []string{"12", "12.1", "latest", "13-rc1", "12.10", "12.2-slim", "12.2", "bad tag that is no tag", "9"}
	for name, tc := range map[string]struct {
		n    int
		want []string
	}{
		"a few": {3, []string{"12.10", "12.2", "12.2-slim"}},
		"none":  {0, []string{}},
		"all":   {50, []string{"12.10", "12.2", "12.2-slim", "12.1", "12", "9", "bad tag that is no tag", "latest", "13-rc1"}},
	} {
		if diff := cmp.Diff(tc.want, Newest("docker.io/library/thing", tags, tc.n)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
