package recipe

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

//go:embed testdata/api.txtar testdata/ledger.txtar
var programs embed.FS

// ErrUnavailable is wrapped where a tool that bakes real images, or the network
// that it needs, is absent.
var ErrUnavailable = errors.New("tool is unavailable")

// GoBinary compiles one of the programs of testdata ("api", "ledger") for a
// platform. Its old modules come from the Go proxy once; the result is kept in
// the user's cache.
func GoBinary(ctx context.Context, program string, platform image.Platform) ([]byte, error) {
	source, err := programs.ReadFile("testdata/" + program + ".txtar")
	if err != nil {
		return nil, fmt.Errorf("read program %s: %w", program, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find cache for program %s: %w", program, err)
	}
	key := sha256.Sum256(fmt.Append(source, runtime.Version(), platform))
	file := filepath.Join(cache, "plimsoll", "recipes", fmt.Sprintf("%s-%x", program, key[:8]))
	if body, err := os.ReadFile(file); err == nil {
		return body, nil
	}
	if err := compile(ctx, txtar.Parse(source), file, platform); err != nil {
		return nil, fmt.Errorf("compile program %s for %s: %w", program, platform, err)
	}
	return os.ReadFile(file)
}

// compile writes the binary to file in one step, so that tests of several
// packages may compile the same program at once.
func compile(ctx context.Context, source *txtar.Archive, file string, platform image.Platform) error {
	tool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(file), "compile-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, f := range source.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			return err
		}
	}
	env := append(os.Environ(), "CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOWORK=off", "GOFLAGS=-mod=readonly",
		"GOOS="+platform.OS, "GOARCH="+platform.Architecture)
	if err := runGo(ctx, tool, dir, env, "mod", "download"); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := runGo(ctx, tool, dir, env, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", "program", "."); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, "program"), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func runGo(ctx context.Context, tool, dir string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir, cmd.Env = dir, env
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w: %.1000s", args[0], err, output)
	}
	return nil
}
