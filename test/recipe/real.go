package recipe

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Mmdebstrap returns a layer that holds a real, minimal Debian of that suite,
// such as bookworm, made of real packages from the machine's mirror. It needs
// mmdebstrap and the network; the error wraps ErrUnavailable where either fails.
func Mmdebstrap(ctx context.Context, suite string, include ...string) (v1.Layer, error) {
	args := []string{"--quiet", "--variant=minbase"}
	for _, name := range include {
		args = append(args, "--include="+name)
	}
	dir, err := os.MkdirTemp("", "plimsoll-mmdebstrap-*")
	if err != nil {
		return nil, fmt.Errorf("make folder for %s: %w", suite, err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "root.tar")
	if err := run(ctx, dir, "mmdebstrap", append(args, suite, file)...); err != nil {
		return nil, fmt.Errorf("make a Debian %s: %w", suite, err)
	}
	root, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("make a Debian %s: %w", suite, err)
	}
	defer root.Close()
	return pack(func(w *tar.Writer) error { return repack(w, tar.NewReader(root)) })
}

// repack copies an archive under our own time; everything else is kept.
func repack(w *tar.Writer, r *tar.Reader) error {
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		header.ModTime = Created
		if err := w.WriteHeader(header); err != nil {
			return fmt.Errorf("pack %s: %w", header.Name, err)
		}
		if _, err := io.Copy(w, r); err != nil { // an archive made by our own command
			return fmt.Errorf("pack %s: %w", header.Name, err)
		}
	}
}

// NpmInstall returns, below dir, what npm really installs for the modules and
// all that they depend on. It needs npm and the network; the error wraps
// ErrUnavailable where either fails.
func NpmInstall(ctx context.Context, dir string, modules ...Module) ([]File, error) {
	work, err := os.MkdirTemp("", "plimsoll-npm-*")
	if err != nil {
		return nil, fmt.Errorf("make folder for npm: %w", err)
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "package.json"), []byte(`{"name":"project","private":true}`), 0o600); err != nil {
		return nil, fmt.Errorf("write project for npm: %w", err)
	}
	args := []string{"install", "--ignore-scripts", "--no-audit", "--no-fund"}
	for _, m := range modules {
		args = append(args, m.Name+"@"+m.Version)
	}
	if err := run(ctx, work, "npm", args...); err != nil {
		return nil, fmt.Errorf("install modules: %w", err)
	}
	return collect(work, dir)
}

// collect returns the regular files below root as files below dir, sorted.
func collect(root, dir string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		body, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		files = append(files, File{Path: filepath.ToSlash(filepath.Join(dir, below)), Body: body})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("collect %s: %w", root, err)
	}
	return files, nil
}

// run turns every failure of a tool into ErrUnavailable: most often it is absent
// or has no network, and its output says what else.
func run(ctx context.Context, dir, tool string, args ...string) error {
	path, err := exec.LookPath(tool)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s: %w: %.1000s", ErrUnavailable, tool, err, output)
	}
	return nil
}
