package binaries

import (
	"strings"
	"testing"
)

func TestGiteaNeedsACompiler(t *testing.T) {
	for name, cc := range map[string]string{"not installed": "no-such-compiler -m64", "a path that is not there": "/no/such/cc"} {
		t.Run(name, func(t *testing.T) {
			inRepository(t, source{})
			t.Setenv("CC", cc)
			_, err := Gitea(t.Context(), t.Logf)
			if err == nil || !strings.Contains(err.Error(), "a C compiler is needed") {
				t.Errorf("Gitea() without a compiler = %v", err)
			}
		})
	}
}
