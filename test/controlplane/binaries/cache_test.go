package binaries

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRoot(t *testing.T) {
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	if !exists(filepath.Join(top, "test", "controlplane", "binaries", "cache.go")) {
		t.Errorf("root() = %s, which does not hold this package", top)
	}
	t.Run("inside a nested module", func(t *testing.T) {
		t.Chdir(filepath.Join(top, "hack", "tools", "kwok"))
		if got, err := root(); err != nil || got != top {
			t.Errorf("root() = %s, %v, want %s", got, err, top)
		}
	})
	t.Run("outside", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if got, err := root(); err == nil {
			t.Errorf("root() = %s, want an error", got)
		}
	})
}

func TestModuleHash(t *testing.T) {
	base := map[string]string{"go.mod": "module m\n", "go.sum": "", "main.go": "package main\n"}
	hash := func(change map[string]string) string {
		dir := t.TempDir()
		for _, files := range []map[string]string{base, change} {
			for name, content := range files {
				writeFile(t, filepath.Join(dir, name), content)
			}
		}
		got, err := moduleHash(dir)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	same := hash(nil)
	if len(same) != 12 || same != hash(map[string]string{"README.md": "any"}) {
		t.Errorf("moduleHash() = %q, and another one with a README", same)
	}
	for name, content := range map[string]string{
		"go.mod": "module m2\n", "go.sum": "x\n", "main.go": "package main // 2\n", "other.go": "package main\n",
	} {
		if hash(map[string]string{name: content}) == same {
			t.Errorf("a change of %s does not change the hash", name)
		}
	}
}

func TestOnceFillsOnce(t *testing.T) {
	target := filepath.Join(t.TempDir(), "cache", "target")
	var fills atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			err := once(t.Context(), target, func(dir string) error {
				fills.Add(1)
				return os.WriteFile(filepath.Join(dir, "file"), []byte("done"), 0o644)
			})
			if err != nil {
				t.Error(err)
			}
			if content, err := os.ReadFile(filepath.Join(target, "file")); err != nil || string(content) != "done" {
				t.Errorf("after once() the file holds %q, %v", content, err)
			}
		})
	}
	group.Wait()
	if got := fills.Load(); got != 1 {
		t.Errorf("filled %d times", got)
	}
}

func TestOnceAfterFailure(t *testing.T) {
	parent := t.TempDir()
	target := filepath.Join(parent, "target")
	failure := errors.New("disk on fire")
	err := once(t.Context(), target, func(dir string) error {
		writeFile(t, filepath.Join(dir, "half"), "written")
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("once() = %v, want %v", err, failure)
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if diff := cmp.Diff([]string{"target.lock"}, left); diff != "" {
		t.Errorf("left after a failure (-want +got):\n%s", diff)
	}
	if err := once(t.Context(), target, func(string) error { return nil }); err != nil || !exists(target) {
		t.Errorf("once() after a failure = %v", err)
	}
}

func TestLockIsExclusive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("lock() of a held lock = %v, want the context's end", err)
	}
	unlock()
	again, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}
