package binaries

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const giteaModule = "code.gitea.io/gitea"

// Gitea returns a folder that holds the program gitea and, beside it, the options, templates and public that it reads as
// its STATIC_ROOT_PATH. It is built on first use: about seven minutes on two cores, once. That needs a C compiler,
// as Gitea's SQLite is C.
func Gitea(ctx context.Context, log Logf) (dir string, err error) {
	top, err := root()
	if err != nil {
		return "", err
	}
	module := filepath.Join(top, "test", "forge", "gitea")
	hash, err := moduleHash(module)
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	target := filepath.Join(cache, "forge", "gitea-"+hash)
	err = once(ctx, target, func(dir string) error {
		if err := compiler(ctx); err != nil {
			return err
		}
		err := build(ctx, log, program{
			module: module, output: filepath.Join(dir, "gitea"), pkg: "tool", ldflags: "-s -w",
			tags: "sqlite sqlite_unlock_notify", cgo: true,
		})
		if err != nil {
			return err
		}
		return giteaFiles(ctx, module, dir)
	})
	if err != nil {
		return "", fmt.Errorf("build Gitea: %w", err)
	}
	return target, nil
}

// compiler fails where the C compiler is not there that cgo would start.
func compiler(ctx context.Context) error {
	output, err := exec.CommandContext(ctx, "go", "env", "CC").Output()
	if err != nil {
		return fmt.Errorf("ask go for the C compiler: %w", err)
	}
	words := strings.Fields(string(output))
	if len(words) == 0 {
		return errors.New("a C compiler is needed, and go env CC names none")
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return fmt.Errorf("a C compiler is needed (install gcc, or set CC): %w", err)
	}
	return nil
}

// giteaFiles copies what Gitea reads at run time out of the module cache, which may be pruned. A release
// has JavaScript and a manifest of it besides, which pages need and the API does not.
func giteaFiles(ctx context.Context, module, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", giteaModule)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	output, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("find the source of %s: %w", giteaModule, err)
	}
	source := strings.TrimSpace(string(output))
	for _, name := range []string{"options", "templates", "public"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(source, name))); err != nil {
			return fmt.Errorf("copy Gitea's %s: %w", name, err)
		}
	}
	manifest := filepath.Join(dir, "public", "assets", ".vite", "manifest.json")
	if err := os.MkdirAll(filepath.Dir(manifest), 0o755); err != nil {
		return fmt.Errorf("make Gitea's manifest: %w", err)
	}
	if err := os.WriteFile(manifest, []byte("{}"), 0o644); err != nil {
		return fmt.Errorf("make Gitea's manifest: %w", err)
	}
	return nil
}
