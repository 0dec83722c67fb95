package recipe

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// binary compiles a program, and skips where neither proxy nor cache has its modules.
func binary(t *testing.T, program string, platform image.Platform) []byte {
	t.Helper()
	body, err := GoBinary(t.Context(), program, platform)
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestGoBinaryHasOldModules(t *testing.T) {
	tests := map[string]map[string]string{
		"api": {
			"github.com/golang-jwt/jwt/v4": "v4.4.3",
			"github.com/tidwall/gjson":     "v1.6.0",
			"github.com/tidwall/match":     "v1.0.1",
			"github.com/tidwall/pretty":    "v1.0.0",
			"golang.org/x/mod":             "v0.8.0",
			"golang.org/x/text":            "v0.3.7",
		},
		"ledger": {
			"golang.org/x/crypto": "v0.16.0",
			"golang.org/x/image":  "v0.10.0",
			"golang.org/x/net":    "v0.17.0",
		},
	}
	for program, want := range tests {
		t.Run(program, func(t *testing.T) {
			info, err := buildinfo.Read(bytes.NewReader(binary(t, program, AMD64)))
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, d := range info.Deps {
				got[d.Path] = d.Version
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("modules (-want +got):\n%s", diff)
			}
			if info.Main.Path != "example.com/shop/"+program {
				t.Errorf("main module is %s", info.Main.Path)
			}
		})
	}
}

func TestGoBinaryForAnotherPlatform(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the standard library once more")
	}
	file, err := elf.NewFile(bytes.NewReader(binary(t, "api", ARM64)))
	if err != nil {
		t.Fatal(err)
	}
	if file.Machine != elf.EM_AARCH64 {
		t.Errorf("machine is %s", file.Machine)
	}
}

func TestGoBinaryIsCached(t *testing.T) {
	first := binary(t, "ledger", AMD64)
	t.Setenv("PATH", t.TempDir())
	second, err := GoBinary(t.Context(), "ledger", AMD64)
	if err != nil {
		t.Fatalf("without a toolchain: %v", err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the cache has another program")
	}
}

func TestGoBinaryErrors(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if _, err := GoBinary(t.Context(), "absent", AMD64); err == nil {
		t.Error("no error for an unknown program")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := GoBinary(cancelled, "api", AMD64); err == nil || errors.Is(err, ErrUnavailable) {
		t.Errorf("error of a cancelled build is %v", err)
	}
	t.Run("without modules", func(t *testing.T) {
		t.Setenv("GOPROXY", "off")
		t.Setenv("GOMODCACHE", t.TempDir())
		if _, err := GoBinary(t.Context(), "api", AMD64); !errors.Is(err, ErrUnavailable) {
			t.Errorf("error is %v, want ErrUnavailable", err)
		}
	})
	t.Setenv("PATH", t.TempDir())
	if _, err := GoBinary(t.Context(), "api", AMD64); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error without a toolchain is %v, want ErrUnavailable", err)
	}
}
